package store

import (
	"reflect"
	"testing"
	"time"

	"sluice/engine/task"
)

// A run comes back as it was kept, item by item; a later outcome of an item takes the place of the one before.
func TestCheckComesBack(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	run, err := s.BeginCheck(t.Context(), "draft", "sum")
	if err != nil {
		t.Fatal(err)
	}
	first := []task.CheckItem{
		{ID: "source.connect", Group: "source", Status: "running", Severity: "error"},
		{ID: "source.durability", Group: "binlog", Status: "waiting", Severity: "warning", Expected: "1 and 1"},
	}
	if err := s.SaveCheck(t.Context(), run, first, false); err != nil {
		t.Fatal(err)
	}
	last := []task.CheckItem{
		{ID: "source.connect", Group: "source", Status: "passed", Severity: "error", Code: "connect.ok", Params: map[string]string{"Passed": `dns 1ms, "tcp" 2ms`}, Took: 3 * time.Millisecond},
		{ID: "source.durability", Group: "binlog", Status: "failed", Severity: "warning", Code: "durability.loose", Params: map[string]string{"SyncBinlog": "0", "FlushLog": "2"},
			Observed: "sync_binlog = 0", Expected: "1 and 1", Cause: "a crash", Fix: "SET GLOBAL sync_binlog=1;\nOr accept it."},
	}
	if err := s.SaveCheck(t.Context(), run, last, true); err != nil {
		t.Fatal(err)
	}
	if err := s.Acknowledge(t.Context(), run, "source.durability", "ann", "it is a test"); err != nil {
		t.Fatal(err)
	}
	last[1].AcknowledgedBy, last[1].AcknowledgedWhy = "ann", "it is a test"
	runs, err := s.Checks(t.Context(), "draft", 5)
	if err != nil || len(runs) != 1 || runs[0].BodySum != "sum" || runs[0].Ended.IsZero() {
		t.Fatalf("%+v %v", runs, err)
	}
	if !reflect.DeepEqual(runs[0].Items, last) {
		t.Errorf("got  %+v\nwant %+v", runs[0].Items, last)
	}
	if !runs[0].Passed() {
		t.Error("an acknowledged warning blocks")
	}
}
