package definitions

import (
	"context"
	"slices"
	"strings"
	"syscall"
	"testing"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

// TestNewTables creates tables while a task runs that asks for those of a pattern: each is followed from its first row,
// also over restarts, but none that was there before.
func TestNewTables(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind, "binlog_row_metadata=FULL", "innodb_flush_method=nosync", "innodb_doublewrite=OFF")
			w := newLive(t, m, []string{"t"})
			w.exec("CREATE TABLE ddl.new_there (id INT PRIMARY KEY, a VARCHAR(9))")
			topic := "added-" + strings.ReplaceAll(string(kind), ".", "-")
			spec := driver.Spec{Source: m, Kafka: k, Schema: database, Tables: []string{"t"}, Topic: topic, Partitions: 3, Policy: "table",
				Extra: "new_tables: [{schema: ddl, name: 'new_*'}]"}
			x := driver.New(t, bin, spec)
			var told []string
			for _, lines := range [][]string{
				{"| CREATE TABLE IF NOT EXISTS new_there (id INT)", "new_a | CREATE TABLE IF NOT EXISTS new_a (id INT PRIMARY KEY, v VARCHAR(9))", "t | ALTER TABLE t ADD a INT",
					"new_b | CREATE TABLE new_b LIKE new_there", "| CREATE TABLE elsewhere (id INT PRIMARY KEY)"},
				{"new_a | ALTER TABLE new_a ADD w INT", "new_c | CREATE TABLE new_c (PRIMARY KEY (id)) AS SELECT 1 AS id", "new_a | CREATE TABLE IF NOT EXISTS new_a (id INT)",
					"new_a | RENAME TABLE new_a TO gone", "new_a | CREATE TABLE new_a (id INT PRIMARY KEY)", "| DROP TABLE new_there"},
				{"new_there | CREATE TABLE new_there (id INT PRIMARY KEY, b DATE)", "new_b | DROP TABLE new_b, new_c"},
			} {
				o, err := x.RunUntil(t.Context(), "incremental")
				if err != nil || o.Code == 1 {
					t.Fatalf("%v %+v", err, o)
				}
				w.log()
				p, err := x.Start("")
				if err != nil {
					t.Fatal(err)
				}
				for _, line := range lines {
					if name, _, _ := strings.Cut(line, " |"); name != "" {
						w.selected[name] = true
					}
					w.run(line)
					if !w.selected["new_there"] && !strings.Contains(line, "DROP") {
						w.exec("REPLACE INTO ddl.new_there VALUES (1, 'x')")
					}
				}
				p.Signal(syscall.SIGKILL)
				<-p.Done()
				told = append(told, p.Told()...)
			}
			o, err := x.Run(context.WithoutCancel(t.Context()), "", nil, "--until", "caught-up")
			if err != nil || o.Code != 0 {
				t.Fatalf("%v, exit code %d: %s", err, o.Code, o.Stderr)
			}
			right := judge(t, w.wanted, consume(t, k, topic, spec.Partitions), func(table string) int { return hashed(table, spec.Partitions) })
			t.Logf("%d of %d messages right", right, len(w.wanted))
			if right < 40 || slices.Contains(told, "source.table_added ddl.elsewhere") {
				t.Errorf("%d messages, told %v", right, told)
			}
		})
	}
}
