package values

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("values.update", false, "write docs/types-tested.md anew from the results")

const tested = "../../../docs/types-tested.md"

// TestTable: the figures in the documentation are those of the results that are kept beside this test.
func TestTable(t *testing.T) {
	have, err := os.ReadFile(tested)
	if err != nil && !*update {
		t.Fatal(err)
	}
	want := page(t)
	if *update {
		if err := os.WriteFile(tested, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(have) != want {
		t.Errorf("%s is not that of the results: run with -values.update", tested)
	}
}

func page(t *testing.T) string {
	files, err := filepath.Glob("results/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no results: %v", err)
	}
	var servers []*tally
	types := map[string]bool{}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		s := &tally{}
		if err := json.Unmarshal(text, s); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		servers = append(servers, s)
		for declared := range s.Types {
			types[declared] = true
		}
	}
	var b strings.Builder
	b.WriteString(`# Types, put to the test

Rows by chance, of every type that a server has and in every charset that is listed, go through a whole task: each is there
at the start and comes by the full copy (` + "`INIT`" + `), and is written again later and comes by the binlog, as ` + "`INSERT`, as both images of an\n`UPDATE`, and as `DELETE`" + `. A row passes if its five images are equal in every part, and each value is what the server itself
prints of it. Three programs that share no code with Sluice read the messages, and have to agree: the official
subscription SDK 2.0.0, fastavro, and Avro's generic reader in Java. Boundaries (zero dates, the largest and smallest
number, an empty value) and NULL are mixed in. All rows below passed.

The values of a run follow from its seed:

| server | version | row metadata | rows | values compared | again |
|---|---|---|---|---|---|
`)
	for _, s := range servers {
		images := 0
		for _, n := range s.Types {
			images += n.Images
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | `%s` |\n", s.Server, s.Version, s.Metadata, s.Rows, images, s.Command)
	}
	b.WriteString("\nBy type, the values that came in five equal images:\n\n| type |")
	for _, s := range servers {
		fmt.Fprintf(&b, " %s |", s.Server)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(servers)) + "\n")
	for _, declared := range slices.Sorted(maps.Keys(types)) {
		fmt.Fprintf(&b, "| `%s` |", declared)
		for _, s := range servers {
			if n := s.Types[declared]; n != nil {
				fmt.Fprintf(&b, " %d |", n.Rows)
			} else {
				b.WriteString(" – |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}
