package mysql

import (
	"errors"
	"testing"

	"sluice/engine/cdc"
)

// TestQueueBounds: the reader waits when its bytes are not taken, and nothing is lost or out of order.
func TestQueueBounds(t *testing.T) {
	t.Parallel()
	q := newQueue()
	const n, size = 200, 1 << 20
	put := make(chan int, n)
	go func() {
		for i := range n {
			if err := q.put(cdc.Event{Time: int64(i), Size: size}); err != nil {
				t.Error(err)
				break
			}
			put <- i
		}
		close(put)
	}()
	for range queuedBytes/size - 1 { // what fits without a consumer
		<-put
	}
	cause := errors.New("gone")
	next := int64(0)
	go q.deliver()
	for batch := range q.out {
		total := 0
		for _, e := range batch {
			if e.Time != next {
				t.Fatalf("event %d, want %d", e.Time, next)
			}
			next++
			total += e.Size
		}
		if len(batch) > 1 && total > batchBytes {
			t.Fatalf("a batch of %d bytes", total)
		}
		q.mu.Lock()
		if q.bytes > queuedBytes+eventBytes {
			t.Errorf("%d bytes wait", q.bytes)
		}
		q.mu.Unlock()
		if next == n {
			q.finish(cause)
		}
	}
	if next != n || q.err() != cause {
		t.Errorf("%d events, %v", next, q.err())
	}
}

// TestQueueAbandon frees a waiting reader.
func TestQueueAbandon(t *testing.T) {
	t.Parallel()
	q := newQueue()
	if err := q.put(cdc.Event{Size: 2 * queuedBytes}); err != nil {
		t.Fatal("an event larger than the bound must pass alone")
	}
	freed := make(chan error)
	go func() { freed <- q.put(cdc.Event{Size: 1}) }()
	go q.deliver()
	q.abandon()
	if err := <-freed; err == nil {
		t.Error("put after the end must fail")
	}
	<-q.delivered
}

// TestQueueSmallEvents go together in one batch when the consumer was busy.
func TestQueueSmallEvents(t *testing.T) {
	t.Parallel()
	q := newQueue()
	for range 10 {
		if err := q.put(cdc.Event{Size: 10}); err != nil {
			t.Fatal(err)
		}
	}
	if batch := q.take(); len(batch) != 10 {
		t.Errorf("%d events", len(batch))
	}
}
