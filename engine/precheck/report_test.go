package precheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// A question that is not answered fails its check: nothing passes unseen.
func TestUnansweredQuestionsFail(t *testing.T) {
	t.Parallel()
	needless := map[string]bool{"source.connect": true, "source.version": true, "target.connect": true, "target.version": true, "task.spool": true}
	for _, c := range checks() {
		for _, flavor := range []cdc.Flavor{cdc.MySQL, cdc.MariaDB} {
			f := newFacts(func(s *fake) { s.flavor, s.shared = flavor, true })
			if c.when != nil && !c.when(f.Deps) || f.otherKind(c.needs) || needless[c.id] {
				continue
			}
			fill(t, f)
			lost := &task.Error{Code: "source.connection_lost", Text: "lost", Hint: "Wait."}
			silent := f.source.(*fake)
			silent.ask, silent.askTarget = lost, lost
			silent.explain = func(string) (int, error) { return 0, lost }
			f.Spec.Tables[0].Where = "x"
			f.tables[0].Columns = append(f.tables[0].Columns, cdc.Column{Name: "t", Type: cdc.LongText})
			f.Sharing = func(context.Context, []string) ([]string, error) { return nil, lost }
			fromFacts := c.needs&(theList|someTables|theTopics) != 0 && !slices.Contains([]string{"objects.cascades", "objects.filter", "objects.max_row", "source.load", "source.retention", "target.write"}, c.id)
			if found := c.run(t.Context(), f); (found.status == Failed) == fromFacts {
				t.Errorf("%s: %+v", c.id, found)
			}
		}
	}
}

// fill brings the facts that earlier checks bring.
func fill(t *testing.T, f *facts) {
	t.Helper()
	f.target = fakeTarget{f.source.(*fake)}
	for _, found := range []finding{exist(t.Context(), f), topicsThere(t.Context(), f)} {
		if found.status != Passed {
			t.Fatalf("%+v", found)
		}
	}
}

// The items wait, run and come out one after the other, and what is told last is what Run gives.
func TestReport(t *testing.T) {
	t.Parallel()
	var told [][]Item
	items := runs(t, usual(func(s *fake, _ *task.Spec) { s.vars["gtid_mode"] = "OFF" }), func(all []Item) { told = append(told, all) })
	stand := func(all []Item) string {
		var b strings.Builder
		for _, i := range all {
			b.WriteString(string(i.Status)[:1])
		}
		return b.String()
	}
	if first := stand(told[0]); !strings.HasPrefix(first, "rww") || strings.Count(first, "r") != 1 {
		t.Errorf("at first %s", first)
	}
	if second := stand(told[1]); !strings.HasPrefix(second, "pww") {
		t.Errorf("then %s", second)
	}
	for _, all := range told {
		if i := strings.IndexByte(stand(all), 'w'); i >= 0 && strings.Trim(stand(all)[i:], "w") != "" {
			t.Errorf("one was done before it was its turn: %s", stand(all))
		}
	}
	last := told[len(told)-1]
	if len(told) != 2*len(items) || len(last) != len(items) || strings.ContainsAny(stand(last), "wr") {
		t.Errorf("%d reports of %d items, the last %s", len(told), len(items), stand(last))
	}
	if last[0].ID != "source.connect" || items[0].ID != "source.gtid" || last[0].Status != Passed {
		t.Errorf("told %s first, given %s first", last[0].ID, items[0].ID)
	}
}

// What one check needs runs with it, and nothing else.
func TestOnly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ only, want []string }{
		{[]string{"source.gtid"}, []string{"source.connect", "source.gtid"}},
		{[]string{"objects.mapping"}, []string{"source.connect", "objects.exist", "target.connect", "target.topics", "objects.mapping"}},
		{[]string{"task.spool"}, []string{"task.spool"}},
		{[]string{"target.safety", "source.version"}, []string{"source.connect", "source.version", "target.connect", "target.topics", "target.safety"}},
		{[]string{"no.such"}, nil},
	} {
		items, err := Run(t.Context(), healthy().deps(newFacts(func(*fake) {}).Spec), nil, tt.only...)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, i := range items {
			got = append(got, i.ID)
			if i.Status != Passed {
				t.Errorf("%+v", i)
			}
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%v ran %v, want %v", tt.only, got, tt.want)
		}
	}
}

func TestListIsCut(t *testing.T) {
	t.Parallel()
	var words []string
	for n := range 12 {
		words = append(words, fmt.Sprint(n))
	}
	if got := list(words); got != "0, 1, 2, 3, 4, 5, 6, 7, 8, 9, … (+2)" {
		t.Error(got)
	}
}

// A parameter that looks like another one is not filled again.
func TestTextIsFilledOnce(t *testing.T) {
	t.Parallel()
	got := text("finding.error.observed", map[string]string{"Text": "{{.Detail}}", "Detail": "{{.Text}}"})
	if got != "{{.Detail}}: {{.Text}}" {
		t.Error(got)
	}
	if got := text("finding.error.observed", map[string]string{"Text": "lost", "Detail": ""}); got != "lost" {
		t.Error(got)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	if f := refused(errors.New("odd")); f.params["Code"] != "internal" || f.params["Text"] != "odd" || f.status != Failed {
		t.Errorf("%+v", f)
	}
}

// A server that is silent for too long fails the check, and only that.
func TestRefusedForTime(t *testing.T) {
	t.Parallel()
	if f := refused(fmt.Errorf("asking: %w", context.DeadlineExceeded)); f.code != "timeout" {
		t.Errorf("%+v", f)
	}
	if f := refused(&task.Error{Code: "source.timeout", Err: context.DeadlineExceeded}); f.code != "error" {
		t.Errorf("%+v", f)
	}
}
