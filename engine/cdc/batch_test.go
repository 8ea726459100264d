package cdc

import "testing"

// TestBatches: what comes back from the pool is empty, and nothing of what it held stays.
func TestBatches(t *testing.T) {
	FreeBatch(nil)
	for range 100 {
		b := NewBatch(3)
		if len(b) != 0 || cap(b) == 0 {
			t.Fatalf("%d events, room for %d", len(b), cap(b))
		}
		for _, old := range b[:cap(b)] {
			if old != (Event{}) {
				t.Fatalf("it holds %+v", old)
			}
		}
		FreeBatch(append(b, Event{TID: "a"}, Event{TID: "b"}))
	}
}
