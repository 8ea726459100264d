package precheck

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"sluice/engine/task"
)

// What the account may not see is said, and does not count as looked at.
func TestHidden(t *testing.T) {
	t.Parallel()
	items := runs(t, usual(func(s *fake, _ *task.Spec) { s.hidden = true }), nil, "source.server_id_clash", "source.binlog_format")
	for _, i := range items {
		want := map[string]string{"source.connect": "connect.ok", "source.server_id_clash": "server_id_clash.unseen", "source.binlog_format": "sessions.unseen"}[i.ID]
		if i.Code != want || (i.Status == Skipped) != (i.ID == "source.server_id_clash") {
			t.Errorf("%+v, want %s", i, want)
		}
	}
}

// Without the privilege to read the binlog, how it grows cannot be measured: that is no fault of its own. Another failure is.
func TestGrowthDenied(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]string{"source.privilege_missing": "skipped retention.denied", "source.timeout": "failed error"} {
		items := runs(t, usual(func(s *fake, _ *task.Spec) {
			s.head = &task.Error{Code: code, Text: "no", Err: errors.New("ERROR 1045: Access denied")}
		}), nil, "source.retention")
		i := items[slices.IndexFunc(items, func(i Item) bool { return i.ID == "source.retention" })]
		if got := string(i.Status) + " " + i.Code; got != want || !strings.Contains(i.Params["Detail"], "1045") {
			t.Errorf("%s: %+v, want %s", code, i, want)
		}
	}
}

// One statement gives all that an object lacks.
func TestGrants(t *testing.T) {
	t.Parallel()
	f := newFacts(func(s *fake) {
		s.lacks = []Lack{{"REPLICATION CLIENT", "*.*"}, {"REPLICATION SLAVE", "*.*"}, {"SELECT", "`shop`.`a`"}, {"SHOW VIEW", "`shop`.`b`"}, {"SELECT", "`shop`.`b`"}}
	})
	found := privileges(t.Context(), f)
	const want = "GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO 'sluice'@'%';\nGRANT SELECT ON `shop`.`a` TO 'sluice'@'%';\nGRANT SHOW VIEW, SELECT ON `shop`.`b` TO 'sluice'@'%';"
	if _, _, fix := found.sentences(); fix != want || found.params["Missing"] != "REPLICATION CLIENT, REPLICATION SLAVE ON *.*, SELECT ON `shop`.`a`, SHOW VIEW, SELECT ON `shop`.`b`" {
		t.Errorf("%+v", found)
	}
}

// What could look at nothing has not passed.
func TestNothingToLookAt(t *testing.T) {
	t.Parallel()
	items := runs(t, usual(func(s *fake, spec *task.Spec) { s.listed, s.topics, spec.Schema = nil, nil, false }), nil)
	for _, i := range items {
		about := strings.HasPrefix(i.ID, "objects.") || slices.Contains([]string{"source.load", "source.retention", "target.write", "target.safety", "target.topics", "target.disk_estimate"}, i.ID)
		if about != (i.Status != Passed) {
			t.Errorf("%+v", i)
		}
	}
}

// What needs a connection is skipped without one, and said to be.
func TestRunWithoutSource(t *testing.T) {
	t.Parallel()
	s := healthy()
	s.openErr = &task.Error{Code: "source.refused", Text: "nothing listens", Hint: "Start it."}
	spec := newFacts(func(*fake) {}).Spec
	items, err := Run(t.Context(), s.deps(spec), nil)
	if err != nil {
		t.Fatal(err)
	}
	skipped := 0
	for _, i := range items {
		if i.ID == "source.connect" && (i.Fix != "Start it." || i.Cause != "source.refused" || i.Params["Stage"] != "auth") {
			t.Errorf("%+v", i)
		}
		if i.Status == Skipped {
			skipped++
		}
	}
	if skipped < 20 {
		t.Errorf("%d checks were skipped", skipped)
	}
}
