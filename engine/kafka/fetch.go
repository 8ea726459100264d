package kafka

import (
	"encoding/binary"
	"fmt"
	"io"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	fetchapi "github.com/segmentio/kafka-go/protocol/fetch"
)

// The versions of Fetch that are spoken: 3 came with 0.10.1 and is the first that gives a message of any size, 4 with
// 0.11, and zstd batches are given to 10 and later only.
const (
	fetchOldest = 3
	fetchOld    = 4
	fetchNew    = 10
)

// maxResponse guards against reading a size that is none.
const maxResponse = 1 << 30

// fetch asks a leader for the bytes of one partition. The library's own Fetch decodes into records: it hides a batch
// that is damaged, and the offsets that a batch of which compaction removed the end still covers.
type fetch struct {
	topic     string
	partition int
	offset    int64
	maxWait   int32 // milliseconds
	maxBytes  int32 // the first batch comes whole whatever its size

	version int16
	buf     []byte // the response; records points into it

	records []byte
	high    int64 // high watermark: the end that consumers see
}

func (f *fetch) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Broker gives the partition's leader.
func (f *fetch) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	r := fetchapi.Request{Topics: []fetchapi.RequestTopic{{
		Topic: f.topic, Partitions: []fetchapi.RequestPartition{{Partition: int32(f.partition)}},
	}}}
	return r.Broker(cluster)
}

func (f *fetch) Required(versions map[protocol.ApiKey]int16) bool {
	switch newest := versions[protocol.Fetch]; {
	case newest >= fetchNew:
		f.version = fetchNew
	case newest >= fetchOld:
		f.version = fetchOld
	default:
		f.version = fetchOldest
	}
	return true
}

// RawExchange gives f itself with records and high set.
func (f *fetch) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	var err error
	if f.buf, err = exchanged(rw, f.request(), f.buf, maxResponse); err != nil {
		return nil, err
	}
	return f, f.parse()
}

func (f *fetch) request() []byte {
	be := binary.BigEndian
	b := make([]byte, 4, 128)
	b = be.AppendUint16(b, uint16(protocol.Fetch))
	b = be.AppendUint16(b, uint16(f.version))
	b = be.AppendUint32(b, correlation)
	b = appendString(b, clientID)
	b = be.AppendUint32(b, 1<<32-1) // not a replica
	b = be.AppendUint32(b, uint32(f.maxWait))
	b = be.AppendUint32(b, 1) // least bytes to wait for
	b = be.AppendUint32(b, uint32(f.maxBytes))
	if f.version >= 4 {
		b = append(b, 0) // read uncommitted
	}
	if f.version >= 7 {
		b = be.AppendUint32(b, 0)       // no session
		b = be.AppendUint32(b, 1<<32-1) // nor a new one
	}
	b = be.AppendUint32(b, 1)
	b = appendString(b, f.topic)
	b = be.AppendUint32(b, 1)
	b = be.AppendUint32(b, uint32(f.partition))
	if f.version >= 9 {
		b = be.AppendUint32(b, 1<<32-1) // leader epoch unknown
	}
	b = be.AppendUint64(b, uint64(f.offset))
	if f.version >= 5 {
		b = be.AppendUint64(b, 1<<64-1) // log start: for replicas
	}
	b = be.AppendUint32(b, uint32(f.maxBytes))
	if f.version >= 7 {
		b = be.AppendUint32(b, 0) // forgotten topics
	}
	be.PutUint32(b, uint32(len(b)-4))
	return b
}

// parse reads a response for exactly one partition.
func (f *fetch) parse() error {
	r := &cursor{b: f.buf}
	r.skip(4 + 4) // correlation, throttle time
	if f.version >= 7 {
		if code := r.int16(); code != 0 && r.err == nil {
			return kafka.Error(code)
		}
		r.skip(4) // session
	}
	if topics := r.int32(); topics != 1 {
		return fmt.Errorf("a fetch response with %d topics", topics)
	}
	r.skip(int(r.int16()))
	if partitions := r.int32(); partitions != 1 {
		return fmt.Errorf("a fetch response with %d partitions", partitions)
	}
	r.skip(4)
	code := r.int16()
	f.high = r.int64()
	if f.version >= 4 {
		r.skip(8) // last stable offset
		if f.version >= 5 {
			r.skip(8) // log start
		}
		if aborted := r.int32(); aborted > 0 {
			r.skip(int(aborted) * 16)
		}
	}
	f.records = nil
	if n := r.int32(); n > 0 {
		f.records = r.bytes(int(n))
	}
	if code != 0 && r.err == nil {
		return kafka.Error(code)
	}
	return r.err
}
