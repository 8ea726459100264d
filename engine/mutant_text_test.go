package engine

import (
	"slices"
	"testing"
)

// TestMutantTexts checks that every mutant still finds the text that it changes, and changes only functions.
func TestMutantTexts(t *testing.T) {
	t.Parallel()
	if _, err := overlayOf(t.TempDir(), slices.Concat(mutants, byFileMutants, xaMutants)); err != nil {
		t.Error(err)
	}
}
