package engine

import (
	"context"
	"fmt"
	"slices"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// ddl takes a statement that changed definitions. Rows before it were decoded by the old definition, rows after it
// are by the new one; one record of it goes out if it touches a selected table.
func (r *router) ddl(ctx context.Context, ev *cdc.Event) error {
	changes, err := r.schema.OnDDL(ev.End, r.flavor, ev.Schema, ev.Statement())
	if err != nil {
		return err
	}
	var first *table
	var touched []*table
	last := map[*table]*schema.Change{} // what the statement leaves of a table
	for i := range changes {
		ch := &changes[i]
		if err := r.pickNew(ev, ch); err != nil {
			return err
		}
		for _, t := range r.selected(ch) {
			if first == nil {
				first = t
			}
			if ch.Past {
				continue // it was sent to nobody yet, but the definition is the newer one already
			}
			if last[t] == nil {
				touched = append(touched, t)
			}
			last[t] = ch
		}
	}
	for _, t := range touched {
		if err := r.ddlTable(ctx, ev, t, last[t]); err != nil {
			return err
		}
	}
	switch {
	case first == nil:
		return nil
	case r.tx.skip && !r.cfg.spec.Full: // before the point that the task was asked to start from
		return nil
	case ev.Inside && (r.tx.start.Before(r.base) || r.tx.passed > 0): // rows behind it were passed before the restart
		return nil
	}
	return r.emitDDL(ev, first, r.statementFor(ev, changes))
}

// statementFor gives the text of the statement's record: where an online schema tool puts its table in the place of a
// selected one, and the task hides that, it is what the tool was asked for.
func (r *router) statementFor(ev *cdc.Event, changes []schema.Change) string {
	for _, ch := range changes {
		if r.cfg.spec.OnlineDDL != task.HideOnlineDDL || len(ch.Alters) == 0 || r.tables[ch.To] == nil {
			continue
		}
		if sql := schema.Effective(r.flavor, ch.To, ch.Alters); sql != "" {
			return sql
		}
	}
	return ev.SQL
}

// selected gives the selected tables whose name the change touches.
func (r *router) selected(ch *schema.Change) []*table {
	if ch.Temporary || ch.Past && r.cfg.spec.Full {
		return nil
	}
	var out []*table
	if t := r.tables[ch.Table]; t != nil {
		out = append(out, t)
	}
	if ch.Kind == schema.Rename {
		if t := r.tables[ch.To]; t != nil {
			out = append(out, t)
		}
	}
	return out
}

// ddlTable prepares one selected table for the statement, before its record goes out. A table is a name: one that
// took the name over, as online schema changes do, goes on with what is left of the full copy.
func (r *router) ddlTable(ctx context.Context, ev *cdc.Event, t *table, ch *schema.Change) error {
	if err := r.settle(t, ev); err != nil {
		return err
	}
	left := ch.Kind == schema.Rename && ch.To != t.id
	if left {
		r.note("source.table_renamed", t.id.String(), ch.To.String())
	}
	if left || ch.New == nil && !ch.Unknown {
		if !left {
			r.note("source.table_dropped", t.id.String())
		}
		return r.drop(ctx, t)
	}
	switch {
	case ch.Kind == schema.Truncate:
		r.note("source.table_truncated", t.id.String())
	case ch.Partition:
		r.note("source.partition_moved", t.id.String())
	}
	if ch.Kind == schema.Rename && !t.settled() && r.tables[ch.Table] != nil {
		return &task.Error{Code: "source.table_swapped", Op: "copying " + t.id.String(),
			Text: "while it was being copied, the table's name was given to another selected table, " + ch.Table.String(),
			Hint: "Which rows were copied under which name can't be told any more. Copy both tables anew in a new task."}
	}
	if ch.Unknown {
		t.unknown = ev.End // the next table map tells with full metadata; without it the loop asks the source
		return nil
	}
	if def := r.schema.Current(t.id); def != nil {
		return r.adopt(ctx, t, def)
	}
	return nil
}

// adopt makes a new definition the table's current one.
func (r *router) adopt(ctx context.Context, t *table, def *cdc.Table) error {
	if t.def != nil && len(t.chunks) > 0 && !slices.Equal(keyNames(t.def), keyNames(def)) && !t.settled() {
		return r.rekey(ctx, t, def)
	}
	return r.define(t, def)
}

// settle discards the table's open chunks and hands over all that is left of its sealed ones up to the statement.
func (r *router) settle(t *table, ev *cdc.Event) error {
	for _, c := range t.chunks {
		if c.Status == snapshot.Open {
			r.discard(c, "ddl")
		}
		for r.owed(c, ev) {
			if err := r.hand(c, 1<<30); err != nil {
				return err
			}
		}
	}
	return nil
}

// drop takes a table that is gone out of the full copy: its unread chunks have nothing to show any more.
func (r *router) drop(ctx context.Context, t *table) error {
	var cs []*chunk
	for _, c := range t.chunks {
		if c.Status == snapshot.New {
			cs = append(cs, c)
		}
	}
	if len(cs) == 0 {
		return nil
	}
	if err := r.advance(ctx, cs, snapshot.Gone, true); err != nil {
		return err
	}
	r.fresh = slices.DeleteFunc(r.fresh, func(c *chunk) bool { return c.Status == snapshot.Gone })
	r.sweep(t)
	return nil
}

// rekey cuts a table anew whose key changed before anything of it was sealed.
func (r *router) rekey(ctx context.Context, t *table, def *cdc.Table) error {
	for _, c := range t.chunks {
		if c.Status != snapshot.New {
			return &task.Error{Code: "source.key_changed", Op: "copying " + t.id.String(),
				Text: "the table's key was changed while the table was being copied",
				Hint: "Copy the table anew in a new task; change keys before or after the full copy."}
		}
	}
	fresh := &chunk{Chunk: Chunk{ID: r.newChunkID(), Table: t.id}, table: t, want: r.cfg.chunkRows}
	if err := r.store.Replan(ctx, t.id, []Chunk{fresh.Chunk}); err != nil {
		return err
	}
	r.fresh = append(slices.DeleteFunc(r.fresh, func(c *chunk) bool { return c.table == t }), fresh)
	t.chunks = []*chunk{fresh}
	return r.define(t, def)
}

func keyNames(t *cdc.Table) []string {
	var out []string
	for _, k := range t.Key() {
		out = append(out, t.Columns[k].Name+" "+t.Columns[k].Declared+" "+t.Columns[k].Collation)
	}
	return out
}

// emitDDL sends the statement as the source wrote it: one record, in the topic and partition of its first selected
// table.
func (r *router) emitDDL(ev *cdc.Event, t *table, sql string) error {
	if !r.plan.SendsDDL(t.id) {
		return nil
	}
	lane, key := r.plan.DDLDest(t.id)
	id := r.streamIdentity('d', ev.TID, 0, 0)
	if r.found.any(lane) && r.found.meet(lane, id, ev.End) {
		r.counts.Dropped++
		return nil
	}
	r.counts.DDLs++
	r.rec = cdc.Record{Op: cdc.DDL, Time: ev.Time / 1e6, Pos: ev.End, SafePos: ev.End, Object: r.plan.Database(t.id), Name: r.plan.Name(t.id), SQL: sql,
		Identity: id, ServerID: ev.ServerID, ThreadID: ev.ThreadID}
	return r.emit(lane, key, nil, ev.Pos)
}

// emitSchemas is the schema phase: one CREATE TABLE record a table, as it was read at the start of the task.
func (r *router) emitSchemas() error {
	for _, v := range r.saved.Schemas {
		if v.How != schema.HowBaseline || v.Create == "" {
			continue
		}
		if err := r.emitSchema(r.tables[v.Table.TableID], v.Create, v.At); err != nil {
			return err
		}
	}
	return nil
}

// emitSchema sends the CREATE TABLE record of a table at the start of the task.
func (r *router) emitSchema(t *table, create string, at cdc.Position) error {
	lane, key := r.plan.DDLDest(t.id)
	id := fmt.Appendf(nil, "%sd0/%s", r.cfg.prefix, t.id)
	if r.found.any(lane) && r.found.meet(lane, id, cdc.Position{}) {
		r.counts.Dropped++
		return nil
	}
	r.rec = cdc.Record{Op: cdc.DDL, Time: r.cfg.now() / 1000, Pos: at, SafePos: at, Object: r.plan.Database(t.id), Name: r.plan.Name(t.id), SQL: create, Identity: id}
	return r.emit(lane, key, nil, r.base)
}
