package kafka

import (
	"encoding/binary"
	"hash/crc32"
	"slices"

	"github.com/segmentio/kafka-go/compress"

	"sluice/engine"
)

// messageOverhead is what a message of magic 1 adds to its key and value: offset, size, checksum, magic, attributes,
// time, length of key and of value.
const messageOverhead = 8 + 4 + 4 + 1 + 1 + 8 + 4 + 4

// encodeSet appends the record set of a partition for a broker before 0.11: its size and messages of magic 1. With a
// compression they stand inside one message, their offsets counted from its first.
func (e *encoder) encodeSet(b *engine.Batch, codec compress.Compression, millis int64) error {
	begin := len(e.out)
	e.int32(0)
	if codec == compress.None {
		e.out = appendSet(e.out, b.Messages, millis)
	} else {
		e.raw = appendSet(e.raw[:0], b.Messages, millis)
		start := len(e.out)
		e.out = appendHead(e.out, int64(len(b.Messages)-1), byte(codec), millis, nil)
		size := len(e.out)
		e.out = append(e.out, 0, 0, 0, 0)
		if err := e.compress(codec); err != nil {
			return err
		}
		binary.BigEndian.PutUint32(e.out[size:], uint32(len(e.out)-size-4))
		seal(e.out[start:])
	}
	set := e.out[begin:]
	binary.BigEndian.PutUint32(set, uint32(len(set)-4))
	return nil
}

func appendSet(dst []byte, ms []engine.Message, millis int64) []byte {
	dst = slices.Grow(dst, room(ms))
	for i := range ms {
		start := len(dst)
		dst = appendHead(dst, int64(i), 0, millis, ms[i].Key)
		dst = appendField(dst, ms[i].Value)
		seal(dst[start:])
	}
	return dst
}

// appendHead appends a message up to its value; seal fills in size and checksum.
func appendHead(dst []byte, offset int64, attributes byte, millis int64, key []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(offset))
	dst = append(dst, 0, 0, 0, 0, 0, 0, 0, 0, 1, attributes)
	dst = binary.BigEndian.AppendUint64(dst, uint64(millis))
	return appendField(dst, key)
}

func appendField(dst, b []byte) []byte {
	if b == nil {
		return binary.BigEndian.AppendUint32(dst, 1<<32-1)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

func seal(m []byte) {
	binary.BigEndian.PutUint32(m[atLength:], uint32(len(m)-lengthAndBase))
	binary.BigEndian.PutUint32(m[12:], crc32.ChecksumIEEE(m[16:]))
}
