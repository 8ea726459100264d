package engine

import (
	"context"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// sealable reports whether the chunk's rows can be made the state at H.
func (c *chunk) sealable(point cdc.Position) bool {
	return c.Status == snapshot.Open && c.locked && c.result != nil && !point.Before(c.H) && !point.Before(c.q)
}

// nextLimit sizes the next chunk so that reading takes about half a second, because a DDL waits for the reader, and by its
// bytes.
func (r *router) nextLimit(c *chunk) int {
	took, read := c.result.took, int(c.result.rows)
	if took <= 0 {
		return read
	}
	n := int(float64(read) * float64(500*time.Millisecond) / float64(took))
	if size := c.result.bytes; size > 0 {
		n = min(n, int(int64(read)*r.cfg.chunkBytes/size))
	}
	return min(max(n, read/2, 100), read*4, r.cfg.chunkMost)
}

// passed reports whether the chunk that is still being read needs nothing more of the stream.
func (c *chunk) passed(point cdc.Position) bool {
	return c.Status == snapshot.Open && c.locked && !point.Before(c.H) && !point.Before(c.q) && (!c.quiet || c.cleared)
}

// stalled reports whether too many changes wait behind chunks that come to their end without the stream: SEALED ones that
// may be handed over drain, OPEN ones that the stream has passed are read to the end. One that needs the stream must never
// hold it up; an OPEN one is discarded when its queue is full.
func (r *router) stalled() bool {
	n := 0
	for _, c := range r.active {
		if r.handable(c) || c.passed(r.point) {
			n += c.queuedBytes
		}
	}
	return n > r.cfg.queueChunk
}

// redefinable reports whether the definition found under the lock can be judged.
func (c *chunk) redefinable(point cdc.Position) bool {
	return c.sealable(point) && c.result.redefined != nil
}

// redefine takes the definition that a worker found under the lock. No DDL of the table came up to Q, else the chunk
// had been discarded, so it is the definition at Q and the model was wrong in something that rows do not show.
func (r *router) redefine(c *chunk) error {
	def := r.schema.Baseline(c.result.redefined, c.q)
	r.discard(c, "definition_reread")
	return r.define(c.table, def)
}

// seal merges the windows into the chunks' rows and stores them with what is left of their ranges, all at once. From the
// first patch file to the stored SEALED the router does nothing else.
func (r *router) seal(ctx context.Context, cs ...*chunk) error {
	var ready []*sealing
	var saved, rests []Chunk
	for _, c := range cs {
		s, err := r.merged(c)
		if err != nil {
			return err
		}
		if s == nil {
			continue
		}
		ready, saved = append(ready, s), append(saved, s.saved)
		if s.rest != nil {
			rests = append(rests, s.rest.Chunk)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	if err := r.store.Seal(ctx, saved, rests); err != nil {
		return err
	}
	for _, s := range ready {
		r.sealed(s)
	}
	return nil
}

// sealing is what a chunk becomes by being sealed.
type sealing struct {
	c     *chunk
	saved Chunk
	rest  *chunk    // of its range; nil: it was read to the end
	after []*change // those behind H
}

// merged gives nothing for a chunk that has to be read again.
func (r *router) merged(c *chunk) (*sealing, error) {
	if r.veiled(c) {
		if c.exact = false; !c.mergeable() {
			r.discard(c, "position_gap")
			return nil, nil
		}
	}
	res := c.result
	saved := c.Chunk
	saved.Status = snapshot.Sealed
	saved.Rows, saved.Bytes, saved.Sum = res.rows, res.bytes, res.sum
	var rest *chunk
	if res.full && (c.Upto == nil || string(res.last.Key) < string(c.Upto.Key)) {
		c.table.want = r.nextLimit(c)
		rest = &chunk{Chunk: Chunk{ID: r.newChunkID(), Table: c.Table, After: res.last, Upto: c.Upto}, table: c.table, want: r.cfg.chunkRows}
		saved.Upto = res.last
	}
	after, err := r.merge(c, &saved)
	if err != nil {
		return nil, err
	}
	saved.HSet = r.received(c.H, false).String()
	return &sealing{c, saved, rest, after}, nil
}

func (r *router) sealed(s *sealing) {
	c := s.c
	r.flows, c.kept = true, c.result.kept
	for _, q := range c.queue {
		r.queued -= q.bytes
	}
	c.Chunk, c.queue, c.queuedBytes, c.result, c.fails = s.saved, s.after, 0, nil, 0
	r.copied = later(r.copied, c.H)
	for _, q := range s.after {
		c.queuedBytes += q.bytes
		r.queued += q.bytes
	}
	if s.rest != nil {
		r.fresh = append(r.fresh, s.rest)
		c.table.insert(c, s.rest)
	}
}

// merge splits the queue at H: what lies before it becomes the patch of the chunk's rows, what lies after it is
// given back. Halves beyond the range that was read belong to the rest, which is NEW, and are dropped.
func (r *router) merge(c *chunk, saved *Chunk) ([]*change, error) {
	p := patch{rows: map[string]cdc.Row{}}
	var after []*change
	kept := snapshot.Range{After: saved.After, Upto: saved.Upto}
	for _, q := range c.queue {
		if c.table.ordered {
			q.old = q.old && kept.Holds(q.oldKey)
			q.new = q.new && kept.Holds(q.newKey)
		}
		switch {
		case !q.old && !q.new:
		case !q.tx.start.Before(c.H):
			after = append(after, q)
		case c.exact: // the view shows it
		default:
			if q.old {
				p.set(q.oldKey, nil)
			}
			if q.new {
				if !q.route.Passes(q.after) {
					q.after = nil
				}
				p.set(q.newKey, q.after)
			}
		}
	}
	if len(p.order) == 0 {
		return after, nil
	}
	saved.Patch = true
	return after, r.writePatch(&p, c, saved)
}

// patch is the last image of every key that changed in a window; nil: it is gone.
type patch struct {
	rows  map[string]cdc.Row
	order []string
}

func (p *patch) set(key []byte, row cdc.Row) {
	k := string(key)
	if _, ok := p.rows[k]; !ok {
		p.order = append(p.order, k)
	}
	p.rows[k] = row
}

func (r *router) writePatch(p *patch, c *chunk, saved *Chunk) error {
	w, err := newSealedWriter(r.files, c.File+".patch")
	if err != nil {
		return err
	}
	ordinal := saved.Rows
	for _, key := range p.order {
		row := p.rows[key]
		if row == nil {
			b := w.row([]byte(key), gone, nil)
			err = w.end(b, len(b))
		} else {
			err = c.result.enc.add(w, []byte(key), row, ordinal)
			ordinal++
		}
		if err != nil {
			w.abandon()
			return err
		}
	}
	return w.finish()
}
