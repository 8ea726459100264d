package engine

import (
	"context"
	"io"
	"slices"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// handable reports whether rows of the chunk may go to the lanes: after a restart only once the router is at H again, and
// at another server once that has brought all that they hold, because a DDL may lie before it.
func (r *router) handable(c *chunk) bool {
	if c.holds != nil {
		return c.Status == snapshot.Sealed && !c.released && (c.due || r.behind.brought(c.holds))
	}
	return c.Status == snapshot.Sealed && !c.released && !r.point.Before(c.H)
}

// owes reports whether rows or changes from before a statement are still to be handed over. All that comes before the
// statement was routed then, so that SEALED chunks of an earlier run are handed over too.
func (r *router) owes(ev *cdc.Event) bool {
	if !r.within() {
		r.point = later(r.point, ev.Pos)
	}
	return slices.ContainsFunc(r.active, func(c *chunk) bool { return r.owed(c, ev) })
}

// owed reports whether the chunk's rows belong before the statement. Of those read from an earlier server only the rows
// of the tables that it touches do: the order of other tables is another one here.
func (r *router) owed(c *chunk, ev *cdc.Event) bool {
	if c.Status != snapshot.Sealed || c.released {
		return false
	}
	if c.holds == nil {
		return !ev.Pos.Before(c.H)
	}
	if !c.holds.Contains(ev.TID) && touches(r.flavor, ev, c.table.id) {
		c.due = true
	}
	return c.due
}

// hand gives up to budget bytes of the chunk's rows to the lanes, and then of the changes that queue behind them.
// After the last of them the chunk's changes go straight out.
func (r *router) hand(c *chunk, budget int) error {
	if c.reader == nil && !c.rowsOut {
		var err error
		if c.reader, err = openSealed(r.files, &c.Chunk, c.resumed, c.kept); err != nil {
			return err
		}
		c.kept = nil
	}
	for budget > 0 && !c.rowsOut {
		row, err := c.reader.next()
		if err == io.EOF {
			c.rowsOut = true
			if err := c.closeReader(); err != nil {
				return err
			}
			break
		}
		if err != nil {
			return err
		}
		budget -= row.bytes
		if r.found.any(row.lane) {
			if id, _, ok := r.codec.Identity(row.msg.Value); ok && r.found.meet(row.lane, []byte(id), cdc.Position{}) {
				r.counts.Dropped++
				continue
			}
		}
		c.unacked++
		r.counts.Copied++
		if row.lane == r.dead.lane {
			r.buried(row.msg.Key)
		}
		arena := &r.lanes[row.lane].arena
		r.push(row.lane, Message{Key: arena.copy(row.msg.Key), Value: arena.copy(row.msg.Value)}, entry{chunk: c})
		r.reach("row")
	}
	return r.handQueue(c, budget)
}

// reach runs the test's hook for a named point, as Deps.fault does.
func (r *router) reach(point string) {
	if r.fault != nil {
		r.fault(point)
	}
}

// handQueue gives the changes behind the chunk's rows to the lanes; what the stream brings meanwhile queues behind them.
func (r *router) handQueue(c *chunk, budget int) error {
	for ; c.rowsOut && budget > 0 && len(c.queue) > 0; c.queue = c.queue[1:] {
		q := c.queue[0]
		if err := r.emitChange(q, c); err != nil {
			return err
		}
		r.reach("queued")
		c.queue[0] = nil
		c.queuedBytes -= q.bytes
		r.queued -= q.bytes
		budget -= q.bytes
	}
	c.released = c.rowsOut && len(c.queue) == 0
	return nil
}

func (c *chunk) closeReader() error {
	if c.reader == nil {
		return nil
	}
	in := c.reader
	c.reader = nil
	return in.close()
}

// finished reports whether all of the chunk is acknowledged.
func (c *chunk) finished() bool { return c.Status == snapshot.Sealed && c.released && c.unacked == 0 }

// finish stores that chunks are DONE.
func (r *router) finish(ctx context.Context, cs []*chunk) error {
	if err := r.advance(ctx, cs, snapshot.Done, true); err != nil {
		return err
	}
	r.active = slices.DeleteFunc(r.active, func(c *chunk) bool { return c.Status == snapshot.Done })
	if len(r.active) == 0 && len(r.fresh) == 0 {
		restBlocks()
	}
	r.done = append(r.done, cs...)
	for _, c := range cs {
		r.kept += c.Bytes
	}
	r.read += len(cs)
	return nil
}

// expire stores that chunks are GONE, once the stored low bound is past their H, and drops them with their files. It
// is durable, and the notes before it with it: a power cut must not bring back a chunk whose file is gone. One whose file is
// still there is swept by cleanFiles.
func (r *router) expire(ctx context.Context, cs []*chunk) error {
	if len(cs) == 0 {
		return nil
	}
	if err := r.advance(ctx, cs, snapshot.Gone, true); err != nil {
		return err
	}
	r.done = slices.DeleteFunc(r.done, func(c *chunk) bool { return c.Status == snapshot.Gone })
	swept := map[*table]bool{}
	var files []string
	for _, c := range cs {
		r.kept -= c.Bytes
		if !swept[c.table] {
			swept[c.table] = true
			r.sweep(c.table)
		}
		if c.File != "" {
			if name, last := r.unused(c.File); last {
				files = append(files, name)
			}
		}
		if c.Patch {
			files = append(files, c.File+".patch")
		}
	}
	return r.unlink(files...)
}

// expirable reports whether no change that the stream can still bring is in the chunk's rows, and no kept note would
// need them again.
func (r *router) expirable(c *chunk) bool {
	return c.Status == snapshot.Done && r.outlived(c) && c.Closed < r.oldest
}

// outlived reports whether the newest note is past the chunk's H.
func (r *router) outlived(c *chunk) bool {
	if c.holds != nil {
		return r.set.Includes(c.holds)
	}
	return !r.low.Before(c.H)
}

// outdated gives the DONE chunks to let go of: those that no kept note needs and, where the files of all take too much of
// the disk, the oldest that the newest note does not.
func (r *router) outdated() (cs []*chunk) {
	kept := r.kept
	for _, c := range r.done {
		over := kept > r.cfg.keepBytes
		if !over && c.Closed >= r.oldest {
			break // those behind it became DONE no earlier
		}
		if r.expirable(c) || over && r.outlived(c) && c.Closed < r.noted.Seq {
			kept -= c.Bytes
			cs = append(cs, c)
		}
	}
	return cs
}

func (r *router) advance(ctx context.Context, cs []*chunk, to snapshot.Status, durable bool) error {
	saved := make([]Chunk, len(cs))
	for i, c := range cs {
		saved[i] = c.Chunk
		saved[i].Status = to
		if c.Closed == 0 {
			saved[i].Closed = r.noted.Seq
		}
	}
	if err := r.store.Chunks(ctx, saved, durable); err != nil {
		return err
	}
	for i, c := range cs {
		c.Status, c.Closed = to, saved[i].Closed
	}
	return nil
}

// sweep opens the gate of a table whose chunks are all GONE.
func (r *router) sweep(t *table) {
	for _, c := range t.chunks {
		if c.Status != snapshot.Gone {
			return
		}
	}
	t.chunks = nil
}
