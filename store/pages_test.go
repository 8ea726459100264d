package store

import (
	"context"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

// TestPagesDoNotWait: what pages show is read while a write is under way, and shows what was committed before.
func TestPagesDoNotWait(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.EnsureUser(ctx, "ann"); err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Ticket(ctx, "ann")
	if err != nil {
		t.Fatal(err)
	}
	session, err := s.SignInWithTicket(ctx, ticket)
	if err != nil {
		t.Fatal(err)
	}
	id, err := s.AddTask(ctx, "", fullSpec(), task.About{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.write(ctx, durable, "writing", func(tx *sqlx.Tx) error {
		if _, err := tx.ExecContext(ctx, "UPDATE console SET title = 'later' WHERE task = ?", id); err != nil {
			return err
		}
		if list, err := s.Tasks(ctx); err != nil || len(list) != 1 || list[0].Name == "later" {
			t.Errorf("%v %v", list, err)
		}
		if sum, err := s.Summary(ctx, id); err != nil || sum.Name == "later" {
			t.Errorf("%v %v", sum, err)
		}
		if user, err := s.SessionUser(ctx, session); err != nil || user != "ann" {
			t.Errorf("%q %v", user, err)
		}
		if _, err := s.Drafts(ctx); err != nil {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if sum, err := s.Summary(ctx, id); err != nil || sum.Name != "later" {
		t.Errorf("after the write: %v %v", sum, err)
	}
	if _, err := s.pages.ExecContext(ctx, "DELETE FROM task"); err == nil {
		t.Error("pages may write")
	}
}
