package retention

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice/engine/cdc"
)

// server keeps a list of files; each was begun a time before the start of the test's clock.
type server struct {
	vars  map[string]string
	files []File
	begun map[string]time.Duration
	asked int
}

var start = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

func (s *server) Variables(context.Context, ...string) (map[string]string, error) { return s.vars, nil }
func (s *server) Binlogs(context.Context) ([]File, error) {
	return append([]File(nil), s.files...), nil
}
func (s *server) Begun(_ context.Context, file string) (time.Time, error) {
	s.asked++
	return start.Add(-s.begun[file]), nil
}

// watched has files 5 to 8, of which each was closed an hour after the one before; 8 was begun an hour ago.
func watched(vars map[string]string) (*server, *Watch, *time.Time) {
	s := &server{vars: vars, begun: map[string]time.Duration{}}
	for n := 5; n <= 8; n++ {
		name := fmt.Sprintf("b.%06d", n)
		s.files, s.begun[name] = append(s.files, File{name, 1000}), time.Duration(9-n)*time.Hour
	}
	now := start
	return s, &Watch{Source: s, Now: func() time.Time { return now }}, &now
}

func look(t *testing.T, w *Watch, file uint64) Horizon {
	t.Helper()
	h, err := w.Look(t.Context(), func() Need { return Need{cdc.Position{File: file, Offset: 700}, "b"} })
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// A file is purged so long after its end as the settings say; one that has not ended, at the earliest so long from now.
func TestDeadlineByAge(t *testing.T) {
	t.Parallel()
	day := map[string]string{"binlog_expire_logs_seconds": "86400", "expire_logs_days": "0"}
	for name, tt := range map[string]struct {
		vars   map[string]string
		file   uint64
		left   time.Duration // 0: no deadline
		purged bool
	}{
		"newest":            {day, 8, 24 * time.Hour, false},
		"newer than known":  {day, 9, 24 * time.Hour, false},
		"ended an hour ago": {day, 7, 23 * time.Hour, false},
		"oldest":            {day, 5, 21 * time.Hour, false},
		"gone":              {day, 4, 0, true},
		"days":              {map[string]string{"expire_logs_days": "2"}, 7, 47 * time.Hour, false},
		"overdue":           {map[string]string{"binlog_expire_logs_seconds": "3600"}, 5, -2 * time.Hour, false},
		"for ever":          {map[string]string{"binlog_expire_logs_seconds": "0"}, 5, 0, false},
		"not by itself":     {map[string]string{"binlog_expire_logs_seconds": "3600", "binlog_expire_logs_auto_purge": "OFF"}, 5, 0, false},
	} {
		_, w, _ := watched(tt.vars)
		h := look(t, w, tt.file)
		if h.Purged != tt.purged || h.Oldest != "b.000005" || h.Needs != fmt.Sprintf("b.%06d:700", tt.file) {
			t.Errorf("%s: %+v", name, h)
		}
		if left := h.Deadline.Sub(start); h.Deadline.IsZero() != (tt.left == 0) || tt.left != 0 && left != tt.left {
			t.Errorf("%s: %v are left, want %v", name, left, tt.left)
		}
	}
}

// By size a file goes when it and what came after it are too much. The rate is seen over looks; the earlier deadline counts.
func TestDeadlineBySize(t *testing.T) {
	t.Parallel()
	s, w, now := watched(map[string]string{"binlog_expire_logs_seconds": "86400", "binlog_space_limit": "10000"})
	if h := look(t, w, 6); h.Deadline.Sub(start) != 22*time.Hour {
		t.Fatalf("the rate is not known, but %+v", h)
	}
	*now = now.Add(100 * time.Second)
	s.files[3].Bytes += 1000 // 10 bytes a second: 6, 7 and 8 hold 4000, and 6000 more take 10 minutes
	h := look(t, w, 6)
	if left := h.Deadline.Sub(*now); left != 10*time.Minute || h.Kept != 1000*time.Second {
		t.Fatalf("%v left, %+v", left, h)
	}
	if h.Urgent(*now) || !h.Urgent(now.Add(6*time.Minute)) || h.Late(now.Add(9*time.Minute)) || !h.Late(now.Add(10*time.Minute)) {
		t.Fatalf("urgent and late at the wrong time: %+v", h)
	}
}

// A source that purges before its settings say so is taken at its word no more, until the settings change.
func TestPurgedEarly(t *testing.T) {
	t.Parallel()
	s, w, now := watched(map[string]string{"binlog_expire_logs_seconds": "864000"})
	if h := look(t, w, 7); h.Kept != 240*time.Hour {
		t.Fatalf("%+v", h)
	}
	s.files = s.files[1:] // b.000005, which ended 3 hours ago
	if h := look(t, w, 7); h.Kept != 3*time.Hour || h.Deadline.Sub(*now) != 2*time.Hour || h.Urgent(*now) {
		t.Fatalf("%+v", h)
	}
	if h := look(t, w, 6); h.Deadline.Sub(*now) != time.Hour || h.Urgent(*now) || !h.Urgent(now.Add(16*time.Minute)) {
		t.Fatalf("%+v", h)
	}
	asked := s.asked
	if look(t, w, 6); s.asked != asked {
		t.Error("the beginning of a file was asked for again")
	}
	s.vars = map[string]string{"binlog_expire_logs_seconds": "86400"}
	if h := look(t, w, 7); h.Kept != 24*time.Hour {
		t.Fatalf("after a change of the settings: %+v", h)
	}
	*now = now.Add(22 * time.Hour)
	s.files = s.files[1:] // b.000006, which ended 24 hours ago: as the settings say
	if h := look(t, w, 7); h.Kept != 24*time.Hour {
		t.Fatalf("after a purge by the settings: %+v", h)
	}
}

// A task that can't say what it needs, as after a failover, is told nothing.
func TestNeedNotKnown(t *testing.T) {
	t.Parallel()
	_, w, _ := watched(map[string]string{"binlog_expire_logs_seconds": "3600"})
	if h, err := w.Look(t.Context(), func() Need { return Need{} }); err != nil || !h.Looked.IsZero() {
		t.Errorf("%+v, %v", h, err)
	}
}

// At most 6 hours before the deadline it is urgent; at most a quarter of what is kept.
func TestUrgent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kept, left time.Duration
		want       bool
	}{
		{7 * 24 * time.Hour, 6 * time.Hour, false}, {7 * 24 * time.Hour, 6*time.Hour - 1, true},
		{time.Hour, 15 * time.Minute, false}, {time.Hour, 15*time.Minute - 1, true}, {time.Hour, -time.Hour, true},
	} {
		h := Horizon{Kept: tt.kept, Deadline: start.Add(tt.left)}
		if h.Urgent(start) != tt.want {
			t.Errorf("%v of %v left: %v", tt.left, tt.kept, !tt.want)
		}
	}
	if h := (Horizon{}); h.Urgent(start) || h.Late(start) {
		t.Error("without a deadline")
	}
}
