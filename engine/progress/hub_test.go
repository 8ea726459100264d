package progress

import (
	"testing"
	"time"

	"sluice/engine/task"
)

// The charts of a task go on over a pause, with nothing done in it; its status is that of a process alone.
func TestHistoryOverAPause(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	h := NewHub(func() time.Time { return now })
	work := func(rows int64) {
		h.Update("a", true, func(s *Status) { s.State, s.Copied, s.Known = task.Running, rows, true })
		now = now.Add(time.Second)
	}
	for i := range int64(5) {
		work(100 * i)
	}
	w := h.Watch("a")
	defer w.Close()
	h.Rest("a")
	h.Rest("a")
	if _, ok := h.Status("a"); ok || len(w.Take()) != 1 {
		t.Error("a task that nobody works on has a live status, or its watchers were not told")
	}
	if got := h.History("a"); len(got) != 6 || got[4].PerSecond != 100 || got[5].PerSecond != 0 || got[5].Known {
		t.Fatalf("history %v", got)
	}
	now = now.Add(5 * time.Minute)
	h.Update("a", false, func(s *Status) {
		if s.Copied != 0 {
			t.Errorf("the new run begins with %+v", s)
		}
		s.State = task.Running
	})
	work(1000)
	work(1010)
	got := h.History("a")
	if n := len(got); n != 9 || got[6].PerSecond != 0 || got[6].Known || !got[7].Known || got[8].PerSecond != 10 {
		t.Errorf("history %v", got)
	}
	now = now.Add(11 * time.Minute)
	if got := h.History("a"); len(got) != 3 {
		t.Errorf("after %s: %v", historyLong, got)
	}
	h.Remove("a")
	h.Rest("a")
	if got := h.History("a"); got != nil {
		t.Errorf("of a task that is gone: %v", got)
	}
}
