package engine

import (
	"context"
	"maps"

	"sluice/engine/cdc"
)

// Where the task names a topic for them, rows whose records their own topic would refuse for their size go there instead,
// as dead letters: the same record with the columns of the row's key alone, for a person or a program to read the row at
// the source. What goes there is decided before a record is given to a lane, by its size as it is encoded.
//
// A topic's limit may change between two runs. A record that was a dead letter and was lost on its way must not go to its
// own topic after a restart, where a later one of its key may stand already (I4). So what may have been overtaken so is
// held against the lowest limit that any run has seen, which is stored before it counts.

// deadLetters decides. The router and the workers read it; the limits are set before any of them runs.
type deadLetters struct {
	lane   int   // where they go; -1: nowhere, and a record that is too large stops the task
	limits []int // max.message.bytes of each lane's topic; 0: not known, and nothing of it is too large
	lowest []int // of all runs
}

// over gives the limit that a record of so many bytes, key and value, is over; 0: none.
func (d *deadLetters) over(limits []int, lane, size int) int {
	if d.lane < 0 || limits[lane] == 0 || size+batchFraming <= limits[lane] {
		return 0
	}
	return limits[lane]
}

// limit takes the limits of this run, and stores what is lower than before.
func (d *deadLetters) limit(ctx context.Context, store Checkpoints, s *Saved, now map[string]int) error {
	if d.lane < 0 {
		return nil
	}
	lowest := map[string]int{}
	maps.Copy(lowest, s.Limits)
	for topic, n := range now {
		if old := lowest[topic]; n > 0 && (old == 0 || n < old) {
			lowest[topic] = n
		}
	}
	d.limits, d.lowest = make([]int, len(s.Lanes)), make([]int, len(s.Lanes))
	for i, l := range s.Lanes {
		d.limits[i], d.lowest[i] = now[l.Topic], lowest[l.Topic]
	}
	if maps.Equal(lowest, s.Limits) {
		return nil
	}
	s.Limits = lowest
	return store.Limited(ctx, lowest)
}

// bury makes a dead letter of r.rec, which is too large, and gives its lane and value.
func (r *router) bury(key []byte, size, limit int) (lane int, value []byte, err error) {
	t, err := r.plan.Table(r.rec.Table)
	if err != nil {
		return 0, nil, err
	}
	r.rec.Columns, r.rec.Names, r.rec.Refused = t.Key, t.KeyNames, cdc.Refused{Bytes: size, Limit: limit}
	lane = r.dead.lane
	value, err = r.codec.Encode(r.lanes[lane].arena.reserve(), &r.rec)
	r.buried(key)
	return lane, value, err
}

// limits are those that hold at the router's point.
func (r *router) limits() []int {
	if r.found.unmet {
		return r.dead.lowest
	}
	return r.dead.limits
}

// buried counts a dead letter; the first of a run is told.
func (r *router) buried(key []byte) {
	if r.counts.DeadLetters++; r.counts.DeadLetters == 1 {
		r.note("target.dead_letter", keyText(key), r.lanes[r.dead.lane].part.Topic)
	}
}

// sent reports whether the log of the lane, or that of dead letters, holds the record.
func (r *router) sent(lane int, id []byte, at cdc.Position) bool {
	own := r.found.any(lane) && r.found.meet(lane, id, at)
	d := r.dead.lane
	return d >= 0 && d != lane && r.found.any(d) && r.found.meet(d, id, at) || own
}
