package faults

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSchedule: a seed gives one schedule, and one deck holds every kind that fits.
func TestSchedule(t *testing.T) {
	deck := func(seed uint64, short bool, brokers int) (out []string) {
		w := &world{t: t, g: rand.New(rand.NewPCG(seed, 7)), short: short, mounted: true, brokers: make([]*broker, brokers)}
		for _, k := range w.schedule(0) {
			out = append(out, k.name)
		}
		return out
	}
	a, b := deck(1, false, 3), deck(1, false, 3)
	if !slices.Equal(a, b) || slices.Equal(a, deck(2, false, 3)) {
		t.Error("schedules do not follow from their seeds")
	}
	short := deck(1, true, 1)
	if len(short) < fixedLeast {
		t.Errorf("the short deck holds %d faults", len(short))
	}
	for _, k := range kinds {
		if k.long > 0 && !slices.Contains(a, k.name) && !slices.Contains(deck(1, false, 1), k.name) {
			t.Errorf("%s is in no long deck", k.name)
		}
		if k.short > 0 && !slices.Contains(short, k.name) {
			t.Errorf("%s is not in the short deck", k.name)
		}
	}
}
