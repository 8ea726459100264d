package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
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

// Broker is the partition's leader.
func (a *appending) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	topic, ok := cluster.Topics[a.topic]
	if !ok {
		return protocol.Broker{}, protocol.NewErrNoTopic(a.topic)
	}
	p, ok := topic.Partitions[a.partition]
	if !ok {
		return protocol.Broker{}, protocol.NewErrNoPartition(a.topic, a.partition)
	}
	b, ok := cluster.Brokers[p.Leader]
	if !ok {
		return protocol.Broker{}, protocol.NewErrNoLeader(a.topic, a.partition)
	}
	return b, nil
}

// Required takes note of the version that both sides know.
func (a *appending) Required(versions map[protocol.ApiKey]int16) bool {
	a.version = versions[protocol.Produce]
	return true
}

// appendingID is in the answer too. A connection has one request in flight.
const appendingID = 1

// RawExchange sends the request and waits for the answer.
func (a *appending) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if _, err := rw.Write(a.encoder.request(a.head())); err != nil {
		return nil, err
	}
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, cutOff(err)
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > longestAnswer {
		return nil, fmt.Errorf("the broker answers with %d bytes", size)
	}
	text := make([]byte, size)
	if _, err := io.ReadFull(rw, text); err != nil {
		return nil, cutOff(err)
	}
	return a.answer(text)
}

// longestAnswer is beyond what a broker has to say of a batch, an error for each message included.
const longestAnswer = 64 << 20

// cutOff: the end of a connection is never the end of an answer.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// head is what stands before the record set; its first four bytes are left for the size of all.
func (a *appending) head() []byte {
	b := make([]byte, 4, headRoom)
	b = binary.BigEndian.AppendUint16(b, uint16(protocol.Produce))
	b = binary.BigEndian.AppendUint16(b, uint16(a.version))
	b = binary.BigEndian.AppendUint32(b, appendingID)
	b = appendShort(b, clientID)
	if a.version >= 3 {
		b = binary.BigEndian.AppendUint16(b, 1<<16-1) // no transactional id
	}
	b = binary.BigEndian.AppendUint16(b, 1<<16-1) // acks=all
	b = binary.BigEndian.AppendUint32(b, uint32(a.millis))
	b = binary.BigEndian.AppendUint32(b, 1) // topics
	b = appendShort(b, a.topic)
	b = binary.BigEndian.AppendUint32(b, 1) // partitions
	return binary.BigEndian.AppendUint32(b, uint32(a.partition))
}

func appendShort(b []byte, text string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(text))), text...)
}

// appended is the answer.
type appended struct {
	base int64 // offset of the first message
	err  error // the broker's
}

func (*appended) ApiKey() protocol.ApiKey { return protocol.Produce }

var errAnswer = errors.New("the broker's answer to a produce request can't be read")

func (a *appending) answer(text []byte) (*appended, error) {
	c := answerText{rest: text}
	id, topics := c.number(4), c.number(4)
	c.take(int(c.number(2))) // its name
	partitions, partition := c.number(4), c.number(4)
	res := &appended{}
	code := int16(c.number(2))
	res.base = int64(c.number(8))
	if a.version >= 2 {
		c.take(8) // time of the append
	}
	if a.version >= 5 {
		c.take(8) // offset at which the log begins
	}
	message := ""
	if a.version >= 8 {
		for n := c.number(4); n > 0 && !c.short; n-- { // errors of single messages
			c.take(4)
			c.text()
		}
		message = c.text()
	}
	if c.short || id != appendingID || topics != 1 || partitions != 1 || int32(partition) != a.partition {
		return nil, errAnswer
	}
	switch {
	case code == 0:
	case message == "":
		res.err = kafka.Error(code)
	default:
		res.err = fmt.Errorf("%w: %s", kafka.Error(code), message)
	}
	return res, nil
}

// answerText reads fields of an answer; short tells that one was not there.
type answerText struct {
	rest  []byte
	short bool
}

func (c *answerText) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.rest, c.short = nil, true
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

func (c *answerText) number(bytes int) (n uint64) {
	for _, b := range c.take(bytes) {
		n = n<<8 | uint64(b)
	}
	return n
}

// text reads a string that may be missing.
func (c *answerText) text() string {
	n := int16(c.number(2))
	if n < 0 {
		return ""
	}
	return string(c.take(int(n)))
}
