package engine

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/checkpoint"
	"sluice/engine/route"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// router is the one place where anything is ordered. It holds the whole state of a running task and is used by one
// goroutine; its methods are steps that the loop (and the simulation) calls when their condition holds.
type router struct {
	cfg    config
	saved  *Saved
	flavor cdc.Flavor
	codec  Codec
	plan   *route.Plan
	schema *schema.History
	store  Checkpoints
	files  Files
	unlink func(files ...string) error // removes those of GONE chunks, now or beside the loop

	point    cdc.Position // everything before it was routed
	base     cdc.Position // L at the start of this run
	inside   string       // the transaction that base lies inside of
	seen     Seen         // the newest transaction of the log
	entered  cdc.Position // where its rest begins at the server that was moved to; zero: it has not come again yet
	tx       *transaction // the newest one; queued changes keep theirs
	set      cdc.GTIDSet  // the transactions before recent
	recent   []finished   // transactions since the newest stored low bound, by start
	tables   map[cdc.TableID]*table
	fresh    []*chunk       // NEW, the next one to read last
	active   []*chunk       // OPEN and SEALED
	done     []*chunk       // DONE, by Closed
	kept     int64          // bytes of their files
	flows    bool           // a chunk's rows go out, or have gone
	shared   map[string]int // how many chunks, OPEN to DONE, have their rows in a file
	lanes    []*lane
	dead     deadLetters
	dirty    []*lane          // lanes with something to send, maybe
	unsaved  []schema.Version // not in a stored note yet
	read     int              // chunks whose rows are acknowledged
	tracker  checkpoint.Tracker
	queued   int              // bytes in all chunk queues
	waiting  int              // bytes in all lanes, those in flight included
	low      cdc.Position     // L of the newest stored note
	noted    Note             // the newest stored note
	oldest   int64            // the oldest note that is kept
	marks    []mark           // the notes that a restart may scan from, oldest first
	lows     []mark           // where all notes that are kept begin to read the log, oldest first
	found    found            // what a restart's scan found and was not met yet
	behind   behind           // what was handled of an earlier server's log and did not come again yet
	openFrom cdc.Position     // no chunk opens before it: E0, or the end of the log of a server that was moved to
	weights  snapshot.Weights // of the text keys in the events that are being routed, see weights.go

	// XA transactions, see xa.go.
	branches []*branch // prepared, or committed and still of interest
	xaHeld   int       // bytes of their rows in memory
	spills   int       // files that were made
	replay   *replay   // the one whose rows are being routed; nil: none
	stretch  *stretch  // what is read again before L; nil: nothing, or it is through

	// Without GTID, see visible.go.
	byFile   bool
	streamed cdc.Position     // where the stream is; at first before base, if a file is read again
	newest   lastRow          // of all selected tables with a primary key
	created  map[uint64]int64 // when the files since the low bound were begun

	copied    cdc.Position // the greatest H of all chunks that were sealed
	lastChunk int64        // highest chunk id
	sequence  int64        // of record ids
	onEvent   func(Notice)
	fault     func(point string) // may be nil
	passing   passing
	eachRow   func(before, after cdc.Row) error // pass, made once: an event may be of one row
	rec       cdc.Record
	scratch   []byte
	identity  []byte
	counts    Counts
	clock     clock
}

// config is what does not change during a run.
type config struct {
	spec        *task.Spec
	server      Server
	prefix      string // "task/generation/" of every identity
	incarnation int16
	now         func() int64 // milliseconds since 1970
	queueChunk  int          // bytes a chunk's queue may hold
	queueTask   int          // bytes all queues may hold
	xaBytes     int          // bytes that rows of prepared transactions may hold
	chunkRows   int          // rows of a table's first chunks
	chunkMost   int          // rows of any chunk, where the key allows to cut one
	chunkBytes  int64        // of any chunk's file, about, where the key allows to cut one
	ahead       int64        // bytes of sealed chunks that wait for the lanes, from which on no more is read
	together    int          // small tables that are read through one view
	keepNotes   int64
	keepBytes   int64
	repeats     bool    // a person takes it that records are sent again
	accepted    []int64 // where the lanes' logs began when one did; nil: none has
}

// transaction is the one that the stream is in.
type transaction struct {
	open   bool
	start  cdc.Position
	tid    string
	time   int64 // microseconds since 1970
	rows   uint64
	passed uint64 // rows that were passed at an earlier server
	skip   bool   // it began before E0 or before the point that was asked for: nothing of it is sent
	server uint32
	thread uint32
	again  bool    // it was passed before the restart: only what it touched is of interest, and that it is prepared
	xa     bool    // it is the XA COMMIT of one that was prepared
	branch *branch // what waits of it, if it may end in XA PREPARE
}

type finished struct {
	start cdc.Position
	tid   string
}

// Counts is what a run has done so far.
type Counts struct {
	Inserts, Updates, Deletes, DDLs int64 // of the stream, as they were routed
	Copied                          int64 // rows of the full copy handed to lanes
	Acked                           int64 // records acknowledged
	AckedBytes                      int64
	Dropped                         int64 // records not sent again, because the log held them
	Discards                        int64 // chunk readings that were thrown away
	DeadLetters                     int64 // records that were too large for their topic
}

// route takes one event of the stream.
func (r *router) route(ctx context.Context, ev *cdc.Event) error {
	switch ev.Kind {
	case cdc.EventBegin:
		if err := r.begin(ev); err != nil || !ev.XA {
			return err
		}
		r.tx.branch = &branch{tid: ev.TID, start: ev.Pos, begun: *ev}
	case cdc.EventRows:
		return r.rows(ev)
	case cdc.EventCommit:
		r.commit(ev.End)
	case cdc.EventDDL:
		return r.statementDDL(ctx, ev)
	case cdc.EventFile, cdc.EventSeen:
		if !r.within() {
			r.point, r.streamed = later(r.point, ev.End), ev.End
		}
		if ev.Kind == cdc.EventFile {
			return r.file(ev)
		}
	case cdc.EventStatement:
		return r.statement(ev)
	case cdc.EventXAPrepare:
		return r.prepared(ev)
	case cdc.EventXACommit, cdc.EventXARollback:
		return r.ended(ev)
	}
	return nil
}

// statementDDL takes a statement that changed definitions: a transaction of its own, or the head of the open one.
func (r *router) statementDDL(ctx context.Context, ev *cdc.Event) error {
	if !ev.Inside {
		if err := r.begin(ev); err != nil {
			return err
		}
	}
	r.touchDDL(ev)
	if !r.tx.again {
		if err := r.ddl(ctx, ev); err != nil {
			return err
		}
	}
	if !ev.Inside {
		r.commit(ev.End)
	}
	return nil
}

func (r *router) begin(ev *cdc.Event) error {
	early := ev.Pos.Before(r.base.Start())
	again := early
	if !r.byFile {
		again = r.stretch != nil && r.set.Contains(ev.TID)
	}
	if early && !again {
		return &task.Error{Code: "source.rewritten", Op: "reading the binlog at " + r.told(ev.Pos),
			Text: fmt.Sprintf("the source sent transaction %s, which lies before %s, where the task goes on", ev.TID, r.told(r.base)),
			Hint: "The source's binlog was reset or replaced. Start a new task with a full copy."}
	}
	r.tx = &transaction{open: true, start: ev.Pos, tid: ev.TID, time: ev.Time, server: ev.ServerID, thread: ev.ThreadID,
		again: again, xa: ev.XID != "", skip: again || ev.Pos.Before(r.saved.Skip) || ev.Time < r.saved.SkipTime || r.cfg.spec.Full && ev.Pos.Before(r.saved.End)}
	r.point, r.streamed = later(r.point, ev.Pos), ev.Pos
	r.seen.look(ev)
	r.enter()
	return nil
}

func (r *router) commit(end cdc.Position) {
	if !r.byFile {
		r.recent = append(r.recent, finished{r.tx.start, r.tx.tid})
		r.behind.add(r.tx.tid)
		if r.stretch != nil {
			_ = r.stretch.seen.Add(r.tx.tid) // it was readable when it came from the stream
		}
	}
	r.tx.open, r.streamed = false, end
	if r.point.Before(end) {
		r.point = end
	}
}

// rows routes every row of a rows event.
func (r *router) rows(ev *cdc.Event) error {
	if !r.within() {
		return fmt.Errorf("reading the binlog: rows outside a transaction at %s", r.told(ev.EventPos))
	}
	m := ev.Rows.Map()
	t := r.tables[m.TableID]
	if t == nil {
		return nil
	}
	if r.tx.branch != nil {
		return r.tx.branch.wait(r, ev)
	}
	if r.tx.skip && !(t.picked && r.cfg.spec.Full) { // the full copy does not know a table that was created since
		r.touch(t, ev)
		return nil
	}
	def, err := r.schema.Resolve(m)
	if err != nil {
		return r.unread(ev, err)
	}
	if err := r.define(t, def); err != nil {
		return err
	}
	if t.weighed != nil && len(t.chunks) > 0 && !r.weighable(t, ev) {
		return errUnweighed
	}
	r.touch(t, ev)
	r.passing = passing{change: change{tx: r.tx, table: t, def: def, route: t.route, op: ev.Rows.Op(), pos: ev.EventPos, safe: ev.SafePos}}
	if r.eachRow == nil {
		r.eachRow = r.pass
	}
	err = ev.Rows.Decode(def, r.eachRow)
	if err != nil && r.passing.err == nil {
		return r.unread(ev, err)
	}
	return err
}

// passing is the rows event whose rows are being routed.
type passing struct {
	change
	err error // of a row that was read
}

// pass takes the next row of the event.
func (r *router) pass(before, after cdc.Row) error {
	c := &r.passing.change
	c.row = r.tx.rows
	r.tx.rows++
	next := r.tx.start.At(r.tx.rows)
	if r.tx.start.At(c.row).Before(r.base) || c.row < r.tx.passed { // passed before the restart
		r.forget(c)
		r.point, r.streamed = later(r.point, next), next // a note must not go back behind L
		return nil
	}
	c.before, c.after = before, after
	if r.passing.err = r.change(c); r.passing.err != nil {
		return r.passing.err // the row was not passed: a note must not say so
	}
	r.point = next
	return nil
}

// unread says where rows stand that can't be read.
func (r *router) unread(ev *cdc.Event, err error) error {
	return named(fmt.Sprintf("reading rows of %s at %s", ev.Rows.Map().TableID, r.told(ev.EventPos)), err)
}

// statement refuses a change that was logged as text, if it may be one of a selected table.
func (r *router) statement(ev *cdc.Event) error {
	if r.tx.again || r.tx.skip && r.tx.branch == nil {
		return nil
	}
	text := strings.ToLower(ev.SQL)
	for id, t := range r.tables {
		if strings.Contains(text, t.lower) {
			return &task.Error{Code: "source.statement", Op: "reading the binlog at " + r.told(ev.EventPos),
				Text: fmt.Sprintf("a change that may be of %s was logged as a statement, not as rows", id),
				Hint: "SET GLOBAL binlog_format=ROW, then reconnect the sessions that were open before; start a new task."}
		}
	}
	return nil
}

// define makes a table version the current one of the table.
func (r *router) define(t *table, def *cdc.Table) error {
	if t.def == def {
		return nil
	}
	rt, err := r.plan.Table(def)
	if err != nil {
		return err
	}
	t.def, t.route = def, rt
	t.key = def.Key()
	t.ordered, t.weighed = ordered(def, t.key), nil
	if t.ordered {
		t.weighed = snapshot.WeighedIn(def, t.key)
	}
	return nil
}

// told is a position for people.
func (r *router) told(p cdc.Position) string { return p.In(r.cfg.server.Log) }

// TransactionOf gives the transaction that a record's identity names; empty for rows of the full copy.
func TransactionOf(identity string) string {
	parts := strings.SplitN(identity, "/", 4) // task, generation, kind, tid:n
	if len(parts) < 4 || parts[2] != "s" && parts[2] != "d" {
		return ""
	}
	return parts[3][:max(strings.LastIndexByte(parts[3], ':'), 0)]
}

// streamIdentity writes prefix kind/tid:n and the half, if it is one.
func (r *router) streamIdentity(kind byte, tid string, n uint64, half byte) []byte {
	b := append(r.identity[:0], r.cfg.prefix...)
	b = append(b, kind, '/')
	b = append(b, tid...)
	b = append(b, ':')
	b = strconv.AppendUint(b, n, 10)
	if half != 0 {
		b = append(b, half)
	}
	r.identity = b
	return b
}

// Notice is something a person may want to know about a running task.
type Notice struct {
	Code   string
	Params []string
	Retry  *Retry `json:"-"` // of task.retry: what its parameters say in words
}

// Retry is an error that a run tries again after.
type Retry struct {
	Err   error
	Pause time.Duration // before the next try
	Tries int           // that failed in a row
}

func (r *router) note(code string, params ...string) {
	if r.onEvent != nil {
		r.onEvent(Notice{Code: code, Params: params})
	}
}

func later(a, b cdc.Position) cdc.Position {
	if a.Before(b) {
		return b
	}
	return a
}

func (r *router) newChunkID() int64 {
	r.lastChunk++
	return r.lastChunk
}
