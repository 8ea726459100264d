package kafka

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"

	"sluice/engine"
)

// part is a batch on its way to one partition: a part of a produce request, or all of it.
type part struct {
	engine.Partition
	batch engine.Batch
	bytes int            // at most, before compression
	limit time.Duration  // of an attempt
	until time.Time      // the attempt may take
	done  chan appended  // nil: it waits for no others
	read  sync.WaitGroup // until what waits is encoded
}

// appended is how a part ended.
type appended struct {
	base int64 // offset of the first message
	err  error // the broker's for this partition, or the request's
}

func byPartition(a, b *part) int {
	return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.ID, b.ID))
}

// appending is a produce request with acks=all. It is written and its answer read by hand: the library would copy the
// record sets once more and find each field of both by reflection, which costs a small request more than all else does.
type appending struct {
	parts   []*part // byPartition, each partition once
	millis  int32   // that the broker may take
	encoder *encoder
	produceVersion
}

// produceVersion is the one that both sides know.
type produceVersion struct{ version int16 }

func (*produceVersion) ApiKey() protocol.ApiKey { return protocol.Produce }

// Required takes note of it.
func (p *produceVersion) Required(versions map[protocol.ApiKey]int16) bool {
	p.version = versions[protocol.Produce]
	return true
}

// exchange sends the request and waits for the response.
func (a *appending) exchange(rw io.ReadWriter) (answers, error) {
	text, err := exchanged(rw, a.encoder.request(a.head()), nil, longestAnswer)
	if err != nil {
		return nil, err
	}
	return a.answer(text)
}

// longestAnswer is beyond what a broker has to say of a request, an error for each message included.
const longestAnswer = 64 << 20

// head is what stands before the topics; its first four bytes are left for the size of all.
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
	return binary.BigEndian.AppendUint32(b, uint32(a.millis))
}

// encode puts the parts, topic by topic, into the encoder: all of the request that stands behind its head.
func (a *appending) encode(old bool, codec compress.Compression, millis int64) error {
	e := a.encoder
	size := 0
	if codec == compress.None {
		for _, w := range a.parts {
			size += w.bytes + len(w.Topic) + framing
		}
	}
	e.begin(size)
	e.int32(0) // topics, counted as they come
	topics, partitions := uint32(0), uint32(0)
	var at int // where the number of the topic's partitions stands
	for i, w := range a.parts {
		if i == 0 || w.Topic != a.parts[i-1].Topic {
			topics, partitions = topics+1, 0
			e.out = appendString(e.out, w.Topic)
			at = len(e.out)
			e.int32(0)
		}
		partitions++
		binary.BigEndian.PutUint32(e.out[at:], partitions)
		e.int32(int32(w.ID))
		set := e.encode
		if old {
			set = e.encodeSet
		}
		if err := set(&w.batch, codec, millis); err != nil {
			return err
		}
	}
	binary.BigEndian.PutUint32(e.out[headRoom:], topics)
	return nil
}

// framing is what a topic with one partition adds to its name and messages, amply.
const framing = headerSize + 32

// answers are how the parts ended, in their order.
type answers []appended

func (answers) ApiKey() protocol.ApiKey { return protocol.Produce }

// answer reads the response. It has to name each partition once and no other, in any order.
func (a *appending) answer(text []byte) (answers, error) {
	r := &cursor{b: text}
	id := r.int32()
	all, seen := make(answers, len(a.parts)), make([]bool, len(a.parts))
	n := 0
	for topics := r.int32(); topics > 0 && r.err == nil; topics-- {
		topic := r.text()
		for partitions := r.int32(); partitions > 0 && r.err == nil; partitions-- {
			p := engine.Partition{Topic: topic, ID: int(r.int32())}
			res := a.partition(r)
			i, ours := slices.BinarySearchFunc(a.parts, &part{Partition: p}, byPartition)
			if r.err == nil && (!ours || seen[i]) {
				r.err = fmt.Errorf("a produce response for partition %d of topic %q, which is not waited for", p.ID, p.Topic)
			}
			if r.err == nil {
				all[i], seen[i] = res, true
				n++
			}
		}
	}
	if r.err == nil && (id != correlation || n != len(a.parts)) {
		r.err = fmt.Errorf("a produce response %d with %d of %d partitions", id, n, len(a.parts))
	}
	if r.err != nil {
		return nil, r.err
	}
	return all, nil
}

// partition reads what is said of one.
func (a *appending) partition(r *cursor) (res appended) {
	code := r.int16()
	res.base = r.int64()
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
	switch {
	case code == 0:
	case message == "":
		res.err = kafka.Error(code)
	default:
		res.err = fmt.Errorf("%w: %s", kafka.Error(code), message)
	}
	return res
}
