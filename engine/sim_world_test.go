package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// simConfig is drawn by each seed.
type simConfig struct {
	maria, orderOff, zero, openEnded, slowISR, power, ddl, foreign bool
	textKey, fullMap, schema, full                                 bool
	copies, unclean, ages, failover, loses                         bool
	plain, mixed                                                   bool // no producer ids; only at times
	weighed, weighedBoth                                           bool // text keys are in a collation that has weights
	byFile, rowLock, slowCommit                                    bool // without GTID
	keepNotes, keepBytes                                           int64
	parts, limit, queueItems, maxTx, crashes, rotate               int
	script                                                         [][]simChange // of an exploration: what each writer does, to table a alone
	notes                                                          int64         // the most of them; 0: plenty
	mul                                                            [8]int        // how eager each kind of step is, in quarters
}

const (
	mCrash = iota
	mHand
	mSend
	mNote
	mRoute
	mWork
	mSource
	mFault

	mShow   = -2 // of these each is as eager as the other
	mListed = -3
	mBroker = -4
)

func simConfigOf(seed uint64) simConfig {
	x := seed*0x9e3779b97f4a7c15 ^ 0x1234567
	draw := func(n uint64) int {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		return int(x % n)
	}
	for range 5 {
		draw(2)
	}
	c := simConfig{maria: draw(3) == 0, zero: draw(2) == 0, openEnded: draw(2) == 0, slowISR: draw(3) == 0, power: draw(3) == 0,
		ddl: draw(3) == 0, foreign: draw(4) == 0, textKey: draw(3) == 0, fullMap: draw(2) == 0, schema: draw(2) == 0, full: draw(8) != 0,
		parts: 2, limit: 1 + draw(2), queueItems: 3 + draw(3), maxTx: 4 + draw(8), crashes: draw(4)}
	for i, lv := range [8][4]int{{1, 1, 2, 4}, {1, 4, 8, 16}, {1, 4, 4, 12}, {1, 4, 8, 16}, {1, 4, 8, 16}, {1, 4, 4, 12}, {2, 4, 4, 8}, {0, 1, 2, 6}} {
		c.mul[i] = lv[draw(4)]
	}
	c.orderOff = !c.maria && draw(2) == 0
	c.plain, c.mixed = draw(3) == 0, draw(2) == 0
	c.copies = !c.plain && draw(4) == 0 // without producers nothing keeps two processes apart
	c.unclean = !c.plain && !c.copies && draw(3) == 0
	c.ages = !c.copies && !c.unclean && draw(6) == 0
	c.keepNotes, c.keepBytes = [4]int64{0, 2, 10, 1000}[draw(4)], [2]int64{100, 1 << 30}[draw(2)]
	c.failover = !c.copies && draw(3) == 0
	c.loses = c.failover && draw(3) == 0
	// From an old position, without a full copy and with minimal metadata, a DDL before the definitions were read stops
	// the task by design.
	c.ddl = c.ddl && (c.full || c.fullMap)
	c.byFile, c.rowLock, c.rotate = !c.maria && draw(3) == 0, draw(2) == 0, [4]int{0, 0, 1, 4}[draw(4)]
	c.slowCommit = c.byFile && draw(2) == 0
	c.weighed, c.weighedBoth = draw(3) > 0, draw(2) == 0
	for like := range strings.SplitSeq(*simLike, ",") {
		c.be(like, draw)
	}
	c.failover = c.failover && !c.byFile
	c.loses = c.loses && c.failover
	return c
}

// be makes the history one of a kind; flag sim.like tells which there are.
func (c *simConfig) be(like string, draw func(uint64) int) {
	switch like {
	case "byFile":
		c.byFile, c.maria, c.full, c.slowCommit = true, false, true, draw(4) > 0
	case "rowLock":
		c.rowLock, c.orderOff = true, false
	case "plain":
		c.plain, c.copies, c.unclean = true, false, false
	case "mixed":
		c.mixed, c.crashes = true, 2+draw(3)
	case "copies":
		c.plain, c.copies, c.unclean, c.ages, c.failover = false, true, false, false, false
	case "unclean":
		c.plain, c.copies, c.unclean, c.ages = false, false, true, false
		c.crashes, c.mul[mCrash], c.mul[mFault] = 1+draw(3), 2+draw(3), 2+draw(5)
	case "failover":
		c.byFile, c.copies, c.failover, c.loses, c.crashes = false, false, true, draw(3) == 0, 2+draw(3)
	case "deep": // old notes are kept, and chunk files are not
		c.keepNotes, c.keepBytes, c.openEnded, c.limit, c.maxTx = 1000, 0, true, 8, 1+draw(3)
		c.mul[mNote], c.mul[mWork], c.mul[mHand], c.mul[mSend], c.mul[mRoute], c.mul[mSource] = 8, 12, 16, 16, 16, 8
	case "seldom": // few notes, and much between them
		c.mul[mNote], c.mul[mWork], c.mul[mHand], c.mul[mSend], c.mul[mFault] = 1, 8, 8, 16, 6
	case "idle": // the source, while chunks go out in parts
		c.maxTx, c.limit, c.zero, c.mul[mNote], c.mul[mSource], c.crashes = 1+draw(2), 2, true, 16, 8, 3
		c.keepNotes = 1000
	case "ages":
		c.plain, c.copies, c.unclean, c.ages = false, false, false, true
	case "crashes":
		c.plain, c.copies, c.unclean, c.ages = false, false, false, false
		c.crashes, c.mul[mCrash] = 2+draw(3), 4
	case "text":
		c.textKey, c.weighed, c.zero, c.full = true, true, true, true
	case "ddl":
		c.ddl, c.full, c.copies, c.unclean, c.ages, c.failover = true, true, false, false, false, false
	}
}

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
	turned      *turned
	workers     []*simWorker
	mail        []simMail // results on their way to the router
	first       []int64
	looked      []int64
	reqs        []int  // newest request of each lane's flight
	stopped     string // why it waits for a person
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
	for i := range w.b.parts {
		w.b.parts[i].producers = map[int64]*simProducer{}
	}
	w.simSide = &simSide{store: &simStore{w: w, lies: map[int64]bool{}, cuts: map[int]int{}}, files: &simFiles{w: w, files: map[string]*simFile{}}}
	spec := &task.Spec{Name: "sim", Schema: c.schema, Full: c.full, Incremental: true, Target: task.Target{Topic: "t"}, Policy: task.PolicyKey}
	spec.Source.RowLock = c.rowLock
	if c.zero {
		spec.Policy = task.PolicyZero
	}
	for _, id := range simIDs[:2-min(len(c.script), 1)] {
		spec.Tables = append(spec.Tables, task.Table{Schema: id.Schema, Name: id.Name})
	}
	w.deps = &Deps{Spec: spec, Task: "0123456789abcdef", Source: w.src, Sink: w.b, Topics: w.b, Checkpoints: w.store, Files: w.files,
		NewCodec: func(string) Codec { return simCodec{} }, Supports: func(*cdc.Column) error { return nil },
		Now: func() time.Time { return time.UnixMilli(1_000) }, NewRun: func() string { return fmt.Sprintf("run%d", w.incarnations) }}
	return w
}

// mayDie kills the process at a write, if a kill is due.
func (w *world) mayDie(where string) {
	if w.dieIn > 0 {
		if w.dieIn--; w.dieIn == 0 {
			panic(killed(where))
		}
	}
}

func (w *world) crash(why string) {
	w.logf("engine: killed %s", why)
	if w.c.power && w.pick(2) == 0 {
		w.logf("engine: and the power is cut")
		w.store.powerCut()
		w.files.powerCut()
	}
	for _, k := range w.workers {
		w.must(k.w.close())
	}
	w.r, w.stage, w.workers, w.mail, w.dieIn, w.starting = nil, simDown, nil, nil, 0, false
}

// start begins the task or takes it over.
func (w *world) start() {
	w.incarnations++
	w.incarnation, w.stopped = w.incarnations, ""
	clear(w.store.cuts)
	if w.store.saved == nil {
		w.starting = true
		_, err := begin(w.ctx, w.deps)
		w.must(err)
		w.starting = false
		w.logf("engine: begun, G0 %s E0 %v", w.store.saved.Start, w.store.saved.End)
	}
	s, err := w.store.Load(w.ctx)
	w.must(err)
	w.must(sameServer(w.ctx, w.deps, s))
	w.must(takeOver(w.ctx, w.deps, s))
	w.turned = &turned{w.src, s.Turn}
	w.src.turns[s.Turn] = len(w.src.logs) - 1
	w.must(unproven(w.ctx, w.deps, s))
	w.r, err = resume(w.deps, s)
	w.must(err)
	w.must(w.r.reweigh(w.ctx, w.src))
	w.must(w.r.cleanFiles())
	w.r.cfg.queueChunk = 320 * w.c.queueItems
	w.r.cfg.chunkRows = w.c.limit
	w.limitChunks()
	for _, l := range w.r.lanes {
		l.arena.size = 4 << 10
	}
	w.reqs = make([]int, len(w.r.lanes))
	w.r.cfg.keepNotes, w.r.cfg.keepBytes = w.c.keepNotes, w.c.keepBytes
	w.first, w.looked, err = w.r.look(w.ctx, w.deps)
	if err != nil {
		w.end(err)
		return
	}
	for i, l := range w.r.lanes {
		f, err := w.r.fence(l)
		w.must(err)
		w.reqs[i] = w.b.send(i, f.batch)
	}
	w.stage = simFencing
	w.logf("engine: incarnation %d, epoch %d, L=%v, scan from note %d %v", w.incarnation, s.Epoch, w.r.base, w.r.found.note, w.r.found.from)
}

// end is that of a run by an error: it starts again by itself, or waits for a person.
func (w *world) end(err error) {
	code := task.Code(err)
	switch {
	case errors.Is(err, errWentBack):
		code = err.Error()
	case !task.Retryable(err):
		gone := code == "target.truncated" || code == "target.recreated"
		if w.other == nil && !(gone && w.c.unclean && !w.store.repairable(w.files)) && !(code == "target.expired" && w.c.ages) &&
			!(code == "source.lost" && len(w.src.lost) > 0) {
			w.fail("%v", err)
		}
		w.stopped = code
	}
	w.crash("by itself: " + code)
}

// copyFolder makes a copy of the data folder as it is now, for another process.
func (w *world) copyFolder() {
	files := map[string]*simFile{}
	for name, f := range w.files.files {
		files[name] = &simFile{w: w, data: slices.Clone(f.data), synced: f.synced}
	}
	o := &simSide{store: &simStore{w: w, saved: w.store.saved.clone()}, files: &simFiles{w: w, files: files}}
	deps := *w.deps
	deps.Checkpoints, deps.Files = o.store, o.files
	o.deps = &deps
	w.other = o
	w.logf("-- the data folder is copied")
}

func (w *world) turnTo() {
	w.simSide, w.other = w.other, w.simSide
	w.logf("-- to incarnation %d", w.incarnation)
}

// enableSides copies the folder once, and lets now this side work and now the other.
func (w *world) enableSides() {
	switch {
	case w.other == nil && w.c.copies && w.store.saved != nil:
		w.add(mCrash, w.bad(1), w.copyFolder)
	case w.other != nil && (w.stopped != "" || w.other.stopped == ""):
		w.add(-1, 3, w.turnTo)
	case w.other != nil:
		w.add(-1, w.bad(1), w.turnTo) // a person may start what has stopped
	}
}

func (w *world) limitChunks() {
	for _, c := range w.r.fresh {
		c.want = w.c.limit
	}
}

// scan reads back what the log holds up to the fences, and compares it with the notes.
func (w *world) scan() {
	fences := make([]int64, len(w.r.lanes))
	for i, l := range w.r.lanes {
		fences[i] = l.acked - 1
	}
	if err := w.r.compare(w.ctx, w.deps, w.first, w.looked, fences); err != nil {
		w.end(err)
		return
	}
	w.r.scannedAll()
	w.stage = simComparing
}

// compare looks whether the source has all that was sent; what it still has to finish gets time.
func (w *world) compare() {
	missing := ""
	if !w.r.byFile {
		sets, err := w.r.handled()
		w.must(err)
		missing, err = w.src.Missing(w.ctx, sets)
		w.must(err)
	}
	if missing != "" && (slices.Contains(w.src.lost, missing) || w.c.maria) {
		w.end(lost(missing))
		return
	}
	if missing != "" {
		return
	}
	if w.r.saved.Turn > 0 {
		w.r.openFrom = w.turned.at(w.src.end())
	}
	w.stage = simRunning
	w.stream = simStream{after: w.r.after()}
	if !w.r.saved.SchemaSent {
		w.stage = simSchema
		w.must(w.r.emitSchemas())
	}
}

func (w *world) add(class, weight int, do func()) {
	m := 4
	if class >= 0 {
		m = w.c.mul[class]
	}
	if weight*m > 0 || weight > 0 && w.drain {
		w.acts = append(w.acts, simAction{class, max(weight*m, 1), do})
	}
}

// bad is the weight of a fault or of new work: none while draining.
func (w *world) bad(x int) int {
	if w.drain {
		return 0
	}
	return x
}

func (w *world) sourceStep() {
	saved := w.acts
	w.acts = nil
	w.enableSource()
	w.choose()
	w.acts = saved
}

func (w *world) enableSource() {
	s := w.src
	for i, rows := range w.c.script {
		if !s.ran[i] && s.free(rows) {
			w.add(mSource, 6, func() { s.run(i) })
		}
	}
	if len(s.txs) < w.c.maxTx {
		w.add(mSource, w.bad(6), s.commit)
		for t := range 2 {
			if w.c.ddl && s.ddlAllowed(t) {
				eager := 1
				if w.c.slowCommit { // seldom are all of a table's locks free
					eager = 8
				}
				w.add(mSource, w.bad(eager), func() { s.ddl(t, ddlSwap-simDDL(w.pick(3))) })
			}
		}
	}
	if s.canRotate() {
		rotate := w.c.rotate
		if w.drain {
			rotate = 1
		}
		w.add(-1, rotate, s.rotate)
	}
	shown, listed := 0, 0
	for i := range s.txs {
		if shown < 3 && s.canShow(i) {
			shown++
			weight := 5
			if w.c.slowCommit {
				weight = 1
			}
			w.add(mShow, weight, func() { s.show(i) })
		}
		if listed < 3 && s.canGTID(i) {
			listed++
			w.add(mListed, 5, func() { s.txs[i].gtid = true; w.logf("source: T%d in gtid_executed", i) })
		}
	}
}

func (w *world) enableBroker() {
	b := w.b
	for i := range b.net {
		if i < 4 {
			weight := 6
			if b.net[i].incarnation != w.incarnation {
				weight = 2
			}
			w.add(mBroker, weight, func() { b.deliver(i) })
			w.add(mFault, w.bad(1), func() { b.lose(i) })
			w.add(mFault, w.bad(1), func() { b.garble(i) })
		}
	}
	for i := range b.resp {
		if i < 4 && b.ready(i) && (w.other == nil || b.resp[i].incarnation != w.other.incarnation) {
			w.add(mBroker, 6, func() { w.response(i) })
			w.add(mFault, w.bad(1), func() { b.resp = append(b.resp[:i:i], b.resp[i+1:]...) })
		}
	}
	for p := range b.parts {
		if b.parts[p].hw < len(b.parts[p].log) {
			w.add(-1, 3, func() { b.parts[p].hw = len(b.parts[p].log) })
		}
		if w.c.slowISR {
			w.add(-1, w.bad(1), func() { b.leaderChange(p) })
		}
		if w.c.foreign {
			w.add(-1, w.bad(1), func() { b.foreign(p) })
		}
		if w.c.unclean && w.uncleans < 2 && w.store.saved != nil {
			w.add(mFault, w.bad(1), func() { w.uncleans++; b.unclean(p) })
		}
		if w.c.ages {
			w.add(mFault, w.bad(1), func() { b.age(p) })
		}
	}
}

func (w *world) enable() {
	w.acts = w.acts[:0]
	w.enableSource()
	w.enableBroker()
	w.enableSides()
	w.enableFailover()
	if w.stage == simDown {
		if w.stopped == "" {
			w.add(-1, 5, w.start)
		} else if w.other != nil {
			w.add(-1, w.bad(1), w.start)
		}
		return
	}
	if w.crashes < w.c.crashes {
		w.add(mCrash, w.bad(1), func() { w.crashes++; w.crash("between two steps") })
		w.add(mCrash, w.bad(1), func() { w.crashes++; w.dieIn = 1 + w.pick(6) })
	}
	for i, l := range w.r.lanes {
		if l.flight != nil && w.reqs[i] == 0 {
			w.add(-1, 5, func() { w.plainStep(i) })
		} else if l.flight != nil {
			w.enableTimeout(i)
		} else if w.stage >= simSchema && l.head < len(l.queue) {
			w.add(mSend, 4, func() {
				f := w.r.take(l, 1+w.pick(3))
				w.reqs[i] = w.b.send(i, f.batch)
			})
		}
	}
	switch w.stage {
	case simFencing:
		if !slices.ContainsFunc(w.r.lanes, func(l *lane) bool { return l.flight != nil }) {
			w.add(-1, 5, w.scan)
		}
	case simComparing:
		w.add(-1, 5, w.compare)
	case simSchema:
		if w.r.waiting == 0 {
			w.add(-1, 5, func() {
				w.r.saved.SchemaSent = true
				w.must(w.store.SchemaSent(w.ctx))
				w.stage = simRunning
			})
		}
	case simRunning:
		w.enableRunning()
	}
}

func (w *world) enableRunning() {
	r := w.r
	if err := r.passed(); err != nil {
		w.acts = w.acts[:0] // the run goes on with nothing
		w.add(-1, 1, func() { w.end(err) })
		return
	}
	if (w.stream.tx < len(w.src.txs) || w.stream.file < w.src.end().File) && !r.stalled() {
		w.add(mRoute, 8, func() {
			ev := w.src.next(&w.stream)
			w.turned.mark(ev)
			w.logf("router: event %d at %v", ev.Kind, ev.Pos)
			err := r.route(w.ctx, ev)
			if err == errUnweighed {
				want := r.wanted([]cdc.Event{*ev})
				w.must(want.Ask(w.ctx, w.src))
				r.weights = want
				err = r.route(w.ctx, ev)
			}
			w.must(err)
		})
	}
	if c := r.openable(r.cfg.now()+60_000, 3); c != nil && len(w.src.txs)-w.stream.tx <= 4 {
		w.add(-1, 3, func() {
			o := r.open(c)
			w.logf("router: chunk %d OPEN at S=%v", c.ID, c.S)
			w.workers = append(w.workers, &simWorker{w: &worker{o: o, src: w.turned, files: w.files, codec: simCodec{}, ids: w.counters, born: r.cfg.now}})
		})
	}
	for _, k := range w.workers {
		w.enableWorker(k)
	}
	for i := range w.mail {
		w.add(mWork, 4, func() {
			m := w.mail[i]
			w.mail = append(w.mail[:i:i], w.mail[i+1:]...)
			if m.rows != nil {
				w.must(w.r.rowsChunk(m.o, m.rows))
			} else {
				w.r.lockedChunk(m.o, *m.locked)
			}
		})
	}
	for _, c := range r.active {
		w.enableChunk(c)
	}
	for _, c := range r.done {
		if r.expirable(c) || slices.Contains(r.spare(), c) {
			w.add(-1, 1, func() { w.must(r.expire(w.ctx, []*chunk{c})); w.logf("router: chunk %d GONE", c.ID) })
		}
	}
	if w.c.unclean {
		_, ends, err := w.b.Ends(w.ctx, r.saved.Lanes)
		w.must(err)
		err = r.short(r.ackedEnds(), ends)
		if err == nil && w.drain && w.worked(w.simSide) {
			err = r.intact(w.ctx, w.b)
		}
		if err != nil {
			w.add(-1, 2, func() { w.end(err) })
		}
	}
	if len(w.store.saved.Notes) < 60 && (w.c.notes == 0 || r.noted.Seq < w.c.notes) {
		w.add(mNote, w.bad(3), func() {
			w.must(r.takeNote(w.ctx))
			w.logf("router: note X=%v L=%v acked %v", r.noted.X, r.noted.L, r.noted.Offsets)
		})
	}
}

func (w *world) enableWorker(k *simWorker) {
	switch {
	case k.sent, k.wants && !k.w.o.chunk.cleared && k.w.o.current():
		return
	case k.w.at == stepVisible && !w.visible(k.w) && (w.drain && k.w.o.last == nil || !w.lockFree(k.w)):
		return // asking again changes nothing, or waits
	case k.w.at == stepLock && w.src.tlock[w.tableOf(k.w)] != 0:
		return
	}
	w.add(mWork, 4, func() {
		if k.wants && !k.w.o.current() { // its window was not empty: give up
			k.sent = true
			w.must(k.w.close())
			return
		}
		locked, rows, err := k.w.step(w.ctx)
		w.must(err)
		o := k.w.o
		switch {
		case rows != nil:
			k.sent = true
			w.mail = append(w.mail, simMail{o: o, rows: rows})
		case locked != nil:
			k.wants = o.quiet
			w.mail = append(w.mail, simMail{o: o, locked: locked})
		}
	})
}

func (w *world) visible(k *worker) bool {
	seen, err := w.src.Executed(w.ctx, k.o.need)
	w.must(err)
	return seen == nil || seen.Includes(k.o.need)
}

func (w *world) lockFree(k *worker) bool {
	return k.o.last == nil || w.src.lock[w.src.keyOf(k.o.last.key[0])] == 0
}

func (w *world) tableOf(k *worker) int { return slices.Index(simIDs[:], k.o.table.TableID) }

func (w *world) enableChunk(c *chunk) {
	r := w.r
	if c.clearable(r.point) {
		w.add(-1, 5, func() { r.clear(c) })
	}
	if c.sealable(r.point) {
		w.add(-1, 5, func() {
			if c.redefinable(r.point) {
				w.must(r.redefine(c))
				return
			}
			w.must(r.seal(w.ctx, c))
			w.limitChunks()
			w.logf("router: chunk %d SEALED, H=%v rows %d patch %v", c.ID, c.H, c.Rows, c.Patch)
		})
	}
	if r.handable(c) {
		w.add(mHand, 4, func() { w.must(r.hand(c, 1+40*w.pick(3))) })
	}
	if c.finished() {
		w.add(-1, 3, func() { w.must(r.finish(w.ctx, []*chunk{c})); w.logf("router: chunk %d DONE", c.ID) })
	}
}

// enableTimeout: while draining only when no answer can come any more.
func (w *world) enableTimeout(i int) {
	if w.drain {
		for _, r := range w.b.net {
			if r.no == w.reqs[i] {
				return
			}
		}
		for _, r := range w.b.resp {
			if r.no == w.reqs[i] {
				return
			}
		}
		w.add(-1, 1, func() { w.timeout(i) })
		return
	}
	open := 0
	for _, r := range w.b.net {
		if r.part == i && r.incarnation == w.incarnation {
			open++
		}
	}
	if open < 5 {
		w.add(mFault, 1, func() { w.timeout(i) })
	}
}

func (w *world) timeout(i int) {
	w.logf("lane %d: timeout", i)
	w.outcome(i, 0, &ProduceFailure{Kind: ProduceDoubt, Err: context.DeadlineExceeded})
}

func (w *world) response(i int) {
	r := w.b.resp[i]
	w.b.resp = append(w.b.resp[:i:i], w.b.resp[i+1:]...)
	if r.incarnation != w.incarnation || w.stage == simDown || r.no != w.reqs[r.part] {
		return // of a dead process, or its connection was given up
	}
	var err error
	switch r.code {
	case 45:
		err = &ProduceFailure{Kind: ProduceSequence, Err: context.Canceled}
	case 47:
		err = &ProduceFailure{Kind: ProduceFenced, Err: context.Canceled}
	case 7, 13, 20, -1, 56:
		err = &ProduceFailure{Kind: ProduceDoubt, Err: context.Canceled}
	}
	w.outcome(r.part, r.off, err)
}

// outcome does what send does with the end of an attempt.
func (w *world) outcome(i, off int, err error) {
	l := w.r.lanes[i]
	f := l.flight
	if f.plain != nil {
		w.reqs[i] = 0
		if f.plain.step == plainMark {
			f.marked(int64(off), err)
		} else {
			f.sent(int64(off), err)
		}
		w.logf("lane %d: %v, next step %d", i, err, f.plain.step)
		return
	}
	switch f.judge(err) {
	case flightAcked:
		w.logf("lane %d: acked at %d", i, off)
		if err := f.behind(int64(off)); err != nil {
			w.end(err)
			return
		}
		w.ack(l, int64(off+len(f.entries)))
	case flightResend:
		w.reqs[i] = w.b.send(i, f.batch)
	case flightAsk:
		found := map[string]int64{}
		for o := l.acked; o < int64(w.b.parts[i].hw); o++ {
			if id, _, ok := (simCodec{}).Identity([]byte(w.b.parts[i].log[o])); ok {
				found[id] = o
			}
		}
		if end, ok := f.settle(simCodec{}, found); ok {
			w.ack(l, end)
			return
		}
		w.crash("by itself, to compare with the log")
	default:
		if err := refused(f, err); w.other != nil || w.c.unclean {
			w.end(err)
		} else {
			w.fail("lane %d: %v", i, err)
		}
	}
}

// plainStep does what sendPlain does between two requests.
func (w *world) plainStep(i int) {
	l := w.r.lanes[i]
	f := l.flight
	switch p := f.plain; p.step {
	case plainSend:
		w.reqs[i] = w.b.send(i, f.batch)
	case plainWait:
		w.b.settle(i)
		f.waited()
	case plainMark:
		b, err := f.mark(simCodec{})
		w.must(err)
		w.reqs[i] = w.b.send(i, *b)
	case plainRead, plainCount:
		found := map[string][]int64{}
		for o := l.acked; o < p.upto; o++ {
			if id, _, ok := (simCodec{}).Identity([]byte(w.b.parts[i].log[o])); ok {
				found[id] = append(found[id], o)
			}
		}
		f.read(simCodec{}, found)
		w.logf("lane %d: read [%d,%d), %d of %d are missing", i, l.acked, p.upto, len(f.batch.Messages), len(f.entries))
	case plainDone:
		w.must(w.r.doubles(w.ctx, f))
		w.ack(l, p.end)
	default:
		w.fail("lane %d: %v", i, p.err)
	}
}

func (w *world) ack(l *lane, end int64) {
	if w.stage == simFencing {
		l.done(end)
		return
	}
	w.r.acked(l, end)
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
	return s.stage == simRunning && s.stream.tx == len(w.src.txs) && len(s.r.fresh) == 0 && len(s.r.active) == 0 && s.r.waiting == 0 && !s.r.found.unmet
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
