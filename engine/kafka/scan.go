package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafka "github.com/segmentio/kafka-go"

	"sluice/engine"
	"sluice/engine/task"
)

const (
	fetchBytes = 4 << 20
	fetchWait  = 500 * time.Millisecond
)

// Scan calls each for every message with from <= offset < to, in order; control records and what compaction removed
// are not there to be seen. It fails if the log ends before to or begins after from, even if that comes about while it
// reads.
func (c *Client) Scan(ctx context.Context, p engine.Partition, from, to int64, each func(offset int64, m engine.Message) error) error {
	r := c.reader(p, from)
	r.whole = true
	return r.read(ctx, to, func(rec *Record) error {
		return each(rec.Offset, engine.Message{Key: rec.Key, Value: rec.Value})
	})
}

// reader reads one partition forward.
type reader struct {
	c    *Client
	p    engine.Partition
	op   string
	next int64

	whole   bool  // nothing may be passed over that was deleted
	high    int64 // the end that consumers saw last
	buf     []byte
	records []byte
	decoder decoder
}

func (c *Client) reader(p engine.Partition, from int64) *reader {
	return &reader{c: c, p: p, next: from, op: fmt.Sprintf("reading partition %d of topic %q", p.ID, p.Topic)}
}

// step fetches once and hands out the records below to. Nothing new within fetchWait is no error.
func (r *reader) step(ctx context.Context, to int64, each func(*Record) error) error {
	err := r.c.patiently(ctx, r.c.timeout, r.op, r.p.Topic, func() error { return r.fetch(ctx) })
	if errors.Is(err, kafka.OffsetOutOfRange) {
		return r.enter(ctx, to)
	}
	if err != nil {
		return err
	}
	var stop error
	next, err := r.decoder.decode(r.records, r.next, to, func(rec *Record) error {
		stop = each(rec)
		return stop
	})
	r.next = next
	if err != nil && stop == nil {
		err = &task.Error{Code: "target.log_damaged", Op: r.op, Err: err, Text: "What the broker sent can't be read",
			Hint: "See whether other consumers can read the topic here; the broker's disk may be damaged."}
	}
	return err
}

func (r *reader) fetch(ctx context.Context) error {
	f := &fetch{topic: r.p.Topic, partition: r.p.ID, offset: r.next, maxWait: int32(min(fetchWait, r.c.timeout/2) / time.Millisecond), maxBytes: fetchBytes, buf: r.buf}
	// A fetch that was given up may still be reading into its buffer.
	r.buf, r.records = nil, nil
	if _, err := r.c.roundTrip(ctx, f); err != nil {
		return err
	}
	r.buf, r.records, r.high = f.buf, f.records, f.high
	return nil
}

// enter goes on at the log's start where the offsets before it were deleted, if they may be passed over; a log that ends
// earlier has lost its tail.
func (r *reader) enter(ctx context.Context, to int64) error {
	first, end, err := r.c.Ends(ctx, []engine.Partition{r.p})
	switch {
	case err != nil:
		return err
	case r.next < first[0] && r.whole:
		return &task.Error{Code: "target.offset_gone", Op: r.op, Retry: true,
			Text: fmt.Sprintf("The log begins at offset %d now, what it had from offset %d on was deleted", first[0], r.next),
			Hint: "The task starts anew and sees whether it can do without. Keep messages longer than an outage may take."}
	case r.next < first[0]:
		r.next = min(first[0], to)
		return nil
	case r.next > end[0]:
		return r.short(end[0], to)
	}
	return nil // it has moved since
}

func (r *reader) short(end, to int64) error {
	return &task.Error{Code: "target.log_short", Op: r.op, Retry: true,
		Text: fmt.Sprintf("The log ends at offset %d, but what lies below %d was expected to be there", end, to),
		Hint: "If it stays so, the broker has lost acknowledged messages (unclean leader election, or the topic was made anew)."}
}
