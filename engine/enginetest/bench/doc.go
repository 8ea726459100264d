// Package bench races the built program against Debezium and Maxwell, and against what the servers give without any of
// them: whole processes, the same rows, the same source and broker, one after the other in turns. A number is a ratio of
// one run on one machine; absolute times of two machines have nothing in common.
//
//	go test ./engine/enginetest/bench -run TestRace -bench.runs=3 -bench.out=results
//
//	go test ./engine/enginetest/bench -run TestScale -timeout 3h -v -bench.runs=3
//
// The second is Sluice alone with more of everything: tasks, tables, partitions, rows, columns.
//
// Without -bench.runs some contests are played once with few rows and without peers, as a test that they can be played.
package bench
