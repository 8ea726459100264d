package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
)

// Level is how much an event matters.
type Level string

// The levels of events.
const (
	Info    Level = "info"
	Warning Level = "warning"
	Error   Level = "error"
)

// Event is one line of a task's history; Code is the key of its text, Params fill it.
type Event struct {
	ID     int64
	At     time.Time
	Level  Level
	Code   string
	Params map[string]string
}

// Event adds a line to the task's history. It needs no lease: a person's action leaves one too.
func (t *Task) Event(ctx context.Context, level Level, code string, params map[string]string) error {
	if params == nil {
		params = map[string]string{}
	}
	text, err := json.Marshal(params)
	if err != nil {
		return fmt.Errorf("writing the event %s: %w", code, err)
	}
	return t.store.write(ctx, lazy, "writing an event", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO event (task, at, level, code, params) VALUES (?, ?, ?, ?, ?)",
			t.row.ID, t.store.now().UnixMilli(), level, code, string(text))
		return err
	})
}

// Events gives the newest events, newest first, at most limit.
func (t *Task) Events(ctx context.Context, limit int) ([]Event, error) {
	var rows []struct {
		ID     int64
		At     int64
		Level  Level
		Code   string
		Params string
	}
	err := t.store.db.SelectContext(ctx, &rows,
		"SELECT id, at, level, code, params FROM event WHERE task = ? ORDER BY id DESC LIMIT ?", t.row.ID, limit)
	if err != nil {
		return nil, failure("reading events", err)
	}
	out := make([]Event, len(rows))
	for i, r := range rows {
		out[i] = Event{ID: r.ID, At: time.UnixMilli(r.At), Level: r.Level, Code: r.Code}
		if err := json.Unmarshal([]byte(r.Params), &out[i].Params); err != nil {
			return nil, fmt.Errorf("reading event %d: %w", r.ID, err)
		}
	}
	return out, nil
}

// Newest gives which of the codes the task's history had last; empty for none of them.
func (t *Task) Newest(ctx context.Context, codes ...string) (string, error) {
	query, args, err := sqlx.In("SELECT code FROM event WHERE task = ? AND code IN (?) ORDER BY id DESC LIMIT 1", t.row.ID, codes)
	if err != nil {
		return "", fmt.Errorf("asking for events: %w", err)
	}
	var code string
	err = t.store.db.GetContext(ctx, &code, query, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return code, failure("reading events", err)
}
