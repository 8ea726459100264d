// Package spool keeps the source's log on local disk, from the moment a task reads it to the moment no restart asks for
// it again: a task may then be longer behind than the source keeps its own log.
//
// [Log] lies between the one who receives ([Log.Put], and [Log.Offer] before it waits) and the one who reads ([Log.Next]). Every entry is appended to a
// segment file; while the reader keeps up it gets the entry from memory as well, else it reads the file. The room knows
// nothing of what is in an entry but where it ends, which transaction begins with it and whether one is open behind it.
//
// What is on disk after a crash is a prefix of what was received: each record has its checksum, each segment says where
// it begins, segments are synced in their order, and whatever lies behind the first damage is cut off, down to the last
// whole transaction. See ../decisions for the rules.
package spool
