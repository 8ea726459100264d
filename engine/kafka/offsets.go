package kafka

import (
	"context"
	"errors"
	"fmt"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/listoffsets"

	"sluice/engine"
)

// Ends gives the first and the end offset of each partition, in the order asked: the end that consumers see, the high
// watermark.
func (c *Client) Ends(ctx context.Context, ps []engine.Partition) (first, end []int64, err error) {
	const op = "reading the ends of the log"
	for _, ask := range []struct {
		special int64
		into    *[]int64
	}{{kafka.FirstOffset, &first}, {kafka.LastOffset, &end}} {
		err := c.patiently(ctx, c.timeout, op, "", func() error {
			offsets, topic, err := c.listOffsets(ctx, ps, ask.special)
			if err != nil {
				return c.explain(op, topic, c.whyUnsent(ctx, topic, err))
			}
			*ask.into = offsets
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	return first, end, nil
}

// listOffsets also gives the topic of the error.
func (c *Client) listOffsets(ctx context.Context, ps []engine.Partition, special int64) ([]int64, string, error) {
	if len(ps) == 0 {
		return nil, "", nil
	}
	m, err := c.roundTrip(ctx, &offsets{partitions: ps, special: special})
	if err != nil {
		topic := ps[0].Topic
		if e, ok := errors.AsType[*protocol.TopicError](err); ok {
			topic = e.Topic
		}
		if e, ok := errors.AsType[*protocol.TopicPartitionError](err); ok {
			topic = e.Topic
		}
		return nil, topic, err
	}
	found := make(map[engine.Partition]int64, len(ps))
	for _, t := range m.(*listoffsets.Response).Topics {
		for _, p := range t.Partitions {
			if p.ErrorCode != 0 {
				return nil, t.Topic, kafka.Error(p.ErrorCode)
			}
			found[engine.Partition{Topic: t.Topic, ID: int(p.Partition)}] = p.Offset
		}
	}
	out := make([]int64, len(ps))
	for i, p := range ps {
		offset, ok := found[p]
		if !ok {
			return nil, p.Topic, fmt.Errorf("no offset of partition %d of %q in the answer", p.ID, p.Topic)
		}
		out[i] = offset
	}
	return out, "", nil
}

// offsets asks each leader once for all its partitions. The library would open a connection for every partition.
type offsets struct {
	partitions []engine.Partition
	special    int64
}

func (o *offsets) ApiKey() protocol.ApiKey { return protocol.ListOffsets }

// Split makes one request for each leader.
func (o *offsets) Split(cluster protocol.Cluster) ([]protocol.Message, protocol.Merger, error) {
	byLeader := make(map[int32]*listoffsets.Request)
	seen := make(map[engine.Partition]bool)
	var out []protocol.Message
	for _, p := range o.partitions {
		if seen[p] { // a broker refuses to hear one twice
			continue
		}
		seen[p] = true
		topic, ok := cluster.Topics[p.Topic]
		if !ok {
			return nil, nil, protocol.NewErrNoTopic(p.Topic)
		}
		partition, ok := topic.Partitions[int32(p.ID)]
		if !ok {
			return nil, nil, protocol.NewErrNoPartition(p.Topic, int32(p.ID))
		}
		if _, up := cluster.Brokers[partition.Leader]; !up {
			return nil, nil, protocol.NewErrNoLeader(p.Topic, int32(p.ID))
		}
		r := byLeader[partition.Leader]
		if r == nil {
			r = &listoffsets.Request{ReplicaID: -1}
			byLeader[partition.Leader] = r
			out = append(out, &direct{request: r, broker: partition.Leader})
		}
		addOffset(r, p, o.special)
	}
	return out, o, nil
}

func addOffset(r *listoffsets.Request, p engine.Partition, special int64) {
	ask := listoffsets.RequestPartition{Partition: int32(p.ID), CurrentLeaderEpoch: -1, Timestamp: special}
	for i := range r.Topics {
		if r.Topics[i].Topic == p.Topic {
			r.Topics[i].Partitions = append(r.Topics[i].Partitions, ask)
			return
		}
	}
	r.Topics = append(r.Topics, listoffsets.RequestTopic{Topic: p.Topic, Partitions: []listoffsets.RequestPartition{ask}})
}

// Merge joins what the leaders answered; one that did not is an error of all.
func (o *offsets) Merge(_ []protocol.Message, results []any) (protocol.Message, error) {
	out := new(listoffsets.Response)
	for _, r := range results {
		m, err := protocol.Result(r)
		if err != nil {
			return nil, err
		}
		out.Topics = append(out.Topics, unwrap(m).(*listoffsets.Response).Topics...)
	}
	return out, nil
}
