package exact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

// TestOutlivesRetention: the target stands still in the full copy, the source purges all that the task needs, the
// process is killed. It goes on from its spool, and the oracle, which kept the binlog, finds every change once.
func TestOutlivesRetention(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.StartKafka(t)
	for i, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) { outlive(t, bin, k, kind, fmt.Sprintf("purge%d", i)) })
	}
}

func outlive(t *testing.T, bin string, k *servers.Kafka, kind servers.Kind, topic string) {
	m := servers.StartMySQL(t, kind)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	o := workload.Options{Seed: *seed, Schema: "work", Rows: map[string]int{"t_int": min(*rows, 100_000)}}
	if err := workload.Setup(ctx, m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	writing, err := workload.Start(ctx, m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: workload.Tables(), Topic: topic, Partitions: 6, Policy: "key", Extra: "workers: 1"})
	p, err := x.Start(slowCopy)
	if err != nil {
		t.Fatal(err)
	}
	reach(ctx, t, p, "full")
	k.Freeze(t)
	defer k.Thaw(t)
	needed := purgeAll(ctx, t, m)
	m.Exec(t, "INSERT INTO junk.t VALUES ('"+mark+"')")
	for !spooled(t, x) { // what the server has let go of may still be on its way
		if ctx.Err() != nil {
			t.Fatal("the newest event does not come to the spool")
		}
	}
	p.Signal(syscall.SIGKILL)
	<-p.Done()
	if x.Copied.Load() {
		t.Error("the full copy was over before the target stood still: use more rows")
	}
	if size := folderSize(t, filepath.Join(x.Data, "spool")); size < 40<<20 {
		t.Errorf("the spool holds %d bytes", size)
	}
	k.Thaw(t)
	runFor(ctx, t, x, 2*time.Second) // and is killed once more
	stats, err := writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("workload %+v", stats)
	after, err := x.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil {
		t.Fatal(err)
	}
	if after.Code != 0 {
		t.Fatalf("after %s was purged: code %d: %s", needed, after.Code, after.Stderr)
	}
	if size := folderSize(t, filepath.Join(x.Data, "spool")); size > 0 {
		t.Errorf("the spool of a task that has ended holds %d bytes", size)
	}
	report, _ := driver.Judge(t, m, []string{k.Plain}, topic, workload.Tables(), oracle.CheckOptions{})
	t.Log(report)
	if !report.OK() {
		t.Fail()
	}
}

// slowCopy has a process rest while it reads: it tells its phase once a second, and a fast machine copies all in less.
const slowCopy = "reading~10:1ms"

// reach waits until the process is in the phase.
func reach(ctx context.Context, t *testing.T, p *driver.Process, phase string) {
	t.Helper()
	for {
		_, more := p.Said()
		if p.Last().Phase == phase {
			return
		}
		select {
		case <-more:
		case <-p.Done():
			t.Fatalf("it ended: %+v", p.Outcome())
		case <-ctx.Done():
			t.Fatalf("phase %s did not begin", phase)
		}
	}
}

// mark is in an event after all that was purged.
const mark = "the last event that the killed process must have kept"

// spooled reports whether the newest files of the spool hold the mark.
func spooled(t *testing.T, x *driver.Task) bool {
	names, err := filepath.Glob(filepath.Join(x.Data, "spool", "*", "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(err, names)
	}
	for _, name := range names[max(0, len(names)-2):] {
		content, err := os.ReadFile(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) { // it was renamed
			t.Fatal(err)
		}
		if bytes.Contains(content, []byte(mark)) {
			return true
		}
	}
	return false
}

// purgeAll writes more than the task holds in memory, and purges all files up to there as soon as the server lets go of
// them: it keeps those that are being read. It gives the newest file that is gone.
func purgeAll(ctx context.Context, t *testing.T, m *servers.MySQL) (gone string) {
	m.Exec(t, "CREATE DATABASE junk", "CREATE TABLE junk.t (b LONGBLOB)")
	for range 48 {
		m.Exec(t, "INSERT INTO junk.t VALUES (REPEAT('x', 1048576))")
	}
	gone = newest(t, m)
	for ctx.Err() == nil {
		m.Exec(t, "FLUSH BINARY LOGS") // MariaDB keeps files until InnoDB has made a checkpoint
		m.Archive(t)
		c := m.Conn(t, "")
		if _, err := c.Execute("PURGE BINARY LOGS TO '" + newest(t, m) + "'"); err != nil && !strings.Contains(err.Error(), "ould not purge") {
			t.Fatal(err)
		}
		r, err := c.Execute("SHOW BINARY LOGS")
		if err != nil {
			t.Fatal(err)
		}
		oldest, _ := r.GetString(0, 0)
		a, _ := cdc.FileNumber(oldest)
		if b, _ := cdc.FileNumber(gone); a > b {
			return gone
		}
	}
	t.Fatal("the server did not let go of " + gone + ": the task does not read on")
	return gone
}

func newest(t *testing.T, m *servers.MySQL) string {
	r, err := m.Conn(t, "").Execute("SHOW BINARY LOGS")
	if err != nil {
		t.Fatal(err)
	}
	name, _ := r.GetString(r.RowNumber()-1, 0)
	return name
}

func folderSize(t *testing.T, dir string) (size int64) {
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			info, ierr := e.Info()
			if ierr != nil {
				return ierr
			}
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}
