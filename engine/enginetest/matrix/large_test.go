package matrix

import (
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
)

// TestTransactionThatIsAFile: MariaDB from 11.7 on makes a binlog file of its own of the cache of a large transaction.
func TestTransactionThatIsAFile(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	k := servers.SharedKafka(t)
	m := servers.StartMySQL(t, servers.MariaDB118, "binlog_large_commit_threshold=10M", "max_recursive_iterations=1000000")
	m.Exec(t, "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY, v VARCHAR(900))", "INSERT INTO work.t VALUES (0,'x')")
	x := driver.New(t, driver.Binary(t), driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: []string{"t"}, Topic: "large", Partitions: 1, Policy: "key"})
	p := following(t.Context(), t, x)
	m.Exec(t, "UPDATE work.t SET v='y'",
		"INSERT INTO work.t WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 30000) SELECT i, REPEAT(CHAR(65 + i % 26), 800) FROM n",
		"UPDATE work.t SET v='z' WHERE id < 10", "DELETE FROM work.t WHERE id = 3")
	p.Signal(syscall.SIGKILL)
	<-p.Done()
	m.Exec(t, "UPDATE work.t SET v='after' WHERE id > 29990", "UPDATE work.t SET v=CONCAT('q', v) WHERE id > 5000")
	if n := len(m.Ledger(t)); n != 3 {
		t.Fatalf("%d binlog files, want one more for each of the two large transactions", n)
	}
	end, err := x.Run(t.Context(), "", time.After(patience), "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("code %d: %v\n%s", end.Code, err, end.Stderr)
	}
	report, _ := driver.Judge(t, m, []string{k.Plain}, "large", []string{"t"}, oracle.CheckOptions{OnePartition: true})
	t.Log(report)
	if !report.OK() || report.Changes < 55_000 {
		t.Fail()
	}
}
