package broker

import (
	"io/fs"
	"net"
	"path/filepath"
	"slices"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/engine/kafka"
	"sluice/engine/task"
)

// The topics, also those of others, are there again after a restart.
func TestTopicsAreKept(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	list := func(work func(*kafka.Client)) (out []Topic) {
		b, err := Start(t.Context(), dir, port)
		if err != nil {
			t.Fatal(err)
		}
		defer b.Close()
		c, err := kafka.Open(t.Context(), task.Target{Brokers: []string{b.Addr}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		work(c)
		topics, err := c.Topics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, topic := range topics {
			if s := topic.Settings; s == nil || topic.Name != "mine" && s.RetentionBytes != 1<<30 || topic.Replication != 1 {
				t.Errorf("topic %s: replication %d, settings %+v", topic.Name, topic.Replication, s)
			}
			out = append(out, Topic{topic.Name, topic.Partitions})
		}
		return out
	}
	first := list(func(*kafka.Client) {})
	if want := []Topic{{"audit", 1}, {"shop", 3}, {"shop-orders", 6}}; !slices.Equal(first, want) {
		t.Errorf("the broker begins with %v", first)
	}
	second := list(func(c *kafka.Client) {
		if err := c.CreateTopic(t.Context(), "mine", 2, 1, nil); err != nil {
			t.Error(err)
		}
	})
	if third := list(func(*kafka.Client) {}); !slices.Equal(third, second) || len(third) != 4 {
		t.Errorf("after a restart there are %v, before %v", third, second)
	}
}

// What is beyond the bound of a topic is removed from the disk, also when it was written before a restart.
func TestOldMessagesGo(t *testing.T) {
	t.Parallel()
	dir, port := t.TempDir(), freePort(t)
	b, err := Start(t.Context(), dir, port)
	if err != nil {
		t.Fatal(err)
	}
	c, err := kgo.NewClient(kgo.SeedBrokers(b.Addr), kgo.ProducerBatchMaxBytes(50<<10), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	admin, err := kafka.Open(t.Context(), task.Target{Brokers: []string{b.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.CreateTopic(t.Context(), "mine", 1, 1, map[string]string{"retention.bytes": "200000", "segment.bytes": "100000"}); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		r := &kgo.Record{Topic: "mine", Value: make([]byte, 20<<10)}
		if err := c.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	before := onDisk(t, dir)
	b.Close()
	if b, err = Start(t.Context(), dir, port); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	b.cluster.ApplyRetention()
	if after := onDisk(t, dir); before < 2_000_000 || after > 500_000 {
		t.Errorf("%d bytes on disk, before %d", after, before)
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func onDisk(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
