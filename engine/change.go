package engine

import (
	"sluice/engine/cdc"
	"sluice/engine/route"
	"sluice/engine/snapshot"
)

// change is one row of a rows event. Its old half is the row's key before, its new half the key after it: the two
// are gated and recognised apart, because they may lie in different chunks and go to different partitions.
type change struct {
	tx             *transaction
	table          *table
	def            *cdc.Table
	route          *route.Table
	op             cdc.Op
	pos, safe      cdc.Position
	row            uint64 // index among the selected tables' rows of the transaction
	before, after  cdc.Row
	oldKey, newKey []byte // ordered keys, where the table has chunks
	old, new       bool   // the halves meant
	bytes          int    // while queued
}

// change gates both halves of a row change and sends what may go out now.
func (r *router) change(c *change) error {
	c.old, c.new = c.op != cdc.Insert, c.op != cdc.Delete
	t := c.table
	if len(t.chunks) == 0 {
		return r.emitChange(c, nil)
	}
	from, to, err := r.place(c)
	if err != nil {
		return err
	}
	if !c.old || !c.new || from == to {
		if !c.old {
			from = to
		}
		if !r.gate(from, c) {
			return nil
		}
		return r.emitChange(c, nil)
	}
	before, after := *c, *c
	before.new, after.old = false, false
	c.old, c.new = r.gate(from, &before), r.gate(to, &after)
	if !c.old && !c.new {
		return nil
	}
	return r.emitChange(c, nil)
}

// place finds the chunks of both halves.
func (r *router) place(c *change) (from, to *chunk, err error) {
	t := c.table
	if !t.ordered {
		return t.chunks[0], t.chunks[0], nil
	}
	buf := r.scratch[:0]
	if c.old {
		if buf, err = snapshot.AppendKey(buf, c.def, t.key, c.before, r.weights); err != nil {
			return nil, nil, err
		}
		c.oldKey = buf
		from = t.find(c.oldKey)
	}
	if c.new {
		at := len(buf)
		if buf, err = snapshot.AppendKey(buf, c.def, t.key, c.after, r.weights); err != nil {
			return nil, nil, err
		}
		c.oldKey, c.newKey = buf[:at:at], buf[at:]
		to = t.find(c.newKey)
	}
	r.scratch = buf
	return from, to, nil
}

// gate says whether the halves meant may be sent now; if not, they were dropped or queued.
func (r *router) gate(ch *chunk, c *change) bool {
	switch ch.Status {
	case snapshot.New:
		return false // a later view shows it
	case snapshot.Open:
		r.queue(ch, c)
		if !ch.passed(r.point) && (ch.queuedBytes > r.cfg.queueChunk || r.queued > r.cfg.queueTask) {
			r.discard(ch, "queue_full")
		}
		return false
	case snapshot.Sealed:
		if !ch.past(c.tx) {
			return false
		}
		if !ch.released {
			r.queue(ch, c)
			return false
		}
		return true
	case snapshot.Done:
		return ch.past(c.tx)
	}
	return true
}

// queue keeps a copy of the change until the chunk's rows are out.
func (r *router) queue(ch *chunk, c *change) {
	q := *c
	q.before, q.after = c.before.Clone(), c.after.Clone()
	q.oldKey = append([]byte(nil), c.oldKey...)
	q.newKey = append([]byte(nil), c.newKey...)
	q.bytes = 200 + 40*(len(q.before)+len(q.after))
	for _, row := range []cdc.Row{q.before, q.after} {
		for _, v := range row {
			q.bytes += len(v.Bytes)
		}
	}
	ch.queue = append(ch.queue, &q)
	ch.queuedBytes += q.bytes
	r.queued += q.bytes
}

// emitChange sends the halves meant, those left out that the log already holds. A change is one record unless its
// halves part: by partition, or because only one of them is meant.
func (r *router) emitChange(c *change, ch *chunk) error {
	if !c.route.Sends(c.op) {
		return nil
	}
	// A row that comes into the filter is inserted, one that leaves it is deleted.
	c.old, c.new = c.old && c.route.Passes(c.before), c.new && c.route.Passes(c.after)
	if !c.old && !c.new {
		return nil
	}
	var oldLane, newLane int
	var err error
	buf := r.scratch[:0]
	if c.old {
		if oldLane, buf, err = c.route.Dest(buf, c.before); err != nil {
			return err
		}
	}
	oldKey := buf
	if c.new {
		if newLane, buf, err = c.route.Dest(buf, c.after); err != nil {
			return err
		}
	}
	newKey := buf[len(oldKey):]
	r.scratch = buf
	if c.op != cdc.Update {
		lane, key := newLane, newKey
		if c.op == cdc.Delete {
			lane, key = oldLane, oldKey
		}
		return r.emitRow(c, ch, c.op, lane, key, c.before, c.after, 0)
	}
	old := c.old && !r.held(oldLane, c, '-')
	new := c.new && !r.held(newLane, c, '+')
	if old && new && oldLane == newLane {
		return r.emitRow(c, ch, cdc.Update, newLane, newKey, c.before, c.after, 0)
	}
	if old {
		if err := r.emitRow(c, ch, cdc.Delete, oldLane, oldKey, c.before, nil, '-'); err != nil {
			return err
		}
	}
	if new {
		return r.emitRow(c, ch, cdc.Insert, newLane, newKey, nil, c.after, '+')
	}
	return nil
}

// held reports whether the log holds this half of an UPDATE: by itself, or in an undivided record.
func (r *router) held(lane int, c *change, half byte) bool {
	if !r.found.unmet {
		return false
	}
	whole := r.sent(lane, r.streamIdentity('s', c.tx.tid, c.row, 0), c.pos)
	part := r.sent(lane, r.streamIdentity('s', c.tx.tid, c.row, half), c.pos)
	if whole || part {
		r.counts.Dropped++
	}
	return whole || part
}

func (r *router) emitRow(c *change, ch *chunk, op cdc.Op, lane int, key []byte, before, after cdc.Row, half byte) error {
	id := r.streamIdentity('s', c.tx.tid, c.row, half)
	if r.found.unmet && r.sent(lane, id, c.pos) {
		r.counts.Dropped++
		return nil
	}
	switch op {
	case cdc.Insert:
		r.counts.Inserts++
	case cdc.Update:
		r.counts.Updates++
	case cdc.Delete:
		r.counts.Deletes++
	}
	r.rec = cdc.Record{Op: op, Time: c.tx.time / 1e6, Pos: c.pos, SafePos: c.safe, Object: c.route.Object,
		Table: c.def, Columns: c.route.Columns, Names: c.route.Names, Before: before, After: after,
		Identity: id, ServerID: c.tx.server, ThreadID: c.tx.thread}
	return r.emit(lane, key, ch, c.tx.start.At(c.row))
}

// emit encodes r.rec and hands it to the lane. A record of a chunk is held by the chunk's S, any other by the tracker
// at the point before it.
func (r *router) emit(lane int, key []byte, ch *chunk, point cdc.Position) error {
	if r.found.other != nil {
		return r.found.other
	}
	r.rec.ID = r.nextID()
	r.rec.Born = r.clock.now(r.cfg.now)
	value, err := r.codec.Encode(r.lanes[lane].arena.reserve(), &r.rec)
	if size := len(key) + len(value); err == nil && r.rec.Table != nil && r.dead.lane >= 0 {
		if limit := r.dead.over(r.limits(), lane, size); limit > 0 {
			lane, value, err = r.bury(key, size, limit)
		}
	}
	if err != nil {
		return err
	}
	arena := &r.lanes[lane].arena
	arena.keep(value)
	m := Message{Key: arena.copy(key), Value: value}
	e := entry{chunk: ch}
	if ch != nil {
		ch.unacked++
	} else {
		e.token = r.tracker.Add(point) + 1
	}
	r.push(lane, m, e)
	return nil
}

// clock is asked for the time by each record of a turn, and looks for every 64th of them: it takes longer than some of the
// encoding.
type clock struct {
	asked int
	at    int64
}

func (c *clock) now(look func() int64) int64 {
	if c.asked%64 == 0 {
		c.at = look()
	}
	c.asked++
	return c.at
}

func (r *router) push(lane int, m Message, e entry) {
	l := r.lanes[lane]
	l.push(m, e)
	r.wake(l)
	r.waiting += m.size()
}

func (r *router) nextID() int64 {
	r.sequence++
	return int64(r.cfg.incarnation)<<40 | r.sequence
}
