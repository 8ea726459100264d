package kafka

import (
	"context"
	"errors"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"sluice/engine"
)

// leader gives the broker that leads a partition as far as the transport knows.
func (c *Client) leader(ctx context.Context, p engine.Partition) (int32, error) {
	l := &leading{partition: p}
	_, err := c.transport.RoundTrip(ctx, c.addr, l)
	if errors.Is(err, errFound) {
		err = nil
	}
	return l.broker, err
}

// leading asks the transport's metadata for a partition's leader. Nothing is sent.
type leading struct {
	partition engine.Partition
	broker    int32
}

var errFound = errors.New("the leader is known")

func (l *leading) ApiKey() protocol.ApiKey { return protocol.Produce }

// Broker takes note of the leader, and has the transport go no further.
func (l *leading) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	b, err := leaderOf(cluster, l.partition)
	if err == nil {
		l.broker, err = b.ID, errFound
	}
	return b, err
}

func leaderOf(cluster protocol.Cluster, p engine.Partition) (protocol.Broker, error) {
	r := rawproduce.Request{Topics: []rawproduce.RequestTopic{{
		Topic: p.Topic, Partitions: []rawproduce.RequestPartition{{Partition: int32(p.ID)}},
	}}}
	return r.Broker(cluster)
}
