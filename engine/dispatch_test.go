package engine

import (
	"context"
	"testing"
	"time"
)

// countedSink counts what is prepared.
type countedSink struct {
	*fakeSink
	prepared int
}

func (s *countedSink) Prepare(ctx context.Context, p Partition, b *Batch) Prepared {
	s.prepared++
	return s.fakeSink.Prepare(ctx, p, b)
}

// TestWaryAfterADoubt: a broker that left a request in doubt may be short of memory, so none is prepared for it for a
// minute; after that they are again.
func TestWaryAfterADoubt(t *testing.T) {
	sink := &countedSink{fakeSink: &fakeSink{logs: map[Partition]*fakeLog{}}}
	now := time.UnixMilli(1_000_000)
	ln := laneOf(0)
	l := &loop{d: &Deps{Sink: sink, Now: func() time.Time { return now }}, r: &router{saved: &Saved{}, lanes: []*lane{ln}}, flights: make(chan *flight, 100)}
	// follows has one request in flight and another behind it, and reports whether that was prepared.
	follows := func() bool {
		for range 200 {
			l.r.push(0, Message{Value: make([]byte, 10)}, entry{})
		}
		before := sink.prepared
		if l.dispatch(t.Context()); ln.ready == nil {
			t.Fatal("nothing follows")
		}
		return sink.prepared > before
	}
	ack := func(doubtful bool) {
		ln.flight.resent = doubtful
		ln.flight.passOn(0)
		if err := l.acked(t.Context(), laneResult{lane: ln, end: ln.acked + int64(len(ln.flight.all))}); err != nil {
			t.Fatal(err)
		}
	}
	drain := func() {
		for ln.flight != nil {
			ack(false)
		}
	}
	if !follows() {
		t.Error("a lane without trouble prepares nothing")
	}
	ack(true)
	drain()
	for _, c := range []struct {
		after    time.Duration
		prepares bool
	}{{0, false}, {59 * time.Second, false}, {time.Second, true}} {
		if now = now.Add(c.after); follows() != c.prepares {
			t.Errorf("%v later: prepared is %v", c.after, !c.prepares)
		}
		drain()
	}
}
