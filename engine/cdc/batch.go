package cdc

import "sync"

// Events are large and a stream makes many of them: the memory of batches goes round.
var batches sync.Pool // *[]Event

// NewBatch gives an empty batch with room for about n events.
func NewBatch(n int) []Event {
	if b, ok := batches.Get().(*[]Event); ok {
		return *b
	}
	return make([]Event, 0, max(n, 1))
}

// FreeBatch takes the memory of a batch of which nobody holds an event by its address any more.
func FreeBatch(b []Event) {
	if cap(b) == 0 {
		return
	}
	clear(b)
	b = b[:0]
	batches.Put(&b)
}
