package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/segmentio/kafka-go/compress"
)

// Bits of a batch's attributes.
const (
	attrCodec     = 7
	attrAppended  = 1 << 3 // the broker's time counts, not the producer's
	attrControl   = 1 << 5
	lengthAndBase = 12 // bytes before the part that the length counts
)

// Record is one message of a partition. Its bytes are valid only during the call that hands it out.
type Record struct {
	Offset  int64
	Time    int64 // milliseconds since 1970 UTC; -1 if unknown
	Key     []byte
	Value   []byte
	Headers []Header
}

// Header is one header of a message.
type Header struct {
	Key   string
	Value []byte
}

// decoder reads the batches of a fetch response; it keeps its buffers.
type decoder struct {
	plain  []byte // decompressed records
	record Record
}

// decode calls each for the records with from <= offset < to and gives the offset to go on from: also when the last
// records of a batch were compacted away, or all of them. A batch that the response cuts off is left for the next one.
func (d *decoder) decode(data []byte, from, to int64, each func(*Record) error) (int64, error) {
	next := from
	for len(data) > lengthAndBase && next < to {
		base := int64(binary.BigEndian.Uint64(data))
		length := int(int32(binary.BigEndian.Uint32(data[atLength:])))
		if length < 0 {
			return next, fmt.Errorf("batch at offset %d: length %d", base, length)
		}
		if length > len(data)-lengthAndBase {
			break
		}
		batch := data[:lengthAndBase+length]
		data = data[lengthAndBase+length:]
		if len(batch) <= atMagic {
			return next, fmt.Errorf("batch at offset %d: %w", base, errShort)
		}
		var end int64
		var err error
		if batch[atMagic] < 2 {
			end, err = d.messages(batch, base, next, to, each)
		} else {
			end, err = d.batch(batch, base, next, to, each)
		}
		if err != nil {
			return next, err
		}
		next = max(next, end)
	}
	return next, nil
}

// batch reads one batch of magic 2 and gives the offset after it.
func (d *decoder) batch(b []byte, base, from, to int64, each func(*Record) error) (int64, error) {
	if len(b) < headerSize || b[atMagic] != 2 {
		return 0, fmt.Errorf("batch at offset %d: no batch of a known format", base)
	}
	end := base + int64(int32(binary.BigEndian.Uint32(b[atLastDelta:]))) + 1
	attributes := binary.BigEndian.Uint16(b[atAttributes:])
	if sum := crc32.Checksum(b[atAttributes:], castagnoli); sum != binary.BigEndian.Uint32(b[atCRC:]) {
		return 0, fmt.Errorf("batch at offset %d: wrong checksum", base)
	}
	if end <= from || attributes&attrControl != 0 {
		return end, nil
	}
	records, err := d.decompress(compress.Compression(attributes&attrCodec), b[headerSize:])
	if err != nil {
		return 0, fmt.Errorf("batch at offset %d: %w", base, err)
	}
	first := int64(binary.BigEndian.Uint64(b[atFirstTime:]))
	appended := int64(-1)
	if attributes&attrAppended != 0 {
		appended = int64(binary.BigEndian.Uint64(b[atMaxTime:]))
	}
	c := &cursor{b: records}
	for range int32(binary.BigEndian.Uint32(b[atCount:])) {
		r := &d.record
		in := &cursor{b: c.varbytes()}
		in.skip(1)
		r.Time = first + in.varint()
		r.Offset = base + in.varint()
		if appended >= 0 {
			r.Time = appended
		}
		r.Key, r.Value = in.varbytes(), in.varbytes()
		if r.Headers = r.Headers[:0]; in.err == nil {
			r.Headers = appendHeaders(r.Headers, in)
		}
		if c.err != nil || in.err != nil {
			return 0, fmt.Errorf("batch at offset %d: a record: %w", base, errShort)
		}
		if r.Offset < from || r.Offset >= to {
			continue
		}
		if err := each(r); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func appendHeaders(dst []Header, in *cursor) []Header {
	for n := in.varint(); n > 0 && in.err == nil; n-- {
		key := string(in.varbytes())
		dst = append(dst, Header{Key: key, Value: in.varbytes()})
	}
	return dst
}

// decompress gives the records; they are valid until the next call.
func (d *decoder) decompress(codec compress.Compression, b []byte) ([]byte, error) {
	if codec == compress.None {
		return b, nil
	}
	if codec.Codec() == nil {
		return nil, fmt.Errorf("unknown compression %d", int(codec))
	}
	r := codec.Codec().NewReader(bytes.NewReader(b))
	defer r.Close()
	out := bytes.NewBuffer(d.plain[:0])
	if _, err := io.Copy(out, r); err != nil {
		return nil, fmt.Errorf("decompressing %s: %w", codec, err)
	}
	d.plain = out.Bytes()
	return d.plain, nil
}

// messages reads one message of magic 0 or 1, which may hold compressed ones, and gives the offset after it.
func (d *decoder) messages(b []byte, offset, from, to int64, each func(*Record) error) (int64, error) {
	end := offset + 1
	if end <= from {
		return end, nil
	}
	if sum := crc32.ChecksumIEEE(b[16:]); sum != binary.BigEndian.Uint32(b[12:]) {
		return 0, fmt.Errorf("message at offset %d: wrong checksum", offset)
	}
	r, attributes, err := message(b, offset)
	if err != nil {
		return 0, err
	}
	codec := compress.Compression(attributes & attrCodec)
	if codec == compress.None {
		if offset >= to {
			return end, nil
		}
		d.record = r
		return end, each(&d.record)
	}
	plain, err := d.decompress(codec, r.Value)
	if err != nil {
		return 0, fmt.Errorf("message at offset %d: %w", offset, err)
	}
	inner, err := innerMessages(plain, b[atMagic], offset)
	if err != nil {
		return 0, err
	}
	for i := range inner {
		if in := &inner[i]; in.Offset >= from && in.Offset < to {
			if attributes&attrAppended != 0 {
				in.Time = r.Time
			}
			if err := each(in); err != nil {
				return 0, err
			}
		}
	}
	return end, nil
}

// message reads the fields of one message: size, checksum, magic, attributes, time in magic 1, key, value.
func message(b []byte, offset int64) (Record, byte, error) {
	c := &cursor{b: b[atMagic:]}
	head := c.bytes(2)
	r := Record{Offset: offset, Time: -1}
	if head != nil && head[0] == 1 {
		r.Time = c.int64()
	}
	for _, field := range []*[]byte{&r.Key, &r.Value} {
		if n := c.int32(); n >= 0 {
			*field = c.bytes(int(n))
		}
	}
	if c.err != nil {
		return Record{}, 0, fmt.Errorf("message at offset %d: %w", offset, c.err)
	}
	return r, head[1], nil
}

// innerMessages reads the messages inside a compressed one, whose offset is that of the last. Those of magic 1 count
// from the first.
func innerMessages(b []byte, magic byte, last int64) ([]Record, error) {
	var out []Record
	for len(b) > 0 {
		if len(b) < lengthAndBase {
			return nil, fmt.Errorf("message at offset %d: inside it: %w", last, errShort)
		}
		offset := int64(binary.BigEndian.Uint64(b))
		n := int(int32(binary.BigEndian.Uint32(b[atLength:])))
		if n < atMagic+2-lengthAndBase || n > len(b)-lengthAndBase {
			return nil, fmt.Errorf("message at offset %d: inside it: %w", last, errShort)
		}
		r, _, err := message(b[:lengthAndBase+n], offset)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
		b = b[lengthAndBase+n:]
	}
	if magic == 1 && len(out) > 0 {
		shift := last - out[len(out)-1].Offset
		for i := range out {
			out[i].Offset += shift
		}
	}
	return out, nil
}
