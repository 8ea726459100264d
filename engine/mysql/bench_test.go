package mysql

import (
	"syscall"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
	"sluice/engine/spool"
)

// benchTable makes a table like sysbench's and gives the set of transactions before its rows.
func benchTable(b *testing.B, s *Source, m *servers.MySQL, rows int) (cdc.TableID, cdc.GTIDSet) {
	b.Helper()
	db, c := database(b, m)
	run(b, c, "CREATE TABLE t (id INT PRIMARY KEY, k INT NOT NULL, c CHAR(120) NOT NULL, pad CHAR(60) NOT NULL, at DATETIME(3) NOT NULL, d DECIMAL(12,2) NOT NULL)")
	set, _ := start(b, s)
	run(b, c, "SET cte_max_recursion_depth=10000000")
	run(b, c, "INSERT INTO t WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<"+itoa(rows)+") SELECT i, i*7, REPEAT('c',119), REPEAT('p',59), '2020-01-01', i/3 FROM n")
	return cdc.TableID{Schema: db, Name: "t"}, set
}

const benchRows = 500_000

func BenchmarkRows(b *testing.B) {
	m := servers.SharedMySQL(b, servers.MySQL80)
	s := open(b, m)
	id, _ := benchTable(b, s, m, benchRows)
	table, err := s.Table(testContext(b), id)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		v, err := s.View(testContext(b))
		if err != nil {
			b.Fatal(err)
		}
		n, err := v.Rows(testContext(b), snapshot.Query{Table: table, Key: table.Key()}, func(cdc.Row) error { return nil })
		if n != benchRows || err != nil {
			b.Fatal(n, err)
		}
		v.Close()
	}
	b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
}

// BenchmarkStream reads a backlog of one long transaction, and BenchmarkStreamShort one of many short ones: without a
// spool, with one that the reader keeps up with, and from what one holds.
func BenchmarkStream(b *testing.B) {
	m := servers.SharedMySQL(b, servers.MySQL80)
	s := open(b, m)
	_, set := benchTable(b, s, m, benchRows)
	benchBacklog(b, s, set, benchRows)
}

func BenchmarkStreamShort(b *testing.B) {
	const transactions, each = 100_000, 10
	m := servers.SharedMySQL(b, servers.MySQL80)
	s := open(b, m)
	db, c := database(b, m)
	run(b, c, "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, k INT NOT NULL, c CHAR(120) NOT NULL)", "CREATE TABLE n (k INT PRIMARY KEY)",
		"INSERT INTO n VALUES (1),(2),(3),(4),(5),(6),(7),(8),(9),(10)",
		"CREATE PROCEDURE fill() BEGIN DECLARE i INT DEFAULT 0; WHILE i < "+itoa(transactions)+" DO INSERT INTO t (k, c) SELECT k, REPEAT('c',119) FROM n; SET i = i + 1; END WHILE; END")
	set, _ := start(b, s)
	run(b, c, "CALL "+db+".fill()")
	benchBacklog(b, s, set, transactions*each)
}

// cpuTime is what this process has used, the work of the kernel for it included.
func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

func benchBacklog(b *testing.B, s *Source, set cdc.GTIDSet, rows int) {
	until := end(b, s)
	read := func(b *testing.B) {
		n := 0
		r := reopen(b, s, set)
		for _, e := range r.until(until) {
			if e.Kind == cdc.EventRows {
				if err := e.Rows.Decode(e.Rows.Map().Table, func(_, _ cdc.Row) error { n++; return nil }); err != nil {
					b.Fatal(err)
				}
			}
		}
		if n != rows {
			b.Fatal(n)
		}
		r.stream.(*stream).Close()
	}
	dir := b.TempDir()
	for _, way := range []struct {
		name    string
		spooled func() *spool.Options
	}{
		{"plain", func() *spool.Options { return nil }},
		{"spool", func() *spool.Options { return &spool.Options{Dir: b.TempDir(), Owner: "bench", Limit: 4 << 30} }},
		{"again", func() *spool.Options { return &spool.Options{Dir: dir, Owner: "bench", Limit: 4 << 30} }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			before := cpuTime(b)
			for b.Loop() {
				s.options.Spool = way.spooled()
				read(b)
			}
			b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/float64(rows), "cpu-ns/row") // holds on a busy machine too
			b.ReportMetric(float64(b.N)*float64(rows)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
