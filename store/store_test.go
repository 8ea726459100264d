package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/jmoiron/sqlx"

	"sluice/migrations"
)

func TestOpenMigratesFromEmptyAndOnlyOnce(t *testing.T) {
	t.Parallel()
	steps, err := loadMigrations(migrations.Files)
	if err != nil || len(steps) == 0 {
		t.Fatal(steps, err)
	}
	dir := filepath.Join(t.TempDir(), "a folder", "50% #1?x=y") // what a URL would take apart
	for range 2 {
		s, err := Open(dir)
		if err != nil {
			t.Fatal(err)
		}
		var version, tables int
		if err := s.db.Get(&version, "PRAGMA user_version"); err != nil || version != len(steps) {
			t.Fatal(version, err)
		}
		if err := s.db.Get(&tables, "SELECT count(*) FROM task"); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(s.Close(), s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "sluice.db")); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationsComeInOrder(t *testing.T) {
	t.Parallel()
	for _, names := range [][]string{{"0002_a.sql"}, {"0001_a.sql", "0003_b.sql"}, {"0001_a.sql", "0001_b.sql"}, {"init.sql"}} {
		files := fstest.MapFS{}
		for _, n := range names {
			files[n] = &fstest.MapFile{}
		}
		if _, err := loadMigrations(files); err == nil {
			t.Errorf("%v was accepted", names)
		}
	}
}

func TestFailedMigrationLeavesTheVersion(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	err := s.apply(t.Context(), migration{number: 99, name: "0099_bad.sql", sql: "CREATE TABLE half (a); CREATE TABLE task (a);"})
	var version, half int
	_ = s.db.Get(&version, "PRAGMA user_version")
	_ = s.db.Get(&half, "SELECT count(*) FROM sqlite_master WHERE name = 'half'")
	if err == nil || version == 99 || half != 0 {
		t.Fatal(err, version, half)
	}
}

func TestOpenSaysWhatIsWrongWithTheFolder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spoil func(t *testing.T, dir string) error
		code  string
	}{
		"newer": {func(t *testing.T, dir string) error {
			s, err := Open(dir)
			if err != nil {
				return err
			}
			_, err = s.db.Exec("PRAGMA user_version = 9999")
			return errors.Join(err, s.Close())
		}, "data.newer"},
		"not a database": {func(t *testing.T, dir string) error {
			return os.WriteFile(filepath.Join(dir, "sluice.db"), make([]byte, 8192), 0o600)
		}, "data.corrupt"},
		"damaged": {func(t *testing.T, dir string) error {
			s, err := Open(dir)
			if err != nil {
				return err
			}
			if err := s.Close(); err != nil {
				return err
			}
			f, err := os.OpenFile(filepath.Join(dir, "sluice.db"), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.WriteAt(make([]byte, 3000), 100) // the root page of the schema
			return errors.Join(err, f.Close())
		}, "data.corrupt"},
		"database is a folder": {func(t *testing.T, dir string) error {
			return os.Mkdir(filepath.Join(dir, "sluice.db"), 0o700)
		}, "data.not_writable"},
		"a file": {func(t *testing.T, dir string) error {
			return errors.Join(os.Remove(dir), os.WriteFile(dir, nil, 0o600))
		}, "data.not_a_folder"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := tt.spoil(t, dir); err != nil {
				t.Fatal(err)
			}
			s, err := Open(dir)
			if err == nil {
				_ = s.Close()
			}
			wantCode(t, err, tt.code, false)
		})
	}
}

func TestFolderIsForOneProcess(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other := startChild(t, "hold", dir)
	if got := other.next(t); got != "open" {
		t.Fatal(got)
	}
	_, err := Open(dir)
	wantCode(t, err, "data.locked", true)
	other.kill()
	s, err := Open(dir)
	if err != nil {
		t.Fatal("the lock outlived its process:", err)
	}
	_, err = Open(dir)
	wantCode(t, err, "data.locked", true)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(dir); err != nil {
		t.Fatal("the lock outlived Close:", err)
	}
	_ = s.Close()
}

func TestWritesAreAsDurableAsAsked(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	for range 2 {
		for d, want := range map[durability]int{durable: 2, lazy: 1} {
			err := s.write(t.Context(), d, "looking", func(tx *sqlx.Tx) error {
				var level, keys int
				var mode string
				err := errors.Join(tx.Get(&level, "PRAGMA synchronous"), tx.Get(&mode, "PRAGMA journal_mode"), tx.Get(&keys, "PRAGMA foreign_keys"))
				if level != want || mode != "wal" || keys != 1 {
					t.Errorf("durable %v: synchronous %d, journal %s, keys %d", d, level, mode, keys)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestWriteThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	boom := errors.New("boom")
	ctx, cancel := context.WithCancel(t.Context())
	tests := map[string]struct {
		ctx  context.Context
		do   func() error
		want error
	}{
		"error":     {t.Context(), func() error { return boom }, boom},
		"cancelled": {ctx, func() error { cancel(); return nil }, context.Canceled},
	}
	for name, tt := range tests {
		err := s.write(tt.ctx, durable, name, func(tx *sqlx.Tx) error {
			_, err := tx.Exec("INSERT INTO task (id, name, state, spec_json, created_at, updated_at) VALUES ('0123456789abcdef', 'n', 'new', '{}', 0, 0)")
			return errors.Join(err, tt.do())
		})
		var n int
		if got := s.db.Get(&n, "SELECT count(*) FROM task"); got != nil || n != 0 || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %d rows, %v", name, err, n, got)
		}
	}
}
