package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"sluice/engine/task"
)

func TestTaskIsBoundByName(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	first, created, err := s.Task(t.Context(), fullSpec())
	if err != nil || !created || !regexp.MustCompile("^[0-9a-f]{16}$").MatchString(first.ID()) || first.Generation() != 1 {
		t.Fatal(first, created, err)
	}
	again, created, err := s.Task(t.Context(), fullSpec())
	if err != nil || created || again.ID() != first.ID() {
		t.Fatal(again, created, err)
	}
	spec := fullSpec()
	spec.Name = "other"
	other, created, err := s.Task(t.Context(), spec)
	if err != nil || !created || other.ID() == first.ID() {
		t.Fatal(other, created, err)
	}
}

func TestSpecIsFrozenAtTheFirstStart(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		change func(*task.Spec)
		want   string // "" is accepted
	}{
		"nothing":   {func(*task.Spec) {}, ""},
		"rate":      {func(s *task.Spec) { s.Rate = 5000 }, ""},
		"workers":   {func(s *task.Spec) { s.Workers = 16 }, ""},
		"passwords": {func(s *task.Spec) { s.Source.Password, s.Target.Password = "a", "b" }, ""},
		"topic":     {func(s *task.Spec) { s.Target.Topic = "elsewhere" }, `target.topic: "shop" -> "elsewhere"`},
		"table":     {func(s *task.Spec) { s.Tables = s.Tables[:1] }, "tables.shop.items"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openAt(t, t.TempDir(), newClock())
			h, _, err := s.Task(t.Context(), fullSpec())
			if err != nil {
				t.Fatal(err)
			}
			changed := fullSpec()
			tt.change(&changed)
			for _, spec := range []task.Spec{changed, fullSpec()} { // not started: anything goes
				if _, _, err := s.Task(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := h.End(t.Context(), task.Failed, errors.New("no such table")); err != nil {
				t.Fatal(err)
			}
			for _, spec := range []task.Spec{changed, fullSpec()} { // failed before its start was stored: still anything
				if _, _, err := s.Task(t.Context(), spec); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := h.Start(t.Context()); err != nil {
				t.Fatal(err)
			}
			begin(t, h)
			if err := h.End(t.Context(), task.Stopped, nil); err != nil {
				t.Fatal(err)
			}
			for range 2 { // what was accepted is the frozen one from then on
				got, _, err := s.Task(t.Context(), changed)
				if tt.want != "" {
					wantCode(t, err, "task.spec_changed", false)
					if !strings.Contains(err.Error(), tt.want) {
						t.Errorf("%v does not name %s", err, tt.want)
					}
				} else if err != nil || got.Spec().Rate != changed.Rate || got.Spec().Source.Password != changed.Source.Password {
					t.Error(got, err)
				}
			}
		})
	}
}

func TestTaskMoves(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	if err := h.End(t.Context(), task.Stopped, nil); err != nil {
		t.Fatal("End without Start:", err)
	}
	full := &task.Error{Code: "data.disk_full", Text: "Full.", Hint: "Free space."}
	for i, end := range []struct {
		state task.State
		cause error
		code  string
	}{{task.Stopped, nil, ""}, {task.Failed, fmt.Errorf("sealing: %w", full), "data.disk_full"}, {task.Failed, errors.New("odd"), "internal"}, {task.Finished, nil, ""}} {
		run, err := h.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Start(t.Context()); err == nil {
			t.Fatal("started twice")
		}
		if st, err := h.Status(t.Context()); err != nil || st.State != task.Running || st.Failure != nil || h.Incarnation() != int64(i+1) {
			t.Fatal(st, err, h.Incarnation())
		}
		if err := h.End(t.Context(), task.New, nil); task.Code(err) != "task.illegal_move" {
			t.Fatal(err)
		}
		if run.Err() != nil {
			t.Fatal("a refused End ended the run")
		}
		if err := errors.Join(h.End(t.Context(), end.state, end.cause), h.End(t.Context(), end.state, end.cause)); err != nil {
			t.Fatal(err)
		}
		if !errors.Is(run.Err(), context.Canceled) {
			t.Fatal("the run's context outlived it")
		}
		st, err := h.Status(t.Context())
		if err != nil || st.State != end.state || (st.Failure == nil) != (end.code == "") {
			t.Fatal(st, err)
		}
		if end.code != "" && (st.Failure.Code != end.code || !strings.Contains(end.cause.Error(), st.Failure.Text)) {
			t.Fatal(st.Failure)
		}
	}
	_, err = h.Start(t.Context())
	wantCode(t, err, "task.finished", false)
}

// A failure is kept as it came: our sentence, what to do, and apart from them what the other side said.
func TestFailureIsKeptInParts(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	answer := errors.New("ERROR 1227 (42000): Access denied")
	for _, c := range []struct {
		cause      error
		text, said string
	}{
		{&task.Error{Code: "source.privilege_missing", Op: "reading the binlog", Text: "the account lacks a privilege", Hint: "GRANT", Err: answer}, "reading the binlog: the account lacks a privilege", answer.Error()},
		{fmt.Errorf("run: %w", &task.Error{Code: "source.privilege_missing", Text: "the account lacks a privilege", Hint: "GRANT", Err: answer}), "run: the account lacks a privilege", answer.Error()},
		{&task.Error{Code: "source.privilege_missing", Text: "the account lacks a privilege", Hint: "GRANT"}, "the account lacks a privilege", ""},
	} {
		if _, err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.End(t.Context(), task.Failed, c.cause); err != nil {
			t.Fatal(err)
		}
		st, err := h.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		kept, err := s.Summary(t.Context(), h.ID())
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []*task.Error{st.Failure, kept.Failure} {
			said := ""
			if f.Err != nil {
				said = f.Err.Error()
			}
			if f.Code != "source.privilege_missing" || f.Text != c.text || f.Hint != "GRANT" || said != c.said {
				t.Errorf("%v is kept as %q, said %q", c.cause, f.Text, said)
			}
		}
	}
}

func TestTaskSetAsideByACrashStartsAgain(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	child := startChild(t, "seal", dir)
	child.next(t)
	child.next(t) // it is running
	child.kill()
	s := openAt(t, dir, newClock())
	h, created, err := s.Task(t.Context(), fullSpec())
	if err != nil || created {
		t.Fatal(created, err)
	}
	if st, err := h.Status(t.Context()); err != nil || st.State != task.Running {
		t.Fatal(st, err)
	}
	started(t, s) // at once: the lock proves that the holder of the lease is gone
}

func TestNoSecretIsSavedOrPrinted(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s := openAt(t, dir, newClock())
	h, _ := begun(t, s)
	if h.Spec().Source.Password.Reveal() != "hunter-source" {
		t.Fatal("the secret is lost to the engine as well")
	}
	text := []byte(fmt.Sprintf("%v %+v %#v %s", h, h, h, h.LogValue()))
	if err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			var b []byte
			b, err = os.ReadFile(path)
			text = append(text, b...)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(text, []byte("reader")) {
		t.Fatal("the specification is nowhere: this test looks in the wrong place")
	}
	if bytes.Contains(text, []byte("hunter")) {
		t.Fatal("a password was saved or printed")
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, _ := started(t, s)
	for i, level := range []Level{Info, Warning, Error} {
		if err := h.Event(t.Context(), level, "chunk.discarded", map[string]string{"n": fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := h.Event(t.Context(), "loud", "x", nil); err == nil {
		t.Error("a level that does not exist was saved")
	}
	got, err := h.Events(t.Context(), 2)
	if err != nil || len(got) != 2 || got[0].Params["n"] != "2" || got[0].Level != Error || got[1].Params["n"] != "1" || !got[0].At.Equal(s.now()) {
		t.Fatal(got, err)
	}
}
