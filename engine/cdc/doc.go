// Package cdc holds the words of change data capture that every other room speaks: tables and columns, values,
// positions, GTID sets and the events of a source's log. It imports nothing of ours and does no I/O.
//
// A [Value] has one canonical form for each column type, so that the same row read by a SELECT and read from the
// binlog is the same value. Where two forms could be meant, the comment at [Kind] decides.
package cdc
