package engine

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestMutantTexts checks that every mutant still finds the text that it changes.
func TestMutantTexts(t *testing.T) {
	t.Parallel()
	for _, m := range slices.Concat(mutants, byFileMutants) {
		for _, e := range m.edits {
			text, err := os.ReadFile(e.file)
			if err != nil {
				t.Fatal(err)
			}
			if n := strings.Count(string(text), e.old); n != 1 {
				t.Errorf("%s: %s holds %d times %q", m.name, e.file, n, e.old)
			}
		}
	}
}
