package kafka_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kversion"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

// The oldest broker that is supported: messages of magic 1, no producer ids, no settings to be read.
func TestKafka010(t *testing.T) {
	t.Parallel()
	k := servers.StartOldKafka(t, servers.Kafka010, servers.KafkaConfig("auto.create.topics.enable=true", "message.max.bytes=1000012"))
	c := open(t, plainTarget(k.Plain))
	if from, to, err := c.Version(t.Context()); from != "0.10" || to != "0.10" || err != nil {
		t.Error(from, to, err)
	}
	if id := producer(t, c); id != engine.NoProducer {
		t.Fatalf("producer %d", id)
	}
	if d := c.Parked(); d != 10*time.Second {
		t.Errorf("a request without a producer is waited for %s: docs/guarantees.md says 10 s", d)
	}
	t.Run("read as written", func(t *testing.T) { readAsWritten(t, k.Plain) })
	t.Run("read what others wrote", func(t *testing.T) { readOthers(t, c, k.Plain) })
	t.Run("shared request", func(t *testing.T) { sharedRequest(t, k.Plain, false) })
	t.Run("topics", func(t *testing.T) {
		if _, err := c.Topic(t.Context(), "absent"); task.Code(err) != "target.topic_absent" {
			t.Error(err)
		}
		if rights, err := c.MayWrite(t.Context(), []string{"absent"}); len(rights) != 0 || err != nil {
			t.Error(rights, err)
		}
		name := newTopic(t, c, 3, map[string]string{"max.message.bytes": "5000"})
		if n, err := c.Partitions(t.Context(), name); n != 3 || err != nil {
			t.Error(n, err)
		}
		list, err := c.Topics(t.Context()) // the broker would have made a topic that it was asked for by name
		if err != nil || len(list) == 0 || list[0].Name == "absent" || list[0].Settings != nil {
			t.Error(list, err)
		}
		if limits, err := c.Limits(t.Context(), []string{name}); len(limits) != 0 || err != nil {
			t.Error(limits, err)
		}
		p := engine.Partition{Topic: name}
		fails(t, c, p, batch(engine.NoProducer, 1, 0, strings.Repeat("x", 5000)), engine.ProduceRefused, "target.message_too_large")
		produce(t, c, p, batch(engine.NoProducer, 1, 0, strings.Repeat("x", 2000), strings.Repeat("y", 2000)))
	})
	t.Run("sign-in", func(t *testing.T) {
		signed := open(t, task.Target{Brokers: []string{k.SASL}, User: k.User, Password: task.Secret(k.Password), Mechanism: "PLAIN"})
		if _, err := signed.Topics(t.Context()); err != nil {
			t.Error(err)
		}
		_, err := kafka.Open(t.Context(), task.Target{Brokers: []string{k.SASL}, User: k.User, Password: task.Secret(k.Password)})
		if e, ok := err.(*task.Error); !ok || e.Code != "target.mechanism_unsupported" || !strings.Contains(e.Hint, "0.10.2") {
			t.Error(err)
		}
	})
}

// oldCodecs are the compressions that 0.10 knows.
var oldCodecs = []string{"none", "gzip", "snappy", "lz4"}

func readAsWritten(t *testing.T, addr string) {
	for _, name := range oldCodecs {
		target := plainTarget(addr)
		target.Compression = name
		c := open(t, target)
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		b := &engine.Batch{Producer: engine.NoProducer, Epoch: 3, Sequence: 7}
		for i := range 3000 {
			m := engine.Message{Key: fmt.Appendf(nil, "key-%d", i), Value: []byte(strings.Repeat("v", i%300))}
			if i%10 == 0 {
				m.Key = nil
			}
			b.Messages = append(b.Messages, m)
		}
		before := time.Now()
		for want := range int64(2) { // the same again is appended again: nothing tells it from a new one
			if off := produce(t, c, p, b); off != 3000*want {
				t.Fatalf("%s: written at %d", name, off)
			}
		}
		values, offsets := scan(t, c, p, 2999, 3001)
		same(t, values, string(b.Messages[2999].Value), string(b.Messages[0].Value))
		if offsets[0] != 2999 || offsets[1] != 3000 {
			t.Fatal(name, offsets)
		}
		for i, r := range consume(t, addr, p, end(t, c, p)) {
			m := b.Messages[i%3000]
			if r.Offset != int64(i) || string(r.Key) != string(m.Key) || (r.Key == nil) != (m.Key == nil) || string(r.Value) != string(m.Value) {
				t.Fatalf("%s: record %d at %d is %q=%q", name, i, r.Offset, r.Key, r.Value)
			}
			if age := r.Timestamp.Sub(before); age < -time.Second || age > time.Minute {
				t.Fatalf("%s: record %d has the time %v", name, i, r.Timestamp)
			}
		}
	}
}

func readOthers(t *testing.T, c *kafka.Client, addr string) {
	p := engine.Partition{Topic: newTopic(t, c, 2, nil), ID: 1}
	n := 0
	for _, name := range oldCodecs {
		w := franz(t, addr, kgo.ProducerBatchCompression(codecs[name]), kgo.DisableIdempotentWrite(), kgo.MaxVersions(kversion.V0_10_1()))
		for _, size := range []int{1, 200} {
			var rs []*kgo.Record
			for range size {
				r := &kgo.Record{Topic: p.Topic, Partition: 1, Key: fmt.Appendf(nil, "key-%d", n), Value: []byte(strings.Repeat(name, n%50))}
				if n%7 == 1 {
					r.Key = nil
				}
				n++
				rs = append(rs, r)
			}
			write(t, w, rs...)
		}
	}
	last := end(t, c, p)
	if last != int64(n) {
		t.Fatalf("end %d, want %d", last, n)
	}
	want := consume(t, addr, p, last)
	for _, span := range [][2]int64{{0, last}, {3, last - 3}, {150, 151}, {last - 1, last}, {7, 7}} {
		var got []string
		err := c.Read(t.Context(), p, span[0], span[1], func(r *kafka.Record) error { got = append(got, ours(r)); return nil })
		if err != nil || len(got) != int(span[1]-span[0]) {
			t.Fatalf("%v: %d records, %v", span, len(got), err)
		}
		for i, g := range got {
			if w := text(want[span[0]+int64(i)]); g != w {
				t.Fatalf("%v: got  %s\nwant %s", span, g, w)
			}
		}
	}
}
