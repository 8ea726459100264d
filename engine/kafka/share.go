package kafka

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"sluice/engine"
)

// Small batches for partitions that one broker leads share its requests, once there are enough of them: a request costs
// both sides more than some rows do. A batch goes out at once and by itself where few are under way to its broker; what
// comes while more are is gathered, and goes as one request when one of them returns. So nothing waits for others to
// come, and a lane that is alone shares nothing.
const (
	underway    = 3         // requests to a broker before what comes is gathered
	aloneBytes  = 256 << 10 // a batch as large gains nothing by sharing
	sharedBytes = 1 << 20   // of a request that is shared
	sharedParts = 200       // the same: a broker takes milliseconds for the first batch of a partition
)

// queue is what one broker is sent.
type queue struct {
	mu      sync.Mutex
	sending int // requests, but for those that are not to be shared
	waiting []*part
	lines   []*line
	late    map[engine.Partition]bool // its newest append was not replicated in time
}

func (c *Client) queue(broker int32) *queue {
	q, ok := c.queues.Load(broker)
	if !ok {
		q, _ = c.queues.LoadOrStore(broker, new(queue))
	}
	return q.(*queue)
}

// append brings a batch to its partition's leader, in a request of its own or with others.
func (c *Client) append(ctx context.Context, w *part) appended {
	w.until = time.Now().Add(w.limit)
	broker, err := c.leader(ctx, w.Partition)
	if err != nil {
		return appended{err: err}
	}
	q := c.queue(broker)
	var res appended
	switch {
	case w.bytes >= aloneBytes || q.isLate(w.Partition):
		res = c.send(ctx, w.until, broker, w)[0]
	case q.join(w):
		res = q.wait(ctx, w)
	default:
		res = c.send(ctx, w.until, broker, w)[0]
		if next := q.next(); len(next) > 0 {
			go c.share(q, broker, next)
		}
	}
	q.setLate(w.Partition, errors.Is(res.err, kafka.RequestTimedOut))
	return res
}

// share sends what was gathered, until nothing waits any more. Who gives up meanwhile does not end it for the others.
func (c *Client) share(q *queue, broker int32, parts []*part) {
	for ; len(parts) > 0; parts = q.next() {
		first := slices.MinFunc(parts, func(a, b *part) int { return a.until.Compare(b.until) })
		for i, res := range c.send(context.Background(), first.until, broker, parts...) {
			parts[i].done <- res
		}
	}
}

// join has the batch wait for others, or counts a request that is to be sent now.
func (q *queue) join(w *part) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.sending < underway {
		q.sending++
		return false
	}
	w.done = make(chan appended, 1)
	w.read.Add(1)
	q.waiting = append(q.waiting, w)
	return true
}

// next gives the parts of the request that follows one that has returned, byPartition; none if nothing waits.
func (q *queue) next() []*part {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < min(len(q.waiting), sharedParts) && (n == 0 || size+q.waiting[n].bytes <= sharedBytes) {
		size += q.waiting[n].bytes
		n++
	}
	if n == 0 {
		q.sending--
		return nil
	}
	parts := slices.Clone(q.waiting[:n])
	q.waiting = slices.Delete(q.waiting, 0, n)
	slices.SortStableFunc(parts, byPartition)
	for i := 1; i < len(parts); { // one that was given up before it was asked for again: no request has a partition twice
		if byPartition(parts[i-1], parts[i]) != 0 {
			i++
			continue
		}
		q.waiting = append(q.waiting, parts[i])
		parts = slices.Delete(parts, i, i+1)
	}
	return parts
}

// isLate reports whether a partition would hold up the answer to those that share its request: all wait for its replicas.
func (q *queue) isLate(p engine.Partition) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.late[p]
}

func (q *queue) setLate(p engine.Partition, late bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !late:
		delete(q.late, p)
	case q.late == nil:
		q.late = map[engine.Partition]bool{p: true}
	default:
		q.late[p] = true
	}
}

// wait gives how the batch ended. Waiting to be sent takes half of the limit at most, so that the broker has as long for
// the append as with a request of its own; what was not sent by then, or when ctx ends, never will be.
func (q *queue) wait(ctx context.Context, w *part) appended {
	ctx, cancel := context.WithDeadline(ctx, w.until)
	defer cancel()
	late := time.NewTimer(w.limit / 2)
	defer late.Stop()
	err := context.DeadlineExceeded
	select {
	case res := <-w.done:
		return res
	case <-late.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if q.leave(w) {
		return appended{err: err}
	}
	select {
	case res := <-w.done:
		return res
	case <-ctx.Done():
		w.read.Wait() // the batch is the caller's again
		return appended{err: ctx.Err()}
	}
}

// leave takes out a batch that still waits.
func (q *queue) leave(w *part) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, w)
	if i >= 0 {
		q.waiting = slices.Delete(q.waiting, i, i+1)
	}
	return i >= 0
}

// send makes one attempt with the parts in one request, and tells how each ended. The broker gets half of the limit.
func (c *Client) send(ctx context.Context, until time.Time, broker int32, parts ...*part) answers {
	limit := slices.MinFunc(parts, func(a, b *part) int { return cmp.Compare(a.limit, b.limit) }).limit
	a := &appending{parts: parts, millis: appendMillis(limit), encoder: c.encoders.Get().(*encoder)}
	defer c.encoders.Put(a.encoder)
	err := a.encode(c.old, c.codec, time.Now().UnixMilli())
	for _, w := range parts {
		if w.done != nil {
			w.read.Done()
		}
	}
	if err != nil {
		err = refused(err)
	}
	var res answers
	if err == nil {
		res, err = c.exchange(ctx, until, broker, a)
	}
	if err != nil {
		return slices.Repeat(answers{{err: err}}, len(parts))
	}
	return res
}
