package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// Sizes of the loop. A turn is short, so that acknowledgements and chunk results never wait long.
const (
	lanesBytes   = 16 << 20 // encoded records that may wait for their acknowledgement, where there are many lanes
	laneBytes    = 4 << 20  // the same for each lane: its next requests; more would only be out of the caches by then
	handBytes    = 512 << 10
	turnEvents   = 256
	noteEvery    = 200 * time.Millisecond
	probeEvery   = time.Second
	behindBytes  = 16 << 20
	noDelayProbe = 2 * time.Second
	noDelayHeld  = 5 * time.Second
	lagUnknown   = 5 * time.Second
	lookEvery    = 10 * time.Second
	trackedMost  = 1 << 20 // records that may wait behind one that is not acknowledged
)

// loop decides when the router's steps run. It is one goroutine; workers, requests and probes run beside it and send
// what they find.
type loop struct {
	d       *Deps
	r       *router
	control Control

	stream  Stream
	pending []cdc.Event // of the batch that is being routed
	batched []cdc.Event // all of that batch; nil: there are others behind it
	acks    chan laneResult
	flights chan *flight // to a sender that has nothing to do
	chunks  chan chunkEvent
	probes  chan probe
	ends    chan probe
	logs    chan error // of a look at the lanes' logs
	weighed chan weighing
	flying  int
	wg      sync.WaitGroup
	ids     atomic.Int64

	until   *cdc.Position   // where the task ends; zero: not known yet. It is the same for all incarnations of a Run
	end     <-chan struct{} // asks to end; nil once heard
	lag     lag
	load    Load // as it was last told
	loads   chan Load
	loading atomic.Bool // it is being asked for
	copies  atomic.Bool // there is something left to copy
	rate    limiter
	phase   Phase
	asking  bool // the end position is being asked for
	looking bool // the ends of the logs are being asked for
	weighs  bool // weights are being asked for: nothing is routed meanwhile
	still   bool // nothing has come since a note that had nothing to store: a task without changes is not woken for notes
	readers int
	lastRow int64
	timer   *time.Timer
	stepped []*chunk // those of the turn, reused
	swept   sweep
}

// sweep is what the last look for expired chunks saw; another is of no use before one of both changes.
type sweep struct {
	low    cdc.Position
	oldest int64
	done   int
}

// atOnce is always ready: waiting for it is no waiting.
var atOnce = func() <-chan time.Time { c := make(chan time.Time); close(c); return c }()

// laneResult is how a request ended, or, with trying, that it fails and is sent again.
type laneResult struct {
	lane   *lane
	end    int64
	err    error
	trying *Retry
}

// chunkEvent is what a worker found.
type chunkEvent struct {
	os     []*opening
	locked *chunkLocked
	rows   []*chunkRows // one of each
}

// replicate runs the full and the incremental phase, which share one stream, until the task is finished.
func replicate(ctx context.Context, d *Deps, r *router, c Control, until *cdc.Position) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &loop{d: d, r: r, control: c, end: c.End, acks: make(chan laneResult, 2*len(r.lanes)), flights: make(chan *flight), chunks: make(chan chunkEvent),
		probes: make(chan probe), loads: make(chan Load), ends: make(chan probe, 1), logs: make(chan error, 1), weighed: make(chan weighing), rate: limiter{perSecond: float64(d.Spec.Rate)}, until: until,
		timer: time.NewTimer(time.Hour)}
	l.ids.Store(int64(r.cfg.incarnation)<<40 | 1<<39)
	defer func() {
		cancel(err)
		close(l.flights)
		if l.stream != nil {
			_ = l.stream.Close() // nothing more is read, and all that was reached is stored
		}
		if late := l.drain(ctx); late != nil {
			err = errors.Join(err, late)
		}
		r.closeReaders()
	}()
	if err := l.schemaPhase(ctx); err != nil {
		return err
	}
	if !d.Spec.Full && !d.Spec.Incremental {
		return l.finish(ctx)
	}
	if l.stream, err = d.Source.Stream(ctx, r.after()); err != nil {
		return err
	}
	l.copies.Store(len(r.fresh) > 0)
	l.wg.Go(func() { l.probe(ctx) })
	return l.run(ctx)
}

// drain waits for all that runs beside the loop, taking what it still sends. What an open request sent again counts.
func (l *loop) drain(ctx context.Context) (err error) {
	done := make(chan struct{})
	go func() { l.wg.Wait(); close(done) }()
	for {
		select {
		case <-done:
			return err
		case a := <-l.acks:
			if a.trying == nil {
				keep, cancel := keeping(ctx)
				err = errors.Join(err, l.r.doubles(keep, a.lane.flight))
				cancel()
			}
		case <-l.chunks:
		case <-l.probes:
		case <-l.loads:
		case <-l.ends:
		case <-l.weighed:
		}
	}
}

// schemaPhase sends the CREATE TABLE records and waits until the target has them.
func (l *loop) schemaPhase(ctx context.Context) error {
	if l.r.saved.SchemaSent {
		return nil
	}
	l.phase = PhaseSchema
	l.show()
	if err := l.r.emitSchemas(); err != nil {
		return err
	}
	if err := l.flush(ctx); err != nil {
		return err
	}
	l.r.saved.SchemaSent = true
	return l.d.Checkpoints.SchemaSent(ctx)
}

// flush waits until the lanes are empty.
func (l *loop) flush(ctx context.Context) error {
	for {
		l.dispatch(ctx)
		if l.flying == 0 {
			return nil
		}
		select {
		case a := <-l.acks:
			if err := l.acked(ctx, a); err != nil {
				return err
			}
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (l *loop) run(ctx context.Context) error {
	notes := time.NewTicker(noteEvery)
	defer notes.Stop()
	shown := time.NewTicker(time.Second)
	defer shown.Stop()
	looks := time.NewTicker(lookEvery)
	defer looks.Stop()
	for {
		wait, err := l.turn(ctx)
		if err != nil {
			return l.stop(ctx, err)
		}
		if l.finished() {
			return l.finish(ctx)
		}
		if err := l.wait(ctx, wait, notes.C, shown.C, looks.C); err != nil {
			return l.stop(ctx, err)
		}
	}
}

// wait takes one message of those beside the loop. A positive pause ends it by itself; zero does not wait at all.
func (l *loop) wait(ctx context.Context, pause time.Duration, notes, shown, looks <-chan time.Time) error {
	var batches <-chan []cdc.Event
	if len(l.pending) == 0 && l.roomy() && !l.r.stalled() && !l.reached() {
		batches = l.stream.Batches()
	}
	var timer <-chan time.Time
	switch {
	case pause == 0:
		timer = atOnce
	case pause > 0:
		l.timer.Reset(pause)
		timer = l.timer.C
	}
	if l.still {
		notes = nil
	}
	still := l.still
	l.still = false
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case b, ok := <-batches:
		l.still = still && !slices.ContainsFunc(b, func(ev cdc.Event) bool { return ev.Kind != cdc.EventSeen || ev.End != l.r.point })
		return l.batch(b, ok)
	case a := <-l.acks:
		return l.acked(ctx, a)
	case e := <-l.chunks:
		return l.chunkEvent(e)
	case p := <-l.probes:
		l.still = still
		return l.probed(ctx, p)
	case l.load = <-l.loads:
		l.still = still
	case p := <-l.ends:
		*l.until = p.at
		return p.err
	case w := <-l.weighed:
		l.weighs, l.r.weights = false, w.weights
		return w.err
	case <-l.end:
		l.end = nil
		l.askEnd(ctx)
	case <-notes:
		return l.note(ctx)
	case <-shown:
		l.still = still
		l.show()
	case <-looks:
		l.still = still
		l.look(ctx)
	case err := <-l.logs:
		l.still, l.looking = still, false
		return err
	case <-timer:
	}
	return nil
}

// look asks where the lanes' logs end, beside the loop.
func (l *loop) look(ctx context.Context) {
	if l.looking {
		return
	}
	l.looking = true
	acked := l.r.ackedEnds()
	l.wg.Go(func() { l.logs <- l.logsHold(ctx, acked) })
}

// logsHold checks that the lanes' logs hold what was acknowledged. That they can't be asked now is no error here.
func (l *loop) logsHold(ctx context.Context, acked []int64) error {
	_, ends, err := l.d.Sink.Ends(ctx, l.r.saved.Lanes)
	if err != nil {
		if task.Retryable(err) || ctx.Err() != nil {
			return nil
		}
		return err
	}
	return l.r.short(acked, ends)
}

// note stores where the router stands, and lets the stream forget what no note asks for any more.
func (l *loop) note(ctx context.Context) error {
	r, before := l.r, l.r.noted.Seq
	err := r.takeNote(ctx)
	if err == nil {
		l.still = r.noted.Seq == before && len(r.fresh)+len(r.active)+len(r.branches) == 0 && r.stretch == nil
		l.stream.Keep(l.r.noted.from(), l.r.oldestLow())
	}
	return err
}

func (l *loop) batch(b []cdc.Event, ok bool) error {
	if !ok {
		return streamEnd(l.stream)
	}
	l.pending, l.batched = b, b
	return nil
}

func (l *loop) acked(ctx context.Context, a laneResult) error {
	if a.trying != nil {
		a.lane.trying = a.trying
		l.d.retrying(a.trying)
		return nil
	}
	a.lane.trying = nil
	l.flying--
	if task.Code(a.err) == tooLarge && a.lane.split(a.lane.flight) {
		l.r.wake(a.lane)
		return nil
	}
	if a.err == nil {
		l.d.fault("acked")
	}
	if err := l.r.doubles(ctx, a.lane.flight); err != nil || a.err != nil { // what was sent again counts in any case
		return cmp.Or(a.err, err)
	}
	unsent := l.r.acked(a.lane, a.end)
	if a.lane.flight != nil {
		l.flying++
	}
	if unsent != nil {
		l.sendOff(ctx, unsent)
	}
	return nil
}

// acked counts what a lane's request carried. It gives the one that follows it if that is still to be sent.
func (r *router) acked(l *lane, end int64) (unsent *flight) {
	stored, unsent := l.done(end)
	for _, e := range stored {
		size := len(e.key) + len(e.value)
		r.waiting -= size
		r.counts.Acked++
		r.counts.AckedBytes += int64(size)
		if e.token > 0 {
			r.tracker.Ack(e.token - 1)
		}
		if e.chunk != nil {
			e.chunk.unacked--
		}
	}
	r.wake(l)
	return unsent
}

// wake puts the lane among those that may have something to send.
func (r *router) wake(l *lane) {
	if !l.dirty {
		l.dirty = true
		r.dirty = append(r.dirty, l)
	}
}

// takeAcks takes all acknowledgements that are there: a turn costs more than one of them.
func (l *loop) takeAcks(ctx context.Context) error {
	for {
		select {
		case a := <-l.acks:
			if err := l.acked(ctx, a); err != nil {
				return err
			}
		default:
			return nil
		}
	}
}

// roomy reports whether more may wait in the lanes. The records behind an open one count too, because one partition
// that stands still keeps them all from being forgotten.
func (l *loop) roomy() bool {
	return l.r.waiting < min(lanesBytes, laneBytes*len(l.r.lanes)) && l.r.tracker.Pending() < trackedMost
}

// reached reports whether all up to the task's end was routed. The full copy is completed first, and all of its
// chunks are the state of one position. A task without the incremental phase ends right there.
func (l *loop) reached() bool {
	r := l.r
	asked := !l.until.IsZero()
	if !asked && l.d.Spec.Incremental || r.point.Before(*l.until) || r.within() || !r.whole() {
		return false
	}
	if !asked {
		*l.until = r.point
	}
	return true
}

// whole reports whether no chunk needs the stream to go on, nor what a restart found.
func (r *router) whole() bool {
	return len(r.fresh) == 0 && !r.reading() && !r.point.Before(r.copied) && !r.point.Before(r.openFrom) && r.behind.none() &&
		(!r.found.unmet || !r.point.Before(r.found.upto))
}

func (r *router) within() bool { return r.tx != nil && r.tx.open }

// turn does what can be done now. It gives how long to wait at most for anything new: 0 if there is more at hand,
// negative if nothing is.
func (l *loop) turn(ctx context.Context) (time.Duration, error) {
	if ctx.Err() != nil {
		return 0, context.Cause(ctx)
	}
	l.r.clock = clock{}
	if err := l.takeAcks(ctx); err != nil {
		return 0, err
	}
	pause, err := l.routePending(ctx)
	if err != nil {
		return 0, err
	}
	if err := l.r.passed(); err != nil {
		return 0, err
	}
	more, err := l.turnChunks(ctx)
	if err != nil {
		return 0, err
	}
	l.dispatch(ctx)
	if more {
		pause = 0
	}
	return pause, nil
}

func (l *loop) routePending(ctx context.Context) (time.Duration, error) {
	if l.weighs || len(l.pending) > 0 && l.r.stalled() {
		return -1, nil
	}
	for n := 0; len(l.pending) > 0; n++ {
		if n == turnEvents {
			return 0, nil
		}
		if !l.roomy() || l.reached() {
			return -1, nil
		}
		if l.phase == PhaseIncremental {
			if wait := l.rate.wait(l.d.Now); wait > 0 {
				return wait, nil
			}
		}
		ev, err := l.r.next(&l.pending[0])
		if err != nil {
			return 0, err
		}
		if ev.Kind == cdc.EventDDL && l.r.owes(ev) {
			return -1, nil
		}
		err = l.r.route(ctx, ev)
		if err == errUnweighed {
			l.weigh(ctx)
			return -1, nil
		}
		if task.Code(err) == "source.schema_unknown" && !l.r.schema.IsLater(ev.Rows.Map().TableID) {
			if err = l.learn(ctx, ev.Rows.Map().TableID); err == nil {
				continue // the same event again
			}
		}
		if err != nil {
			return 0, err
		}
		if l.r.routed() {
			l.pending[0] = cdc.Event{}
			if l.pending = l.pending[1:]; len(l.pending) == 0 {
				cdc.FreeBatch(l.batched)
				l.batched = nil
			}
		}
		c := &l.r.counts
		rows := c.Inserts + c.Updates + c.Deletes
		if l.phase == PhaseIncremental {
			l.rate.spend(rows - l.lastRow)
		}
		l.lastRow = rows
	}
	return -1, nil
}

// turnChunks moves every chunk as far as it goes. It reports whether there is more to hand over at once.
func (l *loop) turnChunks(ctx context.Context) (more bool, err error) {
	r := l.r
	var finished []*chunk
	if err := l.seal(ctx); err != nil {
		return false, err
	}
	l.stepped = append(l.stepped[:0], r.active...)
	for _, c := range l.stepped {
		if c.clearable(r.point) && r.clear(c) {
			close(c.proceed)
		}
		if r.handable(c) {
			if !l.roomy() {
				continue
			}
			if err := r.hand(c, handBytes); err != nil {
				return false, err
			}
			more = more || !c.released && l.roomy()
			l.d.fault("handing")
		}
		if c.finished() {
			finished = append(finished, c)
		}
	}
	if len(finished) > 0 {
		if err := r.finish(ctx, finished); err != nil {
			return false, err
		}
	}
	if err := l.expireDone(ctx); err != nil {
		return false, err
	}
	l.openChunks(ctx)
	return more, nil
}

// seal seals all chunks that can be, at once.
func (l *loop) seal(ctx context.Context) error {
	r := l.r
	var ready []*chunk
	l.stepped = append(l.stepped[:0], r.active...)
	for _, c := range l.stepped {
		switch {
		case c.redefinable(r.point):
			if err := r.redefine(c); err != nil {
				return err
			}
		case c.sealable(r.point):
			ready = append(ready, c)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	l.d.fault("sealing")
	if err := r.seal(ctx, ready...); err != nil {
		return err
	}
	l.d.fault("sealed")
	return nil
}

func (l *loop) expireDone(ctx context.Context) error {
	now := sweep{l.r.low, l.r.oldest, len(l.r.done)}
	if now == l.swept {
		return nil
	}
	l.swept = now
	if gone := l.r.outdated(); len(gone) > 0 {
		return l.r.expire(ctx, gone)
	}
	return nil
}

// openChunks starts workers. The full copy waits while the stream is behind the source's end, because each chunk
// needs the stream to come to its H.
func (l *loop) openChunks(ctx context.Context) {
	if !l.d.Spec.Full || l.behind() {
		return
	}
	for l.readers < l.mayRead() {
		cs := l.r.openable(l.d.nowMs(), 2*l.d.workers())
		if len(cs) == 0 {
			return
		}
		os := l.r.open(cs...)
		proceed, wanted := make(chan struct{}), len(cs)
		attempt, cancel := context.WithCancel(ctx)
		for _, c := range cs {
			c.proceed = proceed
			c.cancel = func() {
				if wanted--; wanted == 0 {
					cancel()
				}
			}
		}
		w := &worker{os: os, src: l.d.Source, files: l.d.Files, codec: l.codec(), ids: &l.ids, born: l.d.nowMs, fault: l.d.Fault}
		l.readers++
		l.wg.Go(func() {
			defer cancel()
			rows := l.read(attempt, w, proceed)
			if err := w.close(); err != nil && rows[0].err == nil {
				rows = w.failed(err)
			}
			l.send(ctx, chunkEvent{os: os, rows: rows})
		})
	}
}

func (l *loop) behind() bool {
	e := l.lag.newest.at
	p := l.r.point
	return !e.IsZero() && (e.File > p.File || e.File == p.File && e.Offset > p.Offset+behindBytes)
}

// read runs one worker up to its result. Its context ends with the attempt.
func (l *loop) read(ctx context.Context, w *worker, proceed <-chan struct{}) []*chunkRows {
	deadline := time.Now().Add(visibleWithin)
	pause := 5 * time.Millisecond
	for {
		at := w.at
		locked, rows, err := w.step(ctx)
		switch {
		case err != nil:
			return w.failed(err)
		case rows != nil:
			l.d.fault("read")
			return rows
		case locked != nil:
			if !l.send(ctx, chunkEvent{os: w.os, locked: locked}) {
				return w.failed(context.Cause(ctx))
			}
			if w.os[0].quiet {
				select {
				case <-proceed:
				case <-ctx.Done():
					return w.failed(context.Cause(ctx))
				}
			}
		case w.at == at && at < stepRead: // the source does not show enough yet
			longest := 100 * time.Millisecond
			if _, byFile := w.os[0].need.(*cdc.Upto); byFile {
				longest = time.Second // until the next file, which may take hours
			} else if time.Now().After(deadline) {
				return w.failed(invisible(w.os[0]))
			}
			if err := sleep(ctx, pause); err != nil {
				return w.failed(err)
			}
			pause = min(2*pause, longest)
		}
	}
}

func (l *loop) send(ctx context.Context, e chunkEvent) bool {
	select {
	case l.chunks <- e:
		return true
	case <-ctx.Done():
		return false
	}
}

func (l *loop) chunkEvent(e chunkEvent) error {
	if e.locked != nil {
		for _, o := range e.os {
			l.r.lockedChunk(o, *e.locked)
		}
		return nil
	}
	l.readers--
	for i, o := range e.os {
		if err := l.r.rowsChunk(o, e.rows[i]); err != nil {
			return err
		}
	}
	return nil
}

// dispatch starts a request on every lane that has records and none in flight (I3), and makes the next one ready where
// one is.
func (l *loop) dispatch(ctx context.Context) {
	r := l.r
	for _, ln := range r.dirty {
		ln.dirty = false
		if f := r.take(ln, batchMessages); f != nil {
			l.flying++
			l.sendOff(ctx, f)
		}
		if ln.full() {
			if next := r.follow(ln, batchMessages); next != nil {
				ln.flight.offer(next)
			}
		}
	}
	r.dirty = r.dirty[:0]
}

// sendOff has a lane's requests sent beside the loop.
func (l *loop) sendOff(ctx context.Context, f *flight) {
	select {
	case l.flights <- f:
	default:
		l.wg.Go(func() { l.sender(ctx, f) })
	}
}

// sender sends a lane's requests one after the other, until none is ready when one is acknowledged; then those of the
// next lane that has some. A new goroutine for each would have its stack to grow anew.
func (l *loop) sender(ctx context.Context, f *flight) {
	for more := true; more; f, more = <-l.flights {
		for f != nil {
			end, err := send(ctx, l.d.Sink, l.codec, f, func(r *Retry) { l.acks <- laneResult{lane: f.lane, trying: r} })
			l.d.fault("sent")
			var next *flight
			if err == nil {
				next = f.passOn(end)
			}
			l.acks <- laneResult{lane: f.lane, end: end, err: err}
			f = next
		}
	}
}

// codec makes a codec for another goroutine.
func (l *loop) codec() Codec { return l.d.NewCodec(l.r.saved.Server.Version) }

// finished reports whether the task's end is reached and acknowledged.
func (l *loop) finished() bool {
	r := l.r
	phase := PhaseFull
	if len(r.fresh) == 0 && !r.reading() && l.d.Spec.Incremental {
		phase = PhaseIncremental
	}
	if l.phase != phase {
		l.phase = phase
		l.show()
	}
	return len(r.active) == 0 && r.waiting == 0 && l.reached() && !r.found.unmet
}

// reading reports whether a chunk is still to be sealed.
func (r *router) reading() bool {
	for _, c := range r.active {
		if c.Status == snapshot.Open {
			return true
		}
	}
	return false
}

// finish stores the last note and says so.
func (l *loop) finish(ctx context.Context) error {
	if err := l.r.takeNote(ctx); err != nil {
		return err
	}
	if err := l.r.intact(ctx, l.d.Sink); err != nil {
		return err
	}
	if err := l.r.expire(ctx, slices.Clone(l.r.done)); err != nil { // nothing starts again from here
		return err
	}
	l.phase = PhaseFinished
	l.show()
	return nil
}

// stop keeps as much as can be kept when a run ends early: what is acknowledged by now.
func (l *loop) stop(ctx context.Context, cause error) error {
	keep, cancel := keeping(ctx)
	defer cancel()
	if err := l.r.takeNote(keep); err != nil {
		return errors.Join(cause, err)
	}
	l.show()
	return cause
}

// keeping gives the time for what is stored at the end of a run, which may have been cancelled.
func keeping(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}

func (r *router) closeReaders() {
	for _, c := range r.active {
		_ = c.closeReader()
	}
	r.closeReplay()
	if r.tx != nil && r.tx.branch != nil {
		_ = r.tx.branch.settle()
	}
}
