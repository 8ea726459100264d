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
	clock := newClock()
	s := openAt(t, t.TempDir(), clock)
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
	draft, err := s.NewDraft(ctx, task.Draft{Name: "half", Step: "objects", Body: []byte("{}"), Owner: "ann"})
	if err != nil {
		t.Fatal(err)
	}
	if ticket, err = s.Ticket(ctx, "ann"); err != nil {
		t.Fatal(err)
	}
	clock.forward(2 * time.Minute) // the session is to be kept awake
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
		for name, read := range map[string]func() error{
			"drafts":    func() error { _, err := s.Drafts(ctx); return err },
			"draft":     func() error { _, err := s.Draft(ctx, draft.ID); return err },
			"summaries": func() error { _, err := s.Summaries(ctx, id); return err },
			"checks":    func() error { _, err := s.Checks(ctx, id, 2); return err },
			"tables":    func() error { _, err := s.TableProgress(ctx, id); return err },
			"history":   func() error { _, err := s.History(ctx, id, 0, 10); return err },
			"users":     func() error { _, err := s.HasUsers(ctx); return err },
			"password":  func() error { _, err := s.HasPassword(ctx, "ann"); return err },
			"ticket":    func() error { _, err := s.TicketValid(ctx, ticket); return err },
		} {
			if err := read(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
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
