package engine

import (
	"context"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// chunkEvent is what a worker found.
type chunkEvent struct {
	os     []*opening
	locked *chunkLocked
	rows   []*chunkRows // one of each
}

// turnChunks moves every chunk as far as it goes. It reports whether there is more to hand over at once.
func (l *loop) turnChunks(ctx context.Context) (more bool, err error) {
	r := l.r
	finished := 0
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
			finished++
		}
	}
	if finished >= doneAtOnce || finished > 0 && finished == len(r.active) && len(r.fresh) == 0 {
		if err := l.done(ctx); err != nil {
			return false, err
		}
	}
	if err := l.expireDone(ctx); err != nil {
		return false, err
	}
	l.openChunks(ctx)
	return more, nil
}

// doneAtOnce is how many chunks that are acknowledged wait to become DONE at most. Nothing needs it before the next note,
// whose low bound they hold up, or a statement, which asks whether its table's copy is over; and each time costs a sync.
const doneAtOnce = 32

// done stores that all chunks that are acknowledged are DONE.
func (l *loop) done(ctx context.Context) error {
	var cs []*chunk
	for _, c := range l.r.active {
		if c.finished() {
			cs = append(cs, c)
		}
	}
	if len(cs) == 0 {
		return nil
	}
	return l.r.finish(ctx, cs)
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
	return l.r.expire(ctx, l.r.outdated())
}

// openChunks starts workers. The full copy waits while the stream is behind the source's end, because each chunk
// needs the stream to come to its H.
func (l *loop) openChunks(ctx context.Context) {
	if !l.d.Spec.Full || l.behind() {
		return
	}
	may := l.mayRead()
	if l.readers < may { // else the question is asked in vain, in each turn
		may = l.r.readers(may)
	}
	for l.readers < may {
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
		w := &worker{os: os, src: l.d.Source, files: l.d.Files, codec: l.codec(), ids: &l.ids, born: l.d.nowMs, fault: l.d.Fault, kept: rowsMemory}
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

// reading reports whether a chunk is still to be sealed.
func (r *router) reading() bool {
	for _, c := range r.active {
		if c.Status == snapshot.Open {
			return true
		}
	}
	return false
}

func (r *router) closeReaders() {
	for _, c := range r.active {
		_ = c.closeReader()
	}
	restBlocks()
	r.closeReplay()
	if r.tx != nil && r.tx.branch != nil {
		_ = r.tx.branch.settle()
	}
}
