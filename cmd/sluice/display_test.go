package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/task"
)

func TestStatusLine(t *testing.T) {
	t.Parallel()
	full := engine.Progress{Phase: engine.PhaseFull, Counts: engine.Counts{Copied: 1_000_000, Inserts: 1}}
	for _, tt := range []struct {
		s    status
		want string
	}{
		{status{Progress: full, perSecond: 45_210.7, estimate: 2_500_000, before: 500_000}, "full         1,000,001 rows  45,210 rows/s  ETA 22s"},
		{status{Progress: full, estimate: 10}, "full         1,000,001 rows  0 rows/s"},
		{status{Progress: engine.Progress{Phase: engine.PhaseIncremental, Known: true, Delay: 1234 * time.Millisecond}}, "incremental  0 rows  0 rows/s  delay 1.2s"},
		{status{Progress: engine.Progress{Phase: engine.PhaseIncremental, Known: true, NoDelay: true, Waiting: "x"}}, "incremental  0 rows  0 rows/s  no delay  x"},
		{status{Progress: engine.Progress{Phase: engine.PhaseIncremental, Counts: engine.Counts{Copied: 3, Updates: 2, DDLs: 1}}, outcome: task.Stopped},
			"stopped      5 rows  (3 copied, 0 inserts, 2 updates, 0 deletes, 1 DDL)"},
		{status{Progress: engine.Progress{Low: cdc.Position{File: 1234567, Offset: 4}, Log: "binlog"}, outcome: task.Finished},
			"finished     0 rows  (0 copied, 0 inserts, 0 updates, 0 deletes, 0 DDL)  delivered up to binlog.1234567:4"},
		{status{Progress: engine.Progress{Counts: engine.Counts{DeadLetters: 1234}}, outcome: task.Stopped},
			"stopped      0 rows  (0 copied, 0 inserts, 0 updates, 0 deletes, 0 DDL)  dead letters: 1,234"},
	} {
		if got := tt.s.line(); got != tt.want {
			t.Errorf("got  %q\nwant %q", got, tt.want)
		}
	}
}

func TestStatusDocument(t *testing.T) {
	t.Parallel()
	s := status{Progress: engine.Progress{Phase: engine.PhaseFull, Counts: engine.Counts{Copied: 5}, Position: cdc.Position{File: 3, Offset: 99, Row: 2}, Low: cdc.Position{File: 2, Offset: 4}, Log: "mysql-bin", Set: "0-1-5"}, perSecond: 1.26}
	got, err := json.Marshal(s.document(time.UnixMilli(1500), nil))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"time":"1970-01-01T00:00:01.5Z","phase":"full","rows":5,"rows_per_second":1.2,"copied":5,"inserts":0,"updates":0,"deletes":0,"ddls":0,` +
		`"acknowledged":0,"acknowledged_bytes":0,"delay_ms":null,"no_delay":false,"chunks_left":0,"eta_seconds":null,"position":"mysql-bin.000003:99","delivered":"mysql-bin.000002:4","gtid_set":"0-1-5"}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	s.outcome, s.err = task.Failed, &task.Error{Code: "a.b", Op: "doing", Text: "it failed", Hint: "mend it", Err: errors.New("cause")}
	if got, _ = json.Marshal(s.document(time.UnixMilli(0), nil)); !strings.HasSuffix(string(got), `"outcome":"failed","error":{"code":"a.b","text":"doing: it failed: cause","hint":"mend it"}}`) {
		t.Errorf("got %s", got)
	}
}

func TestRate(t *testing.T) {
	t.Parallel()
	var r rate
	at := time.UnixMilli(0)
	for i, rows := range []int64{0, 100, 300} {
		r.take(at.Add(time.Duration(i)*time.Second), rows)
	}
	if got := r.take(at.Add(3*time.Second), 600); got != 200 {
		t.Errorf("got %v", got)
	}
	if got := r.take(at.Add(4*time.Second), 10); got != 0 {
		t.Errorf("after a new beginning: %v", got)
	}
}

func TestGrouped(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		if got := grouped(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestTell(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	tell(&b, &task.Error{Code: "a.b", Op: "doing", Text: "it failed", Hint: "mend it", Err: errors.New("cause")})
	if want := "error: doing: it failed: cause\n  hint: mend it\n  code: a.b\n"; b.String() != want {
		t.Errorf("got %q", b.String())
	}
}
