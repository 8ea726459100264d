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

type summaryRow struct {
	taskRow
	Title   string `db:"title"`
	Wanted  bool   `db:"wanted"`
	Ending  bool   `db:"ending"`
	StartAt int64  `db:"start_at"`
	About   string `db:"about"`
	Last    string `db:"last"`
	Began   bool   `db:"began"`
}

const selectSummary = `SELECT t.*, coalesce(c.title, '') AS title, coalesce(c.wanted, 0) AS wanted, coalesce(c.ending, 0) AS ending,
	coalesce(c.start_at, 0) AS start_at,
	coalesce(c.about, '{}') AS about, coalesce(c.last, '') AS last, EXISTS (SELECT 1 FROM start WHERE start.task = t.id) AS began
	FROM task t LEFT JOIN console c ON c.task = t.id`

// parsed is what the texts of a task say, for as long as they are the same.
type parsed struct {
	specText, aboutText string
	spec                task.Spec
	about               task.About
}

func (r *summaryRow) parse() (parsed, error) {
	p := parsed{specText: r.Spec, aboutText: r.About}
	if err := json.Unmarshal([]byte(r.Spec), &p.spec); err != nil {
		return p, fmt.Errorf("reading the specification of task %s: %w", r.ID, err)
	}
	return p, json.Unmarshal([]byte(r.About), &p.about)
}

func (r *summaryRow) summary() (task.Summary, error) {
	p, err := r.parse()
	return r.summaryOf(&p), err
}

func (r *summaryRow) summaryOf(p *parsed) task.Summary {
	out := task.Summary{ID: r.ID, Name: r.Name, Spec: p.spec, About: p.about, State: r.State, Began: r.Began, Wanted: r.Wanted, Ending: r.Ending, Last: []byte(r.Last),
		Created: time.UnixMilli(r.CreatedAt), Updated: time.UnixMilli(r.UpdatedAt)}
	if r.Title != "" {
		out.Name = r.Title
	}
	if r.StartAt > 0 {
		out.StartAt = time.UnixMilli(r.StartAt)
	}
	if r.ErrorCode != "" {
		out.Failure = r.failure()
	}
	return out
}

// Tasks gives all tasks, the newest first. What their specifications point to is shared with the next call's: it is to be
// read only.
func (s *Store) Tasks(ctx context.Context) ([]task.Summary, error) {
	var rows []summaryRow
	if err := s.pages.SelectContext(ctx, &rows, selectSummary+" ORDER BY t.created_at DESC, t.id"); err != nil {
		return nil, failure("reading the tasks", err)
	}
	out := make([]task.Summary, len(rows))
	s.parsing.Lock()
	defer s.parsing.Unlock()
	kept := make(map[string]*parsed, len(rows))
	for i := range rows {
		r := &rows[i]
		p := s.parsed[r.ID]
		if p == nil || p.specText != r.Spec || p.aboutText != r.About {
			fresh, err := r.parse()
			if err != nil {
				return nil, err
			}
			p = &fresh
		}
		kept[r.ID], out[i] = p, r.summaryOf(p)
	}
	s.parsed = kept
	return out, nil
}

// Summary gives one task; task.absent where there is none.
func (s *Store) Summary(ctx context.Context, id string) (task.Summary, error) {
	row, err := s.summaryRow(ctx, id)
	if err != nil {
		return task.Summary{}, err
	}
	return row.summary()
}

func (s *Store) summaryRow(ctx context.Context, id string) (*summaryRow, error) {
	var row summaryRow
	err := s.pages.GetContext(ctx, &row, selectSummary+" WHERE t.id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noTask()
	}
	return &row, failure("reading a task", err)
}

// OpenTask gives a handle on a task by its id, with the passwords kept for it.
func (s *Store) OpenTask(ctx context.Context, id string) (*Task, error) {
	row, err := s.summaryRow(ctx, id)
	if err != nil {
		return nil, err
	}
	sum, err := row.summary()
	if err != nil {
		return nil, err
	}
	if err := s.fill(ctx, id, &sum.Spec); err != nil {
		return nil, err
	}
	return &Task{store: s, spec: sum.Spec, row: row.taskRow}, nil
}

// AddTask makes a task of a specification; with the id of a draft it takes the draft's place, and keeps its
// passwords and prechecks. Passwords in the specification are kept encrypted.
func (s *Store) AddTask(ctx context.Context, draft string, spec task.Spec, about task.About) (id string, err error) {
	id = draft
	if id == "" {
		id = random64()
	}
	title := spec.Name
	text, err := json.Marshal(spec)
	if err != nil {
		return "", fmt.Errorf("writing the specification: %w", err)
	}
	more, err := json.Marshal(about)
	if err != nil {
		return "", fmt.Errorf("writing the specification: %w", err)
	}
	v, err := s.secrets()
	if err != nil {
		return "", err
	}
	err = s.write(ctx, durable, "making a task", func(tx *sqlx.Tx) error {
		now := s.now().UnixMilli()
		// The name of a task file is its key; a task of the console has its id there.
		if _, err := tx.ExecContext(ctx, "INSERT INTO task (id, name, state, spec_json, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?)",
			id, "#"+id, task.New, string(text), now, now); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO console (task, title, about) VALUES (?, ?, ?)", id, title, string(more)); err != nil {
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
		_, err := tx.ExecContext(ctx, "DELETE FROM draft WHERE id = ?", draft)
		return err
	})
	return id, err
}

// DeleteTask removes a task that no process works on, with all that is kept of it but the audit log.
func (s *Store) DeleteTask(ctx context.Context, id string) error {
	t, err := s.OpenTask(ctx, id)
	if err != nil {
		return err
	}
	files, err := t.Files()
	if err != nil {
		return err
	}
	names, err := files.List()
	if err != nil {
		return err
	}
	err = s.write(ctx, durable, "deleting a task", func(tx *sqlx.Tx) error {
		var row taskRow
		if err := tx.GetContext(ctx, &row, "SELECT * FROM task WHERE id = ?", id); err != nil {
			return err
		}
		if row.Owner != "" && time.UnixMilli(row.Until).After(s.now()) {
			return &task.Error{Code: "task.in_use", Text: "The task is being worked on.", Hint: "Pause it first, and delete it then."}
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM task WHERE id = ?", id); err != nil {
			return err
		}
		return forget(ctx, tx, id)
	})
	if err != nil {
		return err
	}
	for _, name := range names { // last: a file without its task is rubbish, a task without its file is damaged
		if err := files.Remove(name); err != nil {
			return err
		}
	}
	return t.DropSpool()
}

// Want keeps whether a task runs, also after a restart, and takes back a time to start at.
func (s *Store) Want(ctx context.Context, id string, wanted bool) error {
	return s.console(ctx, id, "wanted = ?, start_at = 0", wanted)
}

// Ending keeps that a task is to end where the source stood, also after a restart.
func (s *Store) Ending(ctx context.Context, id string) error {
	return s.console(ctx, id, "ending = ?", true)
}

// StartAt keeps when a task starts by itself.
func (s *Store) StartAt(ctx context.Context, id string, at time.Time) error {
	return s.console(ctx, id, "start_at = ?, wanted = 0", at.UnixMilli())
}

// Last keeps the newest progress of a task, as JSON.
func (s *Store) Last(ctx context.Context, id string, progress []byte) error {
	return s.console(ctx, id, "last = ?", string(progress))
}

// Rename changes the name of a task that the console shows.
func (s *Store) Rename(ctx context.Context, id, name string) error {
	return s.console(ctx, id, "title = ?", name)
}

func (s *Store) console(ctx context.Context, id, set string, args ...any) error {
	return s.write(ctx, lazy, "keeping what the console knows of a task", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "INSERT INTO console (task) VALUES (?) ON CONFLICT DO NOTHING", id); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "UPDATE console SET "+set+" WHERE task = ?", append(args, id)...)
		return err
	})
}

// TableProgress gives how far the full copy of each table is.
func (s *Store) TableProgress(ctx context.Context, id string) ([]task.TableProgress, error) {
	var out []task.TableProgress
	err := s.pages.SelectContext(ctx, &out, `SELECT db AS "schema", name, count(*) AS chunks, sum(status >= 3) AS done, sum(status IN (1, 2)) AS working,
		sum(CASE WHEN status >= 3 THEN rows ELSE 0 END) AS rows FROM chunk WHERE task = ? GROUP BY db, name`, id)
	return out, failure("reading the progress of tables", err)
}

// History gives the newest events of a task before an id (0: the newest of all), newest first.
func (s *Store) History(ctx context.Context, id string, before int64, limit int) ([]task.Event, error) {
	var rows []struct {
		ID     int64
		At     int64
		Level  string
		Code   string
		Params string
	}
	err := s.pages.SelectContext(ctx, &rows, "SELECT id, at, level, code, params FROM event WHERE task = ? AND (? = 0 OR id < ?) ORDER BY id DESC LIMIT ?", id, before, before, limit)
	if err != nil {
		return nil, failure("reading events", err)
	}
	out := make([]task.Event, len(rows))
	for i, r := range rows {
		out[i] = task.Event{ID: r.ID, At: time.UnixMilli(r.At), Level: r.Level, Code: r.Code}
		if err := json.Unmarshal([]byte(r.Params), &out[i].Params); err != nil {
			return nil, fmt.Errorf("reading event %d: %w", r.ID, err)
		}
	}
	return out, nil
}

// Due gives the tasks that are to start by a time.
func (s *Store) Due(ctx context.Context, now time.Time) ([]string, error) {
	var ids []string
	err := s.pages.SelectContext(ctx, &ids, "SELECT task FROM console WHERE start_at > 0 AND start_at <= ?", now.UnixMilli())
	return ids, failure("reading the times of starts", err)
}
