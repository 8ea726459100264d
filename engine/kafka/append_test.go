package kafka

import (
	"bytes"
	"errors"
	"io"
	"testing"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"

	"sluice/engine"
)

// exchange is a connection of which the answer is there before the request.
type exchange struct {
	io.Reader
	io.Writer
}

// parts are batches of different sizes for the partitions, which are to be byPartition.
func partsOf(ps ...engine.Partition) []*part {
	var parts []*part
	for i, p := range ps {
		b := engine.Batch{Producer: 7, Epoch: 2, Sequence: 11}
		for range i + 1 {
			b.Messages = append(b.Messages, engine.Message{Key: []byte("k"), Value: []byte("value")})
		}
		parts = append(parts, &part{Partition: p, batch: b, bytes: room(b.Messages)})
	}
	return parts
}

// theirs is the library's request of the same parts.
func theirs(t *testing.T, version int16, old bool, parts []*part) []byte {
	t.Helper()
	r := &rawproduce.Request{Acks: -1, Timeout: 15_000}
	for i, w := range parts {
		if i == 0 || w.Topic != parts[i-1].Topic {
			r.Topics = append(r.Topics, rawproduce.RequestTopic{Topic: w.Topic})
		}
		set := setOf
		if old {
			set = oldSetOf
		}
		b, err := set(new(encoder), &w.batch, compress.None, 5)
		if err != nil {
			t.Fatal(err)
		}
		topic := &r.Topics[len(r.Topics)-1]
		topic.Partitions = append(topic.Partitions, rawproduce.RequestPartition{Partition: int32(w.ID), RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(b)}})
	}
	var out bytes.Buffer
	if err := protocol.WriteRequest(&out, version, correlation, clientID, r); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func said(t *testing.T, version int16, topics ...produce.ResponseTopic) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := protocol.WriteResponse(&out, version, correlation, &produce.Response{Topics: topics}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestAppendingAgreesWithTheLibrary in every version, for one partition and for several of several topics, by the bytes
// of the request and what is read from the answer.
func TestAppendingAgreesWithTheLibrary(t *testing.T) {
	kinds := []produce.ResponsePartition{
		{BaseOffset: 1 << 40},
		{BaseOffset: -1, ErrorCode: int16(kafka.DuplicateSequenceNumber)},
		{BaseOffset: -1, ErrorCode: int16(kafka.InvalidRecord), ErrorMessage: "one is bad",
			RecordErrors: []produce.ResponseError{{BatchIndex: 0, BatchIndexErrorMessage: "bad"}, {BatchIndex: 1}}},
	}
	for version := int16(0); version <= 8; version++ {
		for shift, ps := range [][]engine.Partition{
			{{Topic: "shop.orders", ID: 3}},
			{{Topic: "shop.orders", ID: 3}},
			{{Topic: "shop.orders", ID: 3}},
			{{Topic: "shop.a", ID: 0}, {Topic: "shop.a", ID: 7}, {Topic: "shop.a", ID: 300}, {Topic: "shop.orders", ID: 3}, {Topic: "z", ID: 0}, {Topic: "z", ID: 1}},
		} {
			parts, old := partsOf(ps...), version < 3
			a := &appending{parts: parts, millis: 15_000, encoder: new(encoder)}
			a.Required(map[protocol.ApiKey]int16{protocol.Produce: version})
			if err := a.encode(old, compress.None, 5); err != nil {
				t.Fatal(err)
			}
			var topics []produce.ResponseTopic // the last one first
			for i := len(ps) - 1; i >= 0; i-- {
				if n := len(topics); n == 0 || topics[n-1].Topic != ps[i].Topic {
					topics = append(topics, produce.ResponseTopic{Topic: ps[i].Topic})
				}
				answer := kinds[(shift+i)%3]
				answer.Partition = int32(ps[i].ID)
				topic := &topics[len(topics)-1]
				topic.Partitions = append(topic.Partitions, answer)
			}
			text := said(t, version, topics...)
			var sent bytes.Buffer
			all, err := a.exchange(exchange{bytes.NewReader(text), &sent})
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if want := theirs(t, version, old, parts); !bytes.Equal(sent.Bytes(), want) {
				t.Errorf("version %d: sent\n%x, the library\n%x", version, sent.Bytes(), want)
			}
			for i, got := range all {
				answer := kinds[(shift+i)%3]
				if got.base != answer.BaseOffset || (got.err == nil) != (answer.ErrorCode == 0) || got.err != nil && !errors.Is(got.err, kafka.Error(answer.ErrorCode)) {
					t.Errorf("version %d: read %+v of %+v", version, got, answer)
				}
			}
			for n := range len(text) { // cut off anywhere it is no answer
				if _, err := a.exchange(exchange{bytes.NewReader(text[:n]), io.Discard}); err == nil {
					t.Fatalf("version %d: %d of %d bytes are taken for an answer", version, n, len(text))
				}
			}
			for n := range len(text) - 4 {
				_, _ = a.answer(text[4 : 4+n]) // whatever it is, it does not go beyond the end
			}
		}
	}
}

// TestAnswerNamesEachPartitionOnce: one that leaves out a partition, names it twice or another one is not to be trusted.
func TestAnswerNamesEachPartitionOnce(t *testing.T) {
	topic := func(name string, ids ...int32) produce.ResponseTopic {
		out := produce.ResponseTopic{Topic: name}
		for _, id := range ids {
			out.Partitions = append(out.Partitions, produce.ResponsePartition{Partition: id})
		}
		return out
	}
	a := &appending{parts: partsOf(engine.Partition{Topic: "a"}, engine.Partition{Topic: "a", ID: 1}, engine.Partition{Topic: "b"}), produceVersion: produceVersion{8}}
	for _, c := range []struct {
		topics []produce.ResponseTopic
		good   bool
	}{
		{[]produce.ResponseTopic{topic("a", 0, 1), topic("b", 0)}, true},
		{[]produce.ResponseTopic{topic("a", 1), topic("b", 0), topic("a", 0)}, true},
		{[]produce.ResponseTopic{topic("a", 0, 1)}, false},
		{[]produce.ResponseTopic{topic("a", 0, 1), topic("b")}, false},
		{[]produce.ResponseTopic{topic("a", 0, 0), topic("b", 0)}, false},
		{[]produce.ResponseTopic{topic("a", 0, 1), topic("b", 0, 0)}, false},
		{[]produce.ResponseTopic{topic("a", 0, 1), topic("b", 1)}, false},
		{[]produce.ResponseTopic{topic("a", 0, 1), topic("c", 0)}, false},
		{nil, false},
	} {
		if _, err := a.answer(said(t, 8, c.topics...)[4:]); (err == nil) != c.good {
			t.Errorf("%+v: %v", c.topics, err)
		}
	}
}
