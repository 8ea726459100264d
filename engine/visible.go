package engine

import (
	"slices"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// A source without GTID does not say which transactions its views show. Two things prove it:
//
//   - A binlog file is begun only when all transactions of those before it are committed. So a view shows all of a
//     table that the router has passed, if no transaction touched the table between the start of the file that was
//     current before the view was opened and S.
//   - A row lock is given back only after its transaction became visible, and with binlog_order_commits those before it
//     in the binlog became so earlier. So it is enough to wait for the lock of the last row that was changed.
//
// For the first, the router notes what touched each table, from the start of the file that L lies in: after a restart
// that file is read again from its head, and no chunk opens before the stream is where it was.

// lastRow is a row that was changed by the newest transaction, and what is needed to name it to the source.
type lastRow struct {
	start cdc.Position // of the transaction
	table *table
	def   *cdc.Table
	rows  cdc.Rows // the event, decoded once a row is asked for
	key   cdc.Row  // then
}

// after gives the set to open the stream after.
func (r *router) after() cdc.GTIDSet {
	if r.stretch != nil {
		set := r.stretch.set.Clone()
		if u, ok := set.(*cdc.Upto); ok && len(r.fresh) > 0 {
			u.At.Offset = cdc.FirstEvent
		}
		return set
	}
	if u, ok := r.set.(*cdc.Upto); ok && len(r.fresh) > 0 && r.base.File > 0 {
		return &cdc.Upto{At: cdc.Position{File: u.At.File, Offset: cdc.FirstEvent}, Created: u.Created}
	}
	return r.set.Clone()
}

// upto gives the set of transactions that begin before p, or before the start of the task.
func (r *router) upto(p cdc.Position) cdc.GTIDSet {
	u := *r.set.(*cdc.Upto)
	if u.At.Before(p.Start()) {
		u = cdc.Upto{At: p.Start(), Created: r.created[p.File]}
	} else if u.Created == 0 {
		u.Created = r.created[u.At.File]
	}
	return &u
}

// file takes the stream's entry into a file. The one that the task stands in must be the one that it was.
func (r *router) file(ev *cdc.Event) error {
	u, ok := r.set.(*cdc.Upto)
	if !ok {
		return nil
	}
	begun := ev.Time / 1e6
	if u.At.File == ev.Pos.File && u.Created != 0 && u.Created != begun {
		return &task.Error{Code: "source.rewritten", Op: "reading the binlog at " + r.told(ev.Pos),
			Text: "the binlog file was begun at " + strconv.FormatInt(begun, 10) + ", the one that the task reads at " + strconv.FormatInt(u.Created, 10),
			Hint: "The source's binlog was reset or replaced. Start a new task with a full copy."}
	}
	if r.created == nil {
		r.created = map[uint64]int64{}
	}
	r.created[ev.Pos.File] = begun
	return nil
}

// touch notes a rows event of a selected table.
func (r *router) touch(t *table, ev *cdc.Event) {
	if !r.byFile {
		return
	}
	t.touched = r.tx.start
	if r.cfg.spec.Source.RowLock && t.def != nil && len(t.def.Primary) > 0 && len(ev.Rows.Map().Columns) == len(t.def.Columns) {
		r.newest = lastRow{start: r.tx.start, table: t, def: t.def, rows: ev.Rows}
	}
}

// touchDDL notes a statement that changed definitions: a view from before it may show what the name stood for then.
func (r *router) touchDDL(ev *cdc.Event) {
	if !r.byFile {
		return
	}
	for _, ch := range schema.Recognise(r.flavor, ev.Schema, ev.Statement()) {
		for id, t := range r.tables {
			if !sameName(ch.Table, id) && !sameName(ch.To, id) && !(ch.Kind == schema.DropDatabase && strings.EqualFold(ch.Table.Schema, id.Schema)) {
				continue
			}
			t.touched = ev.Pos
			if r.newest.table == t {
				r.newest = lastRow{} // of another definition
			}
		}
	}
}

// sameName takes two names for one that some server might: what was touched in error waits longer, no more.
func sameName(a, b cdc.TableID) bool {
	return strings.EqualFold(a.Schema, b.Schema) && strings.EqualFold(a.Name, b.Name)
}

// touchedBy gives what a view of the table must show: all up to the last transaction that touched it.
func (r *router) touchedBy(t *table) cdc.GTIDSet {
	need := &cdc.Upto{At: t.touched}
	if !t.touched.IsZero() {
		need.At.Offset++
	}
	return need
}

// lockable reports whether the lock of the newest row would prove what the table needs.
func (r *router) lockable(t *table) bool {
	return r.newest.table != nil && !r.newest.start.Before(t.touched)
}

// provable reports whether a chunk of the table can be read at once, as far as the router knows.
func (r *router) provable(t *table) bool {
	return t.touched.Before(cdc.Position{File: r.point.File, Offset: cdc.FirstEvent}) || r.lockable(t)
}

// proof gives the row to lock, or nil.
func (r *router) proof(t *table) *lastRow {
	if !r.lockable(t) {
		return nil
	}
	l := &r.newest
	if l.key == nil {
		err := l.rows.Decode(l.def, func(before, after cdc.Row) error {
			if after == nil {
				after = before
			}
			l.key = keyValues(l.def.Primary, after)
			return nil
		})
		if err != nil || l.key == nil {
			r.newest = lastRow{}
			return nil
		}
	}
	proof := *l
	return &proof
}

// unproven reports whether a chunk has waited for a proof for long enough to say so.
func (r *router) unproven() bool {
	return r.byFile && slices.ContainsFunc(r.active, func(c *chunk) bool {
		return c.Status == snapshot.Open && !c.locked && r.cfg.now()-c.opened > 5000
	})
}

// delivered is the set of the newest note as the source writes sets; without GTID the position says it all.
func (r *router) delivered() string {
	if r.byFile {
		return ""
	}
	return r.noted.Set
}
