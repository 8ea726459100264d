package engine

import (
	"context"
	"maps"
	"slices"

	"sluice/engine/cdc"
)

// What stays for a log that loses its end: as many notes before the scan start, and the files of chunks that were
// acknowledged since the oldest of them, as far as they take no more than that of the disk.
const (
	keepNotes = 1000
	keepBytes = 1 << 30
)

// lowest computes L: everything before it is acknowledged, and no chunk that is open or going out began before it.
func (r *router) lowest() cdc.Position {
	low := r.point
	if p, ok := r.tracker.Low(); ok && p.Before(low) {
		low = p
	}
	for _, c := range r.active {
		s := c.S
		if c.holds != nil {
			s = r.base // this log has no such place
		}
		if s.Before(low) {
			low = s
		}
	}
	if r.torn(low) {
		return r.base
	}
	return low
}

// takeNote stores where the router stands, if that has changed since the last note (I2).
func (r *router) takeNote(ctx context.Context) error {
	r.tellOld()
	low := r.lowest()
	n := Note{Seq: r.noted.Seq + 1, X: r.point, L: low, Offsets: make([]int64, len(r.lanes)), Ends: make([]int64, len(r.lanes)), Sums: make([]uint32, len(r.lanes))}
	var before cdc.GTIDSet
	if r.stretch != nil || len(r.branches) > 0 {
		before = r.received(low, false)
		r.reread(&n, before)
	}
	same := n.X == r.noted.X && n.L == r.noted.L && n.Reread == r.noted.Reread && slices.Equal(n.Others, r.noted.Others)
	floor := r.found.unmet && !r.caughtUp()
	for i, l := range r.lanes {
		n.Offsets[i], n.Ends[i], n.Sums[i] = l.acked, l.acked, l.sum
		if floor {
			// Until all that the scan found was met again, a second crash must scan from the same place.
			n.Offsets[i] = r.found.from[i]
		}
		same = same && n.Offsets[i] == r.noted.Offsets[i]
	}
	r.unsaved = append(r.unsaved, r.schema.Versions()...)
	if same && len(r.unsaved) == 0 {
		return nil
	}
	if before == nil {
		before = r.received(low, false)
	}
	n.Set, n.Inside, n.Seen = before.String(), r.insideOf(low), r.seen.reached(r.point)
	r.oldest = max(r.oldest, r.keep()-r.cfg.keepNotes)
	if err := r.store.Note(ctx, n, r.unsaved, r.oldest); err != nil {
		return err
	}
	r.reach("noted")
	r.keptLow(n, r.oldest)
	r.noted, r.low, r.unsaved = n, low, nil
	r.addMark(n)
	r.fold()
	r.forgetBranches(before)
	return nil
}

// keep gives the newest note that a restart may have to scan from.
func (r *router) keep() int64 {
	seq := r.marks[0].seq
	for _, c := range r.active {
		seq = min(seq, c.Note)
	}
	if r.found.unmet {
		seq = min(seq, r.found.note)
	}
	return seq
}

// keptLow remembers the low bounds of the notes that stay, from keep on; of equal ones the newest note alone.
func (r *router) keptLow(n Note, keep int64) {
	if last := len(r.lows) - 1; last >= 0 && r.lows[last].x == n.from() {
		r.lows[last].seq = n.Seq
	} else {
		r.lows = append(r.lows, mark{n.Seq, n.from()})
	}
	i := 0
	for r.lows[i].seq < keep && i+1 < len(r.lows) {
		i++
	}
	r.lows = append(r.lows[:0], r.lows[i:]...)
}

// from is where a restart from the note begins to read the log.
func (n *Note) from() cdc.Position {
	if !n.Reread.IsZero() && n.Reread.Before(n.L) {
		return n.Reread
	}
	return n.L
}

// oldestLow is the lowest place that a note which is kept may ask for: one that was gone back to lies before those after
// it.
func (r *router) oldestLow() cdc.Position {
	low := r.noted.from()
	for _, m := range r.lows {
		if m.x.Before(low) {
			low = m.x
		}
	}
	return low
}

// mark of a note, of those that a restart may scan from.
type mark struct {
	seq int64
	x   cdc.Position
}

// addMark forgets the marks before the one that scanStart would take now. Of an earlier server's log the low bound tells
// nothing, so that its marks stay till one of this server can be taken.
func (r *router) addMark(n Note) {
	r.marks = append(r.marks, mark{n.Seq, n.X})
	limit := n.Seq
	for _, c := range r.active {
		limit = min(limit, c.Note)
	}
	best := 0
	for i, m := range r.marks {
		if m.seq <= limit && m.x.Turn == r.low.Turn && !r.low.Before(m.x) {
			best = i
		}
	}
	r.marks = append(r.marks[:0], r.marks[best:]...)
}

// fold moves the transactions before the stored low bound into the set.
func (r *router) fold() {
	if r.byFile {
		r.set = r.upto(r.low)
		maps.DeleteFunc(r.created, func(file uint64, _ int64) bool { return file < r.low.File })
		return
	}
	i := 0
	for ; i < len(r.recent) && r.recent[i].start.Before(r.low.Start()); i++ {
		_ = r.set.Add(r.recent[i].tid)
	}
	if i > 0 {
		r.recent = append(r.recent[:0], r.recent[i:]...)
	}
}
