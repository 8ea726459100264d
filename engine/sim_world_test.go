package engine

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// world plays one history of the real router, workers and lanes against a fake source and target.
type world struct {
	c   simConfig
	ctx context.Context
	src *simSource
	b   *simBroker
	*simSide
	other *simSide // the one that stands still while this one works; nil: the folder was never copied

	choices []uint16 // replayed first
	used    []uint16
	at      int
	rng     uint64
	random  bool
	drain   bool
	ways    *simWays // an exploration chooses; nil: chance does

	incarnations int // of all sides
	crashes      int
	uncleans     int
	counters     *atomic.Int64

	trace bool
	log   []string
	acts  []simAction
	steps int
}

// simSide is a data folder and the process that works with it.
type simSide struct {
	store *simStore
	files *simFiles
	deps  *Deps

	r           *router
	stage       simStage
	incarnation int
	dieIn       int // writes until a kill; 0: none is due
	starting    bool
	stream      simStream
	pending     *cdc.Event // what the stream gave and is not routed, or not wholly
	turned      *turned
	workers     []*simWorker
	locking     func()    // happens between the metadata locks of several tables; may be nil
	mail        []simMail // results on their way to the router
	first       []int64
	looked      []int64
	sending     []*flight // what each lane's sender is at
	reqs        []int     // its newest request
	late        []simAck  // results on their way to the router
	stopped     string    // why it waits for a person
}

type simStage uint8

const (
	simDown simStage = iota
	simFencing
	simComparing
	simSchema
	simRunning
)

type simAction struct {
	class, weight int
	do            func()
}

// simMail is what a worker has for the router: that its view is locked, or its rows.
type simMail struct {
	o      *opening
	locked *chunkLocked
	rows   *chunkRows
}

// simAck is what a lane's sender has for the router.
type simAck struct {
	lane int
	end  int64
}

type simWorker struct {
	w     *worker
	wants bool // waits for the router's word
	sent  bool // its result is on its way
}

type failed string
type killed string

func (w *world) fail(format string, a ...any) { panic(failed(fmt.Sprintf(format, a...))) }

func (w *world) must(err error) {
	if err != nil {
		w.fail("%v", err)
	}
}

func (w *world) logf(format string, a ...any) {
	if w.trace {
		w.log = append(w.log, fmt.Sprintf(format, a...))
	}
}

func (w *world) raw() uint16 {
	var v uint16
	switch {
	case w.at < len(w.choices):
		v = w.choices[w.at]
	case w.random:
		w.rng += 0x9e3779b97f4a7c15
		z := w.rng
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		v = uint16(z >> 20)
	}
	w.at++
	w.used = append(w.used, v)
	return v
}

func (w *world) pick(n int) int {
	if w.drain || n <= 1 {
		return 0
	}
	if w.ways != nil {
		return w.way(n)
	}
	return int(w.raw()) % n
}

func newWorld(c simConfig) *world {
	w := &world{c: c, ctx: context.Background(), counters: new(atomic.Int64)}
	w.src = &simSource{w: w, maps: map[[2]int]*cdc.TableMap{}, logs: []simLog{{place: map[int]int{}}}, turns: map[uint32]int{}}
	w.b = &simBroker{w: w, parts: make([]simPartition, c.parts)}
	if c.dead && !c.zero {
		w.b.parts = append(w.b.parts, simPartition{})
	}
	for i := range w.b.parts {
		w.b.parts[i].producers = map[int64]*simProducer{}
	}
	w.simSide = &simSide{store: &simStore{w: w, lies: map[int64]bool{}, cuts: map[int]int{}}, files: &simFiles{w: w, files: map[string]*simFile{}}}
	spec := &task.Spec{Name: "sim", Schema: c.schema, Full: c.full, Incremental: true, Target: task.Target{Topic: "t"}, Policy: task.PolicyKey}
	spec.Source.RowLock = c.rowLock
	if c.zero {
		spec.Policy = task.PolicyZero
	}
	if c.dead {
		spec.DeadLetterTopic = "dead"
	}
	for _, id := range simIDs[:2-min(len(c.script), 1)] {
		t := task.Table{Schema: id.Schema, Name: id.Name}
		if c.filtered {
			t.Where, t.FilterChanges = simFilter, true
		}
		spec.Tables = append(spec.Tables, t)
	}
	w.deps = &Deps{Spec: spec, Task: "0123456789abcdef", Source: w.src, Sink: w.b, Topics: w.b, Checkpoints: w.store, Files: w.files,
		NewCodec: func(string) Codec { return simCodec{pad: c.dead} }, Supports: func(*cdc.Column) error { return nil },
		Now: func() time.Time { return time.UnixMilli(1_000) }, NewRun: func() string { return fmt.Sprintf("run%d", w.incarnations) }}
	return w
}

func (w *world) choose() bool {
	total := 0
	for _, a := range w.acts {
		total += a.weight
	}
	if total == 0 {
		return false
	}
	if w.ways != nil {
		w.chooseWay()
		return true
	}
	var x int
	if w.drain {
		w.rng = w.rng*6364136223846793005 + 1442695040888963407
		x = int(w.rng>>33) % total
	} else {
		x = int(w.raw()) % total
	}
	for _, a := range w.acts {
		if x < a.weight {
			a.do()
			return true
		}
		x -= a.weight
	}
	return true
}

func (w *world) step() (more bool) {
	defer func() {
		if r := recover(); r != nil {
			k, ok := r.(killed)
			if !ok {
				panic(r)
			}
			w.crash(string(k))
			more = true
		}
	}()
	w.enable()
	w.steps++
	return w.choose()
}

// quiescent: the work is done, or nobody goes on with it.
func (w *world) quiescent() bool { return w.rests(w.simSide) && (w.other == nil || w.rests(w.other)) }

func (w *world) rests(s *simSide) bool {
	return s.stopped != "" || w.worked(s) && s.r.intact(w.ctx, w.b) == nil
}

// worked: nothing is left to do but to see that the logs hold it.
func (w *world) worked(s *simSide) bool {
	return s.stage == simRunning && s.stream.tx == len(w.src.txs) && s.pending == nil && len(s.r.fresh) == 0 && len(s.r.active) == 0 && s.r.waiting == 0 && !s.r.found.unmet
}

// run plays n chosen steps, then a fair drain without faults, then the oracle. "" is a correct history.
func (w *world) run(n int) (fail string) {
	defer func() {
		if r := recover(); r != nil {
			f, ok := r.(failed)
			if !ok {
				f = failed(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
			}
			fail = string(f)
		}
	}()
	for i := 0; i < n && (w.random || w.at < len(w.choices)); i++ {
		if !w.step() {
			break
		}
	}
	w.drain, w.rng, w.dieIn = true, 12345, 0
	w.logf("-- no more faults, run to the end")
	for i := 0; !w.quiescent(); i++ {
		if i > 8000 || !w.step() && !w.quiescent() {
			return "stuck: the task never finishes"
		}
	}
	for len(w.b.net) > 0 {
		w.b.deliver(0)
	}
	if w.stopped != "" && w.other != nil && w.other.stopped == "" {
		w.turnTo()
	}
	if w.stopped != "" {
		return w.checkPart()
	}
	return w.check()
}

var _ snapshot.Reader = (*simSource)(nil)
