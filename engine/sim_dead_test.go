package engine

import (
	"fmt"
	"slices"
	"strings"
)

// Dead letters in the simulation: they stand in a log of their own, the last one, and belong between the records of their
// key where the ledger has them.

// isDead reports whether the log is that of dead letters.
func (w *world) isDead(part int) bool { return w.c.dead && part == len(w.b.parts)-1 }

// ofKey gives the records of a key in their order, dead letters where the ledger has them.
func (w *world) ofKey(k int, led []keyChange, recs [][]simRecord) ([]simRecord, string) {
	if !w.c.dead {
		return ofKey(k, recs)
	}
	got, problem := ofKey(k, recs[:len(recs)-1])
	if problem != "" {
		return nil, problem
	}
	letters, _ := ofKey(k, recs[len(recs)-1:])
	slices.SortStableFunc(letters, func(a, b simRecord) int { return w.placeIn(led, a) - w.placeIn(led, b) })
	for _, d := range letters {
		at := slices.IndexFunc(got, func(r simRecord) bool { return w.placeIn(led, r) > w.placeIn(led, d) })
		if at < 0 {
			at = len(got)
		}
		got = slices.Insert(got, at, d)
	}
	return got, ""
}

// placeIn is that of a record among the changes of its key, the copied row before all of them.
func (w *world) placeIn(led []keyChange, r simRecord) int {
	if r.op == "INIT" {
		return -1
	}
	_, rest, _ := strings.Cut(r.id, "/1/")
	at := slices.IndexFunc(led, func(l keyChange) bool {
		return strings.TrimRight(rest, "+-") == fmt.Sprintf("s/%s:%d", w.src.tid(l.tx), l.r)
	})
	if at < 0 {
		return len(led)
	}
	return at
}
