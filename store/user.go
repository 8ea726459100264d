package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

// How long a session and a ticket last.
const (
	sessionIdle = 8 * time.Hour
	sessionLife = 7 * 24 * time.Hour
	ticketLife  = 24 * time.Hour
)

// token is 256 random bits for a cookie or a link; only its hash is saved.
func token() (text string, hash []byte) {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process first
	text = base64.RawURLEncoding.EncodeToString(b[:])
	return text, tokenHash(text)
}

func tokenHash(text string) []byte {
	h := sha256.Sum256([]byte(text))
	return h[:]
}

func wrongSignIn() *task.Error {
	return &task.Error{Code: "auth.wrong", Text: "The user name or the password is wrong."}
}

func wrongTicket() *task.Error {
	return &task.Error{Code: "auth.ticket", Text: "The link has been used, has run out or was replaced by a newer one.",
		Hint: "Start the server again: it prints a new link where there is no user. For a user, sluice user reset-password prints one."}
}

// HasUsers reports whether anybody can sign in yet.
func (s *Store) HasUsers(ctx context.Context) (bool, error) {
	n := 0
	err := s.pages.GetContext(ctx, &n, "SELECT count(*) FROM user")
	return n > 0, failure("counting users", err)
}

// Ticket makes a link's token that works once: it signs the user in, or, without one, makes the first user. Older
// tickets for the same stop working.
func (s *Store) Ticket(ctx context.Context, user string) (string, error) {
	text, hash := token()
	err := s.write(ctx, durable, "making a sign-in link", func(tx *sqlx.Tx) error {
		now := s.now()
		if _, err := tx.ExecContext(ctx, "DELETE FROM ticket WHERE user = ? OR expires_at <= ?", user, now.UnixMilli()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, "INSERT INTO ticket (hash, user, expires_at) VALUES (?, ?, ?)", hash, user, now.Add(ticketLife).UnixMilli())
		return err
	})
	return text, err
}

// TicketValid tells whether a ticket still works, and for whom, without using it.
func (s *Store) TicketValid(ctx context.Context, ticket string) (user string, err error) {
	err = s.pages.GetContext(ctx, &user, "SELECT user FROM ticket WHERE hash = ? AND expires_at > ?", tokenHash(ticket), s.now().UnixMilli())
	if errors.Is(err, sql.ErrNoRows) {
		return "", wrongTicket()
	}
	return user, failure("looking at a sign-in link", err)
}

// redeem uses a ticket up.
func (s *Store) redeem(ctx context.Context, tx *sqlx.Tx, ticket string) (user string, err error) {
	err = tx.GetContext(ctx, &user, "DELETE FROM ticket WHERE hash = ? AND expires_at > ? RETURNING user", tokenHash(ticket), s.now().UnixMilli())
	if errors.Is(err, sql.ErrNoRows) {
		return "", wrongTicket()
	}
	return user, err
}

// Setup makes the first user with a ticket and signs it in.
func (s *Store) Setup(ctx context.Context, ticket, name, password string) (session string, err error) {
	if user, err := s.TicketValid(ctx, ticket); err != nil || user != "" {
		return "", errors.Join(err, wrongIf(user != ""))
	}
	hashed := hashPassword(password) // outside of the transaction: it takes a while
	err = s.write(ctx, durable, "making the first user", func(tx *sqlx.Tx) error {
		user, err := s.redeem(ctx, tx, ticket)
		if err != nil {
			return err
		}
		n := 0
		if err := tx.GetContext(ctx, &n, "SELECT count(*) FROM user"); err != nil {
			return err
		}
		if n > 0 || user != "" {
			return wrongTicket()
		}
		if err := s.addUser(ctx, tx, name, hashed); err != nil {
			return err
		}
		session, err = s.begin(ctx, tx, name)
		return err
	})
	return session, err
}

func wrongIf(wrong bool) error {
	if wrong {
		return wrongTicket()
	}
	return nil
}

func (s *Store) addUser(ctx context.Context, tx *sqlx.Tx, name, hashed string) error {
	_, err := tx.ExecContext(ctx, "INSERT INTO user (name, password, created_at) VALUES (?, ?, ?)", name, hashed, s.now().UnixMilli())
	return err
}

// EnsureUser makes a user who signs in by ticket alone, if there is none of this name.
func (s *Store) EnsureUser(ctx context.Context, name string) error {
	return s.write(ctx, durable, "making a user", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO user (name, password, created_at) VALUES (?, '', ?) ON CONFLICT DO NOTHING", name, s.now().UnixMilli())
		return err
	})
}

// SignIn begins a session with a password.
func (s *Store) SignIn(ctx context.Context, name, password string) (session string, err error) {
	var row struct{ Name, Password string }
	err = s.db.GetContext(ctx, &row, "SELECT name, password FROM user WHERE name = ?", name)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", failure("reading a user", err)
	}
	if !samePassword(row.Password, password) {
		return "", wrongSignIn()
	}
	err = s.write(ctx, lazy, "beginning a session", func(tx *sqlx.Tx) error {
		session, err = s.begin(ctx, tx, row.Name)
		return err
	})
	return session, err
}

// SignInWithTicket begins a session with a link that works once.
func (s *Store) SignInWithTicket(ctx context.Context, ticket string) (session string, err error) {
	err = s.write(ctx, durable, "beginning a session", func(tx *sqlx.Tx) error {
		user, err := s.redeem(ctx, tx, ticket)
		if err != nil || user == "" {
			return errors.Join(err, wrongIf(err == nil))
		}
		session, err = s.begin(ctx, tx, user)
		return err
	})
	return session, err
}

func (s *Store) begin(ctx context.Context, tx *sqlx.Tx, user string) (string, error) {
	now := s.now()
	_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE seen_at <= ? OR created_at <= ?",
		now.Add(-sessionIdle).UnixMilli(), now.Add(-sessionLife).UnixMilli())
	if err != nil {
		return "", err
	}
	text, hash := token()
	_, err = tx.ExecContext(ctx, "INSERT INTO session (hash, user, created_at, seen_at) VALUES (?, ?, ?, ?)", hash, user, now.UnixMilli(), now.UnixMilli())
	return text, err
}

// SessionUser gives who a session belongs to; an empty name where it is over. It keeps the session awake.
func (s *Store) SessionUser(ctx context.Context, session string) (string, error) {
	now := s.now()
	var row struct {
		User string
		Seen int64 `db:"seen_at"`
	}
	err := s.pages.GetContext(ctx, &row, "SELECT user, seen_at FROM session WHERE hash = ? AND seen_at > ? AND created_at > ?",
		tokenHash(session), now.Add(-sessionIdle).UnixMilli(), now.Add(-sessionLife).UnixMilli())
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", failure("reading a session", err)
	}
	if now.Sub(time.UnixMilli(row.Seen)) < time.Minute {
		return row.User, nil
	}
	s.touch(session, now)
	return row.User, nil
}

// touch keeps a session awake. The page does not wait for it, nor fail where the disk is full: then the session ends sooner.
func (s *Store) touch(session string, now time.Time) {
	s.touching.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		_ = s.write(ctx, lazy, "keeping a session", func(tx *sqlx.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE session SET seen_at = ? WHERE hash = ?", now.UnixMilli(), tokenHash(session))
			return err
		})
	})
}

// SignOut ends a session.
func (s *Store) SignOut(ctx context.Context, session string) error {
	return s.write(ctx, durable, "ending a session", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "DELETE FROM session WHERE hash = ?", tokenHash(session))
		return err
	})
}

// Audit keeps who did what.
func (s *Store) Audit(ctx context.Context, user, action, subject string, params map[string]string) error {
	if params == nil {
		params = map[string]string{}
	}
	text, err := json.Marshal(params)
	if err != nil {
		return err
	}
	return s.write(ctx, durable, "writing the audit log", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "INSERT INTO audit (at, user, action, subject, params) VALUES (?, ?, ?, ?, ?)", s.now().UnixMilli(), user, action, subject, string(text))
		return err
	})
}
