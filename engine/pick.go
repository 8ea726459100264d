package engine

import (
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/task"
)

// pickNew selects a table that the statement creates, if the task asks for new tables of that name. One that may have
// been there before is left alone: its rows were never sent.
func (r *router) pickNew(ev *cdc.Event, ch *schema.Change) error {
	id := ch.Table
	if ch.Kind != schema.Create || ch.Temporary || ch.Past || ch.Maybe || r.tables[id] != nil ||
		r.cfg.spec.NewTable(id.Schema, id.Name) == nil || r.tx.skip && !r.cfg.spec.Full {
		return nil
	}
	if of := (cdc.TableID{Schema: id.Schema, Name: schema.Shadows(id.Name)}); r.cfg.spec.OnlineDDL == task.HideOnlineDDL && r.tables[of] != nil {
		return nil
	}
	r.schema.Pick(id, ev.End)
	r.note("source.table_added", id.String())
	return r.pick(id)
}

// pick makes a table one of the task's.
func (r *router) pick(id cdc.TableID) error {
	spec := r.cfg.spec.NewTable(id.Schema, id.Name)
	if spec == nil {
		return nil
	}
	if err := r.plan.Add(spec); err != nil {
		return err
	}
	r.tables[id] = &table{id: id, lower: strings.ToLower(id.Name), picked: true}
	if def := r.schema.Current(id); def != nil {
		return r.define(r.tables[id], def)
	}
	return nil
}
