package engine

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"sluice/engine/task"
)

// TestRate limits the changes of the incremental phase, not the full copy.
func TestRate(t *testing.T) {
	t.Parallel()
	for _, rate := range []int{10, 500} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 1, "fi")
				g.deps.Spec.Rate = rate
				g.src.fill(0, 20_000)
				began := time.Now()
				end := make(chan struct{})
				ended := g.run(t.Context(), Control{End: end})
				time.Sleep(5 * time.Second)
				if n := len(g.sink.records()); n != 20_000 {
					t.Errorf("%d rows of the full copy after %s", n, time.Since(began))
				}
				n := 20 * rate
				for i := range n {
					g.src.write(0, int64(i))
				}
				wrote := time.Now()
				close(end)
				g.finish(ended)
				if took := time.Since(wrote); took < 19*time.Second || took > 21*time.Second {
					t.Errorf("%d changes at %d a second took %s", n, rate, took)
				}
				g.exact(0, n)
				perSecond := map[int]int{}
				for _, l := range g.sink.logs {
					for _, at := range l.at {
						if !at.Before(wrote) {
							perSecond[int(at.Sub(wrote)/time.Second)]++
						}
					}
				}
				for s, k := range perSecond {
					if k > rate+rate/5+1 {
						t.Errorf("%d changes in second %d", k, s)
					}
				}
			})
		})
	}
}

// TestProgress follows what is told of a run.
func TestProgress(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 2, "sfi")
		g.src.fill(0, 30_000)
		g.src.fill(1, 500)
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := g.run(ctx, Control{})
		time.Sleep(20 * time.Second)
		p := g.last()
		if p.Phase != PhaseIncremental || p.Counts.Copied != 30_500 || p.Counts.Acked != 30_502 || p.ChunksLeft != 0 || p.ChunksDone < 2 || p.Bytes != 0 {
			t.Errorf("after the full copy: %+v", p)
		}
		if !p.Known || !p.NoDelay || p.Delay > noDelayProbe {
			t.Errorf("idle: delay %s, known %v, no delay %v", p.Delay, p.Known, p.NoDelay)
		}
		// The target stands still: the delay grows with the clock.
		still := time.Now().Add(15 * time.Second)
		g.sink.set(func(context.Context, Partition, *Batch) error {
			if time.Now().Before(still) {
				return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
			}
			return nil
		})
		g.src.write(0, 1, 2, 3)
		time.Sleep(10 * time.Second)
		if p := g.last(); !p.Known || p.NoDelay || p.Delay < 8*time.Second || p.Delay > 12*time.Second || p.Counts.Updates != 3 || p.Bytes == 0 {
			t.Errorf("behind: %+v", p)
		}
		time.Sleep(20 * time.Second)
		if p := g.last(); !p.NoDelay || p.Counts.Acked != 30_505 {
			t.Errorf("caught up: %+v", p)
		}
		// The source does not answer: the delay is not known.
		g.src.let(func(_ context.Context, asked string) error {
			if asked == "end" {
				return errPassing
			}
			return nil
		})
		time.Sleep(10 * time.Second)
		if p := g.last(); p.Known {
			t.Errorf("without an answer: %+v", p)
		}
		cancel(ErrStopped)
		<-ended
		checkOrder(t, g.progress)
	})
}

// checkOrder checks that phases and counts only go on.
func checkOrder(t *testing.T, all []Progress) {
	t.Helper()
	order := []Phase{PhasePrepare, PhaseSchema, PhaseFull, PhaseIncremental, PhaseFinished}
	for i := 1; i < len(all); i++ {
		a, b := all[i-1], all[i]
		if slices.Index(order, b.Phase) < slices.Index(order, a.Phase) || b.Counts.Acked < a.Counts.Acked || b.Position.Before(a.Position) || b.Low.Before(a.Low) || b.Position.Before(b.Low) {
			t.Errorf("progress went from %+v to %+v", a, b)
		}
	}
}

// TestWorkers reads as many chunks at once as was asked for.
func TestWorkers(t *testing.T) {
	t.Parallel()
	for asked, want := range map[int]int{0: task.DefaultWorkers, 1: 1, 5: 5} {
		t.Run(fmt.Sprint(asked), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 30, "f")
				g.deps.Spec.Workers = asked
				for i := range 30 {
					g.src.fill(i, 100)
				}
				g.src.hook = func(ctx context.Context, what string) error {
					if what == "rows" {
						return sleep(ctx, 50*time.Millisecond)
					}
					return nil
				}
				g.finish(g.run(t.Context(), Control{}))
				g.exact(0, 0)
				if g.src.most != want {
					t.Errorf("%d views at once", g.src.most)
				}
			})
		})
	}
}

// TestBusySource reads one chunk at a time while the source is busy, says so, and reads faster when it is no more.
func TestBusySource(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		load    Load
		threads int
		spared  bool
	}{
		"idle":       {Load{Running: 30, Behind: 10}, 0, false},
		"threads":    {Load{Running: 40}, 0, true},
		"replica":    {Load{Behind: 11}, 0, true},
		"own limit":  {Load{Running: 10}, 5, true},
		"never":      {Load{Running: 400, Behind: 99}, -1, false},
		"not spared": {Load{Running: 40}, 50, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				const tables, workers = 200, 4
				g := newRig(t, tables, "fi")
				g.deps.Spec.Workers, g.deps.Spec.SourceThreads = workers, c.threads
				for i := range tables {
					g.src.fill(i, 1)
				}
				g.src.load = c.load
				g.src.let(func(ctx context.Context, what string) error {
					if what == "rows" {
						time.Sleep(100 * time.Millisecond)
					}
					return nil
				})
				end := make(chan struct{})
				ended := g.run(t.Context(), Control{End: end})
				most := func() int { // from now on, for two seconds
					g.src.mu.Lock()
					g.src.most = 0
					g.src.mu.Unlock()
					time.Sleep(2 * time.Second)
					g.src.mu.Lock()
					defer g.src.mu.Unlock()
					return g.src.most
				}
				time.Sleep(500 * time.Millisecond) // the first look
				want, waiting := workers, ""
				if c.spared {
					want, waiting = 1, "snapshot.source_busy"
				}
				if n := most(); n != want || g.last().Waiting != waiting {
					t.Errorf("%d chunks at once, %q", n, g.last().Waiting)
				}
				g.src.mu.Lock()
				g.src.load = Load{}
				g.src.mu.Unlock()
				time.Sleep(1500 * time.Millisecond) // the next look
				if n := most(); n != workers && g.last().ChunksLeft > 0 || g.last().Waiting != "" {
					t.Errorf("%d chunks at once, %q, when it is no longer busy", n, g.last().Waiting)
				}
				close(end)
				g.finish(ended)
				g.exact(0, g.reached())
			})
		})
	}
}

// TestSilentLoad: a source that leaves the question for its load unanswered holds up nothing but that question.
func TestSilentLoad(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		const tables, workers = 100, 2
		g := newRig(t, tables, "fi")
		g.deps.Spec.Workers = workers
		for i := range tables {
			g.src.fill(i, 1)
		}
		g.src.load = Load{Running: 40}
		var asked atomic.Int64
		g.src.let(func(ctx context.Context, what string) error {
			switch what {
			case "rows":
				time.Sleep(time.Second)
			case "load":
				if asked.Add(1) == 2 {
					<-ctx.Done()
					return ctx.Err()
				}
			}
			return nil
		})
		end := make(chan struct{})
		ended := g.run(t.Context(), Control{End: end})
		time.Sleep(3500 * time.Millisecond)
		for range 20 { // twice as long as it takes for the delay not to be known any more
			time.Sleep(time.Second)
			if p := g.last(); !p.Known || p.Delay > 2*time.Second || p.Waiting != "snapshot.source_busy" {
				t.Fatalf("the delay is %s, known %v, waiting %q", p.Delay, p.Known, p.Waiting)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("%d questions", n)
		}
		close(end)
		g.finish(ended)
		g.exact(0, g.reached())
	})
}
