package engine

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/route"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// chunk is the router's memory of one chunk.
type chunk struct {
	Chunk
	table   *table
	attempt int
	quiet   bool  // no merge is possible: the window (S,H] must be empty
	limit   int   // rows to read at most, 0: no limit
	want    int   // limit of the next attempt
	fails   int   // discards in a row
	notNow  int64 // milliseconds: not opened again before
	apart   bool  // it is not read through the view of others
	share   int   // of viewShares: how much of a view its attempt takes
	opened  int64 // milliseconds: when this attempt began

	queue       []*change // changes since S, in the order of the stream
	queuedBytes int
	locked      bool          // H and Q are known
	q           cdc.Position  // end of the binlog after the metadata lock
	exact       bool          // the view is the state of H: nothing is merged
	cleared     bool          // quiet: the window was empty, the worker may read
	proceed     chan struct{} // closed: tells a quiet chunk's worker so; the loop's
	cancel      func()        // ends the attempt's worker; the loop's, nil without one
	result      *chunkRows

	holds    cdc.GTIDSet // the transactions before H, where H is of a server that is read no more
	due      bool        // and a statement waits for the rows
	resumed  bool        // it was SEALED when this run began
	reader   *sealedReader
	rowsOut  bool // all rows are handed over
	released bool // the queue behind them too
	unacked  int
}

// past reports whether a transaction is not in the chunk's rows.
func (c *chunk) past(tx *transaction) bool {
	switch {
	case c.Status == snapshot.Gone:
		return true
	case c.holds != nil:
		return !c.holds.Contains(tx.tid)
	}
	return !tx.start.Before(c.H)
}

func (c *chunk) rang() snapshot.Range { return snapshot.Range{After: c.After, Upto: c.Upto} }

// opening is what a worker is asked to read.
type opening struct {
	chunk    *chunk // the router's: the worker keeps it only to name it
	attempt  int
	id       int64
	table    *cdc.Table
	route    *route.Table
	dead     *deadLetters
	key      []int
	ordered  bool
	weighed  []int
	rang     snapshot.Range
	limit    int
	quiet    bool
	point    cdc.Position // S
	need     cdc.GTIDSet  // what a view must show: all that was received up to S
	last     *lastRow     // without GTID: the row that proves it, nil if none may
	hidden   []string     // MariaDB: XA transactions of which it has to be asked
	file     string
	in       string // the file that it shares with others of its view; empty: its own
	identity string // prefix of the rows' identities
}

const (
	// activeMost bounds the chunks that are open or going out: the router looks at each of them in every turn.
	activeMost = 256
	// viewShares bounds the small tables that are read through one view. What a view costs is spread over them; each is
	// locked until the last of them is read.
	viewShares = 64
)

// openable gives the next chunk to read, or several that can be read through one view; nothing if it is not the time. Views
// of which something is still to be handed over are bounded by most.
func (r *router) openable(nowMs int64, most int) []*chunk {
	if r.point.Before(r.openFrom) {
		return nil
	}
	if r.byFile && r.streamed.Before(r.base) {
		return nil
	}
	if len(r.active) > activeMost-viewShares || r.stretch != nil {
		return nil
	}
	busy, unproven := 0, 0
	for _, c := range r.active {
		if !c.released {
			busy += c.share
		}
		if r.byFile && c.Status == snapshot.Open && !c.locked {
			unproven++
		}
	}
	if busy >= most*viewShares {
		return nil
	}
	var waits []*chunk
	for i, c := range slices.Backward(r.fresh) {
		if c.notNow > nowMs {
			continue
		}
		if !r.byFile || r.provable(c.table) {
			return r.together(i, nowMs)
		}
		if waits == nil {
			waits = []*chunk{c}
		}
	}
	if unproven < max(most/4, 1) { // the others may have to go on without them for long
		return waits
	}
	return nil
}

// together gives the chunk with those before it that may be read through the same view.
func (r *router) together(i int, nowMs int64) []*chunk {
	cs := []*chunk{r.fresh[i]}
	for i--; i >= 0 && len(cs) < r.cfg.together && r.small(cs[0]) && r.small(r.fresh[i]) && r.fresh[i].notNow <= nowMs; i-- {
		cs = append(cs, r.fresh[i])
	}
	return cs
}

// small reports whether the chunk is a table that was not cut, of which no more than a first chunk's rows are read, and
// nothing has to be known of its window before that.
func (r *router) small(c *chunk) bool {
	return c.After == nil && c.Upto == nil && !c.apart && c.table.ordered && c.mergeable() && !r.byFile
}

func remove(list []*chunk, c *chunk) []*chunk {
	return slices.DeleteFunc(list, func(o *chunk) bool { return o == c })
}

// open starts an attempt at the chunks, which share a view, at the router's point.
func (r *router) open(cs ...*chunk) []*opening {
	var need cdc.GTIDSet
	if !r.byFile {
		need = r.received(r.point, true)
	}
	os := make([]*opening, len(cs))
	for i, c := range cs {
		os[i] = r.attempt(c, need)
		c.share = max(viewShares/len(cs), 1)
	}
	if len(cs) > 1 {
		for _, o := range os {
			o.in = os[0].file
		}
		r.shared[os[0].file] = len(cs)
	}
	return os
}

func (r *router) attempt(c *chunk, need cdc.GTIDSet) *opening {
	if last := len(r.fresh) - 1; r.fresh[last] == c {
		r.fresh = r.fresh[:last]
	} else {
		r.fresh = remove(r.fresh, c)
	}
	r.active = append(r.active, c)
	c.Status, c.S = snapshot.Open, r.point
	c.Note = r.noted.Seq
	c.Schema = c.table.def.Version
	c.attempt++
	if c.fails == 0 && c.table.want > 0 {
		c.want = c.table.want
	}
	c.limit = c.want
	if !c.table.ordered {
		c.limit = 0
	}
	c.quiet = r.flavor == cdc.MySQL && !c.mergeable()
	o := &opening{chunk: c, attempt: c.attempt, id: c.ID, table: c.table.def, route: c.table.route, dead: &r.dead, key: c.table.key,
		ordered: c.table.ordered, weighed: c.table.weighed, rang: c.rang(), limit: c.limit, quiet: c.quiet, point: r.point,
		file:     fmt.Sprintf("%d-%d-%d", c.ID, r.cfg.incarnation, c.attempt),
		identity: fmt.Sprintf("%sc%d/", r.cfg.prefix, c.ID)}
	if o.need = need; r.byFile {
		o.need, o.last = r.touchedBy(c.table), r.proof(c.table)
	}
	o.hidden = r.hidden()
	c.opened = r.cfg.now()
	return o
}

// received gives the set of transactions that begin before p; with inside the one that p lies in too.
func (r *router) received(p cdc.Position, inside bool) cdc.GTIDSet {
	set := r.set.Clone()
	if r.byFile {
		return r.upto(p)
	}
	for _, f := range r.recent {
		if !f.start.Before(p.Start()) {
			break
		}
		_ = set.Add(f.tid) // it was readable when it came from the stream
	}
	if inside && r.tx != nil && r.tx.open && r.tx.start.Before(p) {
		_ = set.Add(r.tx.tid)
	}
	return set
}

// discard throws an OPEN chunk's attempt away. Nothing of it was produced. why is a word for it, or an error's text.
func (r *router) discard(c *chunk, why string) {
	r.counts.Discards++
	r.queued -= c.queuedBytes
	c.fails++
	if c.want > 200 {
		c.want /= 2
	}
	if c.fails%10 == 0 {
		c.notNow = r.cfg.now() + 30_000
		r.note("snapshot.chunk_waits", c.table.id.String(), why)
	}
	c.Status = snapshot.New
	r.active = remove(r.active, c)
	r.fresh = append(r.fresh, c)
	c.queue, c.queuedBytes = nil, 0
	c.locked, c.cleared, c.exact, c.result = false, false, false, nil
	if c.File != "" {
		_ = r.letGo(c.File) // what stays is removed by the next start
		c.File = ""
	}
	if c.cancel != nil {
		c.cancel() // it must not go on holding its view and the table's metadata lock
		c.cancel = nil
	}
}

// rowsAt names the rows of the chunk that begin there in the file.
func (o *opening) rowsAt(at int64) string {
	if o.in == "" {
		return o.file
	}
	return partOf(o.file, o.in, at)
}

// letGo removes the file of a chunk, unless others still have their rows in it.
func (r *router) letGo(rows string) error {
	name, _, shared := fileOf(rows)
	if shared {
		if r.shared[name]--; r.shared[name] > 0 {
			return nil
		}
		delete(r.shared, name)
	}
	return r.files.Remove(name)
}

// current reports whether a message of a worker is about the attempt that is open now.
func (o *opening) current() bool {
	return o.chunk.Status == snapshot.Open && o.chunk.attempt == o.attempt
}

// chunkLocked is what a worker says once it holds the view and the metadata lock.
type chunkLocked struct {
	high  cdc.Position // H
	end   cdc.Position // Q
	exact bool
}

// chunkRows is what a worker says once it has read and written the rows.
type chunkRows struct {
	at    int64 // where they begin in the file
	rows  int64
	bytes int64
	sum   uint32
	took  time.Duration // of the SELECT
	full  bool          // the limit was reached: last is the last key read
	last  *snapshot.Bound
	enc   *initEncoder // makes the records of rows that changed between S and H
	// redefined is the table's definition under the lock, where it is not the one that the chunk was opened with.
	redefined *cdc.Table
	apart     bool // several were to be read through one view, and that was not to be: it is read alone
	err       error
}

func (r *router) lockedChunk(o *opening, l chunkLocked) {
	r.shown(o)
	if c := o.chunk; o.current() {
		c.locked, c.H, c.q, c.exact = true, l.high, l.end, l.exact
	}
}

// clearable reports whether it is known if the quiet window of the chunk was empty.
func (c *chunk) clearable(point cdc.Position) bool {
	return c.Status == snapshot.Open && c.quiet && c.locked && !c.cleared && !point.Before(c.H) && !point.Before(c.q)
}

// clear lets the worker of a quiet chunk read, or discards the chunk because a change fell into its window.
func (r *router) clear(c *chunk) bool {
	for _, q := range c.queue {
		if q.tx.start.Before(c.H) {
			r.discard(c, "position_gap")
			return false
		}
	}
	c.cleared = true
	return true
}

// rowsChunk takes a worker's result. An attempt that failed for a passing reason is discarded.
func (r *router) rowsChunk(o *opening, rows *chunkRows) error {
	c := o.chunk
	if !o.current() {
		_ = r.letGo(o.rowsAt(0))
		return nil
	}
	if rows.apart {
		c.File, c.apart = o.rowsAt(0), true
		fails, want := c.fails, c.want
		r.discard(c, "read_apart")
		c.fails, c.want = fails, want
		return nil
	}
	if rows.err != nil {
		_ = r.letGo(o.rowsAt(0))
		if task.Retryable(rows.err) && c.fails < 9 {
			r.discard(c, rows.err.Error())
			c.notNow = max(c.notNow, r.cfg.now()+min(int64(50)<<c.fails, 2000))
			return nil
		}
		return rows.err
	}
	c.File = o.rowsAt(rows.at)
	c.result = rows
	return nil
}

// sealable reports whether the chunk's rows can be made the state at H.
func (c *chunk) sealable(point cdc.Position) bool {
	return c.Status == snapshot.Open && c.locked && c.result != nil && !point.Before(c.H) && !point.Before(c.q)
}

// nextLimit sizes the next chunk so that reading takes about half a second, because a DDL waits for the reader.
func (r *router) nextLimit(c *chunk) int {
	took := c.result.took
	if took <= 0 {
		return c.limit
	}
	n := int(float64(c.limit) * float64(500*time.Millisecond) / float64(took))
	return min(max(n, c.limit/2, 100), c.limit*4, 200_000)
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
			err = w.add([]byte(key), gone, nil, nil)
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
		if c.reader, err = openSealed(r.files, &c.Chunk, c.resumed); err != nil {
			return err
		}
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
		r.push(row.lane, entry{key: arena.copy(row.msg.Key), value: arena.copy(row.msg.Value), chunk: c})
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
	r.done = append(r.done, cs...)
	for _, c := range cs {
		r.kept += c.Bytes
	}
	r.read += len(cs)
	return nil
}

// expire stores that chunks are GONE, once the stored low bound is past their H, and drops them with their files. It
// is durable, and the notes before it with it: a power cut must not bring back a chunk whose file is gone.
func (r *router) expire(ctx context.Context, cs []*chunk) error {
	if err := r.advance(ctx, cs, snapshot.Gone, true); err != nil {
		return err
	}
	r.done = slices.DeleteFunc(r.done, func(c *chunk) bool { return c.Status == snapshot.Gone })
	swept := map[*table]bool{}
	for _, c := range cs {
		r.kept -= c.Bytes
		if !swept[c.table] {
			swept[c.table] = true
			r.sweep(c.table)
		}
		if c.File != "" {
			if err := r.letGo(c.File); err != nil {
				return err
			}
		}
		if c.Patch {
			if err := r.files.Remove(c.File + ".patch"); err != nil {
				return err
			}
		}
	}
	return nil
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
