package main

import (
	"syscall"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// TestXATransactions: what a session left prepared is sent once when another one commits it, though the process was killed
// twice meanwhile, and not if it is rolled back. One that was prepared before the task stops it.
func TestXATransactions(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		my := servers.StartMySQL(t, kind)
		b := &bench{T: t, my: my, kafka: servers.SharedKafka(t), dir: t.TempDir(), name: database(kind, "xa")}
		my.Exec(t, "CREATE DATABASE "+b.name)
		b.rows("orders", 3)
		prepare := func(xid, sql string) {
			t.Helper()
			session := my.Conn(t, b.name)
			defer session.Close()
			for _, sql := range []string{"XA START " + xid, sql, "XA END " + xid, "XA PREPARE " + xid} {
				if _, err := session.Execute(sql); err != nil {
					t.Fatalf("%s: %v", sql, err)
				}
			}
		}
		follows := func(file string) *running {
			r := b.start(file)
			r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
			return r
		}
		file := b.taskFile()
		r := follows(file)
		prepare("'kept'", "UPDATE orders SET name='kept' WHERE id=2")
		prepare("'undone'", "INSERT INTO orders (id, name) VALUES (9, 'undone')")
		my.Exec(t, "INSERT INTO "+b.name+".orders (id, name) VALUES (4, 'between')")
		r.until("what came between was sent", func(d *document) bool { return d.Inserts == 1 })
		for range 2 {
			r.signal(syscall.SIGKILL)
			r.finish()
			r = follows(file)
		}
		my.Exec(t, "XA ROLLBACK 'undone'", "XA COMMIT 'kept'")
		r.signal(syscall.SIGTERM)
		r.finish()
		b.sluice("run", file, "--until", "caught-up").want(t, exitDone)
		b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 3, "INSERT": 1, "UPDATE": 1})

		prepare("'early'", "UPDATE orders SET name='early' WHERE id=1")
		late := &bench{T: t, my: my, kafka: b.kafka, dir: t.TempDir(), name: b.name}
		r = late.start(late.taskFile("topic: "+b.name, "topic: "+b.name+"-late"))
		r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
		my.Exec(t, "XA COMMIT 'early'")
		r.finish().want(t, exitFailed, "source.xa_before_start", "new task")
	})
}
