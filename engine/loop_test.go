package engine

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sluice/engine/cdc"
)

// spinning is how long a test may take by the clock on the wall. A loop that spins stops the clock of the bubble.
const spinning = 3 * time.Minute

// inBubble runs the test with a clock of its own; what is still running at its end fails it. That clock goes on when all
// else waits: a sleep in there takes no time, and what it waits for is done up to that time to the last step.
func inBubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	wall := time.AfterFunc(spinning, func() { panic("the clock stands still: the loop spins") })
	defer wall.Stop()
	synctest.Test(t, f)
}

func TestPhases(t *testing.T) {
	t.Parallel()
	for _, phases := range []string{"s", "f", "i", "sf", "si", "fi", "sfi"} {
		t.Run(phases, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 3, phases)
				for i := range 3 {
					g.src.fill(i, 5000*i)
				}
				g.src.write(0, 1, 2, 3)
				since := len(g.src.txs)
				writing, quiet := context.WithCancel(t.Context())
				done := g.writer(writing, 3*time.Millisecond)
				ended := g.run(t.Context(), Control{UntilCaughtUp: true})
				g.finish(ended)
				quiet()
				<-done
				g.exact(since, g.reached())
				creates, inits := 0, 0
				for _, r := range g.sink.records() {
					if r.op == cdc.DDL.String() {
						creates++
					}
					if r.op == cdc.Init.String() {
						inits++
					}
				}
				if g.deps.Spec.Schema && creates != 3 || !g.deps.Spec.Schema && creates > 0 {
					t.Errorf("%d CREATE TABLE records", creates)
				}
				if g.deps.Spec.Full != (inits > 0) || g.last().Counts.Copied != int64(inits) {
					t.Errorf("%d rows of a full copy, progress says %d", inits, g.last().Counts.Copied)
				}
				if g.deps.Spec.Incremental != slices.ContainsFunc(g.progress, func(p Progress) bool { return p.Phase == PhaseIncremental }) {
					t.Error("the incremental phase was shown and is not, or the other way round")
				}
			})
		})
	}
}

// TestEndWhileRunning ends a task at the source's position of that moment, whatever comes later.
func TestEndWhileRunning(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 2, "fi")
		g.src.fill(0, 3000)
		writing, quiet := context.WithCancel(t.Context())
		done := g.writer(writing, time.Millisecond)
		end := make(chan struct{})
		ended := g.run(t.Context(), Control{End: end})
		time.Sleep(7 * time.Second)
		asked := g.src.count()
		close(end)
		g.finish(ended)
		quiet()
		<-done
		if n := g.reached(); n < asked || n > asked+1000 {
			t.Errorf("ended after transaction %d, asked at %d", n, asked)
		}
		g.exact(0, g.reached())
	})
}

// TestEndWhenStopped ends a stopped task where the source stands now.
func TestEndWhenStopped(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{time.Millisecond, 40 * time.Millisecond, 5 * time.Second} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 2, "sfi")
				g.src.fill(0, 9000)
				g.src.write(1, 1)
				stopAfter(t, g, after)
				for i := range int64(500) {
					g.src.write(1, i, i+1)
				}
				end := make(chan struct{})
				close(end)
				g.finish(g.run(t.Context(), Control{End: end}))
				if g.reached() != len(g.src.txs) {
					t.Errorf("ended after transaction %d of %d", g.reached(), len(g.src.txs))
				}
				g.exact(0, len(g.src.txs))
			})
		})
	}
}

// stopAfter runs the task for a while and stops it.
func stopAfter(t *testing.T, g *rig, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	ended := g.run(ctx, Control{})
	time.Sleep(d)
	asked := time.Now()
	cancel(ErrStopped)
	if err := <-ended; !errors.Is(err, ErrStopped) {
		t.Fatalf("stopping gave %v", err)
	}
	if took := time.Since(asked); took > 10*time.Millisecond {
		t.Errorf("stopping took %s", took)
	}
	if source, sink, views := g.src.calls.Load(), g.sink.calls.Load(), g.src.open(); source+sink > 0 || views > 0 {
		t.Errorf("after the end %d questions, %d requests and %d views are open", source, sink, views)
	}
}

// TestStopAtAnyMoment stops a task again and again, in each phase, and goes on with it (I7).
func TestStopAtAnyMoment(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 3, "sfi")
		g.src.fill(0, 4000)
		g.src.fill(1, 10)
		g.src.hook = func(ctx context.Context, what string) error { return sleep(ctx, 200*time.Microsecond) }
		g.sink.pause = 3 * time.Millisecond
		writing, quiet := context.WithCancel(t.Context())
		done := g.writer(writing, 5*time.Millisecond)
		for i := range 60 {
			stopAfter(t, g, time.Duration(i)*2*time.Millisecond+time.Duration(i%7)*100*time.Microsecond)
		}
		quiet()
		<-done
		g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
		g.exact(0, len(g.src.txs))
	})
}

// TestStopWhileWaiting stops a task that waits for an answer that never comes.
func TestStopWhileWaiting(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"server", "start", "view", "lock", "rows", "executed", "end", "stream", "read", "produce"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 1, "sfi")
				g.src.fill(0, 100)
				hang := func(ctx context.Context) error { <-ctx.Done(); return context.Cause(ctx) }
				g.src.hook = func(ctx context.Context, asked string) error {
					if asked == what {
						return hang(ctx)
					}
					return nil
				}
				if what == "produce" {
					g.sink.hook = func(ctx context.Context, _ Partition, _ *Batch) error {
						return &ProduceFailure{Kind: ProduceDoubt, Err: hang(ctx)}
					}
				}
				stopAfter(t, g, 30*time.Second)
				g.src.hook, g.sink.hook = nil, nil
				g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
				g.exact(0, 0)
			})
		})
	}
}
