package kafka

import (
	"context"
	"math"
	"time"

	"sluice/engine"
)

// Read calls each for every record with from <= offset < to, as Scan does, with time and headers. Offsets before the
// log's start are passed over.
func (c *Client) Read(ctx context.Context, p engine.Partition, from, to int64, each func(*Record) error) error {
	return c.reader(p, from).read(ctx, to, each)
}

func (r *reader) read(ctx context.Context, to int64, each func(*Record) error) error {
	moved := time.Now()
	for r.next < to {
		before := r.next
		if err := r.step(ctx, to, each); err != nil {
			return err
		}
		if r.next > before {
			moved = time.Now()
		} else if time.Since(moved) > r.c.timeout {
			return r.short(r.high, to)
		}
	}
	return nil
}

// Follow calls each for every record from an offset on and waits for more until ctx ends, which is no error, or each
// fails.
func (c *Client) Follow(ctx context.Context, p engine.Partition, from int64, each func(*Record) error) error {
	r := c.reader(p, from)
	for {
		err := r.step(ctx, math.MaxInt64, each)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
