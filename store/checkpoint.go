package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/jmoiron/sqlx"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
)

var _ engine.Checkpoints = (*Task)(nil)

// Begin stores the start of a task, durable. A task begins once.
func (t *Task) Begin(ctx context.Context, s *engine.Saved) error {
	if s.Task != t.row.ID || s.Generation != t.row.Generation {
		return fmt.Errorf("beginning task %s/%d: the start is of %s/%d", t.row.ID, t.row.Generation, s.Task, s.Generation)
	}
	return t.write(ctx, durable, "saving the start of the task", func(tx *sqlx.Tx) error {
		if err := insert(ctx, tx, startInsert, startOf(t.row.ID, s)); err != nil {
			return err
		}
		if err := t.saveLanes(ctx, tx, s); err != nil {
			return err
		}
		if err := t.saveEpoch(ctx, tx, s.Producer, s.Epoch); err != nil {
			return err
		}
		if err := insert(ctx, tx, incarnationInsert, each(t.row.ID, s.Runs, incarnationOf)...); err != nil {
			return err
		}
		if err := insert(ctx, tx, noteInsert, each(t.row.ID, s.Notes, noteOf)...); err != nil {
			return err
		}
		if err := insert(ctx, tx, chunkUpsert, each(t.row.ID, s.Chunks, chunkOf)...); err != nil {
			return err
		}
		return insert(ctx, tx, versionUpsert, each(t.row.ID, s.Schemas, versionOf)...)
	})
}

func (t *Task) saveLanes(ctx context.Context, tx *sqlx.Tx, s *engine.Saved) error {
	for name, n := range s.Partitions {
		_, err := tx.ExecContext(ctx, "INSERT INTO topic (task, name, partitions, lowest) VALUES (?, ?, ?, ?)", t.row.ID, name, n, s.Limits[name])
		if err != nil {
			return err
		}
	}
	for i, l := range s.Lanes {
		_, err := tx.ExecContext(ctx, "INSERT INTO lane (task, number, topic, partition) VALUES (?, ?, ?, ?)", t.row.ID, i, l.Topic, l.ID)
		if err != nil {
			return err
		}
	}
	return nil
}

// keptRuns is how many incarnations are remembered: those of a month in which the task starts anew every 30 seconds.
const keptRuns = 100_000

// Epoch stores the producer, its epoch and the name of the incarnation, durable.
func (t *Task) Epoch(ctx context.Context, producer int64, epoch int16, run string) error {
	return t.write(ctx, durable, "saving the producer's epoch", func(tx *sqlx.Tx) error {
		if err := t.saveEpoch(ctx, tx, producer, epoch); err != nil {
			return err
		}
		if err := insert(ctx, tx, incarnationInsert, incarnationRow{Task: t.row.ID, Name: run}); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM incarnation WHERE task = ? AND id <= (SELECT max(id) FROM incarnation WHERE task = ?) - ?", t.row.ID, t.row.ID, keptRuns)
		return err
	})
}

func (t *Task) saveEpoch(ctx context.Context, tx *sqlx.Tx, producer int64, epoch int16) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO producer (task, pid, epoch, plain) VALUES (?, ?, ?, ?)
		ON CONFLICT (task) DO UPDATE SET pid = excluded.pid, epoch = excluded.epoch, plain = max(plain, excluded.plain)`,
		t.row.ID, producer, epoch, producer == engine.NoProducer)
	return err
}

// Doubled counts records sent again and the offsets of a lane at which records stand a second time, and gives the new
// sums; durable. An offset counts once.
func (t *Task) Doubled(ctx context.Context, lane int, resent int64, at []int64) (d engine.Doubles, err error) {
	err = t.write(ctx, durable, "counting records that were sent again", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE producer SET resent = resent + ? WHERE task = ?", resent, t.row.ID); err != nil {
			return err
		}
		for _, offset := range at {
			_, err := tx.ExecContext(ctx, "INSERT INTO doubled (task, lane, place) VALUES (?, ?, ?) ON CONFLICT DO NOTHING", t.row.ID, lane, offset)
			if err != nil {
				return err
			}
		}
		return t.loadDoubles(ctx, tx, &d)
	})
	return d, err
}

func (t *Task) loadDoubles(ctx context.Context, tx *sqlx.Tx, d *engine.Doubles) error {
	return tx.QueryRowContext(ctx, "SELECT resent, (SELECT count(*) FROM doubled WHERE doubled.task = producer.task) FROM producer WHERE task = ?",
		t.row.ID).Scan(&d.Resent, &d.Found)
}

// Limited stores the lowest limit of each topic, durable.
func (t *Task) Limited(ctx context.Context, lowest map[string]int) error {
	return t.write(ctx, durable, "saving the limits of the topics", func(tx *sqlx.Tx) error {
		for name, n := range lowest {
			if _, err := tx.ExecContext(ctx, "UPDATE topic SET lowest = ? WHERE task = ? AND name = ?", n, t.row.ID, name); err != nil {
				return err
			}
		}
		return nil
	})
}

// SchemaSent stores that the schema phase is over, durable.
func (t *Task) SchemaSent(ctx context.Context) error {
	return t.write(ctx, durable, "saving the end of the schema phase", func(tx *sqlx.Tx) error {
		done, err := tx.ExecContext(ctx, "UPDATE start SET schema_sent = 1 WHERE task = ?", t.row.ID)
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n != 1 {
			return fmt.Errorf("task %s has not begun: %w", t.row.ID, err)
		}
		return nil
	})
}

// Move stores the server that the task reads from now on, and the table versions that hold there; durable.
func (t *Task) Move(ctx context.Context, s *engine.Saved) error {
	return t.write(ctx, durable, "saving the move to another server", func(tx *sqlx.Tx) error {
		row := startOf(t.row.ID, s)
		_, err := tx.NamedExecContext(ctx, `UPDATE start SET server_flavor = :server_flavor, server_id = :server_id, server_version = :server_version, turn = :turn
			WHERE task = :task`, row)
		if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM schema_version WHERE task = ?", t.row.ID); err != nil {
			return err
		}
		return insert(ctx, tx, versionUpsert, each(t.row.ID, s.Schemas, versionOf)...)
	})
}

// Note appends a note and the table versions since the one before, and prunes the notes before keep. It is lazy: a power
// cut may undo the newest notes.
func (t *Task) Note(ctx context.Context, n engine.Note, versions []schema.Version, keep int64) error {
	return t.write(ctx, lazy, "saving a note", func(tx *sqlx.Tx) error {
		if err := insert(ctx, tx, versionUpsert, each(t.row.ID, versions, versionOf)...); err != nil {
			return err
		}
		if err := insert(ctx, tx, noteInsert, noteOf(t.row.ID, n)); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM note WHERE task = ? AND seq < ?", t.row.ID, keep)
		return err
	})
}

// Seal stores sealed chunks and those of the rest, where they ended before their bounds, in one transaction; durable.
func (t *Task) Seal(ctx context.Context, sealed, rests []engine.Chunk) error {
	for _, c := range sealed {
		if c.Status != snapshot.Sealed {
			return fmt.Errorf("sealing chunk %d of %s: it is %s", c.ID, c.Table, c.Status)
		}
	}
	return t.write(ctx, durable, "sealing chunks", func(tx *sqlx.Tx) error {
		return insert(ctx, tx, chunkUpsert, each(t.row.ID, slices.Concat(sealed, rests), chunkOf)...)
	})
}

// Chunks stores the chunks as they are, in one transaction.
func (t *Task) Chunks(ctx context.Context, cs []engine.Chunk, sync bool) error {
	return t.write(ctx, durability(sync), "saving chunks", func(tx *sqlx.Tx) error {
		return insert(ctx, tx, chunkUpsert, each(t.row.ID, cs, chunkOf)...)
	})
}

// Back takes back all notes after seq and stores the chunks; durable.
func (t *Task) Back(ctx context.Context, seq int64, cs []engine.Chunk) error {
	return t.write(ctx, durable, fmt.Sprintf("going back to note %d", seq), func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM note WHERE task = ? AND seq > ?", t.row.ID, seq); err != nil {
			return err
		}
		return insert(ctx, tx, chunkUpsert, each(t.row.ID, cs, chunkOf)...)
	})
}

// Replan replaces all chunks of a table; durable.
func (t *Task) Replan(ctx context.Context, table cdc.TableID, cs []engine.Chunk) error {
	for _, c := range cs {
		if c.Table != table {
			return fmt.Errorf("planning %s again: chunk %d is of %s", table, c.ID, c.Table)
		}
	}
	return t.write(ctx, durable, "planning "+table.String()+" again", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM chunk WHERE task = ? AND db = ? AND name = ?", t.row.ID, table.Schema, table.Name)
		if err != nil {
			return err
		}
		return insert(ctx, tx, chunkInsert, each(t.row.ID, cs, chunkOf)...)
	})
}

const (
	startInsert = `INSERT INTO start (task, server_flavor, server_id, server_version, turn, start_set, skip, skip_time, start_end, schema_sent, xa)
		VALUES (:task, :server_flavor, :server_id, :server_version, :turn, :start_set, :skip, :skip_time, :start_end, :schema_sent, :xa)`

	incarnationInsert = `INSERT INTO incarnation (task, name) VALUES (:task, :name)`

	noteInsert = `INSERT INTO note (task, seq, x, l, l_set, offsets, ends, sums, inside, seen, reread, reread_set, others)
		VALUES (:task, :seq, :x, :l, :l_set, :offsets, :ends, :sums, :inside, :seen, :reread, :reread_set, :others)`

	// A chunk's identity in the topics holds its number: a new plan must not take one that is in use.
	chunkInsert = `INSERT INTO chunk (task, id, db, name, after, upto, status, s, h, h_set, note_seq, schema_ver, file, rows, bytes, sum, patch, closed)
		VALUES (:task, :id, :db, :name, :after, :upto, :status, :s, :h, :h_set, :note_seq, :schema_ver, :file, :rows, :bytes, :sum, :patch, :closed)`

	chunkUpsert = chunkInsert + ` ON CONFLICT (task, id) DO UPDATE SET db = excluded.db, name = excluded.name,
		after = excluded.after, upto = excluded.upto, status = excluded.status, s = excluded.s, h = excluded.h,
		h_set = excluded.h_set, note_seq = excluded.note_seq, schema_ver = excluded.schema_ver, file = excluded.file,
		rows = excluded.rows, bytes = excluded.bytes, sum = excluded.sum, patch = excluded.patch, closed = excluded.closed`

	// After a restart the stream meets a DDL again whose version is stored already.
	versionUpsert = `INSERT INTO schema_version (task, db, name, version, at, how, create_sql, definition)
		VALUES (:task, :db, :name, :version, :at, :how, :create_sql, :definition)
		ON CONFLICT (task, db, name, version, at, how) DO UPDATE SET create_sql = excluded.create_sql, definition = excluded.definition`
)

// insert runs the statement for each row.
func insert[R any](ctx context.Context, tx *sqlx.Tx, query string, rows ...R) error {
	if len(rows) == 0 {
		return nil
	}
	stmt, err := tx.PrepareNamedContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { _ = stmt.Close() }()
	for i := range rows {
		if _, err := stmt.ExecContext(ctx, &rows[i]); err != nil {
			return err
		}
	}
	return nil
}

func each[T, R any](id string, list []T, row func(string, T) R) []R {
	out := make([]R, len(list))
	for i, v := range list {
		out[i] = row(id, v)
	}
	return out
}
