// Package checkpoint finds the lowest point of the stream that is not acknowledged yet.
package checkpoint

import "sluice/engine/cdc"

// Tracker holds the points of the records that were handed to the target, in the order of the stream. It costs one
// entry a record in flight. The zero Tracker is ready; it is not safe for concurrent use.
type Tracker struct {
	points []entry
	head   int
	first  uint64 // token of points[head]
}

type entry struct {
	point cdc.Position
	acked bool
}

// Add takes the point before the record (its transaction and the rows of it that were passed) and gives the token to
// acknowledge it with. Points must not fall.
func (t *Tracker) Add(p cdc.Position) uint64 {
	if t.head > 1024 && t.head > len(t.points)/2 {
		t.points = append(t.points[:0], t.points[t.head:]...)
		t.head = 0
	}
	t.points = append(t.points, entry{point: p})
	return t.first + uint64(len(t.points)-t.head-1)
}

// Ack marks the record as stored by the target. A token may be acknowledged once.
func (t *Tracker) Ack(token uint64) {
	t.points[t.head+int(token-t.first)].acked = true
	for t.head < len(t.points) && t.points[t.head].acked {
		t.head++
		t.first++
	}
	if t.head == len(t.points) {
		t.points, t.head = t.points[:0], 0
	}
}

// Low gives the lowest point not acknowledged; ok is false if there is none.
func (t *Tracker) Low() (p cdc.Position, ok bool) {
	if t.head == len(t.points) {
		return cdc.Position{}, false
	}
	return t.points[t.head].point, true
}

// Pending is the number of records not acknowledged, those acknowledged behind an open one included.
func (t *Tracker) Pending() int { return len(t.points) - t.head }
