package matrix

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

	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/page"
)

var update = flag.Bool("matrix.update", false, "write the tables of docs/compatibility.md anew from the results")

const (
	compatibility = "../../../docs/compatibility.md"
	gridBegin     = "<!-- grid: go test ./engine/enginetest/matrix -run TestTable -matrix.update -->\n"
	settingsBegin = "<!-- settings -->\n"
	tableEnd      = "<!-- end -->\n"
)

// TestTable: the tables in the documentation are those of the results that are kept beside this test, one of each cell.
func TestTable(t *testing.T) {
	results := map[string]*result{}
	var broken []string
	files, err := filepath.Glob("results/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		r := &result{}
		if err := json.Unmarshal(text, r); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		results[r.name()] = r
		if r.Report == nil || !r.Report.OK() {
			broken = append(broken, r.name())
		}
	}
	if len(broken) > 0 {
		t.Errorf("cells that did not pass: %q", broken)
	}
	for _, c := range append(grid(), settled()...) {
		r := results[c.name()]
		if r == nil {
			t.Errorf("%s was not played", c.name())
		} else if have, want := fmt.Sprintf("%+v", r.cell), fmt.Sprintf("%+v", plain(c)); have != want {
			t.Errorf("the result is of %s, the cell is now %s", have, want)
		}
	}
	if t.Failed() {
		return
	}
	page.Hold(t, compatibility, *update, page.Table{Begin: gridBegin, End: tableEnd, Text: gridTable(results)},
		page.Table{Begin: settingsBegin, End: tableEnd, Text: settingsTable(results)})
}

// plain is a cell as a result keeps it.
func plain(c *cell) cell {
	out := *c
	out.options = nil
	return out
}

func wrong(r *oracle.Report) int {
	return r.Lost + r.Doubled + r.OutOfOrder + r.WrongImage + r.Unknown + r.Moved + r.Halves + r.Positions + r.Final + r.Misplaced + r.Unreadable + r.Source
}

// over names a way of connecting.
func over(what, tls string) string {
	if tls == "off" {
		return what
	}
	return strings.TrimPrefix(what+", TLS `"+tls+"`", "none, ")
}

// gridTable has a line for each source with each target.
func gridTable(results map[string]*result) string {
	var b strings.Builder
	b.WriteString("| source | target | account of the source | sign-in at the target | compression | refused at first | records judged | wrong |\n|---|---|---|---|---|---|---|---|\n")
	for _, c := range grid() {
		r := results[c.name()]
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %d | %d |\n", c.Source, strings.TrimPrefix(c.Target, "kafka-"), over(c.Account, c.SourceTLS), over(c.SignIn, c.TargetTLS),
			c.Compression, strings.Join(r.Refused, " "), r.Report.Records, wrong(r.Report))
	}
	return b.String() + "\n" + played(results, grid())
}

// settingsTable has a line for each setting, with the records that were judged at each source.
func settingsTable(results map[string]*result) string {
	var b strings.Builder
	head, line := "| setting |", "|---|"
	for _, s := range sources {
		head, line = head+" "+string(s)+" |", line+"---|"
	}
	b.WriteString(head + " wrong |\n" + line + "---|\n")
	for _, s := range settings() {
		fmt.Fprintf(&b, "| `%s` |", strings.Join(s.options, "` `"))
		sum := 0
		for _, source := range sources {
			if !slices.Contains(s.sources, source) {
				b.WriteString(" |")
				continue
			}
			r := results[(&cell{Source: string(source), Target: newest, Setting: s.name}).name()].Report
			fmt.Fprintf(&b, " %d |", r.Records)
			sum += wrong(r)
		}
		fmt.Fprintf(&b, " %d |\n", sum)
	}
	return b.String() + "\n" + played(results, settled())
}

// played tells the versions and the days.
func played(results map[string]*result, cells []*cell) string {
	versions := map[string]string{}
	var days []string
	for _, c := range cells {
		r := results[c.name()]
		versions[c.Source] = r.Version
		days = append(days, r.Date.Format("2006-01-02"))
	}
	slices.Sort(days)
	days = slices.Compact(days)
	var names []string
	for _, v := range versions {
		names = append(names, v)
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	return fmt.Sprintf("%d tasks, %s; the servers call themselves %s.\n", len(cells), strings.Join(slices.Compact([]string{days[0], days[len(days)-1]}), " to "), strings.Join(names, ", "))
}
