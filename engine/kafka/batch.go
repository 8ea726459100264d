package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"
	"slices"

	"github.com/segmentio/kafka-go/compress"

	"sluice/engine"
)

// Fields of a record batch of magic 2, as offsets from its first byte.
const (
	atLength     = 8
	atEpoch      = 12 // of the partition's leader
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
	atLastDelta  = 23
	atFirstTime  = 27
	atMaxTime    = 35
	atProducer   = 43
	atProdEpoch  = 51
	atSequence   = 53
	atCount      = 57
	headerSize   = 61
)

// Overhead is what a batch adds to its records; MessageOverhead is the most that a record adds to its key and value, in
// the message format of any Kafka.
// A batch of messages is at most Overhead + sum(MessageOverhead + len(key) + len(value)) bytes before compression,
// which is what a broker compares with max.message.bytes if nothing is compressed.
const (
	Overhead        = headerSize
	MessageOverhead = max(5+1+1+5+5+5+1, messageOverhead) // length, attributes, time, offset, key and value length, headers
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// headRoom is room for what stands before the topics in a produce request, whose length depends on the broker's version.
const headRoom = 64

// encoder builds produce requests in buffers that it keeps.
type encoder struct {
	out []byte // headRoom, and the topics
	raw []byte // records before compression
}

// begin starts a request of about so many bytes.
func (e *encoder) begin(size int) { e.out = slices.Grow(e.out[:0], headRoom+size)[:headRoom] }

func (e *encoder) int32(v int32) { e.out = binary.BigEndian.AppendUint32(e.out, uint32(v)) }

// request puts the head before what was encoded, and the size of both into the head's first four bytes.
func (e *encoder) request(head []byte) []byte {
	whole := e.out[headRoom-len(head):]
	copy(whole, head)
	binary.BigEndian.PutUint32(whole, uint32(len(whole)-4))
	return whole
}

// Write lets a compressor append to out.
func (e *encoder) Write(p []byte) (int, error) {
	e.out = append(e.out, p...)
	return len(p), nil
}

// encode appends the record set of a partition: its size and one batch.
func (e *encoder) encode(b *engine.Batch, codec compress.Compression, millis int64) error {
	n := uint32(len(b.Messages))
	start := len(e.out)
	e.out = append(e.out, make([]byte, 4+headerSize)...)
	h := e.out[start+4:]
	binary.BigEndian.PutUint32(h[atEpoch:], 1<<32-1)
	h[atMagic] = 2
	binary.BigEndian.PutUint16(h[atAttributes:], uint16(codec))
	binary.BigEndian.PutUint32(h[atLastDelta:], n-1)
	binary.BigEndian.PutUint64(h[atFirstTime:], uint64(millis))
	binary.BigEndian.PutUint64(h[atMaxTime:], uint64(millis))
	epoch, sequence := b.Epoch, b.Sequence
	if b.Producer == engine.NoProducer {
		epoch, sequence = -1, -1
	}
	binary.BigEndian.PutUint64(h[atProducer:], uint64(b.Producer))
	binary.BigEndian.PutUint16(h[atProdEpoch:], uint16(epoch))
	binary.BigEndian.PutUint32(h[atSequence:], uint32(sequence))
	binary.BigEndian.PutUint32(h[atCount:], n)

	if codec == compress.None {
		e.out = appendMessages(e.out, b.Messages)
	} else {
		e.raw = appendMessages(e.raw[:0], b.Messages)
		if err := e.compress(codec); err != nil {
			return err
		}
	}
	set := e.out[start:]
	h = set[4:]
	binary.BigEndian.PutUint32(set, uint32(len(h)))
	binary.BigEndian.PutUint32(h[atLength:], uint32(len(h)-atEpoch))
	binary.BigEndian.PutUint32(h[atCRC:], crc32.Checksum(h[atAttributes:], castagnoli))
	return nil
}

func (e *encoder) compress(codec compress.Compression) error {
	// The compressors may add ReadFrom to hold the source; a plain writer is all they need.
	w := codec.Codec().NewWriter(struct{ io.Writer }{e})
	if _, err := w.Write(e.raw); err != nil {
		w.Close()
		return fmt.Errorf("compressing a batch with %s: %w", codec, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("compressing a batch with %s: %w", codec, err)
	}
	return nil
}

// appendMessages appends the messages as records: no headers, all of the batch's own time.
func appendMessages(dst []byte, ms []engine.Message) []byte {
	dst = slices.Grow(dst, room(ms))
	for i := range ms {
		m := &ms[i]
		size := 1 + 1 + varintSize(int64(i)) + bytesSize(m.Key) + bytesSize(m.Value) + 1
		dst = binary.AppendVarint(dst, int64(size))
		dst = append(dst, 0, 0) // attributes, time since the batch's
		dst = binary.AppendVarint(dst, int64(i))
		dst = appendBytes(dst, m.Key)
		dst = appendBytes(dst, m.Value)
		dst = append(dst, 0) // headers
	}
	return dst
}

// room is the most that the messages take, in the message format of any Kafka: a new buffer is not to grow step by step.
func room(ms []engine.Message) (n int) {
	for i := range ms {
		n += MessageOverhead + len(ms[i].Key) + len(ms[i].Value)
	}
	return n
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return binary.AppendVarint(dst, -1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

func varintSize(v int64) int {
	zigzag := uint64(v)<<1 ^ uint64(v>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}
