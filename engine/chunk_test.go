package engine

import (
	"testing"

	"sluice/engine/cdc"
)

// TestSharesOfView: tables with more than a few rows take more of a view.
func TestSharesOfView(t *testing.T) {
	r := &router{cfg: config{together: viewShares}}
	tab := &table{ordered: true, key: []int{0}, def: &cdc.Table{}}
	for range 100 {
		r.fresh = append(r.fresh, &chunk{table: tab})
	}
	if n := len(r.together(99, 0)); n != viewShares {
		t.Errorf("%d tables with few rows share a view", n)
	}
	for i := range r.fresh {
		r.fresh[i].Many = i%2 == 0
	}
	if n := len(r.together(99, 0)); n != 15 { // seven with many, eight with few
		t.Errorf("%d tables share a view where half of them have many rows", n)
	}
}
