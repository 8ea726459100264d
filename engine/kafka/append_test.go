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

// TestAppendingAgreesWithTheLibrary in every version, by the bytes of the request and what is read from the answer.
func TestAppendingAgreesWithTheLibrary(t *testing.T) {
	batch := &engine.Batch{Producer: 7, Epoch: 2, Sequence: 11, Messages: []engine.Message{{Key: []byte("k"), Value: []byte("value")}}}
	for version := int16(0); version <= 8; version++ {
		for _, answer := range []produce.ResponsePartition{
			{Partition: 3, BaseOffset: 1 << 40},
			{Partition: 3, BaseOffset: -1, ErrorCode: int16(kafka.DuplicateSequenceNumber)},
			{Partition: 3, BaseOffset: -1, ErrorCode: int16(kafka.InvalidRecord), ErrorMessage: "one is bad",
				RecordErrors: []produce.ResponseError{{BatchIndex: 0, BatchIndexErrorMessage: "bad"}, {BatchIndex: 1}}},
		} {
			e := new(encoder)
			set, err := e.encode(batch, compress.None, 5)
			if err != nil {
				t.Fatal(err)
			}
			set = bytes.Clone(set)
			a := &appending{topic: "shop.orders", partition: 3, millis: 15_000, encoder: e}
			a.Required(map[protocol.ApiKey]int16{protocol.Produce: version})

			var theirs, sent bytes.Buffer
			if err := protocol.WriteRequest(&theirs, version, correlation, clientID, &rawproduce.Request{Acks: -1, Timeout: 15_000,
				Topics: []rawproduce.RequestTopic{{Topic: "shop.orders", Partitions: []rawproduce.RequestPartition{{Partition: 3, RecordSet: protocol.RawRecordSet{Reader: bytes.NewReader(set)}}}}}}); err != nil {
				t.Fatal(err)
			}
			var said bytes.Buffer
			if err := protocol.WriteResponse(&said, version, correlation, &produce.Response{Topics: []produce.ResponseTopic{{Topic: "shop.orders", Partitions: []produce.ResponsePartition{answer}}}}); err != nil {
				t.Fatal(err)
			}
			text := bytes.Clone(said.Bytes())
			m, err := a.RawExchange(exchange{&said, &sent})
			if err != nil {
				t.Fatalf("version %d: %v", version, err)
			}
			if !bytes.Equal(sent.Bytes(), theirs.Bytes()) {
				t.Errorf("version %d: sent\n%x, the library\n%x", version, sent.Bytes(), theirs.Bytes())
			}
			got := m.(*appended)
			if got.base != answer.BaseOffset || (got.err == nil) != (answer.ErrorCode == 0) || got.err != nil && !errors.Is(got.err, kafka.Error(answer.ErrorCode)) {
				t.Errorf("version %d: read %+v of %+v", version, got, answer)
			}
			for n := range len(text) { // cut off anywhere it is no answer
				if _, err := a.RawExchange(exchange{bytes.NewReader(text[:n]), io.Discard}); err == nil {
					t.Fatalf("version %d: %d of %d bytes are taken for an answer", version, n, len(text))
				}
			}
			for n := range len(text) - 4 {
				_, _ = a.answer(text[4 : 4+n]) // whatever it is, it does not go beyond the end
			}
		}
	}
}
