package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// noGTID is a bench of a server of its own without GTID, whose binlog files have seven digits.
func noGTID(t *testing.T, name string) *bench {
	b := newBench(t, servers.MySQL80, name)
	b.my = servers.StartMySQL(t, servers.MySQL80, servers.NoGTID...)
	b.my.Stop(t)
	data := filepath.Join(b.my.Dir, "data")
	if err := os.Rename(filepath.Join(data, "mysql-bin.000001"), filepath.Join(data, "mysql-bin.999999")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "mysql-bin.index"), []byte("./mysql-bin.999999\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.my.Restart(t)
	b.my.Exec(t, "CREATE DATABASE "+name)
	b.rows("orders", 1000)
	return b
}

// TestWithoutGTID waits with a table that was just written to until the next file is begun, follows it through the change
// of gtid_mode and a restart of the server, and refuses a log that was reset.
func TestWithoutGTID(t *testing.T) {
	t.Parallel()
	b := noGTID(t, "nogtid")
	file := b.taskFile()
	r := b.start(file)
	r.until("it says that it waits", func(d *document) bool { return d.Waiting == "snapshot.next_file" })
	if !strings.HasPrefix(r.last.Position, "mysql-bin.1000000:") || r.last.Copied > 0 {
		t.Errorf("it waits at %+v", r.last)
	}
	b.my.Exec(t, "FLUSH BINARY LOGS")
	r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental && d.NoDelay })
	changes := int64(0)
	change := func() {
		t.Helper()
		b.my.Exec(t, "UPDATE "+b.name+".orders SET price=price+1 WHERE id=7")
		changes++
		r.until("a change", func(d *document) bool { return d.Updates == changes && d.Acked >= 1000 })
	}
	change()
	for _, sql := range []string{"SET GLOBAL enforce_gtid_consistency=ON", "SET GLOBAL gtid_mode=OFF_PERMISSIVE", "SET GLOBAL gtid_mode=ON_PERMISSIVE", "SET GLOBAL gtid_mode=ON"} {
		b.my.Exec(t, sql)
		change()
	}
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	b.my.Restart(t) // with gtid_mode OFF again
	b.my.Exec(t, "DELETE FROM "+b.name+".orders WHERE id=8")
	r = b.start(file)
	r.until("what came after the restart", func(d *document) bool { return d.Deletes == 1 })
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 1000, "UPDATE": 5, "DELETE": 1})

	b.my.Exec(t, "RESET MASTER", "DELETE FROM "+b.name+".orders WHERE id=9")
	b.sluice("run", file).want(t, exitFailed, "source.rewritten")
}

// TestResetIntoTheSameFile: after RESET MASTER the file of the same number, though long enough, is another.
func TestResetIntoTheSameFile(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "samefile")
	b.my = servers.StartMySQL(t, servers.MySQL80, servers.NoGTID...)
	b.my.Exec(t, "CREATE DATABASE "+b.name, "RESET MASTER")
	b.rows("orders", 10)
	file := b.taskFile()
	r := b.start(file)
	r.until("the start", func(d *document) bool { return d.Position != "" })
	b.my.Exec(t, "FLUSH BINARY LOGS")
	r.until("the copy", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
	b.my.Exec(t, "UPDATE "+b.name+".orders SET price=1 WHERE id=1")
	r.until("a change", func(d *document) bool { return d.Updates == 1 && d.NoDelay })
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	b.my.Exec(t, "RESET MASTER", "FLUSH BINARY LOGS")
	for range 20 { // further than the task came
		b.my.Exec(t, "UPDATE "+b.name+".orders SET price=price+1")
	}
	b.sluice("run", file).want(t, exitFailed, "source.rewritten")
}

// TestRowLock copies a table that was just written to at once.
func TestRowLock(t *testing.T) {
	t.Parallel()
	b := noGTID(t, "rowlock")
	file := b.taskFile("  password: {env: SOURCE_PASSWORD}\n", "  password: {env: SOURCE_PASSWORD}\n  row_lock: true\n")
	r := b.start(file)
	r.until("the incremental phase", func(d *document) bool {
		if d.Waiting == "snapshot.next_file" {
			t.Error("it waits")
		}
		return d.Phase == engine.PhaseIncremental
	})
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	if r.last.Outcome != task.Stopped {
		t.Errorf("the last line is %+v", r.last)
	}
	b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 1000})
}
