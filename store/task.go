package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

// Task is one task of the folder. Between Start and End it is what engine.Checkpoints asks for.
type Task struct {
	store *Store
	spec  task.Spec
	row   taskRow // as read when the handle was made, and after each move
	lease *lease  // nil while not started
}

type taskRow struct {
	ID          string     `db:"id"`
	Name        string     `db:"name"`
	State       task.State `db:"state"`
	Spec        string     `db:"spec_json"`
	Version     int64      `db:"version"` // rises with each move, and where the specification changes
	Generation  int        `db:"generation"`
	Incarnation int64      `db:"incarnation"`
	Owner       string     `db:"lease_owner"`
	Until       int64      `db:"lease_until"`
	failureRow
	CreatedAt int64 `db:"created_at"`
	UpdatedAt int64 `db:"updated_at"`
}

type failureRow struct {
	ErrorCode string `db:"error_code"`
	ErrorText string `db:"error_text"`
	ErrorHint string `db:"error_hint"`
	ErrorSaid string `db:"error_said"`
}

// Task gives the task with the specification's name, made now if there is none (created is true then). A task whose
// start is stored (Begin) keeps its specification: any change but of rate, workers, source_threads, spool and secrets is refused,
// task.spec_changed. One that failed before, at a wrong table name for example, may still be corrected.
func (s *Store) Task(ctx context.Context, spec task.Spec) (t *Task, created bool, err error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, false, fmt.Errorf("writing the specification: %w", err)
	}
	t = &Task{store: s, spec: spec}
	err = s.write(ctx, durable, "binding the task to its file", func(tx *sqlx.Tx) error {
		err := tx.GetContext(ctx, &t.row, "SELECT * FROM task WHERE name = ?", spec.Name)
		if errors.Is(err, sql.ErrNoRows) {
			created = true
			return t.create(ctx, tx, string(text))
		}
		if err != nil {
			return err
		}
		return t.bind(ctx, tx, string(text))
	})
	if err != nil {
		return nil, false, err
	}
	return t, created, nil
}

func (t *Task) create(ctx context.Context, tx *sqlx.Tx, text string) error {
	now := t.store.now().UnixMilli()
	_, err := tx.ExecContext(ctx,
		"INSERT INTO task (id, name, state, spec_json, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
		random64(), t.spec.Name, task.New, text, now, now)
	if err != nil {
		return err
	}
	return tx.GetContext(ctx, &t.row, "SELECT * FROM task WHERE name = ?", t.spec.Name)
}

// bind holds the file's specification against the frozen one and keeps what may change.
func (t *Task) bind(ctx context.Context, tx *sqlx.Tx, text string) error {
	began := 0
	if err := tx.GetContext(ctx, &began, "SELECT count(*) FROM start WHERE task = ?", t.row.ID); err != nil {
		return err
	}
	if began > 0 {
		if err := t.row.allows(t.spec); err != nil {
			return err
		}
	}
	if text == t.row.Spec {
		return nil
	}
	t.row.Spec, t.row.Version = text, t.row.Version+1
	_, err := tx.ExecContext(ctx, "UPDATE task SET spec_json = ?, version = ?, updated_at = ? WHERE id = ?",
		text, t.row.Version, t.store.now().UnixMilli(), t.row.ID)
	return err
}

// allows refuses a specification that differs where a task that has started may not change.
func (r *taskRow) allows(spec task.Spec) error {
	var frozen task.Spec
	if err := json.Unmarshal([]byte(r.Spec), &frozen); err != nil {
		return fmt.Errorf("reading the saved specification: %w", err)
	}
	if diff := task.Diff(frozen, spec); len(diff) > 0 {
		return &task.Error{Code: "task.spec_changed",
			Text: fmt.Sprintf("The task %q has started with another specification: %s.", spec.Name, strings.Join(diff, "; ")),
			Hint: "Undo these changes, or give the task file a new name. Only rate, workers, source_threads, spool, row_lock, passwords and CA certificates may change."}
	}
	return nil
}

// ID is 64 random bits in hex: part of every record's identity.
func (t *Task) ID() string { return t.row.ID }

// String, GoString and LogValue keep the passwords in the specification out of what is printed of a task.
func (t *Task) String() string       { return t.row.Name + " (" + t.row.ID + ")" }
func (t *Task) GoString() string     { return t.String() }
func (t *Task) LogValue() slog.Value { return slog.StringValue(t.String()) }

// Generation rises when the task is copied anew on purpose.
func (t *Task) Generation() int { return t.row.Generation }

// Incarnation counts the starts; it is set by Start.
func (t *Task) Incarnation() int64 { return t.row.Incarnation }

// Spec is the specification, secrets included.
func (t *Task) Spec() task.Spec { return t.spec }

// Status is where a task stands and why it last failed.
type Status struct {
	State   task.State
	Failure *task.Error // nil if it did not fail, or has started again since
	Updated time.Time
}

// Status reads where the task stands now.
func (t *Task) Status(ctx context.Context) (Status, error) {
	var row taskRow
	if err := t.store.db.GetContext(ctx, &row, "SELECT * FROM task WHERE id = ?", t.row.ID); err != nil {
		return Status{}, failure("reading the task", err)
	}
	out := Status{State: row.State, Updated: time.UnixMilli(row.UpdatedAt)}
	if row.ErrorCode != "" {
		out.Failure = row.failure()
	}
	return out, nil
}

// Start takes the lease and moves the task to running. The context it gives ends when the lease is lost, with that
// error as its cause, or with ctx; all work of this run belongs under it. End must follow.
func (t *Task) Start(ctx context.Context) (context.Context, error) {
	if t.lease != nil {
		return nil, fmt.Errorf("starting task %s: it has been started by this process", t.spec.Name)
	}
	l := &lease{owner: t.store.place + "/" + random64(), done: make(chan struct{})}
	err := t.store.write(ctx, durable, "starting the task", func(tx *sqlx.Tx) error {
		var row taskRow
		if err := tx.GetContext(ctx, &row, "SELECT * FROM task WHERE id = ?", t.row.ID); err != nil {
			return err
		}
		if err := row.State.Move(task.Running); err != nil {
			return err
		}
		if err := t.store.mayTake(&row); err != nil {
			return err
		}
		row.Owner, row.Until = l.owner, t.store.now().Add(leaseTime).UnixMilli()
		row.Incarnation++
		return t.move(ctx, tx, row, task.Running, nil)
	})
	if err != nil {
		return nil, err
	}
	t.lease = l
	return t.keepLease(ctx), nil
}

// End stops the renewal, moves the task to the state (stopped, failed or finished) with the failure's code and text,
// and frees the lease. It is safe without Start and twice.
func (t *Task) End(ctx context.Context, state task.State, cause error) error {
	if t.lease == nil {
		return nil
	}
	if err := t.row.State.Move(state); err != nil {
		return err
	}
	l := t.lease
	l.stop()
	<-l.done
	err := t.write(ctx, durable, "ending the run", func(tx *sqlx.Tx) error {
		row := t.row
		row.Owner, row.Until = "", 0
		return t.move(ctx, tx, row, state, cause)
	})
	t.lease = nil
	return err
}

// move saves the row in its new state by compare-and-set on its version.
func (t *Task) move(ctx context.Context, tx *sqlx.Tx, row taskRow, next task.State, cause error) error {
	was := row.Version
	row.State, row.Version, row.UpdatedAt = next, was+1, t.store.now().UnixMilli()
	row.ErrorCode, row.ErrorText, row.ErrorHint, row.ErrorSaid = describe(cause)
	done, err := tx.ExecContext(ctx, `UPDATE task SET state = ?, version = ?, incarnation = ?, lease_owner = ?,
		lease_until = ?, error_code = ?, error_text = ?, error_hint = ?, error_said = ?, updated_at = ? WHERE id = ? AND version = ?`,
		row.State, row.Version, row.Incarnation, row.Owner, row.Until, row.ErrorCode, row.ErrorText, row.ErrorHint, row.ErrorSaid,
		row.UpdatedAt, row.ID, was)
	if err != nil {
		return err
	}
	if n, err := done.RowsAffected(); err != nil || n != 1 {
		return errors.Join(err, fmt.Errorf("task %s was changed at the same time", t.spec.Name))
	}
	t.row = row
	return nil
}

// describe takes an error apart for the task's row: what a person must act on keeps its code and hint, and what the other
// side said of it stands beside our sentence.
func describe(err error) (code, text, hint, said string) {
	if err == nil {
		return "", "", "", ""
	}
	code = task.Code(err) // kept beside the text, so not in it
	text = strings.TrimSuffix(err.Error(), " ["+code+"]")
	var e *task.Error
	if errors.As(err, &e) {
		hint = e.Hint
		if e.Err != nil {
			said = e.Err.Error()
			text = strings.TrimSuffix(text, ": "+said)
		}
	}
	return code, text, hint, said
}

// failure puts together again what describe took apart.
func (r *failureRow) failure() *task.Error {
	e := &task.Error{Code: r.ErrorCode, Text: r.ErrorText, Hint: r.ErrorHint}
	if r.ErrorSaid != "" {
		e.Err = errors.New(r.ErrorSaid)
	}
	return e
}

func random64() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process first
	return hex.EncodeToString(b[:])
}
