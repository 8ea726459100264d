package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// folderCopy copies the data folder of a task that does not write now: the database with its log, and the chunks.
func (b *bench) folderCopy(from, to string) {
	b.Helper()
	for _, name := range []string{"sluice.db", "sluice.db-wal"} {
		text, err := os.ReadFile(filepath.Join(b.dir, from, name))
		if os.IsNotExist(err) {
			continue
		}
		if err == nil {
			err = errors.Join(os.MkdirAll(filepath.Join(b.dir, to), 0o700), os.WriteFile(filepath.Join(b.dir, to, name), text, 0o600))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := os.CopyFS(filepath.Join(b.dir, to, "chunks"), os.DirFS(filepath.Join(b.dir, from, "chunks"))); err != nil {
		b.Fatal(err)
	}
}

// comes reports whether the run comes to the incremental phase before it ends.
func (r *running) comes() bool {
	for r.lines.Scan() {
		r.last = document{}
		if err := json.Unmarshal(r.lines.Bytes(), &r.last); err != nil {
			r.b.Fatalf("%v: %s", err, r.lines.Bytes())
		}
		if r.last.Phase == engine.PhaseIncremental {
			return true
		}
	}
	return false
}

// TestTwoCopiesOfADataFolder lets a copy of a stopped folder go on, then starts the original: it ends without having
// written anything, so the copy is not disturbed. A copy that is taken over while it works notices as well, and an
// older one is refused where the topics hold rows that it has not read.
func TestTwoCopiesOfADataFolder(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "copies")
	b.rows("orders", 500)
	file := b.taskFile()
	incremental := func(d *document) bool { return d.Phase == engine.PhaseIncremental }
	r := b.start(file, "--data", "a")
	r.until("the incremental phase", incremental)
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)
	b.folderCopy("a", "b")
	b.folderCopy("a", "c")

	r = b.start(file, "--data", "b")
	b.my.Exec(t, "INSERT INTO copies.orders VALUES (5001,'by the copy',1)")
	r.until("a change", func(d *document) bool { return d.Inserts == 1 })
	b.sluice("run", file, "--data", "a").want(t, exitFailed, "data.copied")
	b.sluice("run", file, "--data", "c").want(t, exitFailed, "data.copied")
	b.my.Exec(t, "INSERT INTO copies.orders VALUES (5002,'by the copy again',1)")
	r.until("a change after the others were started", func(d *document) bool { return d.Inserts == 2 })
	r.signal(syscall.SIGTERM)
	r.finish().want(t, exitStopped)

	// A copy of the folder made while it is in use takes over once the lease that it holds has run out.
	r = b.start(file, "--data", "b")
	r.until("the incremental phase", incremental)
	r.signal(syscall.SIGSTOP)
	b.folderCopy("b", "d")
	r.signal(syscall.SIGCONT)
	taken := b.start(file, "--data", "d")
	for !taken.comes() {
		if end := taken.finish(); taken.last.Error == nil || taken.last.Error.Code != "task.lease_held" {
			t.Fatalf("the copy ended: %+v", end)
		}
		taken = b.start(file, "--data", "d")
	}
	b.my.Exec(t, "INSERT INTO copies.orders VALUES (5003,'by the one that took over',1)")
	r.finish().want(t, exitFailed, "target.fenced")
	b.sluice("run", file, "--data", "b").want(t, exitFailed, "data.copied")
	taken.until("the change", func(d *document) bool { return d.Inserts == 1 })
	b.sluice("run", file, "--data", "d", "--end").want(t, exitDone)
	taken.finish().want(t, exitDone)
	b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 500, "INSERT": 3})
}
