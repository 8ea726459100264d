package engine

import (
	"cmp"
	"context"
	"time"

	"sluice/engine/task"
)

// waryFor is how long no request of a lane is prepared after one was in doubt.
const waryFor = time.Minute

// laneResult is how a request ended, or, with trying, that it fails and is sent again.
type laneResult struct {
	lane   *lane
	end    int64
	err    error
	trying *Retry
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
	if a.lane.flight.resent {
		a.lane.wary = l.d.nowMs() + waryFor.Milliseconds()
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
	r.waiting -= stored.bytes
	r.counts.Acked += int64(len(stored.entries))
	r.counts.AckedBytes += int64(stored.bytes)
	for _, e := range stored.entries {
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
				if l.d.nowMs() >= ln.wary {
					next.ahead = l.d.Sink.Prepare(ctx, ln.part, &next.batch)
				}
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
