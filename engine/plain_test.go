package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"sluice/engine/cdc"
)

// plainRig is a task into a target without producers, with a writer at the source.
func plainRig(t *testing.T) *rig {
	g := newRig(t, 2, "sfi")
	g.sink.plain, g.sink.count = true, 3
	g.src.fill(0, 3000)
	return g
}

// runs takes the task through n runs that are stopped, and one to the end.
func (g *rig) runs(n int, before func(i int)) {
	g.t.Helper()
	writing, quiet := context.WithCancel(g.t.Context())
	done := g.writer(writing, 20*time.Millisecond)
	for i := range n {
		before(i)
		stopAfter(g.t, g, 20*time.Second)
	}
	before(n)
	g.finish(g.run(g.t.Context(), Control{UntilCaughtUp: true}))
	quiet()
	<-done
}

// TestPlain loses answers, writes requests late but within the wait, and stops the task now and then: every record
// stands once.
func TestPlain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := plainRig(t)
		rng := rand.New(rand.NewPCG(1, 2))
		g.sink.lose = func() bool { return rng.IntN(40) == 0 }
		g.sink.late = func(*Batch) time.Duration {
			if rng.IntN(40) > 0 {
				return 0
			}
			return time.Duration(rng.Int64N(int64(g.sink.Parked())))
		}
		g.runs(3, func(int) {})
		g.exact(0, g.reached())
		p := g.last()
		if !p.Plain || p.Doubles.Found != 0 || p.Doubles.Resent != 0 {
			t.Errorf("progress says %v %+v", p.Plain, p.Doubles)
		}
	})
}

// TestPlainResends loses requests: what is missing behind the marker is sent again, and no more.
func TestPlainResends(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := plainRig(t)
		rng := rand.New(rand.NewPCG(3, 4))
		lost := int64(0)
		g.sink.hook = func(_ context.Context, _ Partition, b *Batch) error {
			if rng.IntN(30) > 0 {
				return nil
			}
			if r := parseSim(string(b.Messages[0].Value)); r.op != "HEARTBEAT" {
				lost += int64(len(b.Messages))
			}
			return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
		}
		g.runs(0, func(int) {})
		g.exact(0, g.reached())
		// Of fences, which are heartbeats, some were sent again too.
		if d := g.last().Doubles; lost == 0 || d.Found != 0 || d.Resent < lost || d.Resent > lost+3*2 {
			t.Errorf("%d records of lost requests, progress says %+v", lost, d)
		}
	})
}

// TestPlainCountsWhatFailed refuses records until runs end by it: what they sent again counts too, as it may be written
// late.
func TestPlainCountsWhatFailed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := plainRig(t)
		back := time.Now().Add(patience + time.Minute)
		var mu sync.Mutex
		lost := int64(0)
		g.sink.hook = func(_ context.Context, _ Partition, b *Batch) error {
			if r := parseSim(string(b.Messages[0].Value)); r.op == "HEARTBEAT" || time.Now().After(back) {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			lost += int64(len(b.Messages))
			return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
		}
		g.runs(0, func(int) {})
		g.exact(0, g.reached())
		// The first attempt of each request is not one again.
		if d := g.last().Doubles; lost == 0 || d.Found != 0 || d.Resent < lost*3/4 {
			t.Errorf("%d records of lost requests, progress says %+v", lost, d)
		}
	})
}

// TestPlainCountsWhatAStopLeaves stops the task while records are sent again: it counts, although their flight comes
// to no end.
func TestPlainCountsWhatAStopLeaves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := plainRig(t)
		ctx, stop := context.WithCancelCause(t.Context())
		var mu sync.Mutex
		first := map[Partition]int{}
		again := int64(0)
		g.sink.hook = func(ctx context.Context, p Partition, b *Batch) error {
			if r := parseSim(string(b.Messages[0].Value)); r.op != cdc.Init.String() {
				return nil
			}
			mu.Lock()
			defer mu.Unlock()
			if first[p] == 0 {
				first[p] = len(b.Messages)
			} else {
				again += int64(len(b.Messages))
				stop(ErrStopped)
				<-ctx.Done()
			}
			return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
		}
		if err := <-g.run(ctx, Control{}); !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
		if d := g.store.saved.Doubles; again == 0 || d.Resent < again {
			t.Errorf("%d records were sent again, %+v is stored", again, d)
		}
	})
}

// TestPlainCountsWhatItCannotExclude lets a request be written later than it was waited for. Between the marker and
// the resend the double is found; after that it is only known that there may be one.
func TestPlainCountsWhatItCannotExclude(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		late  time.Duration // beyond the wait
		found bool
	}{"before the resend": {1500 * time.Microsecond, true}, "after it": {2 * time.Second, false}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := plainRig(t)
				var records int64
				g.sink.late = func(b *Batch) time.Duration {
					if records > 0 || len(b.Messages) < 5 {
						return 0
					}
					records = int64(len(b.Messages))
					return g.sink.Parked() + c.late
				}
				g.runs(1, func(int) {})
				twice := int64(0)
				seen := map[string]bool{}
				for _, r := range g.sink.records() {
					if seen[r.id] {
						twice++
					}
					seen[r.id] = true
				}
				d := g.last().Doubles
				if twice != records || d.Resent != records || c.found && d.Found != records {
					t.Errorf("%d records were written late, %d stand twice, progress says %+v", records, twice, d)
				}
				told := 0
				for _, n := range g.notices {
					if n.Code == "target.doubles" || n.Code == "target.resent" {
						told++
					}
				}
				if told == 0 {
					t.Error("nobody was told")
				}
			})
		})
	}
}

// TestTierChanges gives and takes the producers between runs.
func TestTierChanges(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := plainRig(t)
		rng := rand.New(rand.NewPCG(5, 6))
		g.sink.lose = func() bool { return rng.IntN(30) == 0 }
		var waited []bool
		g.runs(4, func(i int) {
			g.sink.plain = i%2 == 0
			waited = append(waited, g.store.saved != nil && g.store.saved.Plain)
		})
		g.exact(0, g.reached())
		if s := g.store.saved; s.Epoch != 5 || !s.Plain || waited[0] || !waited[1] {
			t.Errorf("epoch %d, plain %v, %v", s.Epoch, s.Plain, waited)
		}
	})
}

// TestSucceed: a producer is kept as long as it can fence; where it can't, what came before is waited for.
func TestSucceed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		saved Saved
		fresh int64
		want  int64
		wait  bool
	}{
		{Saved{}, 0, 0, false},
		{Saved{}, NoProducer, NoProducer, false},
		{Saved{Producer: 0, Epoch: 1}, 5, 0, false}, // 0 is an id like any other
		{Saved{Producer: 4, Epoch: 1<<15 - 1}, 5, 5, true},
		{Saved{Producer: 4, Epoch: 9}, NoProducer, NoProducer, true},
		{Saved{Producer: NoProducer, Epoch: 9}, NoProducer, NoProducer, true},
		{Saved{Producer: NoProducer, Epoch: 9}, 5, 5, true},
	} {
		if id, wait := succeed(&c.saved, c.fresh); id != c.want || wait != c.wait {
			t.Errorf("after %d/%d the target gives %d: %d, wait %v", c.saved.Producer, c.saved.Epoch, c.fresh, id, wait)
		}
	}
}
