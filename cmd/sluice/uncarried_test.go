package main

import (
	"regexp"
	"strings"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// TestChangesThatCannotBeCarried: a session with settings of its own logs a change in a form that holds too little. The
// task stops at it, tells where, and does not pass it when it is started again after the remedy.
func TestChangesThatCannotBeCarried(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		my := servers.StartMySQL(t, kind, "binlog_row_metadata=MINIMAL")
		for _, c := range []struct {
			name, code, hint string
			sql              []string
		}{
			{"statement", "source.statement", "new task", []string{"SET binlog_format=STATEMENT", "UPDATE orders SET name='x' WHERE id=2"}},
			{"mixed", "source.statement", "new task", []string{"SET binlog_format=MIXED", "DELETE FROM orders WHERE id=2"}},
			{"minimal", "source.partial_rows", "new task", []string{"SET binlog_row_image=MINIMAL", "UPDATE orders SET name='x' WHERE id=2"}},
			{"unlogged", "source.schema_mismatch", "new task", []string{"SET sql_log_bin=0", "ALTER TABLE orders ADD COLUMN extra INT", "SET sql_log_bin=1", "INSERT INTO orders VALUES (9,'y',1,NULL,5)"}},
		} {
			t.Run(c.name, func(t *testing.T) {
				b := &bench{T: t, my: my, kafka: servers.SharedKafka(t), dir: t.TempDir(), name: database(kind, "uncarried_"+c.name)}
				b.my.Exec(t, "CREATE DATABASE "+b.name)
				b.rows("orders", 3)
				b.my.Exec(t, "ALTER TABLE "+b.name+".orders ADD COLUMN j JSON", "UPDATE "+b.name+".orders SET j='{\"a\": 1, \"b\": \"long enough to be worth a difference\"}'")
				file := b.taskFile()
				r := b.start(file)
				r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
				session := b.my.Conn(t, b.name)
				for _, sql := range c.sql {
					if _, err := session.Execute(sql); err != nil {
						t.Fatalf("%s: %v", sql, err)
					}
				}
				session.Close()
				stopped := r.finish()
				stopped.want(t, exitFailed, c.code, c.hint, "mysql-bin.0")
				b.my.Exec(t, "INSERT INTO "+b.name+".orders (id) VALUES (100)")
				again := b.sluice("run", file)
				again.want(t, exitFailed, c.code)
				if at(stopped.stderr) != at(again.stderr) || strings.HasPrefix(at(stopped.stderr), "000000") {
					t.Errorf("it stopped at %s, then at %s", at(stopped.stderr), at(again.stderr))
				}
				t.Log(strings.TrimSpace(stopped.stderr))
			})
		}
	})
}

var position = regexp.MustCompile(`error: .* at mysql-bin\.(\d+:\d+)`)

// at is the position in an error.
func at(stderr string) string {
	if m := position.FindStringSubmatch(stderr); m != nil {
		return m[1]
	}
	return ""
}
