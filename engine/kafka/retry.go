package kafka

import (
	"context"
	"errors"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"sluice/engine/task"
)

// shortPatience is for what a person waits for, and for a topic that no broker knows: after that it is absent.
const shortPatience = 5 * time.Second

// patiently repeats for a while what may pass by itself, with new metadata each time. Its errors are *task.Error.
func (c *Client) patiently(ctx context.Context, limit time.Duration, op, topic string, try func() error) error {
	start := time.Now()
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := try()
		if err == nil {
			return nil
		}
		err = c.whyUnsent(ctx, topic, err)
		e := c.explain(op, topic, err)
		if e.Code == "target.topic_absent" {
			limit = min(limit, shortPatience)
		}
		if ctx.Err() != nil || !passing(e, err) || time.Since(start)+wait > limit {
			return e
		}
		select {
		case <-ctx.Done():
			return e
		case <-time.After(wait):
		}
		c.refresh(ctx)
	}
}

// passing tells what is worth another try: also metadata that does not know a topic yet.
func passing(e *task.Error, err error) bool { return e.Retry || unsent(err) }

// unsent tells that the metadata named no broker to send to, so that nothing was sent.
func unsent(err error) bool {
	return errors.Is(err, protocol.ErrNoTopic) || errors.Is(err, protocol.ErrNoPartition) || errors.Is(err, protocol.ErrNoLeader)
}

// whyUnsent asks about a topic that is not in the list: a broker leaves out those that the user may not see, but says
// so when asked by name.
func (c *Client) whyUnsent(ctx context.Context, topic string, err error) error {
	if topic == "" || !errors.Is(err, protocol.ErrNoTopic) || ctx.Err() != nil {
		return err
	}
	if _, why := c.topic(ctx, topic); errors.Is(why, kafka.TopicAuthorizationFailed) {
		return why
	}
	return err
}
