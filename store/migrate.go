package store

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
	"sluice/migrations"
)

// migration is one step of the database's schema; number is the version that it leads to.
type migration struct {
	number int
	name   string
	sql    string
}

func loadMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "*.sql") // sorted by name
	if err != nil {
		return nil, err
	}
	var out []migration
	for i, name := range names {
		number, err := strconv.Atoi(strings.SplitN(name, "_", 2)[0])
		if err != nil || number != i+1 {
			return nil, fmt.Errorf("migration %s is out of order: number %d is due", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		out = append(out, migration{number, name, string(text)})
	}
	return out, nil
}

// migrate brings the database to the newest version, each step in a transaction of its own.
func (s *Store) migrate(ctx context.Context) error {
	steps, err := loadMigrations(migrations.Files)
	if err != nil {
		return err
	}
	var at int
	if err := s.db.GetContext(ctx, &at, "PRAGMA user_version"); err != nil {
		return failure("reading the database's version", err)
	}
	if at > len(steps) {
		return &task.Error{Code: "data.newer", Op: "opening the data folder",
			Text: fmt.Sprintf("The data folder was written by a newer Sluice (version %d of the database, known are %d).", at, len(steps)),
			Hint: "Use the newer Sluice for it."}
	}
	for _, m := range steps[at:] {
		if err := s.apply(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) apply(ctx context.Context, m migration) error {
	return s.write(ctx, durable, "applying "+m.name, func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, m.sql); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, fmt.Sprintf("PRAGMA user_version = %d", m.number))
		return err
	})
}
