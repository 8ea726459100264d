package dts

import (
	"testing"

	"sluice/engine/cdc"
)

func TestEncodeAllocates(t *testing.T) {
	codec := New(Options{ServerVersion: "8.0.33"})
	buffer := make([]byte, 0, 1<<16)
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		r := sampleRecord(op)
		if n := testing.AllocsPerRun(100, func() {
			if _, err := codec.Encode(buffer, r); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("encoding %s allocates %v times", op, n)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	for _, op := range []cdc.Op{cdc.Insert, cdc.Update} {
		b.Run(op.String(), func(b *testing.B) {
			codec, r := New(Options{ServerVersion: "8.0.33"}), sampleRecord(op)
			dst, err := codec.Encode(nil, r)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = codec.Encode(dst[:0], r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkIdentity(b *testing.B) {
	value, err := New(Options{ServerVersion: "8.0.33"}).Encode(nil, sampleRecord(cdc.Insert))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, ok := Identity(value); !ok {
			b.Fatal("no identity")
		}
	}
}
