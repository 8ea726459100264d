package spool

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/engine/cdc"
)

// TestReaderInMemoryAndInFiles: whatever the two sides' speeds, the reader gets all, in order.
func TestReaderInMemoryAndInFiles(t *testing.T) {
	defer goleak.VerifyNone(t)
	files, memory := 0, 0
	for seed := range uint64(60) {
		s := write(seed, 120)
		g := rand.New(rand.NewPCG(seed, 2))
		l := open(t, small(t.TempDir()), "")
		var got []Entry
		for _, e := range s.entries {
			if err := l.Put(e); err != nil {
				t.Fatal(err)
			}
			for g.IntN(int(seed)+1) == 0 && ready(l) {
				if l.behind {
					files++
				} else {
					memory++
				}
				got = append(got, next(t, l)...)
			}
		}
		got = append(got, drain(t, l)...)
		if g, w := text(got), text(s.entries); !slices.Equal(g, w) {
			t.Fatalf("seed %d: %d entries, want %d", seed, len(g), len(w))
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if files < 100 || memory < 100 {
		t.Errorf("%d batches from files, %d from memory", files, memory)
	}
}

// TestHowFarTheLogWasRead: what says only that is given behind what waits, the newest alone, and never to a reader in the
// files.
func TestHowFarTheLogWasRead(t *testing.T) {
	t.Parallel()
	s := write(3, 2)
	l := open(t, small(t.TempDir()), "")
	defer l.Close()
	put := func(e Entry) {
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
	}
	beat := func(n uint64) Entry {
		return Entry{Passing: true, Whole: true, End: cdc.Position{File: 1, Offset: n}, Raw: []byte("heartbeat")}
	}
	put(s.entries[0])
	put(beat(1000))
	put(beat(2000))
	got := next(t, l)
	if len(got) != 2 || got[0].Passing || !got[1].Passing || got[1].End.Offset != 2000 {
		t.Fatalf("given %v", text(got))
	}
	put(beat(3000))
	if got = next(t, l); len(got) != 1 || got[0].End.Offset != 3000 {
		t.Fatalf("given %v", text(got))
	}
	for !l.behind {
		put(s.entries[1])
	}
	waits := len(l.tail)
	if put(beat(4000)); len(l.tail) != waits {
		t.Error("a reader in the files is told how far the log was read")
	}
}

// TestReaderIsWaitedFor: one that takes what waits in time stays in memory, one that does not is sent to the files and not
// waited for again.
func TestReaderIsWaitedFor(t *testing.T) {
	t.Parallel()
	for _, patience := range []time.Duration{time.Minute, time.Millisecond} {
		s := write(3, 120)
		o := small(t.TempDir())
		o.Patience = patience
		l := open(t, o, "")
		put := make(chan struct{})
		go func() {
			defer close(put)
			for _, e := range s.entries {
				if err := l.Put(e); err != nil {
					t.Error(err)
				}
			}
			l.End(nil)
		}()
		waited := patience == time.Minute
		if !waited {
			<-put // nobody reads
		}
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
		if inMemory := l.reader.seg == nil; inMemory != waited {
			t.Errorf("with a patience of %s the reader had all from memory: %v", patience, inMemory)
		}
		if g, w := text(got), text(s.entries); !slices.Equal(g, w) {
			t.Fatalf("%d entries, want %d", len(g), len(w))
		}
	}
}

// TestOffer: a reader that waits gets what was put once it is offered.
func TestOffer(t *testing.T) {
	t.Parallel()
	s := write(4, 20)
	l := open(t, small(t.TempDir()), "")
	got := make(chan int)
	go func() {
		for n := 0; n < len(s.entries); {
			batch, err := l.Next()
			if err != nil {
				t.Error(err)
				break
			}
			n += len(batch)
			got <- n
		}
		close(got)
	}()
	for i, e := range s.entries {
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
		if l.Offer(); <-got != i+1 {
			t.Fatal("the reader got something else")
		}
	}
	<-got
}

// TestGoesOnAfterAnySet: opened after any transaction, the log gives all that a source would send after it, and each
// entry that was jumped to says from where.
func TestGoesOnAfterAnySet(t *testing.T) {
	t.Parallel()
	s := write(7, 150)
	kept := 0
	for _, e := range s.entries[:len(s.entries)*2/3] {
		if e.TID != "" {
			kept++
		}
	}
	for _, n := range []int{0, 1, 2, 40, 41, kept - 2, kept - 1, 148, 149, 150} {
		dir := t.TempDir()
		first := open(t, small(dir), "")
		for _, e := range s.entries[:len(s.entries)*2/3] {
			if err := first.Put(e); err != nil {
				t.Fatal(err)
			}
		}
		first.Close()
		after := ""
		if n > 0 {
			after = fmt.Sprintf("%s:1-%d", source, n)
		}
		l := open(t, small(dir), after)
		receive(t, l, s)
		got := drain(t, l)
		same(t, after, got, s.after(parse(after)))
		if n >= kept {
			continue // nothing of it was kept: the source jumps, not the log
		}
		at := cdc.Position{}
		for i, e := range got {
			if e.From != nil {
				at = *e.From
			}
			if i > 0 && e.End.Before(at) {
				t.Fatalf("%s: entry %d ends at %s, before %s", after, i, e.End, at)
			}
			if size := uint64(len(e.Raw)); e.Format && e.From != nil && *e.From == e.End {
				// only made known
			} else if e.End.File == at.File && e.End.Offset != at.Offset+size {
				t.Fatalf("%s: entry %d begins at %d, the reader stood at %s", after, i, e.End.Offset-size, at)
			}
			at = e.End
		}
	}
}
