// Package page holds pages of the documentation against the results that are kept beside the tests that gave them.
package page

import (
	"os"
	"strings"
	"testing"
)

// Table is what stands between two lines of a page.
type Table struct{ Begin, End, Text string }

// Hold fails where the page has other tables. With update they are written anew.
func Hold(t *testing.T, path string, update bool, tables ...Table) {
	t.Helper()
	have, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := string(have)
	for _, table := range tables {
		before, rest, begins := strings.Cut(want, table.Begin)
		_, after, ends := strings.Cut(rest, table.End)
		if !begins || !ends {
			t.Fatalf("%s lacks the place of a table: %s", path, table.Begin)
		}
		want = before + table.Begin + table.Text + table.End + after
	}
	if update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if string(have) != want {
		t.Errorf("the tables of %s are not those of the results: run the command that stands above the first", path)
	}
}
