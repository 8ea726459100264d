package main

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/retention"
	"sluice/engine/spool"
	"sluice/engine/task"
	"sluice/store"
)

// binlogs lists the server's files.
func (b *bench) binlogs() (names []string) {
	b.Helper()
	c := b.my.Conn(b.T, "")
	defer c.Close()
	r, err := c.Execute("SHOW BINARY LOGS")
	if err != nil {
		b.Fatal(err)
	}
	for i := range r.RowNumber() {
		name, _ := r.GetString(i, 0)
		names = append(names, name)
	}
	return names
}

// TestHorizon: a task that the rate keeps behind needs an old file. It is told until when the source keeps it, is warned
// once when that is near and told once when it is not any more; when the file is gone, the failure names what is missing.
func TestHorizon(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "horizon"))
		b.my = servers.StartMySQL(t, kind)
		b.my.Exec(t, "CREATE DATABASE "+b.name, "SET GLOBAL binlog_expire_logs_seconds=86400")
		b.rows("orders", 10)
		file := b.taskFile("schema: true\n", "rate: 1\nspool: 0\nschema: true\n")
		keeps := func(d *document, day bool) bool {
			if d.Binlog == nil {
				return false
			}
			names := b.binlogs()
			left := time.Until(*d.Binlog.Deadline)
			if d.Binlog.Oldest != names[0] || d.Binlog.Spool != nil || day && (d.Binlog.Urgent || left < 23*time.Hour || left > 25*time.Hour) {
				t.Errorf("%v are kept, and the task says %+v", names, d.Binlog)
			}
			return true
		}
		stop := func(r *running) {
			r.signal(syscall.SIGTERM)
			r.finish().want(t, exitStopped)
		}
		r := b.start(file)
		r.until("the newest file is needed", func(d *document) bool { return d.NoDelay && keeps(d, true) })
		if names := b.binlogs(); !strings.HasPrefix(r.last.Binlog.Needs, names[len(names)-1]+":") {
			t.Errorf("of %v it needs %s", names, r.last.Binlog.Needs)
		}
		stop(r)

		b.my.Exec(t, "INSERT INTO "+b.name+".orders SELECT id+100*n, name, price FROM "+b.name+".orders JOIN (SELECT 1 n UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9 UNION SELECT 10 UNION SELECT 11 UNION SELECT 12) m",
			"DELETE FROM "+b.name+".orders WHERE id=1", "FLUSH BINARY LOGS", "DELETE FROM "+b.name+".orders WHERE id=2")
		needed := b.binlogs()
		r = b.start(file)
		r.until("an older file is needed", func(d *document) bool { return keeps(d, true) })
		if older := needed[len(needed)-2]; !strings.HasPrefix(r.last.Binlog.Needs, older+":") {
			t.Errorf("it needs %s, want %s", r.last.Binlog.Needs, older)
		}
		stop(r)

		says := func(code string) func(*document) bool {
			return func(d *document) bool {
				return slices.ContainsFunc(d.Notices, func(n engine.Notice) bool { return n.Code == code })
			}
		}
		b.my.Exec(t, "SET GLOBAL binlog_expire_logs_seconds=1")
		r = b.start(file)
		r.until("the warning", says("horizon.near"))
		if !r.last.Binlog.Urgent {
			t.Errorf("the warning came with %+v", r.last.Binlog)
		}
		stop(r)
		b.my.Exec(t, "SET GLOBAL binlog_expire_logs_seconds=86400")
		r = b.start(file)
		r.until("the end of the warning", says("horizon.over"))
		stop(r)

		gone := needed[len(needed)-1]
		for b.binlogs()[0] <= gone {
			b.my.Exec(t, "FLUSH BINARY LOGS") // MariaDB keeps files until InnoDB has made a checkpoint
			names := b.binlogs()
			c := b.my.Conn(t, "")
			_, err := c.Execute("PURGE BINARY LOGS TO '" + names[len(names)-1] + "'")
			c.Close()
			if err != nil && !strings.Contains(err.Error(), "ould not purge") {
				t.Fatal(err)
			}
		}
		b.sluice("run", file).want(t, exitFailed, "source.binlog_purged", " the task needs: ", "oldest binlog file is "+b.binlogs()[0])
	})
}

// TestNeededAfterAFailover: the spool's places are of the server that is read now, whatever its turn; a low bound at a
// server before says nothing of this one's files.
func TestNeededAfterAFailover(t *testing.T) {
	t.Parallel()
	at := func(turn uint32, file uint64) cdc.Position { return cdc.Position{Turn: turn, File: file, Offset: 4} }
	for _, c := range []struct {
		what      string
		low       cdc.Position
		turn      uint32
		ends      uint64 // of the spool; 0: none
		want      cdc.Position
		passedLow cdc.Position
	}{
		{"no failover, no spool", at(0, 5), 0, 0, at(0, 5), at(0, 5)},
		{"no failover", at(0, 5), 0, 7, at(0, 7), at(0, 5)},
		{"behind the failover", at(1, 2), 1, 3, at(1, 3), at(0, 2)},
		{"behind the failover, no spool", at(1, 2), 1, 0, at(1, 2), at(0, 2)},
		{"low bound before the failover", at(0, 9), 1, 3, at(1, 3), cdc.Position{}},
		{"low bound before the failover, no spool", at(0, 9), 1, 0, cdc.Position{}, cdc.Position{}},
	} {
		got, held := needed(retention.Need{At: c.low, Log: "bin"}, c.turn, func(low cdc.Position) (spool.Held, bool) {
			if low != c.passedLow {
				t.Errorf("%s: the spool was asked for %v, want %v", c.what, low, c.passedLow)
			}
			return spool.Held{Needs: at(0, c.ends), Bytes: 1}, c.ends > 0
		})
		if got.At != c.want || (got.Log == "bin") == c.want.IsZero() || held.Bytes != 1 {
			t.Errorf("%s: %v of %+v, want %v", c.what, got, held, c.want)
		}
	}
}

// TestAlarm: one warning at each crossing and one word when it is over, whoever looks and however often.
func TestAlarm(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st, err := store.Open(filepath.Join(t.TempDir(), "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	kept, _, err := st.Task(ctx, task.Spec{Name: "one"})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	h := func(left time.Duration) *retention.Horizon {
		return &retention.Horizon{Looked: now, Needs: cdc.Position{File: 7, Offset: 4}.In("b"), Kept: 24 * time.Hour, Deadline: now.Add(left)}
	}
	r := &runner{store: st}
	var told []string
	for _, left := range []time.Duration{7 * time.Hour, 5 * time.Hour, 4 * time.Hour, -time.Hour, 7 * time.Hour, 20 * time.Hour, time.Hour, time.Hour} {
		n, due := alarm(ctx, kept, h(left), now)
		told = append(told, n.Code)
		if due != (n.Code != "") {
			t.Errorf("%v left: %+v, %v", left, n, due)
		}
		if due {
			r.record(ctx, kept, n)
		}
		if err := kept.Event(ctx, store.Info, "task.started", nil); err != nil { // others do not matter
			t.Fatal(err)
		}
	}
	if want := []string{"", "horizon.near", "", "", "horizon.over", "", "horizon.near", ""}; !slices.Equal(told, want) {
		t.Errorf("told %q, want %q", told, want)
	}
	events, err := kept.Events(ctx, 100)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(events, func(e store.Event) bool { return e.Code == "horizon.near" })
	if e := events[i]; e.Level != store.Warning || e.Params["1"] != "b.000007:4" || e.Params["3"] != now.Add(time.Hour).UTC().Format(time.RFC3339) {
		t.Errorf("the warning is %+v", e)
	}
}
