package checkpoint

import (
	"testing"

	"pgregory.net/rapid"

	"sluice/engine/cdc"
)

func TestLowIsTheFirstUnacknowledged(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var tr Tracker
		open := map[uint64]cdc.Position{}
		var at cdc.Position
		for range rapid.IntRange(1, 3000).Draw(t, "steps") {
			if len(open) == 0 || rapid.Bool().Draw(t, "add") {
				at.Offset += uint64(rapid.IntRange(0, 3).Draw(t, "d"))
				open[tr.Add(at)] = at
			} else {
				keys := make([]uint64, 0, len(open))
				for k := range open {
					keys = append(keys, k)
				}
				k := keys[0]
				for _, o := range keys {
					if o%7 < k%7 || o%7 == k%7 && o < k {
						k = o
					}
				}
				tr.Ack(k)
				delete(open, k)
			}
			want, any := cdc.Position{}, false
			for _, p := range open {
				if !any || p.Before(want) {
					want, any = p, true
				}
			}
			if low, ok := tr.Low(); ok != any || low != want {
				t.Fatalf("low %v %v, want %v %v", low, ok, want, any)
			}
		}
	})
}
