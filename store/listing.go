package store

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

// outlineRow is a task without its texts, which may be long.
type outlineRow struct {
	ID        string     `db:"id"`
	Version   int64      `db:"version"`
	Name      string     `db:"name"`
	State     task.State `db:"state"`
	Wanted    bool       `db:"wanted"`
	StartAt   int64      `db:"start_at"`
	Last      string     `db:"last"`
	CreatedAt int64      `db:"created_at"`
	UpdatedAt int64      `db:"updated_at"`
}

type summaryRow struct {
	outlineRow
	failureRow
	Ending bool `db:"ending"`
	Began  bool `db:"began"`
}

const (
	selectOutline = `SELECT t.id, t.version, coalesce(nullif(c.title, ''), t.name) AS name, t.state, t.created_at, t.updated_at,
	coalesce(c.wanted, 0) AS wanted, coalesce(c.start_at, 0) AS start_at, `
	ofTasks     = ` FROM task t LEFT JOIN console c ON c.task = t.id`
	amongThem   = ` WHERE t.id IN (SELECT value FROM json_each(?))`
	selectAll   = selectOutline + `CASE WHEN t.state IN ('new', 'finished') THEN '' ELSE coalesce(c.last, '') END AS last` + ofTasks
	selectThese = selectOutline + `coalesce(c.last, '') AS last, coalesce(c.ending, 0) AS ending, t.error_code, t.error_text, t.error_hint, t.error_said,
	EXISTS (SELECT 1 FROM start WHERE start.task = t.id) AS began` + ofTasks + amongThem
	selectTexts = `SELECT t.id, t.version, t.spec_json, coalesce(c.about, '{}') AS about` + ofTasks + amongThem
)

func (r *outlineRow) outline(p *parsed) task.Outline {
	out := task.Outline{ID: r.ID, Name: r.Name, Spec: p.spec, About: p.about, State: r.State, Wanted: r.Wanted, Last: []byte(r.Last),
		Created: time.UnixMilli(r.CreatedAt), Updated: time.UnixMilli(r.UpdatedAt)}
	if r.StartAt > 0 {
		out.StartAt = time.UnixMilli(r.StartAt)
	}
	return out
}

// Tasks gives all tasks, the newest first, each with what tells where a list shows it. What their specifications point to
// is shared with the next call's: it is to be read only.
func (s *Store) Tasks(ctx context.Context) ([]task.Outline, error) {
	var rows []outlineRow
	if err := s.pages.SelectContext(ctx, &rows, selectAll); err != nil {
		return nil, failure("reading the tasks", err)
	}
	slices.SortFunc(rows, func(a, b outlineRow) int { // SQLite takes longer for it
		return cmp.Or(cmp.Compare(b.CreatedAt, a.CreatedAt), strings.Compare(a.ID, b.ID))
	})
	versions := make(map[string]int64, len(rows))
	for i := range rows {
		versions[rows[i].ID] = rows[i].Version
	}
	texts, err := s.texts(ctx, versions)
	if err != nil {
		return nil, err
	}
	out := make([]task.Outline, 0, len(rows))
	for i := range rows {
		if p := texts[rows[i].ID]; p != nil {
			out = append(out, rows[i].outline(p))
		}
	}
	return out, nil
}

// Summaries gives tasks by their ids, in this order; those that are not there are missing. What their specifications
// point to is to be read only.
func (s *Store) Summaries(ctx context.Context, ids ...string) ([]task.Summary, error) {
	var rows []summaryRow
	if err := s.pages.SelectContext(ctx, &rows, selectThese, array(ids)); err != nil {
		return nil, failure("reading tasks", err)
	}
	found, versions := make(map[string]*summaryRow, len(rows)), make(map[string]int64, len(rows))
	for i := range rows {
		found[rows[i].ID], versions[rows[i].ID] = &rows[i], rows[i].Version
	}
	texts, err := s.texts(ctx, versions)
	if err != nil {
		return nil, err
	}
	out := make([]task.Summary, 0, len(rows))
	for _, id := range ids {
		r, p := found[id], texts[id]
		if r == nil || p == nil {
			continue
		}
		sum := task.Summary{Outline: r.outline(p), Began: r.Began, Ending: r.Ending}
		if r.ErrorCode != "" {
			sum.Failure = r.failure()
		}
		out = append(out, sum)
	}
	return out, nil
}

// Summary gives one task; task.absent where there is none.
func (s *Store) Summary(ctx context.Context, id string) (task.Summary, error) {
	list, err := s.Summaries(ctx, id)
	if err != nil {
		return task.Summary{}, err
	}
	if len(list) == 0 {
		return task.Summary{}, noTask()
	}
	return list[0], nil
}

// parsed is what the texts of a task say in a version of its row.
type parsed struct {
	version int64
	spec    task.Spec
	about   task.About
}

// texts gives what the texts of tasks say. Only those are read whose version has changed since: most of what a list would
// wait for otherwise. A task that is gone is missing.
func (s *Store) texts(ctx context.Context, versions map[string]int64) (map[string]*parsed, error) {
	out := make(map[string]*parsed, len(versions))
	var stale []string
	s.parsing.Lock()
	for id, version := range versions {
		if p := s.parsed[id]; p != nil && p.version == version {
			out[id] = p
		} else {
			stale = append(stale, id)
		}
	}
	s.parsing.Unlock()
	if len(stale) == 0 {
		return out, nil
	}
	var rows []struct {
		ID      string `db:"id"`
		Version int64  `db:"version"`
		Spec    string `db:"spec_json"`
		About   string `db:"about"`
	}
	if err := s.pages.SelectContext(ctx, &rows, selectTexts, array(stale)); err != nil {
		return nil, failure("reading the specifications of tasks", err)
	}
	for _, r := range rows {
		p := &parsed{version: r.Version}
		if err := errors.Join(json.Unmarshal([]byte(r.Spec), &p.spec), json.Unmarshal([]byte(r.About), &p.about)); err != nil {
			return nil, fmt.Errorf("reading the specification of task %s: %w", r.ID, err)
		}
		out[r.ID] = p
	}
	s.parsing.Lock()
	defer s.parsing.Unlock()
	for _, r := range rows {
		s.parsed[r.ID] = out[r.ID]
	}
	return out, nil
}

// array is a list for json_each.
func array(ids []string) string {
	text, _ := json.Marshal(ids) // strings
	return string(text)
}

// OpenTask gives a handle on a task by its id, with the passwords kept for it.
func (s *Store) OpenTask(ctx context.Context, id string) (*Task, error) {
	t := &Task{store: s}
	err := s.pages.GetContext(ctx, &t.row, "SELECT * FROM task WHERE id = ?", id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noTask()
	}
	if err != nil {
		return nil, failure("reading a task", err)
	}
	if err := json.Unmarshal([]byte(t.row.Spec), &t.spec); err != nil {
		return nil, fmt.Errorf("reading the specification of task %s: %w", id, err)
	}
	if err := s.fill(ctx, id, &t.spec); err != nil {
		return nil, err
	}
	return t, nil
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
	s.parsing.Lock()
	delete(s.parsed, id)
	s.parsing.Unlock()
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
