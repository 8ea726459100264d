package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"testing"
)

func laneOf(records int) *lane {
	l := &lane{limit: 1000, acked: 40}
	for i := range records {
		l.push(Message{Value: fmt.Appendf(nil, "%10d", i)}, entry{})
	}
	return l
}

// TestFollow has a request follow the one in flight: offered in time, offered too late, and not at all.
func TestFollow(t *testing.T) {
	for _, when := range []string{"in time", "too late"} {
		l := laneOf(6)
		if l.follow(7, 1, 2) != nil {
			t.Fatal("a request follows none")
		}
		f := l.take(7, 1, 3)
		next := l.follow(7, 1, 2)
		if f.from != 40 || next.batch.Sequence != 3 || len(next.entries) != 2 {
			t.Fatalf("%s: sent from %d, followed by %d messages with sequence %d", when, f.from, len(next.entries), next.batch.Sequence)
		}
		if l.follow(7, 1, 2) != nil || l.take(7, 1, 2) != nil {
			t.Fatalf("%s: a third request is made", when)
		}
		if when == "in time" {
			f.offer(next)
			if f.passOn(43) != next {
				t.Fatal("the sender does not go on")
			}
		} else {
			if f.passOn(43) != nil {
				t.Fatal("the sender goes on with nothing")
			}
			f.offer(next)
		}
		stored, unsent := l.done(43)
		if len(stored.all) != 3 || (unsent == next) != (when == "too late") || l.flight != next || next.from != 43 || l.acked != 43 {
			t.Errorf("%s: %d are stored, unsent %v, from %d", when, len(stored.all), unsent == next, next.from)
		}
		if next.passOn(45) != nil {
			t.Errorf("%s: something follows the last", when)
		}
		if stored, unsent = l.done(45); len(stored.all) != 2 || unsent != nil || l.flight != nil || l.seq != 5 {
			t.Errorf("%s: at the end %d are stored, sequence %d", when, len(stored.all), l.seq)
		}
	}
}

// TestSplitFollowed takes back a request that is too large together with the one that follows it: order and sequence
// are as if neither had been made.
func TestSplitFollowed(t *testing.T) {
	l := laneOf(9)
	bytes := l.bytes
	f := l.take(7, 1, 4)
	next, ahead := l.follow(7, 1, 2), &fakePrepared{}
	next.ahead = ahead
	f.offer(next)
	if !l.split(f) || !ahead.dropped || l.bytes != bytes || l.limit != 20 {
		t.Fatalf("%d bytes wait where %d did, limit %d", l.bytes, bytes, l.limit)
	}
	f = l.take(7, 1, 9)
	if f.batch.Sequence != 0 || string(f.all[0].Value) != "         0" {
		t.Errorf("sequence %d begins with %q", f.batch.Sequence, f.all[0].Value)
	}
	l.done(41)
	for i := len(f.entries); i < 9; {
		f = l.take(7, 1, 9)
		if got := string(f.all[0].Value); got != fmt.Sprintf("%10d", i) || f.batch.Sequence != int32(i) {
			t.Fatalf("%q with sequence %d where record %d comes", got, f.batch.Sequence, i)
		}
		i += len(f.entries)
		l.done(l.acked + 1)
	}
}

// counted pushes messages that bear their number.
type counted struct {
	*lane
	pushed uint64
}

func (c *counted) fill(n int) {
	for range n {
		c.push(Message{Value: binary.AppendUvarint(nil, c.pushed)}, entry{token: c.pushed})
		c.pushed++
	}
}

func (f *flight) begins(n uint64) bool {
	for i := range f.all {
		if got, _ := binary.Uvarint(f.all[i].Value); got != n+uint64(i) || f.entries[i].token != n+uint64(i) {
			return false
		}
	}
	return true
}

// TestFlyingIsNotWrittenOver: a queue that needs more room twice while a request flies leaves its messages alone.
func TestFlyingIsNotWrittenOver(t *testing.T) {
	l := counted{lane: &lane{limit: 1 << 20}}
	l.fill(1000)
	l.take(7, 1, 600)
	second := l.follow(7, 1, 300)
	l.flight.offer(second)
	more := func() { l.fill(cap(l.queue) - len(l.queue) + 1) }
	more()
	l.done(600)
	third := l.follow(7, 1, 200)
	more()
	more()
	if !second.begins(600) || !third.begins(900) || len(l.queue)-l.head != int(l.pushed)-1100 {
		t.Errorf("%d of %d wait, the second holds %d messages, the third %d", len(l.queue)-l.head, l.pushed, len(second.all), len(third.all))
	}
}

// TestLaneUsesItsMemoryAgain: a lane that is busy without end needs no more than two sets of slots.
func TestLaneUsesItsMemoryAgain(t *testing.T) {
	l := counted{lane: &lane{limit: 1 << 20}}
	l.fill(100)
	seen := map[*Message]bool{}
	for i := range 1000 {
		f := l.take(7, 1, 20)
		if f == nil {
			f = l.flight
		}
		if next := l.follow(7, 1, 20); !f.begins(uint64(20*i)) || !next.begins(uint64(20*i+20)) {
			t.Fatalf("round %d sends other messages", i)
		}
		f.offer(l.ready)
		l.fill(20)
		if l.done(0); i >= 100 {
			seen[&l.queue[:1][0]] = true
		}
	}
	if len(seen) > 2 {
		t.Errorf("%d sets of slots", len(seen))
	}
}

// TestDoubtGivesUpWhatIsPrepared: the request behind one in doubt is sent like any other, after it.
func TestDoubtGivesUpWhatIsPrepared(t *testing.T) {
	sink := &fakeSink{logs: map[Partition]*fakeLog{}}
	l := laneOf(4)
	l.acked = 0
	f := l.take(7, 0, 2)
	next, ahead := l.follow(7, 0, 2), &fakePrepared{}
	next.ahead = ahead
	f.offer(next)
	first := true
	sink.hook = func(context.Context, Partition, *Batch) error {
		if first {
			first = false
			return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
		}
		if !ahead.dropped {
			t.Error("what was prepared is still there when the doubtful one is sent again")
		}
		return nil
	}
	end, err := send(t.Context(), sink, nil, f, nil)
	if err != nil || end != 2 || f.passOn(end) != next || next.ahead != nil || !f.resent {
		t.Fatalf("ends at %d, %v", end, err)
	}
	if end, err = send(t.Context(), sink, nil, next, nil); err != nil || end != 4 {
		t.Fatalf("the next ends at %d, %v", end, err)
	}
}

// TestPreparedIsProducedOnce, and what is sent again is sent anew.
func TestPreparedIsProducedOnce(t *testing.T) {
	sink := &fakeSink{logs: map[Partition]*fakeLog{}}
	l := laneOf(2)
	l.acked = 0
	f := l.take(7, 0, 2)
	produced := 0
	f.ahead = &fakePrepared{produce: func(context.Context) (int64, error) {
		produced++
		return 0, &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
	}}
	if end, err := send(t.Context(), sink, nil, f, nil); err != nil || end != 2 || produced != 1 {
		t.Fatalf("ends at %d, %v, after %d", end, err, produced)
	}
}
