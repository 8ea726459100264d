package precheck

import (
	"slices"
	"testing"
	"time"

	"sluice/engine/retention"
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
			s.grows, s.begun, s.binlogs = 2<<20, time.Now().Add(-2*time.Hour), []retention.File{{Name: "b.000001", Bytes: 0}}
		}, map[string]string{"Now": "2.0 MiB/s", "Average": "2.0 MiB/s", "Grows": "360.0 MiB", "Copy": "3m0s"}},
		"busy before": {func(s *fake, _ *task.Spec) {
			s.begun, s.binlogs = time.Now().Add(-time.Hour), []retention.File{{Name: "b.000001", Bytes: 1800 << 20}, {Name: "b.000002", Bytes: 1800 << 20}}
		}, map[string]string{"Now": "0 B/s", "Average": "1023 KiB/s", "Grows": "179.9 MiB"}},
		"too young for an average": {func(s *fake, _ *task.Spec) {
			s.grows, s.begun, s.binlogs = 1<<20, time.Now().Add(-30*time.Second), []retention.File{{Name: "b.000001", Bytes: 1 << 30}}
		}, map[string]string{"Now": "1.0 MiB/s", "Average": "–", "Grows": "180.0 MiB"}},
		"a limit": {func(s *fake, _ *task.Spec) {
			s.grows, s.begun, s.binlogs = 1<<20, time.Now().Add(-2*time.Hour), []retention.File{{Name: "b.000001", Bytes: 0}}
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
