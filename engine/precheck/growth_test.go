package precheck

import (
	"slices"
	"testing"
	"time"

	"sluice/engine/task"
)

// What is said of the binlog's growth: the rate between two looks, the average, and what the copy of 1 GiB in 3 minutes
// adds at the greater of the two.
func TestGrowth(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*fake, *task.Spec)
		want   map[string]string
	}{
		"steady": {func(s *fake, _ *task.Spec) {
			s.grows, s.begun, s.binlogs = 2<<20, time.Now().Add(-2*time.Hour), []Binlog{{"b.000001", 0}}
		}, map[string]string{"Now": "2.0 MiB/s", "Average": "2.0 MiB/s", "Grows": "360.0 MiB", "Copy": "3m0s"}},
		"busy before": {func(s *fake, _ *task.Spec) {
			s.begun, s.binlogs = time.Now().Add(-time.Hour), []Binlog{{"b.000001", 1800 << 20}, {"b.000002", 1800 << 20}}
		}, map[string]string{"Now": "0 B/s", "Average": "1023 KiB/s", "Grows": "179.9 MiB"}},
		"too young for an average": {func(s *fake, _ *task.Spec) {
			s.grows, s.begun, s.binlogs = 1<<20, time.Now().Add(-30*time.Second), []Binlog{{"b.000001", 1 << 30}}
		}, map[string]string{"Now": "1.0 MiB/s", "Average": "–", "Grows": "180.0 MiB"}},
		"a limit": {func(s *fake, _ *task.Spec) {
			s.grows, s.begun, s.binlogs = 1<<20, time.Now().Add(-2*time.Hour), []Binlog{{"b.000001", 0}}
			s.vars["max_binlog_total_size"] = "104857600"
		}, map[string]string{"Kept": "1m40s", "Limit": "100.0 MiB", "Name": "max_binlog_total_size", "Bytes": "754974720"}},
		"purged": {func(s *fake, _ *task.Spec) { s.begun = time.Now().Add(-5 * time.Minute) }, map[string]string{"Kept": "5m3s", "Needed": "6m0s"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			items := runs(t, usual(tt.change), nil, "source.retention")
			i := items[slices.IndexFunc(items, func(i Item) bool { return i.ID == "source.retention" })]
			for name, want := range tt.want {
				if i.Params[name] != want {
					t.Errorf("%s is %q, want %q", name, i.Params[name], want)
				}
			}
		})
	}
}

// Files that are new count whole, those that were purged or begun anew not at all.
func TestGrown(t *testing.T) {
	t.Parallel()
	before := []Binlog{{"b.000007", 500}, {"b.000008", 100}}
	for want, after := range map[int64][]Binlog{
		0:   before,
		950: {{"b.000008", 350}, {"b.000009", 600}, {"b.000010", 100}},
		4:   {{"b.000001", 4}},
		1:   {{"b.000007", 400}, {"b.000008", 101}},
	} {
		if got := grown(before, after); got != want {
			t.Errorf("%v: %d, want %d", after, got, want)
		}
	}
}
