package kafka

import (
	"context"

	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Bits of authorized operations, by AclOperation.
const (
	operationWrite   = 1 << 4
	operationUnknown = -1 << 31
)

// MayWrite tells of each topic that exists whether the user may write to it. Topics of which the broker does not say
// (before Kafka 2.3) are missing.
func (c *Client) MayWrite(ctx context.Context, topics []string) (map[string]bool, error) {
	out := map[string]bool{}
	if c.old {
		return out, nil
	}
	err := c.patiently(ctx, shortPatience, "reading the user's rights", "", func() error {
		d := &direct{request: &metadata.Request{TopicNames: topics, IncludeTopicAuthorizedOperations: true}, broker: anyBroker}
		m, err := c.roundTrip(ctx, d)
		if err != nil || d.version < 8 {
			return err
		}
		for _, t := range m.(*metadata.Response).Topics {
			if t.ErrorCode == 0 && t.TopicAuthorizedOperations != operationUnknown {
				out[t.Name] = t.TopicAuthorizedOperations&operationWrite != 0
			}
		}
		return nil
	})
	return out, err
}
