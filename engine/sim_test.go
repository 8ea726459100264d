package engine

import (
	"flag"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	simHistories = flag.Int("sim.histories", 2000, "random histories to play")
	simSeed      = flag.Uint64("sim.seed", 1, "first seed")
	simShrink    = flag.Bool("sim.shrink", true, "shrink a failing history and print its trace")
	simLike      = flag.String("sim.like", "", "only histories of these kinds: byFile (no GTID), rowLock, plain (no producer ids), mixed (changing), copies (of the data folder), unclean (logs lose their ends), ages (and their beginnings), failover (to a replica), xa, keyless (on MariaDB), crashes, deep, seldom, idle, ddl, follows (requests are ready before the one in flight is acknowledged)")
	simFor       = flag.Duration("sim.for", time.Hour, "time limit")
)

const simSteps = 160

// TestSimulation plays random histories of the real router, gate, windows, notes, lanes, fence and restart scan. A
// failing history is shrunk and its trace printed; its seed replays it.
func TestSimulation(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800))
	began := time.Now()
	var next, steps, ran atomic.Int64
	var mu sync.Mutex
	type failure struct {
		seed uint64
		msg  string
		used []uint16
	}
	var first *failure
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for time.Since(began) < *simFor {
				i := next.Add(1) - 1
				mu.Lock()
				over := i >= int64(*simHistories) || first != nil
				mu.Unlock()
				if over {
					return
				}
				seed := *simSeed + uint64(i)
				w := newWorld(simConfigOf(seed))
				w.random, w.rng = true, seed*7919
				msg := w.run(simSteps)
				steps.Add(int64(w.steps))
				ran.Add(1)
				if msg != "" {
					mu.Lock()
					if first == nil || seed < first.seed {
						first = &failure{seed, msg, w.used}
					}
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("%d histories, %d steps in %s", ran.Load(), steps.Load(), time.Since(began).Round(time.Millisecond))
	if first == nil {
		return
	}
	if !*simShrink {
		t.Fatalf("seed %d: %s", first.seed, first.msg)
	}
	c := simConfigOf(first.seed)
	choices, msg := shrink(c, first.used, first.msg)
	w := newWorld(c)
	w.choices, w.trace = choices, true
	w.run(1 << 20)
	for p := range w.b.parts {
		w.log = append(w.log, "log of partition:", strings.Join(w.b.parts[p].log, "\n      "))
	}
	t.Fatalf("seed %d: %s\nshrunk to %d choices: %s\n%+v\n  %s", first.seed, first.msg, len(choices), msg, c, strings.Join(w.log, "\n  "))
}

// simKind names what kind of failure a message tells, so that shrinking keeps to it.
func simKind(msg string) string {
	for _, k := range []string{"panic:", "wrong side", "doubled:", "INIT after", "no INIT", "where the ledger", "state before", "stuck", "lost", "columns"} {
		if strings.Contains(msg, k) {
			return k
		}
	}
	if i := strings.LastIndexByte(msg, '['); i >= 0 {
		return msg[i:]
	}
	return msg
}

// shrink removes choices while the history still fails in the same way.
func shrink(c simConfig, choices []uint16, msg string) ([]uint16, string) {
	try := func(x []uint16) (string, []uint16) {
		w := newWorld(c)
		w.choices = x
		return w.run(1 << 20), w.used
	}
	want := simKind(msg)
	m, used := try(choices)
	if m == "" || simKind(m) != want {
		return choices, msg
	}
	cur, msg := used, m
	deadline := time.Now().Add(20 * time.Second)
	for size := len(cur) / 2; size >= 1 && time.Now().Before(deadline); {
		changed := false
		for i := 0; i+size <= len(cur); {
			x := append(append([]uint16(nil), cur[:i]...), cur[i+size:]...)
			if m, _ := try(x); m != "" && simKind(m) == want {
				cur, msg, changed = x, m, true
			} else {
				i++
			}
		}
		if !changed || size > 1 {
			size /= 2
		}
	}
	return cur, msg
}
