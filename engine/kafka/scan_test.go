package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

var codecs = map[string]kgo.CompressionCodec{
	"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(), "lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
}

// write sends records with the other client, one batch for each call.
func write(t testing.TB, c *kgo.Client, rs ...*kgo.Record) {
	t.Helper()
	if err := c.ProduceSync(t.Context(), rs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func text(r *kgo.Record) string {
	return fmt.Sprintf("%d %d %q %v %q %v %v", r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Key == nil, r.Value, r.Value == nil, r.Headers)
}

func ours(r *kafka.Record) string {
	k := &kgo.Record{Offset: r.Offset, Timestamp: time.UnixMilli(r.Time), Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		k.Headers = append(k.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	return text(k)
}

// What another client wrote is read as another client reads it, whatever the compression, from any offset to any.
func TestScanReadsWhatOthersWrote(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 2, nil), ID: 1}
		n := 0
		for name, codec := range codecs {
			w := franz(t, addr, kgo.ProducerBatchCompression(codec))
			for _, size := range []int{1, 200} {
				var rs []*kgo.Record
				for range size {
					r := &kgo.Record{Topic: p.Topic, Partition: 1, Key: fmt.Appendf(nil, "key-%d", n), Value: []byte(strings.Repeat(name, n%50))}
					switch n % 7 {
					case 1:
						r.Key = nil
					case 2:
						r.Value = nil
					case 3:
						r.Headers = []kgo.RecordHeader{{Key: "h", Value: []byte(name)}, {Key: "empty"}}
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
			if err != nil {
				t.Fatal(err)
			}
			if len(got) != int(span[1]-span[0]) {
				t.Fatalf("%v: %d records", span, len(got))
			}
			for i, g := range got {
				if w := text(want[span[0]+int64(i)]); g != w {
					t.Fatalf("%v: got  %s\nwant %s", span, g, w)
				}
			}
		}
	})
}

// What we write in each compression is what another client reads.
func TestOthersReadWhatWeProduce(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		for name := range codecs {
			target := plainTarget(addr)
			target.Compression = name
			c := open(t, target)
			p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
			b := &engine.Batch{Producer: producer(t, c)}
			for i := range 3000 {
				m := engine.Message{Key: fmt.Appendf(nil, "key-%d", i), Value: []byte(strings.Repeat("v", i%300))}
				if i%10 == 0 {
					m.Key = nil
				}
				b.Messages = append(b.Messages, m)
			}
			before := time.Now()
			produce(t, c, p, b)
			got := consume(t, addr, p, int64(len(b.Messages)))
			for i, r := range got {
				m := b.Messages[i]
				if string(r.Key) != string(m.Key) || (r.Key == nil) != (m.Key == nil) || string(r.Value) != string(m.Value) || r.ProducerID != b.Producer {
					t.Fatalf("%s: record %d is %q=%q of producer %d", name, i, r.Key, r.Value, r.ProducerID)
				}
				if age := r.Timestamp.Sub(before); age < -time.Second || age > time.Minute {
					t.Fatalf("%s: record %d has the time %v", name, i, r.Timestamp)
				}
			}
		}
	})
}

// A batch larger than a fetch asks for comes whole.
func TestScanOfABatchLargerThanAFetch(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, map[string]string{"max.message.bytes": "10000000"})}
		big := strings.Repeat("x", 4_500_000) // and once more in the key
		id := producer(t, c)
		produce(t, c, p, batch(id, 0, 0, "before"))
		produce(t, c, p, batch(id, 0, 1, big))
		produce(t, c, p, batch(id, 0, 2, "after"))
		values, _ := scan(t, c, p, 0, 3)
		same(t, values, "before", big, "after")
	})
}

// Transactions of others leave control records, which are no messages, and gaps in the offsets.
func TestScanPassesControlRecords(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		w := franz(t, addr, kgo.TransactionalID(p.Topic))
		for i, commit := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit} {
			if err := w.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			write(t, w, &kgo.Record{Topic: p.Topic, Value: fmt.Appendf(nil, "tx%d", i)})
			if err := w.EndTransaction(t.Context(), commit); err != nil {
				t.Fatal(err)
			}
		}
		// The markers may still be on their way: our own message comes after them or between.
		produce(t, c, p, batch(producer(t, c), 0, 0, "ours"))
		last := end(t, c, p)
		var got []string
		values, offsets := scan(t, c, p, 0, last)
		for _, v := range values {
			if v != "ours" {
				got = append(got, v)
			}
		}
		same(t, got, "tx0", "tx1", "tx2")
		if len(values) != 4 || int64(len(offsets)) == last {
			t.Fatalf("values %v at %v of %d", values, offsets, last)
		}
		if values, _ := scan(t, c, p, 1, 2); len(values) != 0 {
			t.Fatalf("a control record was handed out: %v", values)
		}
	})
}

// Compaction takes records out of batches and leaves what covers their offsets.
func TestScanPassesWhatCompactionRemoved(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	addr := cluster.ListenAddrs()[0]
	c := open(t, plainTarget(addr))
	p := engine.Partition{Topic: newTopic(t, c, 1, map[string]string{"cleanup.policy": "compact", "segment.bytes": "200", "min.cleanable.dirty.ratio": "0.01"})}
	id := producer(t, c)
	for i := range int32(30) {
		b := &engine.Batch{Producer: id, Sequence: 2 * i}
		for j := range int32(2) {
			b.Messages = append(b.Messages, engine.Message{Key: fmt.Appendf(nil, "k%d", (2*i+j)%5), Value: fmt.Appendf(nil, "v%d", 2*i+j)})
		}
		produce(t, c, p, b)
	}
	cluster.Compact()
	first, _, err := c.Ends(t.Context(), []engine.Partition{p})
	if err != nil {
		t.Fatal(err)
	}
	values, offsets := scan(t, c, p, first[0], 60)
	if len(values) >= 60 || len(values) < 5 {
		t.Fatalf("%d records after compaction", len(values))
	}
	for i := range values {
		if values[i] != fmt.Sprintf("v%d", offsets[i]) {
			t.Fatalf("offset %d holds %s", offsets[i], values[i])
		}
	}
}

// Retention may have taken the beginning: what is read for a person begins later, a scan must tell.
func TestScanTellsWhatWasDeleted(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		produce(t, c, p, batch(producer(t, c), 0, 0, "a", "b", "c", "d"))
		deleteBefore(t, addr, p, 2)
		first, ends, err := c.Ends(t.Context(), []engine.Partition{p})
		if err != nil || first[0] != 2 || ends[0] != 4 {
			t.Fatal(first, ends, err)
		}
		var values []string
		if err := c.Read(t.Context(), p, 0, 4, func(r *kafka.Record) error { values = append(values, string(r.Value)); return nil }); err != nil {
			t.Fatal(err)
		}
		same(t, values, "c", "d")
		err = c.Scan(t.Context(), p, 1, 4, func(offset int64, _ engine.Message) error { return fmt.Errorf("offset %d", offset) })
		if task.Code(err) != "target.offset_gone" || !task.Retryable(err) {
			t.Fatal(err)
		}
		values, _ = scan(t, c, p, 2, 4)
		same(t, values, "c", "d")
	})
}

// What is deleted while a scan is under way is told as well.
func TestScanTellsWhatIsDeletedMeanwhile(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, map[string]string{"max.message.bytes": "10000000"})}
		id := producer(t, c)
		produce(t, c, p, batch(id, 0, 0, strings.Repeat("x", 4_500_000))) // a fetch has room for no more
		produce(t, c, p, batch(id, 0, 1, "b", "c"))
		var seen []int64
		err := c.Scan(t.Context(), p, 0, 3, func(offset int64, _ engine.Message) error {
			if seen = append(seen, offset); offset == 0 {
				deleteBefore(t, addr, p, 2)
			}
			return nil
		})
		if task.Code(err) != "target.offset_gone" || !slices.Equal(seen, []int64{0}) {
			t.Fatal(err, seen)
		}
	})
}

// deleteBefore deletes what lies before an offset, as retention does.
func deleteBefore(t *testing.T, addr string, p engine.Partition, offset int64) {
	t.Helper()
	req := kmsg.NewPtrDeleteRecordsRequest()
	req.TimeoutMillis = 10000
	req.Topics = []kmsg.DeleteRecordsRequestTopic{{Topic: p.Topic, Partitions: []kmsg.DeleteRecordsRequestTopicPartition{{Partition: int32(p.ID), Offset: offset}}}}
	res, err := req.RequestWith(t.Context(), franz(t, addr))
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatal(err, res)
	}
}

func TestScanOfALogThatLostItsTail(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr), kafka.WithTimeout(2*time.Second))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		produce(t, c, p, batch(producer(t, c), 0, 0, "a"))
		for _, from := range []int64{0, 1, 5} {
			err := c.Scan(t.Context(), p, from, 7, func(int64, engine.Message) error { return nil })
			if task.Code(err) != "target.log_short" {
				t.Fatalf("from %d: %v", from, err)
			}
		}
	})
}

func TestScanHandsBackTheErrorOfTheCaller(t *testing.T) {
	t.Parallel()
	c := open(t, plainTarget(fake(t).ListenAddrs()[0]))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	produce(t, c, p, batch(producer(t, c), 0, 0, "a", "b"))
	enough := errors.New("enough")
	calls := 0
	err := c.Scan(t.Context(), p, 0, 2, func(int64, engine.Message) error { calls++; return enough })
	if err != enough || calls != 1 {
		t.Fatal(err, calls)
	}
}

func TestFollowWaitsForMore(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		id := producer(t, c)
		produce(t, c, p, batch(id, 0, 0, "a", "b"))
		ctx, cancel := context.WithCancel(t.Context())
		seen := make(chan string, 10)
		done := make(chan error)
		go func() {
			done <- c.Follow(ctx, p, 1, func(r *kafka.Record) error { seen <- string(r.Value); return nil })
		}()
		if v := <-seen; v != "b" {
			t.Fatal(v)
		}
		produce(t, c, p, batch(id, 0, 2, "c"))
		if v := <-seen; v != "c" {
			t.Fatal(v)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	})
}

// Ends asks for partitions of several topics at once, in the order asked.
func TestEndsInTheOrderAsked(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		a, b := newTopic(t, c, 3, nil), newTopic(t, c, 1, nil)
		id := producer(t, c)
		produce(t, c, engine.Partition{Topic: a, ID: 2}, batch(id, 0, 0, "x", "y"))
		produce(t, c, engine.Partition{Topic: b}, batch(id, 0, 0, "z"))
		first, ends, err := c.Ends(t.Context(), []engine.Partition{{Topic: a, ID: 2}, {Topic: b}, {Topic: a}, {Topic: a, ID: 1}, {Topic: b}})
		if err != nil || fmt.Sprint(first, ends) != "[0 0 0 0 0] [2 1 0 0 1]" {
			t.Fatal(first, ends, err)
		}
	})
}
