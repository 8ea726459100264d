// Package engine runs one migration task: tables of a MySQL or MariaDB server into topics of Kafka, first what is
// there, then every change, each exactly once.
//
// # The path of a record
//
//	SELECT -- worker.go, a chunk at a time --> sealed file (sealed.go) --+
//	                                                                     +--> lane (lane.go) --> send.go --> Kafka
//	binlog -- Source.Stream --> router (change.go: gate, route, encode) -+
//
// One goroutine, the loop (loop.go), owns all state of a run and is the only place that orders anything. The router
// (router.go) holds what it decides by and has no clock, goroutine or connection, so that a simulation can run it step
// by step. Beside the loop run the workers that read chunks, one request for each lane, and the probe of the lag.
//
//	ports.go, state.go   what the engine asks of others, and what it stores
//	run.go, begin.go     Run: bind, start or resume, try again; the start position, the first note
//	move.go, turn.go     another server after a failover
//	seen.go              what tells that the log is still the one that was read
//	restart.go           what a restart reads back from the topics, and how it is met again
//	loop.go, lag.go      when steps run; phases, end, rate, delay
//	load.go              a source that is busy is read from by one worker
//	router.go, change.go a row event: whose chunk, which lane, which record
//	chunk.go, worker.go  NEW, OPEN, SEALED, DONE, GONE: view and window
//	seal.go, hand.go     the same: merge, hand-over, what lets go of the rows
//	chunks.go            when a chunk's steps run
//	visible.go           without GTID: what proves that a view shows all up to S
//	xa.go, xa_replay.go  rows that wait between XA PREPARE and XA COMMIT, and go out then
//	weights.go           text keys: their order is asked for
//	table.go, ddl.go     a selected table, its definition, its key
//	learn.go             a definition that a statement left unknown
//	deadletter.go        rows that are too large for their topic
//	lane.go, send.go     one partition: batches in order, one request in flight
//	dispatch.go          when a lane's requests go out, and what their end moves
//	plain.go             the same where the target gives no producer id
//	note.go              checkpoints: the low bound and the log ends
//
// Rooms below: cdc (the words), task (what was asked), schema (definitions by position), route (where a record goes),
// snapshot (chunks, keys), checkpoint (the lowest unacknowledged point), progress (meters), dts and canal (the formats),
// mysql, kafka, precheck. The engine imports neither mysql, kafka, a format nor the store: they meet in the command.
//
// # Words
//
// A position is a file number and an offset. S is the stream's point at which a chunk was opened, H the binlog's end
// as it was right after the chunk's view, Q that after its metadata lock. The window is what lies between S and H. A
// note is a checkpoint: X, where the router stood, L, the low bound, and the log end of every lane.
//
// # Invariants
//
// Code that upholds one cites it by number. The simulation (sim_*_test.go) holds them, but for I6, which the tests of
// dts and of enginetest/values hold; mutants_test.go names the one that each wrong variant breaks.
//
//	I1  The start position and the first note are stored before anything is read for the topics or produced.
//	I2  A note never passes a record that is not acknowledged, nor the S of a chunk that is OPEN or going out.
//	I3  A partition has one request in flight, and the one that is ready behind it goes out once that is acknowledged;
//	    after an error its lane sends nothing more until it knows what the broker holds.
//	I4  A row is copied once, then each later change of it is sent once, in the order of its key.
//	I5  A row is decoded by the definition of its own position.
//	I6  A value that can't be carried exactly stops the task with a code and a hint; it is never bent.
//	I7  A stop drains and stores; a kill at any instant resumes with nothing lost and nothing twice.
//
// Why it is built so, and what tests taught: the pages in decisions/.
package engine
