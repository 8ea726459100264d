package store

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// copyOf copies the folder's database as a backup would, while it is in use.
func copyOf(t *testing.T, s *Store) string {
	t.Helper()
	dir := t.TempDir()
	if _, err := s.db.Exec("VACUUM INTO ?", filepath.Join(dir, "sluice.db")); err != nil {
		t.Fatal(err)
	}
	if _, err := s.db.Exec("PRAGMA user_version"); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLeaseKeepsACopyOfTheFolderWaiting(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openAt(t, t.TempDir(), c)
	started(t, s)
	twin := openAt(t, copyOf(t, s), c)
	h, created, err := twin.Task(t.Context(), fullSpec())
	if err != nil || created {
		t.Fatal(created, err)
	}
	_, err = h.Start(t.Context())
	wantCode(t, err, "task.lease_held", true)
	c.forward(leaseTime - time.Millisecond)
	_, err = h.Start(t.Context())
	wantCode(t, err, "task.lease_held", true)
	c.forward(time.Millisecond)
	if _, err = h.Start(t.Context()); err != nil {
		t.Fatal("the lease did not run out:", err)
	}
	if err := h.End(t.Context(), task.Stopped, nil); err != nil {
		t.Fatal(err)
	}
	if _, err = h.Start(t.Context()); err != nil {
		t.Fatal("the lease was not given back:", err)
	}
	if err := h.End(t.Context(), task.Stopped, nil); err != nil {
		t.Fatal(err)
	}
}

// TestClockJumps sets the clock by hours while a task runs and before it is taken over.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	for _, jump := range []time.Duration{-5 * time.Hour, 5 * time.Hour} {
		c := newClock()
		s := openAt(t, t.TempDir(), c)
		h, run := begun(t, s)
		twin := openAt(t, copyOf(t, s), c)
		c.forward(jump)
		if err := h.Note(run, engine.Note{Seq: 1}, nil, 0); err != nil {
			t.Errorf("%v: the running task lost its lease: %v", jump, err)
		}
		c.c <- c.now() // it renews by the new clock
		c.c <- c.now()
		if err := h.Note(run, engine.Note{Seq: 2}, nil, 0); err != nil || run.Err() != nil {
			t.Errorf("%v: the running task lost its lease: %v, %v", jump, err, run.Err())
		}
		if err := h.Begin(run, &engine.Saved{Task: h.ID(), Generation: 1}); err == nil {
			t.Error("a task began twice")
		}
		late := openAt(t, copyOf(t, s), c)
		for name, other := range map[string]*Store{"a copy of before the jump": twin, "a copy of after it": late} {
			o, _, err := other.Task(t.Context(), fullSpec())
			if err != nil {
				t.Fatal(err)
			}
			_, err = o.Start(t.Context())
			if other == late { // by the clock of now the lease holds
				wantCode(t, err, "task.lease_held", true)
				c.forward(leaseTime)
				_, err = o.Start(t.Context())
			}
			if err != nil {
				t.Fatalf("%v: %s waits for ever: %v", jump, name, err)
			}
			if err := o.End(t.Context(), task.Stopped, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestRenewalKeepsTheLease(t *testing.T) {
	t.Parallel()
	c := newClock()
	s := openAt(t, t.TempDir(), c)
	h, run := begun(t, s)
	for seq := int64(1); seq <= 10; seq++ {
		c.forward(leaseTime - time.Second)
		c.c <- c.now()
		c.c <- c.now() // taken after the first was worked off
		if err := h.Note(run, engine.Note{Seq: seq}, nil, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := run.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestLostLeaseEndsTheRunAndEveryWrite(t *testing.T) {
	t.Parallel()
	ways := map[string]func(*testing.T, *Store, *clock){
		"taken": func(t *testing.T, s *Store, _ *clock) {
			if _, err := s.db.Exec("UPDATE task SET lease_owner = 'another'"); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, lose := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newClock()
			s := openAt(t, t.TempDir(), c)
			h, run := begun(t, s)
			lose(t, s, c)
			ctx, id := t.Context(), cdc.TableID{}
			for what, err := range map[string]error{
				"Begin":      h.Begin(ctx, &engine.Saved{Task: h.ID(), Generation: 1}),
				"Epoch":      h.Epoch(ctx, 1, 2, "x"),
				"SchemaSent": h.SchemaSent(ctx),
				"Doubled":    doubled(h, 0, 1, nil),
				"Note":       h.Note(ctx, engine.Note{Seq: 2}, nil, 0),
				"Seal":       h.Seal(ctx, []engine.Chunk{{Status: snapshot.Sealed}}, nil),
				"Chunks":     h.Chunks(ctx, []engine.Chunk{{}}, false),
				"Back":       h.Back(ctx, 1, nil),
				"Replan":     h.Replan(ctx, id, nil),
				"Load":       func() error { _, err := h.Load(ctx); return err }(),
			} {
				if task.Code(err) != "task.lease_lost" || !task.Retryable(err) {
					t.Errorf("%s: %v", what, err)
				}
			}
			if run.Err() != nil {
				t.Fatal("lost before the renewal could know")
			}
			c.c <- c.now()
			<-run.Done()
			wantCode(t, context.Cause(run), "task.lease_lost", true)
			wantCode(t, h.End(ctx, task.Stopped, nil), "task.lease_lost", true)
			if st, err := h.Status(ctx); err != nil || st.State != task.Running {
				t.Fatal("a task without its lease was moved:", st, err)
			}
		})
	}
}

func TestOnlyAStartedTaskWrites(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Epoch(t.Context(), 1, 1, "x"); err == nil {
		t.Fatal("written without a lease")
	}
	if _, err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Epoch(t.Context(), 1, 1, "x"); err == nil {
		t.Fatal("an epoch was saved before Begin")
	}
	if err := h.End(t.Context(), task.Stopped, nil); err != nil {
		t.Fatal(err)
	}
	if err := h.Epoch(t.Context(), 1, 1, "x"); err == nil {
		t.Fatal("written after End")
	}
}

func TestRunEndsWithItsParent(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	run, err := h.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if !errors.Is(run.Err(), context.Canceled) {
		t.Fatal(run.Err())
	}
	if err := h.End(t.Context(), task.Stopped, nil); err != nil {
		t.Fatal("stopped by its parent, a run must still save:", err)
	}
}
