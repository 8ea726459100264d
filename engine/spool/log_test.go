package spool

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"sluice/engine/cdc"
	"sluice/engine/task"
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
	return Options{Dir: dir, Owner: "task on server", Flavor: cdc.MySQL, Limit: 1 << 30, Segment: 8 << 10, Memory: 2 << 10,
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
