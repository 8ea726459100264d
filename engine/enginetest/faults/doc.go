// Package faults hurts a task in every way that a data centre does, while tables are written to, and has the oracle
// judge every record afterwards: the process killed at named points and at random, brokers and the source killed,
// frozen and restarted, connections cut, slowed and silenced by a proxy, a full disk, a locked database, passwords and
// privileges taken away, a process that was thought dead and writes on.
//
// A round is one task on servers of its own and a schedule of faults that follows from a seed. Each fault is injected,
// seen to take effect, healed, and then has to be survived: the task must deliver again what the source is written
// after the healing. How long that took is its recovery.
//
//	go test ./engine/enginetest/faults                                             the fixed schedule of `task test`
//	go test ./engine/enginetest/faults -v -faults.pair=mariadb-10.11/kafka-4.4x3 -faults.seed=7 -faults.n=60 -faults.out=results
//	go test ./engine/enginetest/faults -run TestTable -faults.update               the table of docs/guarantees.md
package faults
