package kafka

import (
	"context"
	"runtime"

	"sluice/engine"
)

// Refresh fetches the metadata anew.
func (c *Client) Refresh(ctx context.Context) { c.refresh(ctx) }

// Hold has a partition's broker be as busy as can be, so that what is produced for it is gathered. Gathered returns when
// so many batches wait, and release sends them.
func (c *Client) Hold(ctx context.Context, p engine.Partition) (gathered func(n int), release func(), err error) {
	broker, err := c.leader(ctx, p)
	if err != nil {
		return nil, nil, err
	}
	q := c.queue(broker)
	for q.hold() < underway {
	}
	gathered = func(n int) {
		for q.gathered() != n {
			runtime.Gosched()
		}
	}
	release = func() {
		for range underway {
			if parts := q.next(); len(parts) > 0 {
				go c.share(q, broker, parts)
			}
		}
	}
	return gathered, release, nil
}

func (q *queue) hold() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sending++
	return q.sending
}

func (q *queue) gathered() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting)
}

// LinesAreOld has all lines that are at hand be unused for long.
func (c *Client) LinesAreOld() {
	c.queues.Range(func(_, v any) bool {
		q := v.(*queue)
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, l := range q.lines {
			l.used = l.used.Add(-lineIdle)
		}
		return true
	})
}
