package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// visibleWithin bounds the wait for all that was read from the log to become visible.
const visibleWithin = time.Minute

func invisible(o *opening) error {
	return &task.Error{Code: "source.invisible", Op: fmt.Sprintf("reading chunk %d of %s", o.id, o.table.TableID), Retry: true,
		Text: fmt.Sprintf("transactions that are in the binlog did not become visible for %s", visibleWithin),
		Hint: "A transaction hangs in its commit (semi-synchronous replication without its replica?). It is tried again by itself."}
}

// probe is the end of the source's log as it was asked for at a moment; the moment is taken before the question.
type probe struct {
	at    cdc.Position
	asked time.Time
	err   error
}

// probe asks once a second where the source's log ends.
func (l *loop) probe(ctx context.Context) {
	tick := time.NewTicker(probeEvery)
	defer tick.Stop()
	for {
		l.lookAtLoad(ctx)
		p := probe{asked: l.d.Now()}
		p.at, p.err = l.d.Source.End(ctx)
		select {
		case l.probes <- p:
		case <-ctx.Done():
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// lag measures the delay without comparing clocks: it is the age of the newest probe whose position is acknowledged.
type lag struct {
	open   []probe // not acknowledged yet, oldest first
	acked  probe   // the newest that is
	newest probe
	since  time.Time // no delay has held from then on; zero: there is one
}

// lagRing bounds the probes kept; when it is full every second one is dropped, the grain grows with the delay.
const lagRing = 4096

func (g *lag) add(p probe) {
	g.newest = p
	if g.open = append(g.open, p); len(g.open) < lagRing {
		return
	}
	kept := g.open[:0]
	for i, o := range g.open {
		if i%2 == 0 {
			kept = append(kept, o)
		}
	}
	g.open = kept
}

// pass takes the low bound: everything before it is acknowledged.
func (g *lag) pass(low cdc.Position, now time.Time) {
	for len(g.open) > 0 && !low.Before(g.open[0].at) {
		g.acked = g.open[0]
		g.open = g.open[1:]
	}
	switch {
	case g.acked.asked.IsZero() || now.Sub(g.acked.asked) > noDelayProbe:
		g.since = time.Time{}
	case g.since.IsZero():
		g.since = now
	}
}

// delay gives the age; known is false until a position was acknowledged, and while the source does not answer.
func (g *lag) delay(now time.Time) (d time.Duration, known bool) {
	if g.acked.asked.IsZero() || now.Sub(g.newest.asked) > lagUnknown {
		return 0, false
	}
	return now.Sub(g.acked.asked), true
}

func (l *loop) probed(ctx context.Context, p probe) error {
	switch {
	case p.err == nil:
		l.lag.add(p)
		l.copies.Store(len(l.r.fresh) > 0)
	case !task.Retryable(p.err):
		return p.err
	default:
		return nil // the delay is not known until one is answered; the stream tells if the source is gone
	}
	l.lag.pass(l.r.lowest(), l.d.Now())
	if l.control.UntilCaughtUp && l.phase == PhaseIncremental && !l.lag.since.IsZero() {
		l.askEnd(ctx)
	}
	return nil
}

// askEnd asks where the source stands now; the task ends there.
func (l *loop) askEnd(ctx context.Context) {
	if l.asking || !l.until.IsZero() {
		return
	}
	l.asking = true
	l.wg.Go(func() {
		for {
			p, err := l.d.Source.End(ctx)
			if err == nil || !task.Retryable(err) {
				l.ends <- probe{at: p, err: err}
				return
			}
			if sleep(ctx, time.Second) != nil {
				return
			}
		}
	})
}

func (l *loop) show() {
	if l.d.Progress == nil {
		return
	}
	now := l.d.Now()
	r := l.r
	l.lag.pass(r.lowest(), now)
	p := Progress{Phase: l.phase, Counts: r.counts, Position: r.point, Low: r.lowest(), Need: r.need(), Log: r.cfg.server.Log, Set: r.delivered(), ChunksLeft: len(r.fresh) + len(r.active), ChunksDone: r.read, Bytes: r.waiting + r.queued + r.keeping(),
		Plain: r.saved.Producer == NoProducer, Doubles: r.saved.Doubles}
	p.Delay, p.Known = l.lag.delay(now)
	p.NoDelay = !l.lag.since.IsZero() && now.Sub(l.lag.since) >= noDelayHeld
	if len(r.fresh) > 0 && l.behind() {
		p.Waiting = "snapshot.stream_behind"
	} else if r.unproven() {
		p.Waiting = "snapshot.next_file"
	} else if len(r.fresh) > 0 && l.busy() {
		p.Waiting = "snapshot.source_busy"
	}
	if i := slices.IndexFunc(r.lanes, func(l *lane) bool { return l.trying != nil }); i >= 0 {
		p.Trying = r.lanes[i].trying
	}
	l.d.Progress(p)
}

// limiter spends rows at a steady rate, with at most a tenth of a second saved up.
type limiter struct {
	perSecond float64 // 0: no limit
	owed      float64 // rows spent ahead of time
	at        time.Time
}

// wait gives how long to wait before more may be spent. Without a limit not even the clock is asked.
func (m *limiter) wait(clock func() time.Time) time.Duration {
	if m.perSecond == 0 {
		return 0
	}
	now := clock()
	if !m.at.IsZero() {
		m.owed = max(m.owed-now.Sub(m.at).Seconds()*m.perSecond, -m.perSecond/10)
	}
	m.at = now
	if m.owed <= 0 {
		return 0
	}
	return time.Duration(m.owed / m.perSecond * float64(time.Second))
}

func (m *limiter) spend(rows int64) {
	if m.perSecond > 0 {
		m.owed += float64(rows)
	}
}
