package kafka

import (
	"encoding/binary"
	"fmt"
	"io"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// appending is a produce request for one partition with acks=all. It is written and its answer read by hand: the library
// would copy the record set once more and find each field of both by reflection, which costs a small request more than
// all else does.
type appending struct {
	topic     string
	partition int32
	millis    int32 // that the broker may take
	encoder   *encoder

	version int16
}

func (a *appending) ApiKey() protocol.ApiKey { return protocol.Produce }

// Broker gives the partition's leader.
func (a *appending) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	r := rawproduce.Request{Topics: []rawproduce.RequestTopic{{
		Topic: a.topic, Partitions: []rawproduce.RequestPartition{{Partition: a.partition}},
	}}}
	return r.Broker(cluster)
}

// Required takes note of the version that both sides know.
func (a *appending) Required(versions map[protocol.ApiKey]int16) bool {
	a.version = versions[protocol.Produce]
	return true
}

// RawExchange sends the request and waits for the response.
func (a *appending) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	text, err := exchanged(rw, a.encoder.request(a.head()), nil, longestAnswer)
	if err != nil {
		return nil, err
	}
	return a.answer(text)
}

// longestAnswer is beyond what a broker has to say of a batch, an error for each message included.
const longestAnswer = 64 << 20

// head is what stands before the record set; its first four bytes are left for the size of all.
func (a *appending) head() []byte {
	b := make([]byte, 4, headRoom)
	b = binary.BigEndian.AppendUint16(b, uint16(protocol.Produce))
	b = binary.BigEndian.AppendUint16(b, uint16(a.version))
	b = binary.BigEndian.AppendUint32(b, correlation)
	b = appendString(b, clientID)
	if a.version >= 3 {
		b = binary.BigEndian.AppendUint16(b, 1<<16-1) // no transactional id
	}
	b = binary.BigEndian.AppendUint16(b, 1<<16-1) // acks=all
	b = binary.BigEndian.AppendUint32(b, uint32(a.millis))
	b = binary.BigEndian.AppendUint32(b, 1) // topics
	b = appendString(b, a.topic)
	b = binary.BigEndian.AppendUint32(b, 1) // partitions
	return binary.BigEndian.AppendUint32(b, uint32(a.partition))
}

// appended is the answer.
type appended struct {
	base int64 // offset of the first message
	err  error // the broker's
}

func (*appended) ApiKey() protocol.ApiKey { return protocol.Produce }

func (a *appending) answer(text []byte) (*appended, error) {
	r := &cursor{b: text}
	id, topics := r.int32(), r.int32()
	r.skip(int(r.int16())) // the topic's name
	partitions, partition := r.int32(), r.int32()
	code := r.int16()
	res := &appended{base: r.int64()}
	if a.version >= 2 {
		r.skip(8) // time of the append
	}
	if a.version >= 5 {
		r.skip(8) // log start
	}
	message := ""
	if a.version >= 8 {
		for n := r.int32(); n > 0 && r.err == nil; n-- { // errors of single messages
			r.skip(4)
			r.text()
		}
		message = r.text()
	}
	if r.err == nil && (id != correlation || topics != 1 || partitions != 1 || partition != a.partition) {
		r.err = fmt.Errorf("a produce response %d for partition %d, with %d topics and %d partitions", id, partition, topics, partitions)
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case code == 0:
	case message == "":
		res.err = kafka.Error(code)
	default:
		res.err = fmt.Errorf("%w: %s", kafka.Error(code), message)
	}
	return res, nil
}
