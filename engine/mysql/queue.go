package mysql

import (
	"slices"
	"sync"

	"sluice/engine/cdc"
)

const (
	batchBytes  = 256 << 10
	queuedBytes = 4 << 20
	// What an event costs beside its bytes.
	eventBytes = 512
)

// queue hands events from the reader to the consumer in batches: whatever is there when the consumer is free, so that
// a lone event goes at once. It bounds the bytes that wait. A batch belongs to whoever takes it.
type queue struct {
	out       chan []cdc.Event
	delivered chan struct{} // closed when deliver has ended

	mu       sync.Mutex
	changed  *sync.Cond
	batches  [][]cdc.Event // the last one still grows
	sizes    []int         // of each, in bytes
	room     int           // events that the newest batch which was taken held: the next one may be as long
	bytes    int           // of all
	ended    bool          // nothing more comes
	cause    error
	quit     chan struct{} // closed when nobody takes any more
	quitOnce sync.Once
}

func newQueue() *queue {
	q := &queue{out: make(chan []cdc.Event), delivered: make(chan struct{}), quit: make(chan struct{})}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// put waits for room; an event larger than the bound goes alone.
func (q *queue) put(e cdc.Event) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes > 0 && q.bytes+e.Size > queuedBytes && !q.ended {
		q.changed.Wait()
	}
	if q.ended {
		return errStreamClosed
	}
	size, last := e.Size+eventBytes, len(q.batches)-1
	if last < 0 || q.sizes[last]+size > batchBytes {
		q.batches = append(q.batches, make([]cdc.Event, 0, max(q.room, 1)))
		q.sizes = append(q.sizes, 0)
		last++
	}
	q.batches[last] = append(q.batches[last], e)
	q.sizes[last] += size
	q.bytes += size
	q.changed.Broadcast()
	return nil
}

// take waits for events and gives at most batchBytes of them, at least one; none at the end.
func (q *queue) take() []cdc.Event {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.batches) == 0 && !q.ended {
		q.changed.Wait()
	}
	if len(q.batches) == 0 {
		return nil
	}
	batch := q.batches[0]
	q.bytes -= q.sizes[0]
	q.batches, q.sizes = slices.Delete(q.batches, 0, 1), slices.Delete(q.sizes, 0, 1)
	q.room = len(batch)
	q.changed.Broadcast()
	return batch
}

// deliver feeds the channel until the end; it owns out.
func (q *queue) deliver() {
	defer close(q.delivered)
	defer close(q.out)
	for {
		batch := q.take()
		if len(batch) == 0 {
			return
		}
		select {
		case q.out <- batch:
		case <-q.quit:
			return
		}
	}
}

// finish says that nothing more comes; what waits is still delivered.
func (q *queue) finish(cause error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.ended {
		q.ended, q.cause = true, cause
	}
	q.changed.Broadcast()
}

// abandon says that nobody takes any more.
func (q *queue) abandon() {
	q.finish(nil)
	q.quitOnce.Do(func() { close(q.quit) })
}

func (q *queue) err() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.cause
}
