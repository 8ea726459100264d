package store

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"modernc.org/sqlite" // also the driver "sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// Store is an open data folder. Its methods may be called from many goroutines.
type Store struct {
	dir   string
	lock  *os.File
	place string
	db    *sqlx.DB // one connection: writers queue here and not in SQLite
	pages *sqlx.DB // for what pages show: they see all that was committed, and never wait for a write to reach the disk
	now   func() time.Time

	parsing sync.Mutex
	parsed  map[string]*parsed // of tasks that were shown

	touching sync.WaitGroup // sessions that are being kept awake

	ticks func(time.Duration) (c <-chan time.Time, free func())
	close func() error

	secrets func() (*vault, error) // opened when first used: the command line needs none
}

// Open opens the data folder, making it if it is missing, and locks it for this process until Close.
func Open(dir string) (*Store, error) { return open(dir, time.Now, ticker) }

func open(dir string, now func() time.Time, ticks func(time.Duration) (<-chan time.Time, func())) (_ *Store, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, failure("opening the data folder", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, failure("making the data folder", err)
	}
	s := &Store{dir: dir, now: now, ticks: ticks, parsed: map[string]*parsed{}}
	s.close = sync.OnceValue(s.shut)
	s.secrets = sync.OnceValues(func() (*vault, error) { return openVault(dir) })
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	if s.lock, err = lockFolder(dir); err != nil {
		return nil, failure("locking the data folder", err)
	}
	if s.place, err = place(s.lock); err != nil {
		return nil, failure("locking the data folder", err)
	}
	if s.db, err = sqlx.Open("sqlite", address(filepath.Join(dir, "sluice.db"))); err != nil {
		return nil, failure("opening the database", err)
	}
	s.db.SetMaxOpenConns(1)
	if err := s.migrate(context.Background()); err != nil {
		return nil, err
	}
	if s.pages, err = sqlx.Open("sqlite", address(filepath.Join(dir, "sluice.db"))+"&_pragma=query_only(1)"); err != nil {
		return nil, failure("opening the database", err)
	}
	s.pages.SetMaxOpenConns(2)
	return s, failure("opening the data folder", syncFolder(dir))
}

// Close frees the folder; it may be called twice. Tasks must have been released before.
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	s.touching.Wait()
	var errs []error
	if s.pages != nil {
		errs = append(errs, failure("closing the database", s.pages.Close()))
	}
	if s.db != nil {
		errs = append(errs, failure("closing the database", s.db.Close()))
	}
	if s.lock != nil { // last: with it the folder is free
		errs = append(errs, unlockFolder(s.lock))
	}
	return errors.Join(errs...)
}

// address names the file with the settings of every connection. Writes begin IMMEDIATE, so that what a transaction
// has read still holds when it writes.
func address(path string) string {
	q := url.Values{
		"_pragma": {"busy_timeout(5000)", "foreign_keys(1)", "journal_mode(WAL)", "synchronous(FULL)"},
		"_txlock": {"immediate"},
	}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}).String()
}

// durability says whether a transaction must survive a power cut when write returns.
type durability bool

const (
	durable durability = true
	lazy    durability = false
)

func (d durability) pragma() string {
	if d {
		return "PRAGMA synchronous = FULL"
	}
	return "PRAGMA synchronous = NORMAL"
}

// write runs do in one transaction. A durable one syncs the log, and with it all lazy ones before it.
func (s *Store) write(ctx context.Context, d durability, op string, do func(*sqlx.Tx) error) error {
	conn, err := s.db.Connx(ctx)
	if err != nil {
		return failure(op, err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.ExecContext(ctx, d.pragma()); err != nil {
		return failure(op, err)
	}
	tx, err := conn.BeginTxx(ctx, nil)
	if err != nil {
		return failure(op, err)
	}
	if err := do(tx); err != nil {
		_ = tx.Rollback() // SQLite or the end of the context may have done so already
		return failure(op, ended(ctx, err))
	}
	return failure(op, ended(ctx, tx.Commit()))
}

// ended gives the context's error where its end undid the transaction, which the driver tells in several ways.
func ended(ctx context.Context, err error) error {
	var sq *sqlite.Error
	undone := errors.Is(err, sql.ErrTxDone) || errors.As(err, &sq) && sq.Code()&0xff == sqlite3.SQLITE_INTERRUPT
	if undone && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// syncFolder makes the names in a folder durable.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func ticker(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTicker(d)
	return t.C, t.Stop
}
