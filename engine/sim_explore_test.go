package engine

import (
	"cmp"
	"flag"
	"fmt"
	"hash/maphash"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var (
	exploreDeviations = flag.Int("sim.explore", 1, "explore all histories of a small configuration that deviate so often from the plain order; -1: all")
	exploreFor        = flag.Duration("sim.explore.for", time.Hour, "time limit for each configuration")
)

// An exploration plays every history of a small configuration: two writers, three keys in two chunks, one crash, two
// notes after the first. Every step goes on with the part of the world that had its turn (see rounds) or deviates:
// another part's step, a note, a crash, another outcome of a step. All histories with up to so many deviations are
// played, from each state that was not reached before with as many left, until nothing is left to do.

// simWays are the choices of one history.
type simWays struct {
	taken   []int // given, then 0
	of      []int // how many there were
	choices int
	turn    int // whose it is: see rounds
}

func (w *world) way(n int) int {
	x := w.ways
	c := 0
	if x.choices < len(x.taken) {
		c = x.taken[x.choices]
	} else {
		x.taken = append(x.taken, 0)
	}
	x.of = append(x.of, n)
	x.choices++
	return c
}

// rounds are the parts of the world in the order of their turns: writers, visibility, gtid_executed, and the engine
// with its target. Each goes on as long as it can.
var rounds = [][]int{{mSource}, {mShow}, {mListed}, {mBroker, -1, mRoute, mWork, mHand, mSend}}

// chooseWay orders what is possible: first the part that had its turn, then the others of the round, and last what need
// not happen.
func (w *world) chooseWay() {
	turnOf := func(a simAction) int {
		return slices.IndexFunc(rounds, func(classes []int) bool { return slices.Contains(classes, a.class) })
	}
	rank := func(a simAction) int {
		turn := turnOf(a)
		if turn < 0 {
			return 100 + a.class%mNote
		}
		return (turn-w.ways.turn+len(rounds))%len(rounds)*10 + slices.Index(rounds[turn], a.class)
	}
	slices.SortStableFunc(w.acts, func(a, b simAction) int { return cmp.Compare(rank(a), rank(b)) })
	a := w.acts[w.way(len(w.acts))]
	if turn := turnOf(a); turn >= 0 {
		w.ways.turn = turn
	}
	a.do()
}

func (s *simSource) free(rows []simChange) bool {
	for _, c := range rows {
		for _, k := range []int{c.old, c.new} {
			if k >= 0 && s.lock[k] != 0 {
				return false
			}
		}
	}
	return true
}

// run is one writer's transaction, up to its flush.
func (s *simSource) run(i int) {
	s.ran[i] = true
	rows := slices.Clone(s.w.c.script[i])
	for j := range rows {
		c := &rows[j]
		s.nextVal++
		if c.old >= 0 {
			c.was, s.cur[c.old], s.lock[c.old] = s.cur[c.old], 0, len(s.txs)+1
		}
		if c.new >= 0 {
			c.val, s.cur[c.new], s.lock[c.new] = s.nextVal, s.nextVal, len(s.txs)+1
		}
	}
	s.flush(simTx{rows: rows})
	s.w.logf("source: flush T%d %v", len(s.txs)-1, rows)
}

// exploration is one configuration.
type exploration struct {
	c     simConfig
	seen  map[uint64]int // by state: deviations that were left, plus one
	runs  int
	whole int // states in which all was done
	trace bool
	cut   bool // the time limit came first
}

// play replays the first n choices and then takes one step more, with the rest of them. It gives the choices of that step and what there was to
// choose from, and the state after it.
func (e *exploration) play(given []int, n int) (w *world, taken, of []int, ended bool, fail string) {
	e.runs++
	w = newWorld(e.c)
	w.trace = e.trace
	w.ways = &simWays{taken: slices.Clone(given)}
	for _, k := range []int{0, 2} { // what is there before
		w.src.nextVal++
		w.src.cur[k] = w.src.nextVal
		w.src.flush(simTx{rows: []simChange{{-1, k, w.src.nextVal, 0}}, visible: true, gtid: true})
	}
	defer func() {
		if r := recover(); r != nil {
			taken, of = w.ways.taken, w.ways.of
			fail = fmt.Sprint(r)
		}
	}()
	for {
		before := w.ways.choices
		more := w.step()
		if !more {
			return w, w.ways.taken, w.ways.of, true, w.ended()
		}
		if before >= n {
			return w, w.ways.taken, w.ways.of, false, ""
		}
	}
}

// ended judges a history after which nothing can happen.
func (w *world) ended() string {
	if !w.quiescent() {
		return "stuck: the task never finishes"
	}
	return w.check()
}

// explore goes through all states. It gives the failing choices.
func (e *exploration) explore(deviations int) (failing []int, fail string) {
	type place struct {
		prefix []int
		left   int
	}
	stack := []place{{nil, deviations}}
	until := time.Now().Add(*exploreFor)
	for len(stack) > 0 && time.Now().Before(until) {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		given := slices.Clone(at.prefix)
		for {
			w, taken, of, ended, fail := e.play(given, len(at.prefix))
			if fail != "" {
				return taken, fail
			}
			left := at.left - deviated(taken[len(at.prefix):])
			switch {
			case ended:
				e.whole++
			default:
				h := stateOf(w)
				if deviations < 0 {
					left = 0
				}
				if e.seen[h] <= left {
					e.seen[h] = left + 1
					stack = append(stack, place{slices.Clone(taken), left})
				}
				if w.quiescent() && w.settled() {
					if fail := w.check(); fail != "" {
						return taken, fail
					}
					e.whole++
				}
			}
			// The next outcome of this step that is not too far from the plain order.
			i := len(taken) - 1
			for i >= len(at.prefix) && (taken[i]+1 >= of[i] || deviations >= 0 && deviated(taken[len(at.prefix):i]) >= at.left) {
				i--
			}
			if i < len(at.prefix) {
				break
			}
			given = append(slices.Clone(taken[:i]), taken[i]+1)
		}
	}
	e.cut = len(stack) > 0
	return nil, ""
}

// deviated counts the choices that are not the first.
func deviated(choices []int) (n int) {
	for _, c := range choices {
		n += min(c, 1)
	}
	return n
}

// settled: the writers are through, and all is visible.
func (w *world) settled() bool {
	for i := range w.c.script {
		if !w.src.ran[i] {
			return false
		}
	}
	return !slices.ContainsFunc(w.src.txs, func(t simTx) bool { return !t.visible })
}

var exploreSeed = maphash.MakeSeed()

// stateOf is a hash of all that a history can go on from. What is counted or stored for the eye alone is left out.
func stateOf(w *world) uint64 {
	h := &stateHash{seen: map[uintptr]uint64{}}
	h.h.SetSeed(exploreSeed)
	h.value(reflect.ValueOf(w.src).Elem())
	h.value(reflect.ValueOf(w.b).Elem())
	h.value(reflect.ValueOf(w.simSide).Elem())
	h.num(uint64(w.ways.turn))
	h.num(uint64(w.crashes))
	h.num(uint64(w.incarnations))
	return h.h.Sum64()
}

type stateHash struct {
	h    maphash.Hash
	seen map[uintptr]uint64
}

func (h *stateHash) num(x uint64) {
	var b [8]byte
	for i := range b {
		b[i] = byte(x >> (8 * i))
	}
	_, _ = h.h.Write(b[:])
}

var stateless = []reflect.Type{reflect.TypeFor[world](), reflect.TypeFor[Deps](), reflect.TypeFor[Counts](), reflect.TypeFor[arena](), reflect.TypeFor[atomic.Int64](), reflect.TypeFor[time.Duration]()}

func (h *stateHash) value(v reflect.Value) {
	if v.IsValid() && slices.Contains(stateless, v.Type()) {
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			h.num(1)
		} else {
			h.num(0)
		}
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		h.num(uint64(v.Int()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		h.num(v.Uint())
	case reflect.String:
		h.num(uint64(v.Len()))
		_, _ = h.h.WriteString(v.String())
	case reflect.Slice:
		h.num(uint64(v.Len()))
		if v.Type().Elem().Kind() == reflect.Uint8 {
			_, _ = h.h.Write(v.Bytes())
			return
		}
		for i := range v.Len() {
			h.value(v.Index(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			h.value(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			h.value(v.Field(i))
		}
	case reflect.Interface:
		if v.IsNil() {
			h.num(0)
			return
		}
		_, _ = h.h.WriteString(v.Elem().Type().String())
		h.value(v.Elem())
	case reflect.Pointer:
		if v.IsNil() {
			h.num(0)
			return
		}
		if n, ok := h.seen[v.Pointer()]; ok {
			h.num(n)
			return
		}
		h.seen[v.Pointer()] = uint64(len(h.seen) + 1)
		h.value(v.Elem())
	case reflect.Map:
		h.table(v)
	case reflect.Float32, reflect.Float64:
		_, _ = fmt.Fprint(&h.h, v.Float())
	}
}

// table hashes a map in the order of its keys.
func (h *stateHash) table(v reflect.Value) {
	type item struct {
		hash uint64
		val  reflect.Value
	}
	var items []item
	for it := v.MapRange(); it.Next(); {
		k := &stateHash{seen: map[uintptr]uint64{}}
		k.h.SetSeed(exploreSeed)
		if key := it.Key(); key.Kind() == reflect.Pointer && h.seen[key.Pointer()] != 0 {
			k.num(h.seen[key.Pointer()])
		} else {
			k.value(key)
		}
		items = append(items, item{k.h.Sum64(), it.Value()})
	}
	slices.SortFunc(items, func(a, b item) int { return cmp.Compare(a.hash, b.hash) })
	h.num(uint64(len(items)))
	for _, it := range items {
		h.num(it.hash)
		h.value(it.val)
	}
}

// explorations are the configurations: what two writers do, at each kind of server.
func explorations() (all []simConfig, names []string) {
	put := func(k int) simChange { return simChange{old: k, new: k} }
	scripts := []struct {
		name string
		rows [][]simChange
	}{
		{"one key twice", [][]simChange{{put(0)}, {put(0)}}},
		{"a row moves within its chunk", [][]simChange{{{old: 0, new: 1}}, {put(2)}}},
		{"a row moves to the other chunk", [][]simChange{{put(0), put(2)}, {{old: 2, new: 1}}}},
		{"insert and delete", [][]simChange{{{old: 2, new: -1}}, {{old: -1, new: 1}}}},
	}
	for _, server := range []string{"mysql", "mysql unordered", "mariadb"} {
		for _, s := range scripts {
			c := simConfig{maria: server == "mariadb", orderOff: server == "mysql unordered", full: true, zero: true, parts: 1, limit: 8, queueItems: 100,
				crashes: 1, notes: 3, script: s.rows, mul: [8]int{4, 4, 4, 4, 4, 4, 4, 0}}
			all, names = append(all, c), append(names, server+", "+s.name)
		}
	}
	return all, names
}

// TestExplore plays all histories of small configurations.
func TestExplore(t *testing.T) {
	began := time.Now()
	all, names := explorations()
	var states, steps, ends atomic.Int64
	var wg sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				e := &exploration{c: all[i], seen: map[uint64]int{}}
				taken, fail := e.explore(*exploreDeviations)
				states.Add(int64(len(e.seen)))
				steps.Add(int64(e.runs))
				ends.Add(int64(e.whole))
				t.Logf("%s: %d states, %d steps, %d ends", names[i], len(e.seen), e.runs, e.whole)
				if e.cut {
					t.Errorf("%s: not all was explored in %s", names[i], *exploreFor)
				}
				if fail != "" {
					e.trace = true
					w, _, _, _, _ := e.play(taken, len(taken)-1)
					t.Errorf("%s: %s\n  %s", names[i], fail, strings.Join(w.log, "\n  "))
				}
			}
		})
	}
	for i := range all {
		next <- i
	}
	close(next)
	wg.Wait()
	t.Logf("explored: %d configurations, %d states, %d steps, %d ends in %s", len(all), states.Load(), steps.Load(), ends.Load(), time.Since(began).Round(time.Millisecond))
}
