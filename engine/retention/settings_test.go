package retention

import "testing"

// Files that are new count whole, those that were purged or begun anew not at all.
func TestGrown(t *testing.T) {
	t.Parallel()
	before := []File{{"b.000007", 500}, {"b.000008", 100}}
	for want, after := range map[int64][]File{
		0:   before,
		950: {{"b.000008", 350}, {"b.000009", 600}, {"b.000010", 100}},
		4:   {{"b.000001", 4}},
		1:   {{"b.000007", 400}, {"b.000008", 101}},
	} {
		if got := Grown(before, after); got != want {
			t.Errorf("%v: %d, want %d", after, got, want)
		}
	}
}
