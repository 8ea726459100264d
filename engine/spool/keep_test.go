package spool

import (
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"sluice/engine/cdc"
)

// TestLimit: with the limit met the receiver waits for the reader; then the reader gets the rest from memory, the files
// stay as they are, and a restart goes on from their end. Once nothing in them is needed they are written anew.
func TestLimit(t *testing.T) {
	t.Parallel()
	s := write(6, 200)
	var said told
	dir := t.TempDir()
	o := small(dir)
	o.Limit, o.Tell = 30<<10, said.tell
	l := open(t, o, "")
	put := make(chan int, len(s.entries))
	go func() {
		for i, e := range s.entries[:len(s.entries)/2] {
			if err := l.Put(e); err != nil {
				t.Error(err)
			}
			l.Offer()
			put <- i
		}
		close(put)
	}()
	var got []Entry
	for len(text(got)) < len(s.entries)/2 {
		got = append(got, next(t, l)...)
		if h := l.Held(cdc.Position{}); h.Bytes > o.Limit {
			t.Fatalf("%d bytes in files, the limit is %d", h.Bytes, o.Limit)
		}
	}
	for range put {
	}
	h := l.Held(cdc.Position{})
	if !h.Full || len(said.codes) != 1 || said.codes[0] != "spool.full 0" {
		t.Fatalf("%+v, told %q", h, said.codes)
	}
	l.Keep(h.Needs, h.Needs) // everything in the files is done with
	for _, e := range s.entries[len(s.entries)/2:] {
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
		for ready(l) {
			got = append(got, next(t, l)...)
		}
		if h := l.Held(cdc.Position{}); !h.Full {
			l.Keep(h.Needs, h.Needs)
		}
	}
	if l.Held(cdc.Position{}).Full {
		t.Error("it does not record again")
	}
	got = append(got, drain(t, l)...)
	same(t, "all", got, s.entries)
}

// TestLimitRestart: what was received after the limit was met comes from the source again.
func TestLimitRestart(t *testing.T) {
	t.Parallel()
	s := write(8, 200)
	dir := t.TempDir()
	o := small(dir)
	o.Limit = 30 << 10
	l := open(t, o, "")
	for _, e := range s.entries {
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
		for ready(l) {
			next(t, l)
		}
	}
	h := l.Held(cdc.Position{})
	l.Close()
	l = open(t, o, "")
	if at := l.Join().At; at != h.Needs || !h.Full {
		t.Fatalf("joins at %s, needs %+v", at, h)
	}
	done := make(chan struct{})
	go func() { defer close(done); receive(t, l, s); l.End(nil) }()
	var got []Entry
	for {
		batch, err := l.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, batch...)
	}
	<-done
	same(t, "all", got, s.entries)
}

// TestKeep: what may be asked for stays, whatever the room; what lies before goes, the oldest first.
func TestKeep(t *testing.T) {
	t.Parallel()
	s := write(9, 400)
	dir := t.TempDir()
	o := small(dir)
	o.Limit = 64 << 10
	l := open(t, o, "")
	g := rand.New(rand.NewPCG(9, 9))
	low, oldest := 0, 0
	most := int64(0)
	for i, e := range s.entries {
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
		for ready(l) {
			next(t, l)
		}
		if i-low > 50 && g.IntN(10) == 0 {
			low = i - 20
			oldest = max(oldest, low-300)
			l.Keep(s.entries[low].End, s.entries[oldest].End)
		}
		h := l.Held(cdc.Position{})
		if most = max(most, h.Bytes); h.Full {
			t.Fatal("full, though most lies below the low bound")
		}
		if first := l.segments[0].start.At; low > 0 && s.entries[low].End.Before(first) {
			t.Fatalf("begins at %s, the low bound is %s", first, s.entries[low].End)
		}
		if n := l.below(s.entries[oldest].End); n > 0 && i == low+20 {
			t.Fatalf("%d files lie before what is asked for", n)
		}
	}
	if most < o.Limit*3/4 {
		t.Errorf("no more than %d bytes were kept, though older notes may be gone back to", most)
	}
	l.Close()
	if names, _ := filepath.Glob(filepath.Join(dir, "*")); len(names) != len(l.segments) {
		t.Errorf("%d files, %d segments", len(names), len(l.segments))
	}
}

// TestDiskLow: the last of a disk is left to others.
func TestDiskLow(t *testing.T) {
	t.Parallel()
	s := write(10, 200)
	o := small(t.TempDir())
	left := int64(1 << 30)
	o.Reserve, o.Free = 1<<20, func(string) (int64, error) { return left, nil }
	l := open(t, o, "")
	for i, e := range s.entries {
		if i == len(s.entries)/2 {
			left = 1 << 10
		}
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
		for ready(l) {
			next(t, l)
		}
	}
	if !l.Held(cdc.Position{}).Full {
		t.Error("it goes on writing")
	}
}
