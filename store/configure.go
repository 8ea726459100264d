package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

// Configure changes what may change of a task that has started, while no process works on it. A password that is empty
// stays as it is; all is kept, or nothing. It opens no password, so that new ones may be given after a loss of the key.
func (s *Store) Configure(ctx context.Context, id string, spec task.Spec, about task.About) error {
	text, err := json.Marshal(spec)
	if err != nil {
		return fmt.Errorf("writing the specification: %w", err)
	}
	more, err := json.Marshal(about)
	if err != nil {
		return fmt.Errorf("writing the specification: %w", err)
	}
	v, err := s.secrets()
	if err != nil {
		return err
	}
	return s.write(ctx, durable, "changing the configuration of a task", func(tx *sqlx.Tx) error {
		var row taskRow
		err := tx.GetContext(ctx, &row, "SELECT * FROM task WHERE id = ?", id)
		if errors.Is(err, sql.ErrNoRows) {
			return noTask()
		}
		if err != nil {
			return err
		}
		if row.Owner != "" && time.UnixMilli(row.Until).After(s.now()) {
			return &task.Error{Code: "task.in_use", Text: "The task is being worked on.", Hint: "Pause the task first."}
		}
		if err := row.State.Move(task.Running); err != nil { // finished: nothing would ever use it
			return err
		}
		if err := row.allows(spec); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE task SET spec_json = ?, version = version + 1, updated_at = ? WHERE id = ?", string(text), s.now().UnixMilli(), id); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE console SET about = ? WHERE task = ?", string(more), id); err != nil {
			return err
		}
		for name, secret := range map[string]task.Secret{"source": spec.Source.Password, "target": spec.Target.Password} {
			if secret == "" {
				continue
			}
			if err := v.put(ctx, tx, id, name, secret); err != nil {
				return err
			}
		}
		return nil
	})
}
