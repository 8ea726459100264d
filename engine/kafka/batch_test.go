package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/compress"
	"github.com/segmentio/kafka-go/protocol"
	"pgregory.net/rapid"

	"sluice/engine"
)

var allCodecs = []compress.Compression{compress.None, compress.Gzip, compress.Snappy, compress.Lz4, compress.Zstd}

// setOf gives the record set that is encoded; it is valid until the next call.
func setOf(e *encoder, b *engine.Batch, codec compress.Compression, millis int64) ([]byte, error) {
	e.begin(0)
	err := e.encode(b, codec, millis)
	return e.out[headRoom:], err
}

func oldSetOf(e *encoder, b *engine.Batch, codec compress.Compression, millis int64) ([]byte, error) {
	e.begin(0)
	err := e.encodeSet(b, codec, millis)
	return e.out[headRoom:], err
}

func anyBytes(max int) *rapid.Generator[[]byte] {
	return rapid.Custom(func(t *rapid.T) []byte {
		if rapid.IntRange(0, 5).Draw(t, "nil") == 0 {
			return nil
		}
		return append([]byte{}, rapid.SliceOfN(rapid.Byte(), 0, max).Draw(t, "bytes")...)
	})
}

func anyBatch() *rapid.Generator[*engine.Batch] {
	return rapid.Custom(func(t *rapid.T) *engine.Batch {
		b := &engine.Batch{
			Producer: rapid.Int64().Draw(t, "producer"), Epoch: rapid.Int16().Draw(t, "epoch"), Sequence: rapid.Int32().Draw(t, "sequence"),
		}
		for range rapid.IntRange(1, 150).Draw(t, "messages") {
			b.Messages = append(b.Messages, engine.Message{Key: anyBytes(20).Draw(t, "key"), Value: anyBytes(150).Draw(t, "value")})
		}
		return b
	})
}

func reference(b *engine.Batch, codec compress.Compression, millis int64, version int8) []byte {
	var rs []protocol.Record
	for i, m := range b.Messages {
		rs = append(rs, protocol.Record{Offset: int64(i), Time: time.UnixMilli(millis), Key: protocol.NewBytes(m.Key), Value: protocol.NewBytes(m.Value)})
	}
	set := protocol.RecordSet{Version: version, Attributes: protocol.Attributes(codec), Records: protocol.NewRecordReader(rs...)}
	var out bytes.Buffer
	if _, err := set.WriteTo(&out); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// stamp writes the producer into a batch that the library made.
func stamp(set []byte, b *engine.Batch) {
	h := set[4:]
	if b.Producer == engine.NoProducer {
		b = &engine.Batch{Producer: b.Producer, Epoch: -1, Sequence: -1}
	}
	binary.BigEndian.PutUint64(h[atProducer:], uint64(b.Producer))
	binary.BigEndian.PutUint16(h[atProdEpoch:], uint16(b.Epoch))
	binary.BigEndian.PutUint32(h[atSequence:], uint32(b.Sequence))
	binary.BigEndian.PutUint32(h[atCRC:], crc32.Checksum(h[atAttributes:], castagnoli))
}

// Without compression the encoder writes the bytes that the library writes; with it, what decompresses to them.
func TestEncoderAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	e := new(encoder) // one for all, so that what is left in its buffers would show
	rapid.Check(t, func(t *rapid.T) {
		b := anyBatch().Draw(t, "batch")
		millis := rapid.Int64Range(1, 1<<41).Draw(t, "millis")
		codec := rapid.SampledFrom(allCodecs).Draw(t, "codec")
		got, err := setOf(e, b, codec, millis)
		if err != nil {
			t.Fatal(err)
		}
		want := reference(b, codec, millis, 2)
		stamp(want, b)
		if codec == compress.None {
			if !bytes.Equal(got, want) {
				t.Fatalf("got  %x\nwant %x", got, want)
			}
			return
		}
		if int(binary.BigEndian.Uint32(got)) != len(got)-4 {
			t.Fatal("wrong size of the set")
		}
		// All but size, length and checksum, which depend on how well it was compressed.
		for _, part := range [][2]int{{0, atLength}, {atEpoch, atCRC}, {atAttributes, headerSize}} {
			if g, w := got[4+part[0]:4+part[1]], want[4+part[0]:4+part[1]]; !bytes.Equal(g, w) {
				t.Fatalf("header: got %x, want %x", g, w)
			}
		}
		if g, w := inflate(t, codec, got[4+headerSize:]), inflate(t, codec, want[4+headerSize:]); !bytes.Equal(g, w) {
			t.Fatalf("records: got %x, want %x", g, w)
		}
	})
}

// A set for Kafka 0.10 is what the library writes, and with a compression what the decoder reads as the same messages.
func TestMessageSetAgreesWithTheLibrary(t *testing.T) {
	t.Parallel()
	e := new(encoder)
	rapid.Check(t, func(t *rapid.T) {
		b := anyBatch().Draw(t, "batch")
		millis := rapid.Int64Range(1, 1<<41).Draw(t, "millis")
		codec := rapid.SampledFrom(allCodecs[:4]).Draw(t, "codec") // zstd is younger
		set, err := oldSetOf(e, b, codec, millis)
		if err != nil {
			t.Fatal(err)
		}
		if want := reference(b, codec, millis, 1); codec == compress.None && !bytes.Equal(set, want) {
			t.Fatalf("got  %x\nwant %x", set, want)
		}
		if int(binary.BigEndian.Uint32(set)) != len(set)-4 {
			t.Fatal("wrong size of the set")
		}
		n := int64(len(b.Messages))
		got, next, err := decodeAll(set[4:], 0, n)
		if err != nil || next != n {
			t.Fatal(next, err)
		}
		if want := wanted(b, 0, 0, n); strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Fatalf("%s: got  %q\nwant %q", codec, got, want)
		}
		size := Overhead
		for _, m := range b.Messages {
			size += MessageOverhead + len(m.Key) + len(m.Value)
		}
		if codec == compress.None && len(set)-4 > size {
			t.Fatalf("a set of %d bytes, bounded by %d", len(set)-4, size)
		}
	})
}

func inflate(t *rapid.T, codec compress.Compression, b []byte) []byte {
	r := codec.Codec().NewReader(bytes.NewReader(b))
	defer r.Close()
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// The library reads our batches, with a correct checksum.
func TestLibraryReadsOurBatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := anyBatch().Draw(t, "batch")
		codec := rapid.SampledFrom(allCodecs).Draw(t, "codec")
		set, err := setOf(new(encoder), b, codec, 1234567)
		if err != nil {
			t.Fatal(err)
		}
		var rs protocol.RecordSet
		if _, err := rs.ReadFrom(bytes.NewBuffer(set)); err != nil {
			t.Fatal(err)
		}
		for i, m := range b.Messages {
			r, err := rs.Records.ReadRecord()
			if err != nil {
				t.Fatal(err)
			}
			key, _ := protocol.ReadAll(r.Key)
			value, _ := protocol.ReadAll(r.Value)
			if !bytes.Equal(key, m.Key) || !bytes.Equal(value, m.Value) || r.Offset != int64(i) || r.Time.UnixMilli() != 1234567 {
				t.Fatalf("record %d: %q=%q at %d, %v", i, key, value, r.Offset, r.Time)
			}
		}
	})
}

// The published bound holds for any batch.
func TestOverheadBoundsTheSize(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := anyBatch().Draw(t, "batch")
		set, err := setOf(new(encoder), b, compress.None, 1)
		if err != nil {
			t.Fatal(err)
		}
		bound := Overhead
		for _, m := range b.Messages {
			bound += MessageOverhead + len(m.Key) + len(m.Value)
		}
		if len(set)-4 > bound {
			t.Fatalf("%d bytes, bound %d", len(set)-4, bound)
		}
	})
}

func decodeAll(data []byte, from, to int64) (out []string, next int64, err error) {
	next, err = new(decoder).decode(data, from, to, func(r *Record) error {
		out = append(out, fmt.Sprintf("%d %q=%q %v %v", r.Offset, r.Key, r.Value, r.Key == nil, r.Value == nil))
		return nil
	})
	return out, next, err
}

func wanted(b *engine.Batch, base, from, to int64) (out []string) {
	for i, m := range b.Messages {
		if at := base + int64(i); at >= from && at < to {
			out = append(out, fmt.Sprintf("%d %q=%q %v %v", at, m.Key, m.Value, m.Key == nil, m.Value == nil))
		}
	}
	return out
}

// What was encoded is decoded, in any magic and compression, cut to the offsets asked for, with the last batch cut off.
func TestDecoderReadsEveryFormat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var data []byte
		var want []string
		from, to := rapid.Int64Range(0, 200).Draw(t, "from"), rapid.Int64Range(200, 500).Draw(t, "to")
		base := int64(0)
		for range rapid.IntRange(1, 4).Draw(t, "batches") {
			b := anyBatch().Draw(t, "batch")
			codec := rapid.SampledFrom(allCodecs).Draw(t, "codec")
			set, err := setOf(new(encoder), b, codec, 1000)
			if err != nil {
				t.Fatal(err)
			}
			set = append([]byte{}, set[4:]...)
			if codec != compress.Zstd && rapid.Bool().Draw(t, "magic 1") {
				set = reference(b, codec, 1000, 1)[4:]
				rebase(set, base, len(b.Messages))
			} else {
				binary.BigEndian.PutUint64(set, uint64(base))
			}
			want = append(want, wanted(b, base, from, to)...)
			base += int64(len(b.Messages))
			data = append(data, set...)
		}
		whole := len(data)
		next, _ := setOf(new(encoder), &engine.Batch{Messages: make([]engine.Message, 3)}, compress.None, 1)
		data = append(data, next[4:len(next)-rapid.IntRange(1, len(next)-5).Draw(t, "cut")]...)
		got, end, err := decodeAll(data, from, to)
		if err != nil {
			t.Fatal(err, whole)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Fatalf("got  %v\nwant %v", got, want)
		}
		if low := min(base, to); end < low || from > end {
			t.Fatalf("next is %d after %d", end, low)
		}
	})
}

// rebase gives a message set of magic 1 its offsets: of each message, or of the last one inside a compressed one.
func rebase(set []byte, base int64, n int) {
	for at, i := 0, int64(0); at < len(set); i++ {
		offset := base + i
		if set[at+17]&attrCodec != 0 {
			offset = base + int64(n) - 1
		}
		binary.BigEndian.PutUint64(set[at:], uint64(offset))
		at += lengthAndBase + int(binary.BigEndian.Uint32(set[at+8:]))
	}
}

// A batch whose last records compaction removed is left behind, and so is one that lost all.
func TestDecoderGoesPastWhatIsGone(t *testing.T) {
	t.Parallel()
	b := &engine.Batch{Messages: []engine.Message{{Key: []byte("k"), Value: []byte("v")}}}
	e := new(encoder)
	for _, kept := range []uint32{1, 0} {
		set, err := setOf(e, b, compress.None, 1)
		if err != nil {
			t.Fatal(err)
		}
		h := set[4:]
		if kept == 0 {
			h = h[:headerSize]
			binary.BigEndian.PutUint32(h[atLength:], headerSize-lengthAndBase)
		}
		binary.BigEndian.PutUint64(h, 100)
		binary.BigEndian.PutUint32(h[atLastDelta:], 9)
		binary.BigEndian.PutUint32(h[atCount:], kept)
		binary.BigEndian.PutUint32(h[atCRC:], crc32.Checksum(h[atAttributes:], castagnoli))
		got, next, err := decodeAll(h, 100, 1000)
		if err != nil || next != 110 || len(got) != int(kept) {
			t.Fatal(got, next, err)
		}
	}
}

// A single changed byte is an error, and no record of the batch is handed out.
func TestDecoderFindsDamage(t *testing.T) {
	t.Parallel()
	b := &engine.Batch{Messages: []engine.Message{{Key: []byte("k"), Value: []byte("value")}, {Value: []byte("w")}}}
	for _, codec := range allCodecs {
		set, err := setOf(new(encoder), b, codec, 1)
		if err != nil {
			t.Fatal(err)
		}
		for i := atAttributes; i < len(set)-4; i++ {
			data := append([]byte{}, set[4:]...)
			data[i] ^= 0x11
			if got, next, err := decodeAll(data, 0, 10); err == nil || len(got) > 0 {
				t.Fatalf("%s, byte %d: got %v, next %d", codec, i, got, next)
			}
		}
	}
}

func FuzzDecode(f *testing.F) {
	b := &engine.Batch{Messages: []engine.Message{{Key: []byte("k"), Value: []byte("value")}, {Value: []byte("w")}}}
	for _, codec := range allCodecs {
		set, _ := setOf(new(encoder), b, codec, 1)
		f.Add(set[4:])
		if codec != compress.Zstd {
			f.Add(reference(b, codec, 1, 1)[4:])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		last := int64(-1)
		next, err := new(decoder).decode(data, 0, 1000, func(r *Record) error {
			if r.Offset < 0 || r.Offset >= 1000 {
				t.Fatalf("offset %d after %d", r.Offset, last)
			}
			last = r.Offset
			return nil
		})
		if err == nil && next < 0 {
			t.Fatalf("next is %d", next)
		}
	})
}

// TestNewBufferGrowsOnce: an encoder that was just made does not copy what it has so far again and again.
func TestNewBufferGrowsOnce(t *testing.T) {
	batch := engine.Batch{}
	for range 1000 {
		batch.Messages = append(batch.Messages, engine.Message{Key: []byte("key"), Value: make([]byte, 500)})
	}
	few := engine.Batch{Messages: batch.Messages[:1]}
	for _, parts := range [][]*part{
		{{batch: batch}},
		{{batch: few}, {Partition: engine.Partition{ID: 1}, batch: few}, {Partition: engine.Partition{Topic: "t"}, batch: few}, {Partition: engine.Partition{Topic: "topic"}, batch: batch}},
	} {
		for _, w := range parts {
			w.bytes = room(w.batch.Messages)
		}
		for _, old := range []bool{false, true} {
			n := testing.AllocsPerRun(10, func() {
				a := &appending{parts: parts, encoder: new(encoder)}
				if err := a.encode(old, compress.None, 1); err != nil {
					t.Fatal(err)
				}
			})
			if n > 3 { // the request, its encoder, and the buffer
				t.Errorf("%d parts: %v allocations", len(parts), n)
			}
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	batch := &engine.Batch{}
	for i := range 4000 {
		batch.Messages = append(batch.Messages, engine.Message{Key: fmt.Appendf(nil, "shop.orders:%d", i), Value: bytes.Repeat([]byte("value "), 30)})
	}
	for _, codec := range allCodecs {
		b.Run(codec.String(), func(b *testing.B) {
			e := new(encoder)
			b.ReportAllocs()
			for b.Loop() {
				set, err := setOf(e, batch, codec, 1)
				if err != nil {
					b.Fatal(err)
				}
				b.SetBytes(int64(len(set)))
			}
		})
	}
}
