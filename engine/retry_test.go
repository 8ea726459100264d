package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sluice/engine/task"
)

var errPassing = &task.Error{Code: "source.connection_lost", Text: "the connection was lost", Retry: true}

// TestRetry lets each part of the source and the target fail for a while with an error that passes.
func TestRetry(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"server", "start", "view", "lock", "rows", "executed", "end", "stream", "read", "produce", "expired"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 2, "sfi")
				g.src.fill(0, 5000)
				var tries atomic.Int64
				back := time.Now().Add(20 * time.Second)
				failing := func() bool {
					if time.Now().After(back) {
						return false
					}
					tries.Add(1)
					return true
				}
				g.src.hook = func(_ context.Context, asked string) error {
					if asked == what && failing() {
						return errPassing
					}
					return nil
				}
				g.sink.hook = func(_ context.Context, _ Partition, b *Batch) error {
					switch {
					case what == "produce" && failing():
						return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
					case what == "expired" && b.Sequence > 0 && failing():
						return &ProduceFailure{Kind: ProduceExpired, Err: errors.New("forgotten")}
					}
					return nil
				}
				writing, quiet := context.WithCancel(t.Context())
				done := g.writer(writing, 100*time.Millisecond)
				g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
				quiet()
				<-done
				g.exact(0, g.reached())
				if n := tries.Load(); n < 5 || n > 45 {
					t.Errorf("tried %d times in 20 seconds", n)
				}
				if took := time.Since(back); took > 40*time.Second {
					t.Errorf("it took %s after the failure had passed", took)
				}
			})
		})
	}
}

// TestRetryTells checks what a person sees of it, and that the pause grows from one second to thirty.
func TestRetryTells(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 1, "i")
		g.src.hook = func(_ context.Context, asked string) error {
			if asked == "stream" {
				return errPassing
			}
			return nil
		}
		stopAfter(t, g, 5*time.Minute)
		var gaps []time.Duration
		for i, n := range g.notices {
			if n.Code != "task.retry" || len(n.Params) != 2 || n.Params[0] != errPassing.Error() {
				t.Errorf("notice %v", n)
			}
			if n.Retry == nil || task.Code(n.Retry.Err) != errPassing.Code || n.Retry.Tries != i+1 || n.Retry.Pause.String() != n.Params[1] {
				t.Errorf("notice %d tells of %+v", i, n.Retry)
			}
			if i > 0 {
				gaps = append(gaps, g.told[i].Sub(g.told[i-1]).Round(time.Second))
			}
		}
		want := []time.Duration{1, 2, 4, 8, 16, 30, 30}
		for i, w := range want {
			if len(gaps) < len(want) || gaps[i] != w*time.Second {
				t.Fatalf("pauses %v", gaps)
			}
		}
	})
}

// TestRetryAfterWork: a line that breaks every twenty seconds costs a second each time, however often.
func TestRetryAfterWork(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 1, "i")
		broken := time.Now()
		g.src.hook = func(_ context.Context, asked string) error {
			if asked == "read" && time.Since(broken) > 20*time.Second {
				broken = time.Now()
				return errPassing
			}
			return nil
		}
		writing, quiet := context.WithCancel(t.Context())
		done := g.writer(writing, 100*time.Millisecond)
		stopAfter(t, g, 5*time.Minute)
		quiet()
		<-done
		if len(g.notices) < 10 {
			t.Errorf("%d notices", len(g.notices))
		}
		for i, n := range g.notices {
			if n.Retry.Pause != time.Second || n.Retry.Tries != 1 {
				t.Errorf("notice %d: pause %s, try %d", i, n.Retry.Pause, n.Retry.Tries)
			}
		}
	})
}

// TestTopicAppears: a broker that was just started does not know its topics. A topic that stays away stops the task.
func TestTopicAppears(t *testing.T) {
	t.Parallel()
	for _, away := range []time.Duration{10 * time.Second, time.Hour} {
		inBubble(t, func(t *testing.T) {
			g := newRig(t, 1, "i")
			back := time.Now().Add(away)
			g.sink.hook = func(context.Context, Partition, *Batch) error {
				if time.Now().Before(back) {
					return &ProduceFailure{Kind: ProduceRefused, Err: &task.Error{Code: "target.topic_absent", Text: "no such topic", Hint: "Create it."}}
				}
				return nil
			}
			began := time.Now()
			err := <-g.run(t.Context(), Control{UntilCaughtUp: true})
			if away == time.Hour {
				if took := time.Since(began).Round(time.Second); task.Code(err) != "target.topic_absent" || took != 31*time.Second {
					t.Errorf("%v after %s", err, took)
				}
			} else if err != nil || len(g.notices) < 3 {
				t.Errorf("%v, %d notices", err, len(g.notices))
			}
		})
	}
}

// TestSendTells: a request that the target does not take is told after a moment, and the progress shows it until it is
// taken, while the run goes on by itself.
func TestSendTells(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 1, "fi")
		g.src.fill(0, 100)
		var from, back time.Time
		g.sink.hook = func(_ context.Context, _ Partition, b *Batch) error {
			if b.Sequence == 0 { // the fence
				return nil
			}
			if from.IsZero() {
				from, back = time.Now(), time.Now().Add(30*time.Second)
			}
			if time.Now().Before(back) {
				return &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
			}
			return nil
		}
		g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
		if len(g.notices) != 1 || g.notices[0].Code != "task.retry" || task.Code(g.notices[0].Retry.Err) != errPassing.Code {
			t.Fatalf("notices %+v", g.notices)
		}
		if after := g.told[0].Sub(from); after < tellAfter || after > tellAfter+3*time.Second {
			t.Errorf("told after %s", after)
		}
		trying := 0
		for _, p := range g.progress {
			if p.Trying != nil {
				trying++
			}
		}
		if trying < 20 || g.last().Trying != nil {
			t.Errorf("%d of %d progresses show it, the last: %v", trying, len(g.progress), g.last().Trying)
		}
	})
}

// TestFatal stops with the error that a person must act on, and keeps what was reached.
func TestFatal(t *testing.T) {
	t.Parallel()
	refused := &task.Error{Code: "source.access_denied", Text: "the server refused the account"}
	for _, what := range []string{"server", "start", "view", "lock", "rows", "executed", "end", "stream", "read", "produce", "fenced", "note"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T) {
				g := newRig(t, 1, "sfi")
				g.src.fill(0, 5000)
				want := "source.access_denied"
				g.src.hook = func(_ context.Context, asked string) error {
					if asked == what {
						return refused
					}
					return nil
				}
				g.sink.hook = func(context.Context, Partition, *Batch) error {
					switch what {
					case "produce":
						return &ProduceFailure{Kind: ProduceRefused, Err: refused}
					case "fenced":
						return &ProduceFailure{Kind: ProduceFenced, Err: errors.New("fenced")}
					}
					return nil
				}
				if what == "fenced" {
					want = "target.fenced"
				}
				ended := g.run(t.Context(), Control{})
				if what == "note" {
					time.Sleep(10 * time.Second)
					g.store.mu.Lock()
					g.store.fail = refused
					g.store.mu.Unlock()
					g.src.write(0, 1)
				}
				if err := <-ended; task.Code(err) != want {
					t.Fatalf("ended with %v", err)
				}
				for _, n := range g.notices {
					if n.Code == "task.retry" {
						t.Errorf("tried again: %v", n)
					}
				}
			})
		})
	}
}

// TestLostAnswers loses answers to requests that were written: the broker no longer knows their sequence, so the log
// is asked (I3). Where requests are small, most are ready before the one in front of them is answered.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]int{"large requests": 0, "small requests": 3000} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lostAnswers(t, limit)
		})
	}
}

func lostAnswers(t *testing.T, limit int) {
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 2, "sfi")
		g.sink.limit, g.sink.told = limit, limit
		g.src.fill(0, 5000)
		answers, lost := 0, 0
		g.sink.lose = func() bool {
			if answers++; answers%3 == 0 {
				lost++
				return true
			}
			return false
		}
		writing, quiet := context.WithCancel(t.Context())
		done := g.writer(writing, 10*time.Millisecond)
		end := make(chan struct{})
		ended := g.run(t.Context(), Control{End: end})
		time.Sleep(10 * time.Second)
		close(end)
		g.finish(ended)
		quiet()
		<-done
		g.exact(0, g.reached())
		if lost < 10 || len(g.notices) > 0 {
			t.Errorf("%d answers were lost, notices %v", lost, g.notices)
		}
	})
}

// TestInvisible reads no chunk before a view shows all that was received, says why, and goes on by itself.
func TestInvisible(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		g := newRig(t, 1, "fi")
		g.src.fill(0, 10)
		g.src.write(0, 1)
		began := time.Now()
		g.src.hidden.Store(1)
		time.AfterFunc(20*time.Minute, func() { g.src.hidden.Store(0) })
		g.finish(g.run(t.Context(), Control{UntilCaughtUp: true}))
		g.exact(0, 1)
		if took := time.Since(began); took < 20*time.Minute || took > 25*time.Minute {
			t.Errorf("it took %s", took)
		}
		if len(g.notices) == 0 || !strings.Contains(g.notices[0].Params[0], "source.invisible") {
			t.Errorf("notices %v", g.notices)
		}
	})
}
