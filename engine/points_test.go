package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sluice/engine/task"
)

// TestTopicLimit sends requests that the topic takes, whether or not its limit could be read, and says which record
// is larger than that.
func TestTopicLimit(t *testing.T) {
	t.Parallel()
	for name, told := range map[string]int{"read": 3000, "not read": 0, "changed since": 1 << 20} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 2, "fi")
				g.sink.limit, g.sink.told = 3000, told
				g.src.fill(0, 3000)
				var refused atomic.Int64
				g.sink.set(func(_ context.Context, _ Partition, b *Batch) error {
					size := 0
					for _, m := range b.Messages {
						size += len(m.Key) + len(m.Value) + 12
					}
					if size > 2900 {
						refused.Add(1)
					}
					return nil
				})
				g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
				g.exact(0, 0)
				if n := refused.Load(); (n > 0) == (name == "read") || n > 20 {
					t.Errorf("%d requests were too large", n)
				}
			})
		})
	}
	t.Run("one record", func(t *testing.T) {
		t.Parallel()
		inBubble(t, func(t *testing.T) {
			g := newRig(t, 2, "fi")
			g.src.fill(0, 30)
			g.sink.set(func(_ context.Context, _ Partition, b *Batch) error {
				if slices.ContainsFunc(b.Messages, func(m Message) bool { return string(m.Key) == "s.t0:7" }) {
					return g.sink.tooLarge()
				}
				return nil
			})
			err := <-g.run(t.Context(), Control{})
			if task.Code(err) != tooLarge || task.Retryable(err) {
				t.Fatalf("ended with %v", err)
			}
			var e *task.Error
			errors.As(err, &e)
			if !strings.Contains(e.Text, `"s.t0:7"`) || !strings.Contains(e.Hint, "topic t ") {
				t.Errorf("%s / %s", e.Text, e.Hint)
			}
			if n := len(g.sink.records()); n != 6 {
				t.Errorf("%d records stand before the one that is too large", n)
			}
			g.sink.set(nil) // the topic takes it now
			g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
			g.exact(0, 0)
		})
	})
}

// TestLowerNames selects tables by names that the server does not keep as they are written.
func TestLowerNames(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 2, "sfi")
		g.src.lower = true
		g.deps.Spec.Tables[0] = task.Table{Schema: "S", Name: "T0"}
		g.src.fill(0, 100)
		end := make(chan struct{})
		ended := g.run(t.Context(), Control{End: end})
		time.Sleep(3 * time.Second)
		g.src.write(0, 1, 2, 200)
		close(end)
		g.finish(ended)
		g.exact(0, 1)
		if g.deps.Spec.Tables[0].Name != "T0" {
			t.Error("the specification was changed")
		}
	})
}

// TestFaultPoints reaches every named point, so that the exactness test kills the process there.
func TestFaultPoints(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		var mu sync.Mutex
		seen := map[string]int{}
		g := newRig(t, 2, "sfi")
		g.src.fill(0, 50)
		g.deps.Fault = func(point string) {
			mu.Lock()
			defer mu.Unlock()
			seen[point]++
		}
		// The target answers late, so that changes queue behind the rows of a chunk.
		g.sink.pause = 100 * time.Millisecond
		writing, quiet := context.WithCancel(t.Context())
		done := g.writer(writing, 2*time.Millisecond)
		g.src.let(func(ctx context.Context, what string) error {
			if what == "rows" {
				return sleep(ctx, 50*time.Millisecond)
			}
			return nil
		})
		stopAfter(t, g, 10*time.Second)
		g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
		quiet()
		<-done
		g.exact(0, g.reached())
		for _, p := range []string{"begun", "fenced", "scanning", "reading", "read", "sealing", "sealed", "row", "queued", "handing", "sent", "acked", "noted"} {
			if seen[p] == 0 {
				t.Errorf("%s was not reached", p)
			}
			delete(seen, p)
		}
		if len(seen) > 0 {
			t.Errorf("points that this test does not know: %v", seen)
		}
	})
}

// The identity of a record of the stream names its transaction, in both flavors, whole or a half of an update.
func TestTransactionOf(t *testing.T) {
	t.Parallel()
	r := &router{cfg: config{prefix: "0123456789abcdef/1/"}}
	for _, tid := range []string{"3e11fa47-71ca-11e1-9e33-c80aa9429562:5", "3e11fa47-71ca-11e1-9e33-c80aa9429562:tag:5", "0-1-5"} {
		for _, id := range [][]byte{r.streamIdentity('s', tid, 7, 0), r.streamIdentity('s', tid, 7, 'd'), r.streamIdentity('d', tid, 0, 0)} {
			if got := TransactionOf(string(id)); got != tid {
				t.Errorf("%s is of %q, want %q", id, got, tid)
			}
		}
	}
	for _, id := range []string{"", "x", "0123456789abcdef/1/c3/17", "0123456789abcdef/1/d0/shop.orders", "0123456789abcdef/1/d0/shop.a/s/b:1", "0123456789abcdef/1/f/2.0", "a/1/s/"} {
		if got := TransactionOf(id); got != "" {
			t.Errorf("%q is said to be of transaction %q", id, got)
		}
	}
}

// TestDoneTogether stores that chunks are DONE with the notes, and at the end of the copy, and not for each: it costs a sync.
func TestDoneTogether(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		const tables = 100
		g := newRig(t, tables, "f")
		for i := range tables {
			g.src.fill(i, 2500) // two chunks each, but for those that are read on
		}
		began := time.Now()
		g.finish(g.run(t.Context(), Control{}))
		g.exact(0, 0)
		if n, most := len(g.store.done), int(time.Since(began)/noteEvery)+2*tables/doneAtOnce+2; n > most {
			t.Errorf("%d times it was stored that chunks are DONE, in %s: %d at most were awaited", n, time.Since(began), most)
		}
		chunks := 0
		for _, n := range g.store.done {
			chunks += n
		}
		if chunks < tables || chunks > 2*tables {
			t.Errorf("%d chunks became DONE", chunks)
		}
	})
}
