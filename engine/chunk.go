package engine

import (
	"fmt"
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
	kept     *keptRows   // until reader has them
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
	limit    int   // of the first SELECT, 0: none
	most     int   // rows of all that are read through the view
	size     int64 // bytes of all, about
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
	// manyShares is what a table with more than a few rows takes of a view that tables share.
	manyShares = viewShares / 8
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

// readers gives how many of n chunks may be read at once: the fewer, the more is sealed and waits for the lanes. A table that
// had to be read in one piece counts no more than any chunk: the next one must be read while it is sent.
func (r *router) readers(n int) int {
	var waits int64
	for _, c := range r.active {
		if !c.released {
			waits += min(c.Bytes, r.cfg.chunkBytes) // 0 up to its seal
		}
	}
	return max(n-int(waits*int64(n)/r.cfg.ahead), 0)
}

// together gives the chunk with those before it that may be read through the same view.
func (r *router) together(i int, nowMs int64) []*chunk {
	cs := []*chunk{r.fresh[i]}
	room := r.cfg.together - cs[0].shares()
	for i--; i >= 0 && r.small(cs[0]) && r.small(r.fresh[i]) && r.fresh[i].notNow <= nowMs; i-- {
		if room -= r.fresh[i].shares(); room < 0 {
			break
		}
		cs = append(cs, r.fresh[i])
	}
	return cs
}

func (c *chunk) shares() int {
	if c.Many {
		return manyShares
	}
	return 1
}

// small reports whether the chunk is a table that was not cut, and nothing has to be known of its window before it is read.
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
		for i, o := range os {
			if o.in = os[0].file; !cs[i].Many {
				o.most = o.limit
			}
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
	if o.most = c.limit; c.fails == 0 && r.flows { // the first ones are short, so that rows come soon
		o.most = max(r.cfg.chunkMost, c.limit)
	}
	o.size, o.hidden = r.cfg.chunkBytes, r.hidden()
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
	if name, last := r.unused(rows); last {
		return r.files.Remove(name)
	}
	return nil
}

// unused gives the file of a chunk that needs it no more, and whether it was the last to do so.
func (r *router) unused(rows string) (name string, last bool) {
	name, _, shared := fileOf(rows)
	if shared {
		if r.shared[name]--; r.shared[name] > 0 {
			return name, false
		}
		delete(r.shared, name)
	}
	return name, true
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
	kept  *keptRows
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
