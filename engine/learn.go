package engine

import (
	"context"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/task"
)

// lookAhead bounds the events held while a definition is learned.
const lookAhead = 64 << 20

// learn reads the definition of a table whose last DDL could not be applied, where the log's table maps do not hold
// it. What the source says now is the definition at the statement only if no other one of the table follows up to
// the position read with it, so the log is read ahead to there first; nothing is guessed.
func (l *loop) learn(ctx context.Context, id cdc.TableID) error {
	described, err := l.d.Source.Describe(ctx, []cdc.TableID{id}, 1)
	if err != nil {
		return err
	}
	found := described[0]
	for i, size := 0, 0; ; i++ {
		for i == len(l.pending) {
			if err := l.readAhead(ctx); err != nil {
				return err
			}
		}
		ev := &l.pending[i]
		if size += ev.Size; size > lookAhead {
			return l.unlearned(id, "the position at which the definition was read is too far ahead in the binlog")
		}
		if ev.Kind == cdc.EventDDL && !found.End.Before(ev.End) && touches(l.r.flavor, ev, id) {
			return l.unlearned(id, "another statement changed the table after it: "+ev.SQL)
		}
		switch ev.Kind {
		case cdc.EventCommit, cdc.EventDDL, cdc.EventSeen:
			if !ev.End.Before(found.End) {
				return l.r.learned(ctx, found.Table, id)
			}
		}
	}
}

// readAhead takes one more batch behind those that are pending.
func (l *loop) readAhead(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case b, ok := <-l.stream.Batches():
		held := l.pending
		err := l.batch(b, ok)
		l.pending, l.batched = append(held, b...), nil
		return err
	}
}

// learned makes the definition the one that holds since the statement.
func (r *router) learned(ctx context.Context, def *cdc.Table, id cdc.TableID) error {
	t := r.tables[id]
	r.note("source.definition_read", id.String())
	return r.adopt(ctx, t, r.schema.Baseline(def, t.unknown))
}

func touches(flavor cdc.Flavor, ev *cdc.Event, id cdc.TableID) bool {
	for _, t := range schema.Recognise(flavor, ev.Schema, ev.Statement()) {
		if t.Table == id || t.To == id || t.Kind == schema.DropDatabase && t.Table.Schema == id.Schema {
			return true
		}
	}
	return false
}

func (l *loop) unlearned(id cdc.TableID, why string) error {
	text := "the definition after a DDL statement can't be known for certain"
	if cause := l.r.schema.Cause(id); cause != "" {
		text += " (" + cause + ")"
	}
	return &task.Error{Code: "source.schema_unknown", Op: "reading the definition of " + id.String(), Text: text + ": " + why,
		Hint: "SET GLOBAL binlog_row_metadata=FULL at the source and start a new task; then the binlog holds every definition."}
}
