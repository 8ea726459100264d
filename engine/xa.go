package engine

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// The rows of an XA transaction are logged at XA PREPARE and visible at XA COMMIT, which may come much later, from
// another session, after a restart of the server. So they wait here, and are routed as the transaction of the COMMIT.
// What waits is not stored: a note says from where a restart reads the log again, so that the rows come again; of that
// stretch before L nothing else is routed. See decisions/0013-xa.md.

// xaBytes is what the rows of all prepared transactions may hold in memory; what comes beyond waits in files.
const xaBytes = 32 << 20

// xaOld is the age at which a person is told of a transaction that is still prepared.
const xaOld = 10 * time.Minute

// branch is an XA transaction that came prepared.
type branch struct {
	xid    string
	tid    string       // of the transaction that prepared it, start is its place
	start  cdc.Position // the branches of a router rise by it
	begun  cdc.Event
	from   cdc.Position // where a restart that needs it begins to read, and the
	before cdc.GTIDSet  // transactions before that, once a note needed them
	rows   []cdc.Event  // of selected tables, in their order
	bytes  int          // of their images in memory
	file   string       // holds the images instead, if they were too many
	out    *spillWriter
	end    string // the transaction that committed it or rolled it back; empty: it is open
	waited bool   // it had rows, which were routed or thrown away
	hidden bool   // committed, and no view is known to show it
	told   bool
}

// stretch is what a restart reads of the log before L.
type stretch struct {
	at   cdc.Position
	set  cdc.GTIDSet // the transactions before it
	seen cdc.GTIDSet // these, and those that came since; nil without GTID
}

// copying reports whether a chunk is still to be read.
func (r *router) copying() bool { return len(r.fresh) > 0 || r.reading() }

// wait keeps rows of a transaction that may end in XA PREPARE.
func (b *branch) wait(r *router, ev *cdc.Event) error {
	b.rows = append(b.rows, *ev)
	if b.out == nil {
		ev.Rows.Put(bytes.Clone(ev.Rows.Take())) // what lay beside them must not stay as well
		b.bytes += ev.Size
		if r.xaHeld += ev.Size; r.xaHeld <= r.cfg.xaBytes {
			return nil
		}
		return b.spill(r)
	}
	return b.out.add(ev.Rows.Take())
}

// spill takes the images out of memory.
func (b *branch) spill(r *router) error {
	r.spills++
	b.file = fmt.Sprintf("xa-%d-%d", r.cfg.incarnation, r.spills)
	f, err := r.files.Create(b.file)
	if err != nil {
		return err
	}
	b.out = &spillWriter{file: f, w: bufio.NewWriterSize(f, 64<<10)}
	r.xaHeld -= b.bytes
	b.bytes = 0
	for i := range b.rows {
		if err := b.out.add(b.rows[i].Rows.Take()); err != nil {
			return err
		}
	}
	return nil
}

// spillWriter writes images, each behind its length.
type spillWriter struct {
	file File
	w    *bufio.Writer
}

func (w *spillWriter) add(images []byte) error {
	if _, err := w.w.Write(binary.AppendUvarint(nil, uint64(len(images)))); err != nil {
		return err
	}
	_, err := w.w.Write(images)
	return err
}

// settle ends the writing of a branch.
func (b *branch) settle() error {
	if b.out == nil {
		return nil
	}
	out := b.out
	b.out = nil
	err := out.w.Flush()
	if cerr := out.file.Close(); err == nil {
		err = cerr
	}
	return err
}

// free lets go of what waits of a branch. Its file is of no use to a restart, which removes it too.
func (r *router) free(b *branch) {
	r.xaHeld -= b.bytes
	b.waited = b.waited || len(b.rows) > 0
	b.rows, b.bytes = nil, 0
	if b.file != "" {
		_ = r.files.Remove(b.file)
		b.file = ""
	}
}

// prepared takes the end of a transaction by XA PREPARE. One without rows of selected tables is kept in mind too: the
// end of one that is not known tells of rows from before the start.
func (r *router) prepared(ev *cdc.Event) error {
	b := r.tx.branch
	r.tx.branch = nil
	if err := b.settle(); err != nil {
		return err
	}
	for _, o := range r.branches { // a name is free again once its transaction is over
		if o.hidden = o.hidden && o.xid != ev.XID; o.xid == ev.XID && o.end == "" {
			r.free(o) // ended by what was not logged
			o.end = ev.TID
		}
	}
	if b.xid = ev.XID; len(b.rows) > 0 || r.saved.XA {
		r.branches = append(r.branches, r.mark(b))
	}
	r.commit(ev.End)
	return nil
}

// mark notes from where the log has to be read for the branch, where its place alone will not tell later.
func (r *router) mark(b *branch) *branch {
	switch b.from = b.start; {
	case r.byFile:
		b.before = &cdc.Upto{At: b.start, Created: r.created[b.start.File]}
	case r.stretch == nil:
	case r.base.Turn != r.saved.Turn: // in another order than the one in which L was reached
		b.from, b.before = r.stretch.at, r.stretch.set
	default:
		b.before = r.stretch.seen.Clone()
	}
	return b
}

// opened gives the prepared transaction of a name.
func (r *router) opened(xid string) *branch {
	for _, b := range slices.Backward(r.branches) {
		if b.xid == xid && b.end == "" {
			return b
		}
	}
	return nil
}

// ended takes XA COMMIT or XA ROLLBACK where no rows wait.
func (r *router) ended(ev *cdc.Event) error {
	if err := r.begin(ev); err != nil {
		return err
	}
	b := r.opened(ev.XID)
	switch {
	case b != nil:
		r.free(b)
		b.end = ev.TID // a failover may lose it
	case ev.Kind == cdc.EventXACommit:
		if err := r.unprepared(ev); err != nil {
			return err
		}
	}
	r.commit(ev.End)
	return nil
}

// unprepared takes the XA COMMIT of a transaction that was not seen to be prepared: its rows lie before the start.
func (r *router) unprepared(ev *cdc.Event) error {
	if !r.saved.XA {
		return nil
	}
	if r.tx.skip { // every view has to show it
		if r.flavor == cdc.MariaDB && r.copying() {
			r.branches = append(r.branches, r.mark(&branch{xid: ev.XID, tid: ev.TID, start: ev.Pos, end: ev.TID, waited: true, hidden: true}))
		}
		return nil
	}
	return &task.Error{Code: "source.xa_before_start", Op: "reading the binlog at " + r.told(ev.Pos),
		Text: fmt.Sprintf("XA transaction %s was committed; it was prepared before the task began, so that what it changed is not known", ev.XID),
		Hint: "Start a new task with a full copy, at a time when XA RECOVER lists no old transaction."}
}

// stretched ends the stretch once all of it came.
func (r *router) stretched() {
	if s := r.stretch; s != nil && (s.seen == nil && !r.streamed.Before(r.base.Start()) || s.seen != nil && s.seen.Includes(r.set)) {
		r.stretch = nil
	}
}

// reread notes from where a restart at the low bound has to read the log again; set are the transactions before it.
func (r *router) reread(n *Note, set cdc.GTIDSet) {
	var first *branch
	for _, b := range r.branches {
		if !b.openIn(set) {
			continue
		}
		if len(b.rows) == 0 && !b.waited {
			n.Others = append(n.Others, b.xid)
			continue
		}
		if b.before == nil {
			b.before = r.received(b.start, false)
		}
		if first == nil {
			first = b
		}
	}
	switch {
	case r.stretch != nil:
		n.Reread, n.Before = r.stretch.at, r.stretch.set.String()
	case first != nil:
		n.Reread, n.Before = first.from, first.before.String()
	}
}

// need is from where a restart would read the log now.
func (r *router) need() cdc.Position {
	low := r.lowest()
	if at := r.noted.Reread; !at.IsZero() && at.Before(low) {
		return at
	}
	return low
}

// openIn reports whether the transaction is prepared in the set, and not finished as far as is known.
func (b *branch) openIn(set cdc.GTIDSet) bool {
	return (b.tid == "" || set.Contains(b.tid)) && (b.end == "" || b.hidden || !set.Contains(b.end))
}

// forgetBranches drops the transactions whose end lies before the stored low bound.
func (r *router) forgetBranches(set cdc.GTIDSet) {
	r.branches = slices.DeleteFunc(r.branches, func(b *branch) bool { return b.end != "" && !b.hidden && set.Contains(b.end) })
}

// tellOld tells of transactions that have been prepared for long.
func (r *router) tellOld() {
	for _, b := range r.branches {
		age := time.Duration(r.cfg.now()*1000-b.begun.Time) * time.Microsecond
		if b.end == "" && !b.told && len(b.rows) > 0 && age > xaOld {
			b.told = true
			r.note("source.xa_open", b.xid, b.rows[0].Rows.Map().TableID.String(), fmt.Sprint(int(age.Minutes())))
		}
	}
}

// hidden gives the names of the transactions that a view may lack, though the router has passed their end: on MariaDB
// the binlog has it before anybody sees it.
func (r *router) hidden() (xids []string) {
	for _, b := range r.branches {
		if b.hidden {
			xids = append(xids, b.xid)
		}
	}
	return xids
}

// shown says that views show these.
func (r *router) shown(o *opening) {
	for _, b := range r.branches {
		if b.hidden && slices.Contains(o.hidden, b.xid) && b.start.Before(o.point) {
			b.hidden = false
		}
	}
}

// veiled reports whether an XA transaction of the chunk's window may be missing in a view that shows all else up to H.
func (r *router) veiled(c *chunk) bool {
	return c.exact && slices.ContainsFunc(c.queue, func(q *change) bool { return q.tx.xa && q.tx.start.Before(c.H) })
}

// mergeable reports whether changes can be merged into the chunk's rows.
func (c *chunk) mergeable() bool { return c.table.ordered && c.table.where == "" }
