package store

import (
	"testing"

	"sluice/engine/task"
)

// What may change of a stopped task changes, passwords included; a task that runs, and any other change, are refused
// and leave all as it was.
func TestConfigure(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	id, err := s.AddTask(t.Context(), "", fullSpec(), task.About{Link: "small"})
	if err != nil {
		t.Fatal(err)
	}
	spool := 64
	next := fullSpec()
	next.Rate, next.Spool, next.Source.RowLock = 5000, &spool, true
	next.Source.Password, next.Target.Password = "hunter-new", ""
	h, err := s.OpenTask(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.Configure(t.Context(), id, next, task.About{}); task.Code(err) != "task.in_use" {
		t.Fatalf("a running task: %v", err)
	}
	if err := h.End(t.Context(), task.Failed, &task.Error{Code: "source.access_denied", Text: "no"}); err != nil {
		t.Fatal(err)
	}
	other := next
	other.Tables = other.Tables[:1]
	if err := s.Configure(t.Context(), id, other, task.About{}); task.Code(err) != "task.spec_changed" {
		t.Fatalf("other tables: %v", err)
	}
	kept := func(source, target string, rate int, link string) {
		t.Helper()
		h, err := s.OpenTask(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		sum, err := s.Summary(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		got := h.Spec()
		if got.Source.Password.Reveal() != source || got.Target.Password.Reveal() != target || got.Rate != rate || sum.About.Link != link {
			t.Errorf("rate %d, link %s, passwords as wanted: %v, %v", got.Rate, sum.About.Link, got.Source.Password.Reveal() == source, got.Target.Password.Reveal() == target)
		}
		if sum.Spec.Source.Password != "" || sum.State != task.Failed || sum.Failure == nil {
			t.Errorf("%+v", sum)
		}
	}
	kept("hunter-source", "hunter-target", fullSpec().Rate, "small")
	if err := s.Configure(t.Context(), id, next, task.About{Link: "medium"}); err != nil {
		t.Fatal(err)
	}
	kept("hunter-new", "hunter-target", 5000, "medium")
	if h, err = s.OpenTask(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if got := h.Spec(); got.SpoolMiB() != 64 || !got.Source.RowLock {
		t.Errorf("spool or row_lock were not kept: %+v", got)
	}
	if err := s.Configure(t.Context(), "none", next, task.About{}); task.Code(err) != "task.absent" {
		t.Errorf("no task: %v", err)
	}
	if _, err := h.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.End(t.Context(), task.Finished, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Configure(t.Context(), id, next, task.About{}); err == nil {
		t.Error("a finished task was changed")
	}
}
