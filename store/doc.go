// Package store keeps what must outlive the process in one data folder: sluice.db (SQLite) and the sealed chunks
// below chunks/, beside the spools of the binlog below spool/. A [Store] is the folder, locked for this process; a [Task] is one task in it and satisfies
// engine.Checkpoints; [Files] satisfies engine.Files.
//
// What is guaranteed: after a call marked durable returns, what it wrote survives kill -9 and a power cut; the other
// writes survive kill -9, and a later durable call makes them durable as well. Every write of a running task happens
// only while its lease is held. Two processes never write to one folder on one machine.
//
// What is not: nothing here keeps two copies of a folder apart beyond the lease that was copied along; the fence at
// the target does.
package store
