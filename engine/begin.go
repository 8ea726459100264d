package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/route"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// begin fixes all that a task's first run must not forget, and stores it in one step (I1): where the log is opened,
// how far the partitions reach, the tables' definitions, how the full copy is cut.
func begin(ctx context.Context, d *Deps) (*Saved, error) {
	s := &Saved{Task: d.Task, Generation: max(d.Generation, 1)}
	var err error
	if s.Server, err = d.Source.Server(ctx); err != nil {
		return nil, err
	}
	d = d.onServer(s.Server)
	if s.Partitions, err = ensureTopics(ctx, d); err != nil {
		return nil, err
	}
	plan, err := route.New(d.Spec, s.Partitions)
	if err != nil {
		return nil, err
	}
	for _, l := range plan.Lanes() {
		s.Lanes = append(s.Lanes, Partition{Topic: l.Topic, ID: l.Partition})
	}
	seen, err := beginSource(ctx, d, s, plan)
	if err != nil {
		return nil, err
	}
	_, ends, err := d.Sink.Ends(ctx, s.Lanes)
	if err != nil {
		return nil, err
	}
	s.Notes = []Note{{Seq: 1, Set: s.Start, Offsets: ends, Ends: ends, Sums: make([]uint32, len(ends)), Seen: seen}}
	s.SchemaSent = !d.Spec.Schema
	return s, d.Checkpoints.Begin(ctx, s)
}

// beginSource reads, in this order: the set of finished transactions, the tables' definitions, the end of the log.
func beginSource(ctx context.Context, d *Deps, s *Saved, plan *route.Plan) (seen Seen, err error) {
	start, err := d.Source.Start(ctx)
	if err != nil {
		return seen, err
	}
	seen = Seen{At: start.End, Begun: start.Begun}
	if _, byFile := start.Set.(*cdc.Upto); byFile && !d.Spec.Full {
		start.Set = &cdc.Upto{At: start.End} // nothing will have to be visible
	}
	s.Start = start.Set.String()
	s.XA = true
	if !d.Spec.Full {
		s.Skip = start.End // XA transactions that end before it may have been prepared before the set
	}
	if d.Spec.From != nil {
		at, err := d.Source.Locate(ctx, *d.Spec.From)
		if err != nil {
			return seen, err
		}
		s.Start, s.Skip, s.SkipTime = at.Set.String(), at.Skip, at.SkipTime
	}
	history := schema.New()
	var tables []*cdc.Table
	creates, read := map[cdc.TableID]string{}, map[cdc.TableID]cdc.Position{}
	ids := make([]cdc.TableID, len(d.Spec.Tables))
	for i, t := range d.Spec.Tables {
		ids[i] = cdc.TableID{Schema: t.Schema, Name: t.Name}
	}
	described, err := d.Source.Describe(ctx, ids, d.workers())
	if err != nil {
		return seen, err
	}
	for i, l := range described {
		creates[ids[i]], read[ids[i]] = l.Create, l.End
		tables = append(tables, history.Baseline(l.Table, l.End))
	}
	if errs := plan.Validate(tables); len(errs) > 0 {
		return seen, errs[0]
	}
	for i, t := range tables {
		for _, c := range t.Columns {
			if !d.Spec.Tables[i].Carries(c.Name) {
				continue
			}
			if err := d.Supports(&c); err != nil {
				return seen, named("table "+t.TableID.String(), err)
			}
		}
	}
	if d.Spec.From != nil {
		if err := since(ctx, d, s, history, read); err != nil {
			return seen, err
		}
	}
	for _, t := range d.Spec.New {
		names, err := d.Source.Names(ctx, t.Schema)
		if err != nil {
			return seen, err
		}
		history.There(t.Schema, names)
	}
	s.Schemas = history.Versions()
	for i := range s.Schemas {
		if v := &s.Schemas[i]; v.How == schema.HowBaseline {
			v.Create = creates[v.Table.TableID]
		}
	}
	if !d.Spec.Full {
		return seen, nil
	}
	if s.End, err = d.Source.End(ctx); err != nil {
		return seen, err
	}
	for i, t := range tables {
		if err := cut(ctx, d, s, t, described[i].Few); err != nil {
			return seen, err
		}
	}
	return seen, nil
}

// named says what an error is about.
func named(what string, err error) error {
	var e *task.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%s: %w", what, err)
	}
	said := *e
	said.Op = what
	return &said
}

// cut plans the chunks of a table: ranges of a single integer or text key, else one open range that is cut while it is read.
func cut(ctx context.Context, d *Deps, s *Saved, t *cdc.Table, few bool) error {
	key := t.Key()
	var rows []cdc.Row
	if ordered(t, key) && !few {
		var err error
		if rows, err = d.Source.Split(ctx, t, key, 4*d.workers()); err != nil {
			return err
		}
	}
	bounds, err := ordering(ctx, d.Source, t, key, rows)
	if err != nil {
		return err
	}
	var after *snapshot.Bound
	for _, upto := range bounds {
		s.Chunks = append(s.Chunks, Chunk{ID: int64(len(s.Chunks) + 1), Table: t.TableID, After: after, Upto: upto})
		after = upto
	}
	s.Chunks = append(s.Chunks, Chunk{ID: int64(len(s.Chunks) + 1), Table: t.TableID, After: after, Many: !few})
	return nil
}

// ensureTopics creates the topics that are missing and gives the partition count of all.
func ensureTopics(ctx context.Context, d *Deps) (map[string]int, error) {
	names := d.Spec.Topics()
	counts, err := d.Topics.Partitions(ctx, names)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if counts[name] > 0 {
			continue
		}
		if !d.Spec.Schema {
			return nil, &task.Error{Code: "target.topic_absent", Op: "preparing topics", Text: fmt.Sprintf("topic %q does not exist", name),
				Hint: "Create it, or choose the schema phase, which creates missing topics."}
		}
		n, replicas := max(d.Spec.Target.Partitions, 1), max(d.Spec.Target.Replication, 1)
		if err := d.Topics.Create(ctx, name, n, replicas); err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, nil
}

// resume builds a router on what is stored. The fences and the scan are still to come.
func resume(d *Deps, s *Saved) (*router, error) {
	plan, err := route.New(d.Spec, s.Partitions)
	if err != nil {
		return nil, err
	}
	last := s.Notes[len(s.Notes)-1]
	set, err := cdc.ParseGTIDSet(s.Server.Flavor, last.Set)
	if err != nil {
		return nil, err
	}
	r := &router{saved: s, flavor: s.Server.Flavor, codec: d.NewCodec(s.Server.Version), plan: plan, schema: schema.New(), store: d.Checkpoints, files: d.Files, unlink: d.Files.Remove,
		base: last.L, inside: last.Inside, seen: last.Seen, point: last.L, low: last.L, openFrom: s.End, set: set, noted: last.proved(), tables: map[cdc.TableID]*table{}, shared: map[string]int{}, onEvent: d.OnEvent, fault: d.Fault}
	r.cfg = config{spec: d.Spec, server: s.Server, prefix: fmt.Sprintf("%s/%d/", s.Task, s.Generation), incarnation: s.Epoch,
		now: d.nowMs, queueChunk: 64 << 20, queueTask: 256 << 20, chunkRows: 2000, chunkMost: 200_000, chunkBytes: chunkBytes, ahead: ahead, together: viewShares,
		keepNotes: keepNotes, keepBytes: keepBytes, xaBytes: xaBytes}
	r.schema.Lower = s.Server.LowerNames
	r.loadSchemas(s)
	for _, t := range d.Spec.Tables {
		id := cdc.TableID{Schema: t.Schema, Name: t.Name}
		r.tables[id] = &table{id: id, lower: strings.ToLower(t.Name), where: opaque(&t)}
		if def := r.schema.Current(id); def != nil {
			if err := r.define(r.tables[id], def); err != nil {
				return nil, err
			}
		}
	}
	for _, t := range d.Spec.New {
		r.schema.Listed(t.Schema)
	}
	for _, id := range r.schema.Picked() {
		if err := r.pick(id); err != nil {
			return nil, err
		}
	}
	for i, p := range s.Lanes {
		r.lanes = append(r.lanes, &lane{id: i, part: p, limit: batchBytes, arena: newArena(len(s.Lanes))})
	}
	r.dead.lane = plan.DeadLetters()
	r.oldest = s.Notes[0].Seq
	for _, n := range s.Notes {
		r.keptLow(n, 0)
	}
	_, r.byFile = set.(*cdc.Upto)
	for _, xid := range last.Others {
		r.branches = append(r.branches, &branch{xid: xid})
	}
	if !last.Reread.IsZero() {
		r.stretch = &stretch{at: last.Reread}
		if r.stretch.set, err = cdc.ParseGTIDSet(r.flavor, last.Before); err != nil {
			return nil, err
		}
		if !r.byFile {
			r.stretch.seen = r.stretch.set.Clone()
		}
	}
	if err := r.loadChunks(s); err != nil {
		return nil, err
	}
	for _, n := range s.Notes {
		r.addMark(n)
	}
	r.startScan(s)
	return r, nil
}

// limitLanes keeps each request below what its topic takes. A broker checks the compressed size against the topic's
// max.message.bytes; the uncompressed one is at least as large, but for some bytes of framing. What is too large by itself
// is a dead letter, if the task has a topic for them.
func (r *router) limitLanes(ctx context.Context, t Topics) error {
	var names []string
	known := map[string]bool{}
	for _, l := range r.lanes {
		if !known[l.part.Topic] {
			known[l.part.Topic] = true
			names = append(names, l.part.Topic)
		}
	}
	limits, err := t.Limits(ctx, names)
	if err != nil {
		return err
	}
	for _, l := range r.lanes {
		if n := limits[l.part.Topic]; n > 0 {
			l.limit = min(l.limit, max(n-batchFraming, 1))
		}
	}
	return r.dead.limit(ctx, r.store, r.saved, limits)
}

// loadSchemas takes the versions that hold at L; a definition that was read at the start counts as known from there,
// because what the log brings before it is in it already. One that was read later than a statement on its table holds
// from there on.
func (r *router) loadSchemas(s *Saved) {
	var held []schema.Version
	at := r.base
	for _, v := range s.Schemas {
		if v.How == schema.HowLater && r.base.Before(v.At) {
			held = append(held, v)
			continue
		}
		if v.How == schema.HowBaseline && v.Table.Version == 1 || !r.base.Before(v.At) {
			held = append(held, v)
			if at.Before(v.At) {
				at = v.At
			}
		}
	}
	r.schema.Load(held, r.base, at)
}

func (r *router) loadChunks(s *Saved) error {
	for i := range s.Chunks {
		c := &chunk{Chunk: s.Chunks[i], table: r.tables[s.Chunks[i].Table], want: r.cfg.chunkRows}
		r.lastChunk = max(r.lastChunk, c.ID)
		if c.Status == snapshot.Open {
			c.Status = snapshot.New
		}
		c.resumed = c.Status == snapshot.Sealed
		if err := r.loadMoved(c); err != nil {
			return err
		}
		r.copied = later(r.copied, c.H)
		switch c.Status {
		case snapshot.New:
			r.fresh = append(r.fresh, c)
		case snapshot.Sealed:
			c.share = viewShares
			r.active = append(r.active, c)
			r.uses(c)
		case snapshot.Done:
			r.done = append(r.done, c)
			r.uses(c)
			r.kept += c.Bytes
			r.read++
		case snapshot.Gone:
			r.read++
		}
		c.table.chunks = append(c.table.chunks, c)
	}
	slices.Reverse(r.fresh)
	slices.SortStableFunc(r.done, func(a, b *chunk) int { return cmp.Compare(a.Closed, b.Closed) })
	for _, t := range r.tables {
		t.order()
		r.sweep(t)
	}
	return nil
}

// uses counts the chunk among those of its file.
func (r *router) uses(c *chunk) {
	if name, _, shared := fileOf(c.File); shared {
		r.shared[name]++
	}
}

// startScan prepares what scanned fills.
func (r *router) startScan(s *Saved) {
	n := scanStart(s, r.base)
	r.found = found{from: n.Offsets, tails: make([]uint32, len(r.lanes)), seen: make([]placed, len(r.lanes)), note: n.Seq, upto: r.base, tids: noTransactions(r.flavor),
		sealed: map[int64]bool{}, runs: map[string]bool{}, chunks: map[int64]bool{}}
	for _, run := range s.Runs {
		r.found.runs[run] = true
	}
	for _, c := range s.Chunks {
		r.found.chunks[c.ID] = c.Status != snapshot.New
	}
	for i, l := range r.lanes {
		if s.Producer == NoProducer {
			l.acked = n.Offsets[i] // where reading back begins
		}
		r.found.lanes = append(r.found.lanes, map[string]awaited{})
	}
	for _, c := range r.active {
		r.found.unmet = true
		r.found.sealed[c.ID] = true
		if r.found.upto.Before(c.S) {
			r.found.upto = c.S
		}
	}
}

func ordered(t *cdc.Table, key []int) bool {
	for _, k := range key {
		if !snapshot.Comparable(&t.Columns[k]) {
			return false
		}
	}
	return len(key) > 0
}
