package spool

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sluice/engine/cdc"
)

const source = "0c2b4f0e-0000-0000-0000-000000000001"

// script is a source's log: entries in order, transactions of one to six events.
type script struct {
	entries []Entry
	sets    []string // before each entry
}

func write(seed uint64, transactions int) *script {
	g := rand.New(rand.NewPCG(seed, 1))
	s := &script{}
	set := parse("")
	at := cdc.Position{File: 1, Offset: 4}
	add := func(e Entry, size int) {
		if size > 0 {
			at.Offset += uint64(size)
			e.Raw = make([]byte, size)
			for i := range e.Raw {
				e.Raw[i] = byte(g.Uint32())
			}
		}
		e.End = at
		s.entries = append(s.entries, e)
		s.sets = append(s.sets, set.String())
	}
	add(Entry{Whole: true, Format: true}, 100)
	for n := range transactions {
		if g.IntN(40) == 0 {
			at = cdc.Position{File: at.File + 1, Offset: 4}
			add(Entry{Whole: true, Format: true}, 100)
		}
		tid := fmt.Sprintf("%s:%d", source, n+1)
		add(Entry{TID: tid}, 40)
		for range g.IntN(5) {
			add(Entry{}, 1+g.IntN(900))
		}
		add(Entry{Whole: true}, 31)
		if err := set.Add(tid); err != nil {
			panic(err)
		}
	}
	return s
}

func parse(text string) cdc.GTIDSet {
	set, err := cdc.ParseGTIDSet(cdc.MySQL, text)
	if err != nil {
		panic(err)
	}
	return set
}

// after gives what a source sends after the set: the transactions that are not in it, and what is outside of them.
func (s *script) after(set cdc.GTIDSet) []Entry {
	var out []Entry
	over := false
	for _, e := range s.entries {
		if e.TID != "" {
			over = set.Contains(e.TID)
		}
		if !over {
			out = append(out, e)
		}
		over = over && !e.Whole
	}
	return out
}

// told collects what a person is told.
type told struct{ codes []string }

func (t *told) tell(n Notice) {
	t.codes = append(t.codes, n.Code+" "+strings.Join(n.Params, " "))
}

func small(dir string) Options {
	return Options{Dir: dir, Owner: "task on server", Flavor: cdc.MySQL, Limit: 1 << 30, Segment: 8 << 10, Memory: 2 << 10, Patience: -1,
		Free: func(string) (int64, error) { return 1 << 40, nil }}
}

func open(t *testing.T, o Options, after string) *Log {
	t.Helper()
	l, err := Open(o, parse(after))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l
}

// receive puts what the source sends to this log, as its reader of the dump does.
func receive(t *testing.T, l *Log, s *script) {
	t.Helper()
	join := l.Join()
	at := join.At
	for _, e := range s.after(join.Set) {
		if !at.IsZero() && !at.Before(e.End) {
			continue
		}
		if err := l.Put(e); err != nil {
			t.Fatal(err)
		}
	}
}

// text is all that must be the same of entries, however they came: formats that are only made known are left out.
func text(entries []Entry) []string {
	var out []string
	for _, e := range entries {
		if !(e.Format && e.From != nil && *e.From == e.End) {
			out = append(out, fmt.Sprintf("%s %v %q %x", e.End, e.Whole, e.TID, e.Raw))
		}
	}
	return out
}

// changes are the entries inside of transactions alone.
func changes(entries []Entry) []Entry {
	var out []Entry
	inside := false
	for _, e := range entries {
		inside = inside || e.TID != ""
		if inside {
			out = append(out, e)
		}
		inside = inside && !e.Whole
	}
	return out
}

// drain reads up to the end of what was received.
func drain(t *testing.T, l *Log) []Entry {
	t.Helper()
	l.End(nil)
	var out []Entry
	for {
		batch, err := l.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, batch...)
	}
}

func same(t *testing.T, what string, got, want []Entry) {
	t.Helper()
	if g, w := text(changes(got)), text(changes(want)); !slices.Equal(g, w) {
		t.Fatalf("%s: %d entries, want %d", what, len(g), len(w))
	}
}

// ready reports whether Next has something to give.
func ready(l *Log) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.tail) > 0 || l.behind && (l.reader.off < l.reader.seg.size || l.after(l.reader.seg) != nil)
}

func next(t *testing.T, l *Log) []Entry {
	t.Helper()
	batch, err := l.Next()
	if err != nil {
		t.Fatal(err)
	}
	return batch
}
