package engine

import (
	"context"
	"slices"
)

// What becomes of the requests of the lanes.

func (w *world) enableLane(i int, l *lane) {
	switch {
	case w.sending[i] != nil && w.reqs[i] == 0:
		w.add(-1, 5, func() { w.plainStep(i) })
	case w.sending[i] != nil:
		w.enableTimeout(i)
	}
	if at := slices.IndexFunc(w.late, func(a simAck) bool { return a.lane == i }); at >= 0 {
		w.add(mSend, 4, func() {
			a := w.late[at]
			w.late = slices.Delete(w.late, at, at+1)
			w.heard(a)
		})
	}
	if w.stage < simSchema || l.head == len(l.queue) {
		return
	}
	if l.flight == nil {
		w.add(mSend, 4, func() { w.post(i, w.r.take(l, 1+w.pick(3))) })
	} else if w.c.follows && l.ready == nil {
		w.add(mSend, 4, func() {
			if next := w.r.follow(l, 1+w.pick(3)); next != nil {
				w.logf("lane %d: %d more are ready", i, len(next.entries))
				l.flight.offer(next)
			}
		})
	}
}

// post sends a lane's request.
func (w *world) post(i int, f *flight) {
	w.sending[i] = f
	w.reqs[i] = w.b.send(i, f.batch)
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
	f := w.sending[i]
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
		w.ack(i, int64(off+len(f.entries)))
	case flightResend:
		w.reqs[i] = w.b.send(i, f.batch)
	case flightAsk:
		end, err := ask(w.ctx, w.b, simCodec{}, f, err)
		if err != nil {
			w.end(err)
			return
		}
		w.ack(i, end)
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
	f := w.sending[i]
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
		found, err := readFlight(w.ctx, w.b, simCodec{}, f)
		if err != nil {
			w.end(err)
			return
		}
		f.read(simCodec{}, found)
		w.logf("lane %d: read [%d,%d), %d of %d are missing", i, f.from, p.upto, len(f.batch.Messages), len(f.entries))
	case plainDone:
		w.must(w.r.doubles(w.ctx, f))
		w.ack(i, p.end)
	default:
		w.fail("lane %d: %v", i, p.err)
	}
}

// ack is what a sender does once its request is acknowledged: it goes on with the next one at once, and the router hears of
// it later.
func (w *world) ack(i int, end int64) {
	f := w.sending[i]
	w.sending[i] = nil
	if w.stage == simFencing {
		w.r.lanes[i].done(end)
		return
	}
	if next := f.passOn(end); next != nil {
		w.logf("lane %d: goes on", i)
		w.post(i, next)
	}
	a := simAck{i, end}
	if w.c.follows {
		w.late = append(w.late, a)
		return
	}
	w.heard(a)
}

// heard lets the router know.
func (w *world) heard(a simAck) {
	if unsent := w.r.acked(w.r.lanes[a.lane], a.end); unsent != nil {
		w.logf("lane %d: sends what was ready too late", a.lane)
		w.post(a.lane, unsent)
	}
}
