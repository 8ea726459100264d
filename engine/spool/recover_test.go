package spool

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"sluice/engine/task"
)

// TestCrash: after a process or a machine ended at any moment, what is left is gone on with, and the reader gets all.
func TestCrash(t *testing.T) {
	t.Parallel()
	kept, lost := 0, 0
	for seed := range uint64(100) {
		s := write(seed, 80)
		g := rand.New(rand.NewPCG(seed, 3))
		dir := t.TempDir()
		l := open(t, small(dir), "")
		n := 1 + g.IntN(len(s.entries))
		for _, e := range s.entries[:n] {
			if err := l.Put(e); err != nil {
				t.Fatal(err)
			}
			if g.IntN(50) == 0 {
				if err := l.syncAll(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if g.IntN(2) == 0 { // the process was killed: what was buffered is lost
			l.mu.Lock()
			l.buf = nil
			l.mu.Unlock()
		}
		l.Close()
		if g.IntN(3) > 0 {
			spoil(t, g, dir)
		}
		after := ""
		if g.IntN(3) == 0 {
			after = fmt.Sprintf("%s:1-%d", source, 1+g.IntN(10))
		}
		l = open(t, small(dir), after)
		if l.Join().At.IsZero() {
			lost++
		} else {
			kept++
		}
		receive(t, l, s)
		same(t, fmt.Sprintf("seed %d", seed), drain(t, l), s.after(parse(after)))
		l.Close()
	}
	if kept < 30 || lost > 60 {
		t.Errorf("%d kept, %d lost", kept, lost)
	}
}

// spoil does to files that were not synced what a power cut does: any of them may be cut, hold zeros, or be missing.
func spoil(t *testing.T, g *rand.Rand, dir string) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+fresh))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		switch at := g.IntN(len(b)); g.IntN(5) {
		case 0:
			b = b[:at]
		case 1:
			clear(b[at:min(len(b), at+512)])
		case 2:
			b[at] ^= 1 << g.IntN(8)
		case 3:
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// TestDamagedFile: a synced file that has gone bad is noticed where it is read; the next try asks the source.
func TestDamagedFile(t *testing.T) {
	t.Parallel()
	s := write(3, 150)
	dir := t.TempDir()
	l := open(t, small(dir), "")
	receive(t, l, s)
	if err := l.syncAll(); err != nil {
		t.Fatal(err)
	}
	l.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"+sealed))
	if len(names) < 3 {
		t.Fatal(names)
	}
	b, err := os.ReadFile(names[1])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 4
	if err := os.WriteFile(names[1], b, 0o600); err != nil {
		t.Fatal(err)
	}
	var said told
	o := small(dir)
	o.Tell = said.tell
	l = open(t, o, "")
	for err == nil {
		_, err = l.Next()
	}
	if !task.Retryable(err) {
		t.Fatalf("%v", err)
	}
	if err := l.Put(Entry{Whole: true, Raw: []byte("x")}); err == nil {
		t.Error("a damaged log takes entries")
	}
	l.Close()
	l = open(t, o, "")
	receive(t, l, s)
	same(t, "from the source", drain(t, l), s.entries)
	if !slices.Equal(said.codes, []string{"spool.discarded damaged"}) {
		t.Error(said.codes)
	}
}

// TestUnreadableFile: a file that can't be read just now says nothing of what is in it, so that nothing is removed.
func TestUnreadableFile(t *testing.T) {
	t.Parallel()
	s := write(6, 100)
	dir := t.TempDir()
	l := open(t, small(dir), "")
	receive(t, l, s)
	l.Close()
	names, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(names) < 3 {
		t.Fatal(names)
	}
	aside := filepath.Join(t.TempDir(), "aside")
	if err := errors.Join(os.Rename(names[1], aside), os.Symlink(names[1], names[1])); err != nil { // no one can open it
		t.Fatal(err)
	}
	if _, err := Open(small(dir), parse("")); task.Code(err) != "data.spool" {
		t.Errorf("%v", err)
	}
	if err := os.Rename(aside, names[1]); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "*")); !slices.Equal(left, names) {
		t.Errorf("%v is left of %v", left, names)
	}
	l = open(t, small(dir), "")
	same(t, "afterwards", drain(t, l), s.entries)
}

// TestOtherOwner: files of another task or server are not used, and that is said.
func TestOtherOwner(t *testing.T) {
	t.Parallel()
	s := write(4, 50)
	dir := t.TempDir()
	l := open(t, small(dir), "")
	receive(t, l, s)
	l.Close()
	var said told
	o := small(dir)
	o.Owner, o.Tell = "task on another server", said.tell
	l = open(t, o, "")
	if j := l.Join(); j.Set.String() != "" || !j.At.IsZero() {
		t.Errorf("goes on after %q at %s", j.Set, j.At)
	}
	if !slices.Equal(said.codes, []string{"spool.discarded owner"}) {
		t.Error(said.codes)
	}
}

// TestStartOutside: a start before what is kept is not served from it.
func TestStartOutside(t *testing.T) {
	t.Parallel()
	s := write(5, 60)
	dir := t.TempDir()
	begin := source + ":1-20"
	l := open(t, small(dir), begin)
	for _, e := range s.after(parse(begin)) {
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	l.Close()
	var said told
	o := small(dir)
	o.Tell = said.tell
	l = open(t, o, source+":1-19")
	receive(t, l, s)
	same(t, "from the source", drain(t, l), s.after(parse(source+":1-19")))
	if !slices.Equal(said.codes, []string{"spool.discarded start"}) {
		t.Error(said.codes)
	}
}
