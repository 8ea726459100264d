package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"sluice/engine/task"
)

// breaking lets the line to the source break at the next question of a kind that it is told of.
func (g *rig) breaking() (at func(what string)) {
	var due atomic.Pointer[string]
	g.src.hook = func(_ context.Context, asked string) error {
		if what := due.Load(); what != nil && *what == asked {
			due.Store(nil)
			return errPassing
		}
		return nil
	}
	return func(what string) { due.Store(&what) }
}

// age lets the target delete all that it holds, and somebody else write before that: what it was nobody knows.
func (k *fakeSink) age() {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.logs {
		l.write(&Batch{Messages: []Message{{Value: []byte("foreign")}}})
		l.start = len(l.log)
	}
}

// TestRepeatsAreAcceptedOnce: what a person accepts holds for what was deleted by then, also where the task has to begin
// anew before it has noted anything. Where more is deleted later, a person is asked again.
func TestRepeatsAreAcceptedOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 1, "i")
		interrupt := g.breaking()
		stopAfter(t, g, 5*time.Second)
		g.sink.age()
		if err := <-g.run(t.Context(), Control{}); task.Code(err) != "target.expired" {
			t.Fatalf("without leave it ends with %v", err)
		}
		yes := true
		ctx, stop := context.WithCancelCause(t.Context())
		interrupt("stream") // nothing is noted before
		ended := g.run(ctx, Control{AcceptRepeats: &yes})
		g.src.write(0, 1)
		time.Sleep(10 * time.Second)
		if len(ended) > 0 {
			t.Fatalf("with leave it ends with %v", <-ended)
		}
		if yes {
			t.Error("the leave is not used up")
		}
		if len(g.notices) != 1 || g.notices[0].Code != "task.retry" {
			t.Errorf("notices %v", g.notices)
		}
		g.sink.age()
		interrupt("read")
		g.src.write(0, 2)
		time.Sleep(10 * time.Second)
		stop(ErrStopped)
		if err := <-ended; task.Code(err) != "target.expired" {
			t.Errorf("where more was deleted it ends with %v", err)
		}
	})
}

// TestAddedPartitionsAreToldOnce: each number of partitions once, however often the task begins anew.
func TestAddedPartitionsAreToldOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 1, "i")
		interrupt := g.breaking()
		ctx, stop := context.WithCancelCause(t.Context())
		ended := g.run(ctx, Control{})
		for i, count := range []int{1, 2, 2, 3, 3} {
			time.Sleep(10 * time.Second)
			g.sink.count = count
			interrupt("read")
			g.src.write(0, int64(i+1))
		}
		time.Sleep(10 * time.Second)
		stop(ErrStopped)
		if err := <-ended; !errors.Is(err, ErrStopped) {
			t.Fatal(err)
		}
		var told []string
		retries := 0
		for _, n := range g.notices {
			if n.Code == "target.partitions_added" {
				told = append(told, n.Params[1]+" to "+n.Params[2])
			} else {
				retries++
			}
		}
		if retries != 5 || len(told) != 2 || told[0] != "1 to 2" || told[1] != "1 to 3" {
			t.Errorf("after %d retries it was told of %v", retries, told)
		}
	})
}
