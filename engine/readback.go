package engine

import (
	"context"
	"fmt"
	"sync"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// A take-over reads each lane in three steps: it looks at what the log holds, before it writes anything, so that the
// copy of a data folder does no harm where another one has gone on; it writes its fence; it reads on up to the fence
// itself. A broker may take a fence for a copy's fence of the same number and acknowledge what it did not write: the
// record at the acknowledged offset then bears another name.

// readBack looks at every lane, fences it, reads what its log holds up to the fence, and compares that with what was
// noted. It gives where the logs begin.
func (r *router) readBack(ctx context.Context, d *Deps) (first []int64, err error) {
	first, looked, err := r.look(ctx, d)
	if err != nil {
		return nil, err
	}
	fences, err := r.fenceAll(ctx, d)
	if err != nil {
		return nil, err
	}
	d.fault("fenced")
	return first, r.compare(ctx, d, first, looked, fences)
}

// compare reads on up to the fences and holds what the log has against the newest note.
func (r *router) compare(ctx context.Context, d *Deps, first, looked, fences []int64) error {
	for i, l := range r.lanes {
		if err := r.stands(ctx, d, l, fences[i]); err != nil {
			return err
		}
		if err := r.scan(ctx, d, l, min(looked[i], fences[i]), fences[i]+1); err != nil {
			return err
		}
		if r.found.seen[i] != (placed{fences[i], l.sum}) {
			return changed(l)
		}
	}
	if lost := r.lost(first, fences); len(lost) > 0 {
		return r.goBack(ctx, d, lost, first, fences)
	}
	return nil
}

// look scans what consumers see of every lane now. It gives the starts of the logs and where the scan is to go on.
func (r *router) look(ctx context.Context, d *Deps) (first, looked []int64, err error) {
	first, looked, err = d.Sink.Ends(ctx, r.saved.Lanes)
	if err != nil {
		return nil, nil, err
	}
	if err := r.expired(first); err != nil {
		return nil, nil, err
	}
	for i, l := range r.lanes {
		from := max(r.scanFrom(i), first[i])
		looked[i] = max(looked[i], from)
		l.acked = max(l.acked, first[i]) // the fence lies behind it
		if err := r.scan(ctx, d, l, from, looked[i]); err != nil {
			return nil, nil, err
		}
	}
	return first, looked, nil
}

// scanFrom is where a lane is read from: the message before the newest note's offset tells whether the log is still
// the one that was noted.
func (r *router) scanFrom(lane int) int64 {
	if r.noted.Sums[lane] != 0 {
		return min(r.found.from[lane], r.noted.Ends[lane]-1)
	}
	return r.found.from[lane]
}

// stands checks, now that nothing but this run can write, that what was looked at before is still there.
func (r *router) stands(ctx context.Context, d *Deps, l *lane, fence int64) error {
	seen := r.found.seen[l.id]
	if seen.sum == 0 {
		return nil
	}
	same := false
	if seen.offset < fence {
		err := d.Sink.Scan(ctx, l.part, seen.offset, seen.offset+1, func(_ int64, m Message) error {
			same = sumOf(m.Value) == seen.sum
			return nil
		})
		if err != nil {
			return err
		}
	}
	if !same {
		return changed(l)
	}
	return nil
}

func changed(l *lane) error {
	return &task.Error{Code: "target.log_short", Op: "reading back " + l.part.String(), Retry: true,
		Text: "the log lost messages while it was read", Hint: "The task starts anew and compares with the log."}
}

func (r *router) scan(ctx context.Context, d *Deps, l *lane, from, to int64) error {
	if from >= to {
		return nil
	}
	err := d.Sink.Scan(ctx, l.part, from, to, func(offset int64, m Message) error {
		d.fault("scanning")
		return r.scanned(l.id, offset, m.Value)
	})
	if twice := r.found.twice; err == nil && len(twice) > 0 {
		r.found.twice = nil
		err = r.foundTwice(ctx, l, 0, twice)
	}
	return err
}

// fenceAll writes the fence of every lane and gives their offsets.
func (r *router) fenceAll(ctx context.Context, d *Deps) ([]int64, error) {
	fences := make([]int64, len(r.lanes))
	flights := make([]*flight, len(r.lanes))
	for i, l := range r.lanes {
		var err error
		if flights[i], err = r.fence(l); err != nil {
			return nil, err
		}
	}
	codec := func() Codec { return d.NewCodec(r.saved.Server.Version) }
	var once sync.Once
	tell := func(r *Retry) { once.Do(func() { d.retrying(r) }) }
	err := each(ctx, len(r.lanes), func(ctx context.Context, i int) error {
		end, err := send(ctx, d.Sink, codec, flights[i], tell)
		fences[i] = end - 1
		return err
	})
	if err != nil {
		return nil, err
	}
	for i, l := range r.lanes {
		if err := r.doubles(ctx, flights[i]); err != nil {
			return nil, err
		}
		l.done(fences[i] + 1)
	}
	return fences, nil
}

// fence makes the first request of this incarnation for a lane: one heartbeat with the new epoch and the incarnation's
// name. Once it is written, no request of an earlier incarnation can be written after it; without a producer such a
// request was waited for, and this is the mark of the take-over.
func (r *router) fence(l *lane) (*flight, error) {
	value, err := r.codec.Encode(nil, &cdc.Record{ID: r.nextID(), Op: cdc.Heartbeat, Time: r.cfg.now() / 1000, Pos: r.base, SafePos: r.base,
		Identity: fmt.Appendf(nil, "%sf/%d.%d/%s", r.cfg.prefix, r.saved.Epoch, l.id, r.saved.Runs[len(r.saved.Runs)-1]), Born: r.cfg.now()})
	if err != nil {
		return nil, err
	}
	l.push(Message{Value: value}, entry{})
	return r.take(l, 1), nil
}
