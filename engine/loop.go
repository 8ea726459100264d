package engine

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
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
	removal removal
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

// replicate runs the full and the incremental phase, which share one stream, until the task is finished.
func replicate(ctx context.Context, d *Deps, r *router, c Control, until *cdc.Position) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	l := &loop{d: d, r: r, control: c, end: c.End, acks: make(chan laneResult, 2*len(r.lanes)), flights: make(chan *flight), chunks: make(chan chunkEvent),
		probes: make(chan probe), loads: make(chan Load), ends: make(chan probe, 1), logs: make(chan error, 1), weighed: make(chan weighing), rate: limiter{perSecond: float64(d.Spec.Rate)}, until: until,
		timer: time.NewTimer(time.Hour)}
	l.removal.files, r.unlink = r.files, l.removal.remove
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
		err = errors.Join(err, l.removal.wait())
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
	err := l.done(ctx)
	if err == nil {
		err = r.takeNote(ctx)
	}
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
		if ev.Kind == cdc.EventDDL {
			if l.r.owes(ev) {
				return -1, nil
			}
			if err := l.done(ctx); err != nil {
				return 0, err
			}
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
	if err := l.removal.wait(); err != nil { // a finished task leaves nothing behind
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
	if err := errors.Join(l.done(keep), l.r.takeNote(keep)); err != nil {
		return errors.Join(cause, err)
	}
	l.show()
	return cause
}

// keeping gives the time for what is stored at the end of a run, which may have been cancelled.
func keeping(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
}
