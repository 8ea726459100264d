package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
	"sluice/migrations"
)

// User is one who may sign in.
type User struct {
	Name     string
	Password bool // one is set; else a link signs in
	Created  time.Time
	Sessions int       // that are not over
	Seen     time.Time // zero: not in a session that is kept
}

// OpenAccounts opens a data folder for its users alone. Where another process works in the folder it is not locked:
// SQLite sees to it that both may write.
func OpenAccounts(dir string) (*Store, error) {
	s, err := Open(dir)
	if task.Code(err) != "data.locked" {
		return s, err
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, failure("opening the data folder", err)
	}
	path := filepath.Join(dir, "sluice.db")
	if _, err := os.Stat(path); err != nil {
		return nil, failure("opening the data folder", err)
	}
	s = &Store{dir: dir, now: time.Now, ticks: ticker}
	s.close = sync.OnceValue(s.shut)
	if s.db, err = sqlx.Open("sqlite", address(path)); err != nil {
		return nil, failure("opening the database", err)
	}
	s.db.SetMaxOpenConns(1)
	steps, err := loadMigrations(migrations.Files)
	at := 0
	if err == nil {
		err = failure("reading the database's version", s.db.Get(&at, "PRAGMA user_version"))
	}
	if err == nil && at != len(steps) {
		err = locked(fmt.Sprintf("The data folder %s is in use by a process of another version of Sluice.", dir))
	}
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func noUser(name string) *task.Error {
	return &task.Error{Code: "auth.no_user", Text: fmt.Sprintf("There is no user %q.", name), Hint: `"sluice user list" names all.`}
}

// Users are all who may sign in, by name.
func (s *Store) Users(ctx context.Context) ([]User, error) {
	var rows []struct {
		Name      string
		Password  bool
		CreatedAt int64 `db:"created_at"`
		Sessions  int
		Seen      int64
	}
	now := s.now()
	err := s.db.SelectContext(ctx, &rows, `SELECT u.name, u.password <> '' AS password, u.created_at, count(s.hash) AS sessions, coalesce(max(s.seen_at), 0) AS seen
		FROM user u LEFT JOIN session s ON s.user = u.name AND s.seen_at > ? AND s.created_at > ? GROUP BY u.name ORDER BY u.name`,
		now.Add(-sessionIdle).UnixMilli(), now.Add(-sessionLife).UnixMilli())
	out := make([]User, len(rows))
	for i, r := range rows {
		out[i] = User{Name: r.Name, Password: r.Password, Created: time.UnixMilli(r.CreatedAt), Sessions: r.Sessions}
		if r.Seen > 0 {
			out[i].Seen = time.UnixMilli(r.Seen)
		}
	}
	return out, failure("listing users", err)
}

// hashed is the saved form of a password; of none it is empty.
func hashed(password string) string {
	if password == "" {
		return ""
	}
	return hashPassword(password)
}

// AddUser makes a user; without a password it is one who needs a ticket.
func (s *Store) AddUser(ctx context.Context, name, password string) error {
	saved := hashed(password) // outside of the transaction: it takes a while
	return s.write(ctx, durable, "making a user", func(tx *sqlx.Tx) error {
		switch _, err := keptName(ctx, tx, name); {
		case err == nil:
			return &task.Error{Code: "auth.user_exists", Text: fmt.Sprintf("There is a user %q already.", name), Hint: "Choose another name, or reset the password of this one."}
		case task.Code(err) != "auth.no_user":
			return err
		}
		return s.addUser(ctx, tx, name, saved)
	})
}

// keptName gives the name as it is kept: names differ in more than their case.
func keptName(ctx context.Context, tx *sqlx.Tx, name string) (kept string, err error) {
	if err = tx.GetContext(ctx, &kept, "SELECT name FROM user WHERE name = ?", name); errors.Is(err, sql.ErrNoRows) {
		return "", noUser(name)
	}
	return kept, err
}

// ResetPassword gives a user another password, or none, and ends all that the old one let in: sessions and links.
func (s *Store) ResetPassword(ctx context.Context, name, password string) error {
	saved := hashed(password)
	return s.write(ctx, durable, "resetting a password", func(tx *sqlx.Tx) error {
		kept, err := keptName(ctx, tx, name)
		if err != nil {
			return err
		}
		return setPassword(ctx, tx, kept, saved, nil)
	})
}

// setPassword saves a password and ends all sessions of the user but the one to spare.
func setPassword(ctx context.Context, tx *sqlx.Tx, name, saved string, spare []byte) error {
	if _, err := tx.ExecContext(ctx, "UPDATE user SET password = ? WHERE name = ?", saved, name); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, "DELETE FROM ticket WHERE user = ? COLLATE NOCASE", name); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE user = ? COLLATE NOCASE AND hash <> ?", name, append([]byte{}, spare...))
	return err
}

// HasPassword reports whether a user has a password; one who came by a link may have none.
func (s *Store) HasPassword(ctx context.Context, name string) (bool, error) {
	var saved string
	err := s.pages.GetContext(ctx, &saved, "SELECT password FROM user WHERE name = ?", name)
	if errors.Is(err, sql.ErrNoRows) {
		return false, noUser(name)
	}
	return saved != "", failure("reading a user", err)
}

// ChangePassword changes the user's own password, which has to be known if there is one. All other sessions end.
func (s *Store) ChangePassword(ctx context.Context, name, session, old, password string) error {
	var had string
	if err := s.db.GetContext(ctx, &had, "SELECT password FROM user WHERE name = ?", name); err != nil {
		return failure("reading a user", err)
	}
	if had != "" && !samePassword(had, old) {
		return wrongSignIn()
	}
	saved := hashPassword(password)
	return s.write(ctx, durable, "changing a password", func(tx *sqlx.Tx) error {
		var now string
		if err := tx.GetContext(ctx, &now, "SELECT password FROM user WHERE name = ?", name); err != nil {
			return err
		}
		if now != had { // it was reset meanwhile
			return wrongSignIn()
		}
		return setPassword(ctx, tx, name, saved, tokenHash(session))
	})
}

// SignOutAll ends all sessions of a user, and the links to begin one.
func (s *Store) SignOutAll(ctx context.Context, name string) error {
	return s.write(ctx, durable, "ending sessions", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "DELETE FROM ticket WHERE user = ? COLLATE NOCASE", name); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE user = ? COLLATE NOCASE", name)
		return err
	})
}

// RemoveUser removes a user with the sessions. The last one stays: nobody could sign in any more.
func (s *Store) RemoveUser(ctx context.Context, name string) error {
	return s.write(ctx, durable, "removing a user", func(tx *sqlx.Tx) error {
		kept, err := keptName(ctx, tx, name)
		if err != nil {
			return err
		}
		n := 0
		if err := tx.GetContext(ctx, &n, "SELECT count(*) FROM user"); err != nil {
			return err
		}
		if n == 1 {
			return &task.Error{Code: "auth.last_user", Text: fmt.Sprintf("%q is the last user.", kept), Hint: "Add another user first, or reset the password of this one."}
		}
		for _, from := range []string{"ticket WHERE user = ? COLLATE NOCASE", "session WHERE user = ? COLLATE NOCASE", "user WHERE name = ?"} {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+from, kept); err != nil {
				return err
			}
		}
		return nil
	})
}
