package oracle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// ReadTopics reads all partitions of the topics from their first offset to the end that they have now. opts are for
// TLS and sign-in.
func ReadTopics(ctx context.Context, brokers, topics []string, o TopicOptions, opts ...kgo.Opt) (*Topics, error) {
	d, err := newDecoder(o)
	if err != nil {
		return nil, err
	}
	if err := eachRecord(ctx, brokers, topics, d.add, opts); err != nil {
		return nil, err
	}
	return d.out, nil
}

// EachValue reads like ReadTopics and gives the messages as they are.
func EachValue(ctx context.Context, brokers, topics []string, each func(value []byte)) error {
	return eachRecord(ctx, brokers, topics, func(_ string, _ int32, _ int64, value []byte) { each(value) }, nil)
}

// EachOf is EachValue with the partition that each message stands in.
func EachOf(ctx context.Context, brokers, topics []string, each func(partition int32, value []byte)) error {
	return eachRecord(ctx, brokers, topics, func(_ string, p int32, _ int64, value []byte) { each(p, value) }, nil)
}

// adder takes one record.
type adder func(topic string, partition int32, offset int64, value []byte)

// eachRecord reads one partition after the other, so that the records stand in the order that Check wants.
func eachRecord(ctx context.Context, brokers, topics []string, add adder, opts []kgo.Opt) error {
	admin, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...)}, opts...)...)
	if err != nil {
		return err
	}
	defer admin.Close()
	ranges, err := offsets(ctx, admin, topics)
	if err != nil {
		return err
	}
	slices.SortFunc(ranges, func(a, b logRange) int {
		if a.topic != b.topic {
			return slices.Index(topics, a.topic) - slices.Index(topics, b.topic)
		}
		return int(a.partition - b.partition)
	})
	for _, r := range ranges {
		if err := readPartition(ctx, brokers, r, add, opts); err != nil {
			return fmt.Errorf("reading %s/%d: %w", r.topic, r.partition, err)
		}
	}
	return nil
}

// logRange is what a partition holds: offsets from first up to end, without end.
type logRange struct {
	topic      string
	partition  int32
	first, end int64
}

// patience is how long no record may come of a log that has one.
const patience = time.Minute

func readPartition(ctx context.Context, brokers []string, r logRange, add adder, opts []kgo.Opt) error {
	if r.first >= r.end {
		return nil
	}
	client, err := kgo.NewClient(append([]kgo.Opt{
		kgo.SeedBrokers(brokers...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{r.topic: {r.partition: kgo.NewOffset().At(r.first)}}),
		kgo.FetchMaxPartitionBytes(8 << 20),
	}, opts...)...)
	if err != nil {
		return err
	}
	defer client.Close()
	for next := r.first; next < r.end; {
		brief, enough := context.WithTimeout(ctx, patience)
		fetches := client.PollFetches(brief)
		enough()
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("from offset %d to %d: %w", next, r.end, err)
		}
		for _, e := range fetches.Errors() {
			return e.Err
		}
		fetches.EachRecord(func(rec *kgo.Record) {
			if rec.Offset < r.end {
				add(rec.Topic, rec.Partition, rec.Offset, rec.Value)
			}
			next = rec.Offset + 1
		})
	}
	return nil
}

// offsets asks for the first and end offsets of all partitions.
func offsets(ctx context.Context, client *kgo.Client, topics []string) ([]logRange, error) {
	partitions, err := partitions(ctx, client, topics)
	if err != nil {
		return nil, err
	}
	const end, first = -1, -2
	ends, err := listOffsets(ctx, client, partitions, end)
	if err != nil {
		return nil, err
	}
	firsts, err := listOffsets(ctx, client, partitions, first)
	if err != nil {
		return nil, err
	}
	var out []logRange
	for topic, ids := range partitions {
		for _, id := range ids {
			out = append(out, logRange{topic, id, firsts[topic][id], ends[topic][id]})
		}
	}
	return out, nil
}

func partitions(ctx context.Context, client *kgo.Client, topics []string) (map[string][]int32, error) {
	req := kmsg.NewPtrMetadataRequest()
	for _, t := range topics {
		rt := kmsg.NewMetadataRequestTopic()
		rt.Topic = kmsg.StringPtr(t)
		req.Topics = append(req.Topics, rt)
	}
	resp, err := req.RequestWith(ctx, client)
	if err != nil {
		return nil, err
	}
	out := map[string][]int32{}
	for _, t := range resp.Topics {
		if err := kerr.ErrorForCode(t.ErrorCode); err != nil {
			return nil, fmt.Errorf("topic %s: %w", *t.Topic, err)
		}
		for _, p := range t.Partitions {
			out[*t.Topic] = append(out[*t.Topic], p.Partition)
		}
	}
	return out, nil
}

func listOffsets(ctx context.Context, client *kgo.Client, partitions map[string][]int32, at int64) (map[string]map[int32]int64, error) {
	req := kmsg.NewPtrListOffsetsRequest()
	req.ReplicaID = -1
	for topic, ids := range partitions {
		rt := kmsg.NewListOffsetsRequestTopic()
		rt.Topic = topic
		for _, id := range ids {
			rp := kmsg.NewListOffsetsRequestTopicPartition()
			rp.Partition, rp.Timestamp, rp.CurrentLeaderEpoch = id, at, -1
			rt.Partitions = append(rt.Partitions, rp)
		}
		req.Topics = append(req.Topics, rt)
	}
	out := map[string]map[int32]int64{}
	for _, shard := range client.RequestSharded(ctx, req) {
		resp, ok := shard.Resp.(*kmsg.ListOffsetsResponse)
		if shard.Err != nil || !ok {
			return nil, errors.Join(shard.Err, errors.New("no answer to ListOffsets"))
		}
		for _, t := range resp.Topics {
			for _, p := range t.Partitions {
				if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
					return nil, fmt.Errorf("topic %s partition %d: %w", t.Topic, p.Partition, err)
				}
				if out[t.Topic] == nil {
					out[t.Topic] = map[int32]int64{}
				}
				out[t.Topic][p.Partition] = p.Offset
			}
		}
	}
	return out, nil
}
