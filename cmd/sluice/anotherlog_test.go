package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// Of a log that is not the one that was read, the server has the same id, and sets that include all that the task asks
// for: only the transactions are others.

// ownSource gives the bench a server of its own, with a log that has just begun.
func (b *bench) ownSource(kind servers.Kind, options ...string) {
	b.Helper()
	b.my = servers.StartMySQL(b.T, kind, options...)
	b.my.Exec(b.T, "CREATE DATABASE "+b.name, "RESET MASTER")
	b.rows("orders", 10)
	b.my.Exec(b.T, "FLUSH BINARY LOGS")
}

// write updates rows in so many transactions.
func (b *bench) write(word string, transactions int) {
	b.Helper()
	for i := range transactions {
		b.my.Exec(b.T, fmt.Sprintf("UPDATE %s.orders SET name='%s %d' WHERE id=%d", b.name, word, i, i+1))
	}
}

// readSome runs the task until it has copied all and sent so many changes, and stops it.
func (b *bench) readSome(file string, changes int) {
	b.Helper()
	r := b.start(file)
	r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
	b.write("first", changes)
	r.until("the changes", func(d *document) bool { return d.Updates == int64(changes) && d.NoDelay })
	r.signal(syscall.SIGTERM)
	r.finish().want(b.T, exitStopped)
}

// refused runs the task, which must end with the code and send nothing of what the source has now.
func (b *bench) refused(file, code string) {
	b.Helper()
	before := len(b.decoded())
	b.sluice("run", file, "--until", "caught-up").want(b.T, exitFailed, code)
	after := b.decoded()
	for _, m := range after {
		if strings.Contains(fmt.Sprint(m), "second") {
			b.Fatalf("it sent %+v", m)
		}
	}
	if len(after) != before {
		b.Errorf("%d messages became %d", before, len(after))
	}
}

type sourceKind struct {
	name    string
	kind    servers.Kind
	options []string
}

var sourceKinds = []sourceKind{{"gtid", servers.MySQL80, nil}, {"files", servers.MySQL80, servers.NoGTID}, {"maria", servers.MariaDB1011, nil}}

// TestLogBegunAnew: RESET MASTER, and then as many transactions as before, at places that the task has passed.
func TestLogBegunAnew(t *testing.T) {
	for _, k := range sourceKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, k.kind, "anew_"+k.name)
			b.ownSource(k.kind, k.options...)
			file := b.taskFile()
			b.readSome(file, 5)
			b.my.Exec(t, "RESET MASTER")
			b.my.Exec(t, "FLUSH BINARY LOGS")
			b.write("second and longer than the first", 7) // CREATE TABLE and INSERT lay before the five
			b.refused(file, "source.rewritten")
		})
	}
}

// TestLogBegunAnewBeforeAnything: the task has read no transaction yet by which it would know the log.
func TestLogBegunAnewBeforeAnything(t *testing.T) {
	for _, k := range sourceKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, k.kind, "unread_"+k.name)
			b.ownSource(k.kind, k.options...)
			file := b.taskFile()
			b.readSome(file, 0)
			b.my.Exec(t, "RESET MASTER")
			b.my.Exec(t, "FLUSH BINARY LOGS")
			b.write("second", 2)
			b.refused(file, "source.rewritten")
		})
	}
}

// TestSourcesDiskIsPutBack: the source goes on from an older copy of its data, with or without as many new transactions
// under the numbers of those that it lost.
func TestSourcesDiskIsPutBack(t *testing.T) {
	for _, k := range sourceKinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t, k.kind, "putback_"+k.name)
			b.ownSource(k.kind, k.options...)
			data, copied := filepath.Join(b.my.Dir, "data"), filepath.Join(b.my.Dir, "copy")
			b.my.Stop(t)
			b.disk(data, copied)
			b.my.Restart(t)
			file := b.taskFile()
			b.readSome(file, 5)
			b.my.Stop(t)
			b.disk(copied, data)
			b.my.Restart(t)
			b.refused(file, "source.lost")
			b.write("second", 5)
			b.refused(file, "source.lost")
			b.write("second", 20)
			b.refused(file, "source.lost")
		})
	}
}
