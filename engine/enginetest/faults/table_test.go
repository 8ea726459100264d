package faults

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sluice/engine/enginetest/page"
)

var update = flag.Bool("faults.update", false, "write the table of docs/guarantees.md anew from the results")

const (
	guarantees = "../../../docs/guarantees.md"
	tableBegin = "<!-- faults: go test ./engine/enginetest/faults -run TestTable -faults.update -->\n"
	tableEnd   = "<!-- end of faults -->\n"
)

// TestTable: the table in the documentation is that of the results that are kept beside this test.
func TestTable(t *testing.T) {
	page.Hold(t, guarantees, *update, page.Table{Begin: tableBegin, End: tableEnd, Text: tables(readResults(t))})
}

func readResults(t *testing.T) (out []*result) {
	t.Helper()
	files, err := filepath.Glob("results/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := &result{}
		if err := json.Unmarshal(text, r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out = append(out, r)
	}
	return out
}

// sum adds up rounds or faults of one row of a table.
type sum struct {
	injected, survived                              int
	records, lost, doubled, disordered, others, bad int
	recoveries                                      []float64
}

func (s *sum) fault(f *fault) {
	s.injected++
	if f.Survived {
		s.survived++
		s.recoveries = append(s.recoveries, f.Recovery)
	}
}

func (s *sum) round(r *result) {
	for _, f := range r.Faults {
		s.fault(f)
	}
	if r.Report == nil {
		s.bad++
		return
	}
	o := r.Report
	s.records += o.Identities
	s.lost += o.Lost
	s.doubled += o.Doubled
	s.disordered += o.OutOfOrder
	s.others += o.WrongImage + o.Unknown + o.Moved + o.Halves + o.Positions + o.Final + o.Misplaced + o.Unreadable + o.Source
}

// recovery tells the middle one and the longest.
func (s *sum) recovery() string {
	if len(s.recoveries) == 0 {
		return "| | "
	}
	slices.Sort(s.recoveries)
	return fmt.Sprintf("| %.1f s | %.1f s ", s.recoveries[len(s.recoveries)/2], s.recoveries[len(s.recoveries)-1])
}

// tables are the figures as Markdown: by pair, then by kind.
func tables(results []*result) string {
	byPair, byKind, all := map[string]*sum{}, map[string]*sum{}, &sum{}
	first, last := results[0].Date, results[0].Date
	for _, r := range results {
		at(byPair, r.Pair).round(r)
		all.round(r)
		for _, f := range r.Faults {
			at(byKind, f.Kind).fault(f)
		}
		if r.Date.Before(first) {
			first = r.Date
		}
		if r.Date.After(last) {
			last = r.Date
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d faults in %d rounds, %s", all.injected, len(results), first.Format("2006-01-02"))
	if day := last.Format("2006-01-02"); day != first.Format("2006-01-02") {
		b.WriteString(" to " + day)
	}
	b.WriteString(".\n\n| source | target | faults | survived | identities checked | lost | duplicated | out of order | anything else wrong | recovery: median | longest |\n|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, pair := range append(names(byPair), "") {
		s, source, target := all, "**all**", ""
		if pair != "" {
			s = byPair[pair]
			source, target, _ = strings.Cut(pair, "/")
		}
		wrong := fmt.Sprint(s.others)
		if s.bad > 0 {
			wrong += fmt.Sprintf(", %d rounds not judged", s.bad)
		}
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d | %d | %d | %s %s|\n", source, target, s.injected, s.survived, s.records, s.lost, s.doubled, s.disordered, wrong, s.recovery())
	}
	b.WriteString("\n| fault | injected | survived | recovery: median | longest |\n|---|---|---|---|---|\n")
	for _, k := range kinds {
		if s := byKind[k.name]; s != nil {
			fmt.Fprintf(&b, "| %s | %d | %d %s|\n", k.title, s.injected, s.survived, s.recovery())
			delete(byKind, k.name)
		}
	}
	for _, name := range names(byKind) { // of a kind that is no longer there
		fmt.Fprintf(&b, "| %s | %d | %d %s|\n", name, byKind[name].injected, byKind[name].survived, byKind[name].recovery())
	}
	return b.String()
}

func at(m map[string]*sum, key string) *sum {
	m[key] = cmp.Or(m[key], &sum{})
	return m[key]
}
