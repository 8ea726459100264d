package workload

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestKeysAreDistinctAndValuesSafe(t *testing.T) {
	t.Parallel()
	for _, tb := range tables() {
		g := rand.New(rand.NewPCG(1, 2))
		seen := map[string]bool{}
		for n := 1; n <= 50_000 && tb.key != nil; n++ {
			key := strings.Join(tb.key(g, n), ",")
			if seen[key] {
				t.Fatalf("%s: row %d has a key that was given before: %s", tb.name, n, key)
			}
			seen[key] = true
		}
		for n := range 2000 {
			if v := tb.values(g, n+1); strings.Contains(v, `\`) || strings.Contains(strings.ToLower(v), "5c") && binaryLiteral(v) {
				t.Fatalf("%s: a value holds a backslash: %s", tb.name, v)
			}
		}
		if len(tb.rest(g)) < len(tb.update) {
			t.Errorf("%s: UPDATE has columns without values", tb.name)
		}
	}
}

// binaryLiteral says whether a x'..' literal holds the byte 5c.
func binaryLiteral(v string) bool {
	for i := strings.Index(v, "x'"); i >= 0; {
		end := i + 2 + strings.IndexByte(v[i+2:], '\'')
		for at := i + 2; at+1 < end; at += 2 {
			if v[at:at+2] == "5c" {
				return true
			}
		}
		next := strings.Index(v[end:], "x'")
		if next < 0 {
			return false
		}
		i = end + next
	}
	return false
}

// TestSameSeedSameStatements makes the same writer twice.
func TestSameSeedSameStatements(t *testing.T) {
	t.Parallel()
	write := func(seed uint64) []string {
		s := &session{o: Options{}.filled(), g: rand.New(rand.NewPCG(seed, 0))}
		var out []string
		for range 300 {
			out = append(out, s.statements(tables())...)
		}
		return out
	}
	if !slices.Equal(write(4), write(4)) {
		t.Error("one seed made two workloads")
	}
	if slices.Equal(write(4), write(5)) {
		t.Error("two seeds made one workload")
	}
}
