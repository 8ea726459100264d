package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

type draftRow struct {
	ID        string `db:"id"`
	Name      string `db:"name"`
	Step      string `db:"step"`
	Body      string `db:"body"`
	Version   int64  `db:"version"`
	Owner     string `db:"owner"`
	CreatedAt int64  `db:"created_at"`
	UpdatedAt int64  `db:"updated_at"`
}

func (r *draftRow) draft() task.Draft {
	return task.Draft{ID: r.ID, Name: r.Name, Step: r.Step, Body: []byte(r.Body), Version: r.Version, Owner: r.Owner,
		Created: time.UnixMilli(r.CreatedAt), Updated: time.UnixMilli(r.UpdatedAt)}
}

func noTask() *task.Error {
	return &task.Error{Code: "task.absent", Text: "There is no such task.", Hint: "It may have been deleted. Look at the list of tasks."}
}

// NewDraft keeps a new draft and gives it with its id.
func (s *Store) NewDraft(ctx context.Context, d task.Draft) (task.Draft, error) {
	now := s.now()
	d.ID, d.Version, d.Created, d.Updated = random64(), 1, now, now
	err := s.write(ctx, durable, "keeping a draft", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO draft (id, name, step, body, version, owner, created_at, updated_at) VALUES (?, ?, ?, ?, 1, ?, ?, ?)",
			d.ID, d.Name, d.Step, string(d.Body), d.Owner, now.UnixMilli(), now.UnixMilli())
		return err
	})
	return d, err
}

// Draft gives one draft; task.absent where there is none.
func (s *Store) Draft(ctx context.Context, id string) (task.Draft, error) {
	var row draftRow
	err := s.pages.GetContext(ctx, &row, "SELECT * FROM draft WHERE id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return task.Draft{}, noTask()
	}
	return row.draft(), failure("reading a draft", err)
}

// Drafts gives all drafts without their bodies, the newest first.
func (s *Store) Drafts(ctx context.Context) ([]task.Draft, error) {
	var rows []draftRow
	if err := s.pages.SelectContext(ctx, &rows, "SELECT id, name, step, version, owner, created_at, updated_at FROM draft ORDER BY updated_at DESC, id"); err != nil {
		return nil, failure("reading drafts", err)
	}
	out := make([]task.Draft, len(rows))
	for i := range rows {
		out[i] = rows[i].draft()
	}
	return out, nil
}

// SaveDraft saves name, step and body where the draft still has the version that was seen, and gives the new one.
// Otherwise draft.conflict: it was changed in another tab or by another person.
func (s *Store) SaveDraft(ctx context.Context, d task.Draft) (task.Draft, error) {
	var row draftRow
	err := s.write(ctx, durable, "saving a draft", func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &row, "SELECT * FROM draft WHERE id = ?", d.ID)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return noTask()
		case err != nil:
			return err
		case row.Version != d.Version:
			return &task.Error{Code: "draft.conflict", Text: "This task was changed in another tab or by another person.",
				Hint: "Load it again to see the newer values, or overwrite them with yours."}
		}
		row.Name, row.Step, row.Body, row.Version, row.UpdatedAt = d.Name, d.Step, string(d.Body), row.Version+1, s.now().UnixMilli()
		_, err = tx.ExecContext(ctx, "UPDATE draft SET name = ?, step = ?, body = ?, version = ?, updated_at = ? WHERE id = ?",
			row.Name, row.Step, row.Body, row.Version, row.UpdatedAt, row.ID)
		return err
	})
	if err != nil {
		return task.Draft{}, err
	}
	return row.draft(), nil
}

// DeleteDraft removes a draft with its passwords and prechecks.
func (s *Store) DeleteDraft(ctx context.Context, id string) error {
	return s.write(ctx, durable, "deleting a draft", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM draft WHERE id = ?", id); err != nil {
			return err
		}
		return forget(ctx, tx, id)
	})
}

// forget removes what is kept by a subject's id alone.
func forget(ctx context.Context, tx *sqlx.Tx, subject string) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM secret WHERE subject = ?", subject); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM precheck_run WHERE subject = ?", subject)
	return err
}
