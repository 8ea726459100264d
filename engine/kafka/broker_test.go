package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// onBrokers runs a test against the broker in this process and against a real one.
func onBrokers(t *testing.T, test func(t *testing.T, addr string)) {
	t.Parallel()
	t.Run("kfake", func(t *testing.T) {
		t.Parallel()
		test(t, fake(t).ListenAddrs()[0])
	})
	t.Run("kafka", func(t *testing.T) {
		t.Parallel()
		test(t, servers.SharedKafka(t).Plain)
	})
}

func fake(t testing.TB, options ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	cluster, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster
}

func open(t testing.TB, target task.Target, options ...kafka.Option) *kafka.Client {
	t.Helper()
	c, err := kafka.Open(t.Context(), target, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func plainTarget(addr string) task.Target { return task.Target{Brokers: []string{addr}} }

var topics atomic.Int64

// newTopic makes a topic that no other test uses.
func newTopic(t testing.TB, c *kafka.Client, partitions int, configs map[string]string) string {
	t.Helper()
	name := fmt.Sprintf("t%d-%d", time.Now().UnixNano(), topics.Add(1))
	if err := c.CreateTopic(t.Context(), name, partitions, 1, configs); err != nil {
		t.Fatal(err)
	}
	return name
}

// franz is a client that shares no code with ours.
func franz(t testing.TB, addr string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	c, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.RequiredAcks(kgo.AllISRAcks()), kgo.RecordPartitioner(kgo.ManualPartitioner())}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// consume reads a partition with the other client up to an end.
func consume(t testing.TB, addr string, p engine.Partition, end int64) []*kgo.Record {
	t.Helper()
	c := franz(t, addr, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{p.Topic: {int32(p.ID): kgo.NewOffset().AtStart()}}))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var out []*kgo.Record
	for int64(len(out)) < end {
		f := c.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatalf("after %d of %d records: %v", len(out), end, err)
		}
		f.EachRecord(func(r *kgo.Record) { out = append(out, r) })
	}
	return out
}

func batch(producer int64, epoch int16, sequence int32, values ...string) *engine.Batch {
	b := &engine.Batch{Producer: producer, Epoch: epoch, Sequence: sequence}
	for _, v := range values {
		b.Messages = append(b.Messages, engine.Message{Key: []byte("k-" + v), Value: []byte(v)})
	}
	return b
}

func producer(t testing.TB, c *kafka.Client) int64 {
	t.Helper()
	id, err := c.NewProducer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func produce(t testing.TB, c *kafka.Client, p engine.Partition, b *engine.Batch) int64 {
	t.Helper()
	offset, err := c.Produce(t.Context(), p, b)
	if err != nil {
		t.Fatal(err)
	}
	return offset
}

// fails checks the kind of a failed attempt, and its code if one is given.
func fails(t testing.TB, c *kafka.Client, p engine.Partition, b *engine.Batch, kind engine.ProduceError, code string) {
	t.Helper()
	_, err := c.Produce(t.Context(), p, b)
	failed(t, err, kind, code)
}

func failed(t testing.TB, err error, kind engine.ProduceError, code string) {
	t.Helper()
	var f *engine.ProduceFailure
	if !errors.As(err, &f) || f.Kind != kind {
		t.Fatalf("produce gave %v, want kind %d", err, kind)
	}
	if code != "" && task.Code(err) != code {
		t.Fatalf("produce gave %v, want code %s", err, code)
	}
}

func scan(t testing.TB, c *kafka.Client, p engine.Partition, from, to int64) (values []string, offsets []int64) {
	t.Helper()
	err := c.Scan(t.Context(), p, from, to, func(offset int64, m engine.Message) error {
		values, offsets = append(values, string(m.Value)), append(offsets, offset)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return values, offsets
}

func end(t testing.TB, c *kafka.Client, p engine.Partition) int64 {
	t.Helper()
	_, ends, err := c.Ends(t.Context(), []engine.Partition{p})
	if err != nil {
		t.Fatal(err)
	}
	return ends[0]
}

func same(t testing.TB, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got %v, want %v", got, want)
	}
}
