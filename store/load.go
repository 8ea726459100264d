package store

import (
	"context"
	"database/sql"
	"errors"

	"github.com/jmoiron/sqlx"

	"sluice/engine"
)

// Load reads everything of the task; before Begin it gives nil.
func (t *Task) Load(ctx context.Context) (*engine.Saved, error) {
	var s *engine.Saved
	err := t.write(ctx, lazy, "loading the task", func(tx *sqlx.Tx) error {
		var start startRow
		err := tx.GetContext(ctx, &start, "SELECT * FROM start WHERE task = ?", t.row.ID)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		s = &engine.Saved{Task: t.row.ID, Generation: t.row.Generation}
		start.into(s)
		return t.loadLists(ctx, tx, s)
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (t *Task) loadLists(ctx context.Context, tx *sqlx.Tx, s *engine.Saved) error {
	err := tx.QueryRowContext(ctx, "SELECT pid, epoch, plain FROM producer WHERE task = ?", t.row.ID).Scan(&s.Producer, &s.Epoch, &s.Plain)
	if err != nil {
		return err
	}
	if err := t.loadDoubles(ctx, tx, &s.Doubles); err != nil {
		return err
	}
	s.Partitions = map[string]int{}
	err = read(ctx, tx, "SELECT name, partitions, lowest FROM topic WHERE task = ?", t.row.ID, func(r *topicRow) {
		if s.Partitions[r.Name] = r.Partitions; r.Lowest == 0 {
			return
		}
		if s.Limits == nil {
			s.Limits = map[string]int{}
		}
		s.Limits[r.Name] = r.Lowest
	})
	if err != nil {
		return err
	}
	err = read(ctx, tx, "SELECT topic, partition FROM lane WHERE task = ? ORDER BY number", t.row.ID, func(r *laneRow) {
		s.Lanes = append(s.Lanes, engine.Partition{Topic: r.Topic, ID: r.Partition})
	})
	if err != nil {
		return err
	}
	err = read(ctx, tx, "SELECT * FROM incarnation WHERE task = ? ORDER BY id", t.row.ID, func(r *incarnationRow) { s.Runs = append(s.Runs, r.Name) })
	if err != nil {
		return err
	}
	err = read(ctx, tx, "SELECT * FROM note WHERE task = ? ORDER BY seq", t.row.ID, func(r *noteRow) { s.Notes = append(s.Notes, r.note()) })
	if err != nil {
		return err
	}
	err = read(ctx, tx, "SELECT * FROM chunk WHERE task = ? ORDER BY id", t.row.ID, func(r *chunkRow) { s.Chunks = append(s.Chunks, r.chunk()) })
	if err != nil {
		return err
	}
	return read(ctx, tx, "SELECT * FROM schema_version WHERE task = ? ORDER BY id", t.row.ID,
		func(r *versionRow) { s.Schemas = append(s.Schemas, r.version()) })
}

// read calls each for every row of the query.
func read[R any](ctx context.Context, tx *sqlx.Tx, query, id string, each func(*R)) error {
	rows, err := tx.QueryxContext(ctx, query, id)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var row R
		if err := rows.StructScan(&row); err != nil {
			return err
		}
		each(&row)
	}
	return rows.Err()
}
