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

var _ engine.Sink = (*Client)(nil)

// NewProducer asks for a new idempotent producer id; its first epoch is 0. It is engine.NoProducer where the broker
// knows none, or the user may not have one.
func (c *Client) NewProducer(ctx context.Context) (int64, error) {
	const op = "asking for a producer id"
	if c.old {
		return engine.NoProducer, nil
	}
	var id int64
	err := c.patiently(ctx, c.timeout, op, "", func() error {
		res, err := c.kafka.InitProducerID(ctx, &kafka.InitProducerIDRequest{ProducerID: -1, ProducerEpoch: -1})
		if err != nil {
			return err
		}
		id = int64(res.Producer.ProducerID)
		return res.Error
	})
	if errors.Is(err, kafka.ClusterAuthorizationFailed) {
		return engine.NoProducer, nil
	}
	return id, err
}

// A request without a producer id is given up after parked, and waited for as long again. That is longer than the
// session of a broker of Kafka 0.10 lasts (6 s unless set otherwise): one that stands still for longer is no leader any
// more when it goes on, so that what it then writes is not kept where there is another replica.
const (
	parked      = 10 * time.Second
	leastParked = 2 * time.Second
)

// Parked is how long after it was given up a request is waited for that no producer id keeps from being written late.
// Here it takes no longer itself, so that the wait covers one that a run which has ended was still sending; and what
// the kernel holds of it goes with its connection (see dial).
func (c *Client) Parked() time.Duration { return max(min(c.timeout, parked), leastParked) }

// Produce makes one attempt with acks=all and gives the offset of the first message. Errors are *ProduceFailure. In
// doubt the same batch may be sent again at once where the leader has changed; the caller paces further attempts.
func (c *Client) Produce(ctx context.Context, p engine.Partition, b *engine.Batch) (int64, error) {
	if len(b.Messages) == 0 {
		return 0, refused(&task.Error{Code: "internal", Text: "a batch without messages"})
	}
	limit := c.timeout
	if b.Producer == engine.NoProducer {
		limit = c.Parked()
	}
	w := &part{Partition: p, batch: *b, bytes: room(b.Messages), limit: limit}
	res := c.append(ctx, w)
	if unsent(res.err) && ctx.Err() == nil {
		c.refresh(ctx)
		res = c.append(ctx, w)
	}
	return c.appended(ctx, p, res)
}

// appended gives what a broker's answer means.
func (c *Client) appended(ctx context.Context, p engine.Partition, res appended) (int64, error) {
	if res.err != nil {
		return 0, c.failure(ctx, p, res.err)
	}
	if res.base < 0 { // an old broker that knows the batch, and no longer where it is
		return 0, c.failure(ctx, p, kafka.DuplicateSequenceNumber)
	}
	return res.base, nil
}

// appendMillis is how much of a request's time the broker gets for the append.
func appendMillis(limit time.Duration) int32 { return int32((limit / 2).Milliseconds()) }

func refused(err error) error { return &engine.ProduceFailure{Kind: engine.ProduceRefused, Err: err} }

// failure says what is known after a failed attempt, and fetches the metadata anew where it may be why.
func (c *Client) failure(ctx context.Context, p engine.Partition, err error) error {
	var known *engine.ProduceFailure
	if errors.As(err, &known) {
		return known
	}
	err = c.whyUnsent(ctx, p.Topic, err)
	kind := outcome(err)
	if kind == engine.ProduceDoubt && ctx.Err() == nil {
		c.refresh(ctx)
	}
	op := fmt.Sprintf("writing to partition %d of topic %q", p.ID, p.Topic)
	e := c.explain(op, p.Topic, err)
	if kind == engine.ProduceDoubt {
		// Also an absent topic: a broker that has just started may not have heard of it yet.
		e.Retry = true
	}
	return &engine.ProduceFailure{Kind: kind, Err: e}
}

// outcome classifies a failed attempt by its code; without one nothing is known.
func outcome(err error) engine.ProduceError {
	var code kafka.Error
	if !errors.As(err, &code) {
		if fromTLS(err) != nil || errors.Is(err, errClosed) { // no connection, so no request
			return engine.ProduceRefused
		}
		return engine.ProduceDoubt
	}
	switch code {
	case kafka.OutOfOrderSequenceNumber, kafka.DuplicateSequenceNumber:
		return engine.ProduceSequence
	case kafka.InvalidProducerEpoch, kafka.ProducerFenced:
		return engine.ProduceFenced
	case kafka.UnknownProducerId, kafka.InvalidProducerIDMapping:
		return engine.ProduceExpired
	case kafka.MessageSizeTooLarge, kafka.RecordListTooLarge, kafka.InvalidMessageSize, kafka.InvalidTopic,
		kafka.TopicAuthorizationFailed, kafka.ClusterAuthorizationFailed, kafka.TransactionalIDAuthorizationFailed,
		kafka.InvalidRecord, kafka.InvalidTimestamp, kafka.InvalidRequiredAcks, kafka.PolicyViolation,
		kafka.UnsupportedForMessageFormat, kafka.UnsupportedCompressionType, kafka.UnsupportedVersion, kafka.InvalidRequest,
		kafka.SASLAuthenticationFailed, kafka.UnsupportedSASLMechanism, kafka.IllegalSASLState:
		return engine.ProduceRefused
	}
	return engine.ProduceDoubt
}
