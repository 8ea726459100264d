package engine

import (
	"context"
	"fmt"
	"sync"

	"sluice/engine/cdc"
)

// A take-over reads each lane in three steps: it looks at what the log holds, before it writes anything, so that the
// copy of a data folder does no harm where another one has gone on; it writes its fence; it reads on up to the fence
// itself. A broker may take a fence for a copy's fence of the same number and acknowledge what it did not write: the
// record at the acknowledged offset then bears another name.

// readBack looks at every lane, fences it, and reads what its log holds up to the fence.
func (r *router) readBack(ctx context.Context, d *Deps) error {
	looked, err := r.look(ctx, d)
	if err != nil {
		return err
	}
	fences, err := r.fenceAll(ctx, d)
	if err != nil {
		return err
	}
	d.fault("fenced")
	for i, l := range r.lanes {
		if err := r.scan(ctx, d, l, min(looked[i], fences[i]), fences[i]+1); err != nil {
			return err
		}
	}
	return nil
}

// look scans what consumers see of every lane now. It gives where the scan is to go on.
func (r *router) look(ctx context.Context, d *Deps) ([]int64, error) {
	_, ends, err := d.Sink.Ends(ctx, r.saved.Lanes)
	if err != nil {
		return nil, err
	}
	for i, l := range r.lanes {
		ends[i] = max(ends[i], r.found.from[i])
		if err := r.scan(ctx, d, l, r.found.from[i], ends[i]); err != nil {
			return nil, err
		}
	}
	return ends, nil
}

func (r *router) scan(ctx context.Context, d *Deps, l *lane, from, to int64) error {
	if from >= to {
		return nil
	}
	return d.Sink.Scan(ctx, l.part, from, to, func(offset int64, m Message) error {
		d.fault("scanning")
		return r.scanned(l.id, offset, m.Value)
	})
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
	return fences, each(ctx, len(r.lanes), func(ctx context.Context, i int) error {
		end, err := send(ctx, d.Sink, codec, flights[i], tell)
		if err != nil {
			return err
		}
		r.lanes[i].done(end)
		fences[i] = end - 1
		return nil
	})
}

// fence makes the first request of this incarnation for a lane: one heartbeat with the new epoch and the incarnation's
// name. Once it is written, no request of an earlier incarnation can be written after it.
func (r *router) fence(l *lane) (*flight, error) {
	value, err := r.codec.Encode(nil, &cdc.Record{ID: r.nextID(), Op: cdc.Heartbeat, Time: r.cfg.now() / 1000, Pos: r.base, SafePos: r.base,
		Identity: fmt.Sprintf("%sf/%d.%d/%s", r.cfg.prefix, r.saved.Epoch, l.id, r.saved.Runs[len(r.saved.Runs)-1]), Born: r.cfg.now()})
	if err != nil {
		return nil, err
	}
	l.push(entry{value: value})
	return l.take(r.saved.Producer, r.saved.Epoch, 1), nil
}
