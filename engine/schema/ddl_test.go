package schema

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"sluice/engine/cdc"
)

// corpusLine is one case of testdata/ddl.txt; a statement goes on in lines that begin with a tab.
type corpusLine struct {
	flavor                 cdc.Flavor
	touches, effect, query string
}

func corpus(t testing.TB) []corpusLine {
	text, err := os.ReadFile("testdata/ddl.txt")
	if err != nil {
		t.Fatal(err)
	}
	var out []corpusLine
	for _, line := range strings.Split(strings.ReplaceAll(strings.TrimSpace(string(text)), "\n\t", "\x00"), "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		f := strings.SplitN(line, "|", 4)
		if len(f) != 4 {
			t.Fatalf("line has %d fields: %s", len(f), line)
		}
		c := corpusLine{flavor: cdc.MySQL, touches: strings.TrimSpace(f[1]), effect: strings.TrimSpace(f[2]), query: strings.ReplaceAll(strings.TrimSpace(f[3]), "\x00", "\n\t")}
		if strings.TrimSpace(f[0]) == "maria" {
			c.flavor = cdc.MariaDB
		}
		out = append(out, c)
	}
	if len(out) < 53 {
		t.Fatalf("the corpus has only %d statements", len(out))
	}
	return out
}

func words(touches []Touch) string {
	var out []string
	for _, t := range touches {
		s := t.Kind.String() + " " + strings.TrimSuffix(t.Table.String(), ".")
		if t.Kind == Rename {
			s += " " + t.To.String()
		}
		if t.Temporary {
			s += " temporary"
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestRecogniseCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t) {
		if got := words(Recognise(c.flavor, "app", c.query)); got != c.touches {
			t.Errorf("%s\n got %q\nwant %q", c.query, got, c.touches)
		}
	}
}

// item is the table that the corpus works on.
func item() *cdc.Table {
	return &cdc.Table{
		TableID: cdc.TableID{Schema: "app", Name: "item"}, Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci",
		Columns: []cdc.Column{
			{Name: "id", Type: cdc.BigInt, Declared: "bigint unsigned", Unsigned: true},
			{Name: "qty", Type: cdc.Int, Declared: "int", Nullable: true},
			{Name: "name", Type: cdc.VarChar, Declared: "varchar(20)", Length: 20, Nullable: true, Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"},
		},
		Primary: []int{0},
		Uniques: []cdc.Index{{Name: "uniq", Columns: []int{1, 2}}},
	}
}

func TestApplyCorpus(t *testing.T) {
	t.Parallel()
	for _, c := range corpus(t) {
		if c.effect == "-" {
			continue
		}
		old := item()
		made, err := Apply(old, c.flavor, "app", c.query)
		got := "new"
		switch {
		case errors.Is(err, ErrUnparsed):
			got = "unknown"
		case err != nil:
			got = fmt.Sprint(err)
		case made == nil:
			got = "gone"
		case made == old:
			got = "same"
		}
		if got != c.effect {
			t.Errorf("%s\n got %q (%v)\nwant %q", c.query, got, err, c.effect)
		}
		if d := Diff(old, item()); d != "" {
			t.Errorf("%s changed the old definition: %s", c.query, d)
		}
	}
}

func FuzzRecognise(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c.query, c.flavor == cdc.MariaDB)
	}
	f.Add("ALTER TABLE t RENAME", false)
	f.Add("/*! /* `", true)
	f.Fuzz(func(t *testing.T, sql string, maria bool) {
		flavor := cdc.MySQL
		if maria {
			flavor = cdc.MariaDB
		}
		end := 0
		for _, token := range tokenize(flavor, sql) {
			if token.start < end || token.end <= token.start || token.end > len(sql) {
				t.Fatalf("token %+v behind %d of %d bytes", token, end, len(sql))
			}
			end = token.end
		}
		Recognise(flavor, "app", sql)
		dialect(flavor, sql)
	})
}
