package dts

import (
	"bytes"
	"testing"

	"sluice/engine/cdc"
)

func TestEncodeAllocates(t *testing.T) {
	codec := New(Options{ServerVersion: "8.0.33"})
	buffer := make([]byte, 0, 1<<16)
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		for _, shared := range []*cdc.Shared{nil, {}} {
			r := sampleRecord(op)
			r.Shared = shared
			if n := testing.AllocsPerRun(100, func() {
				r.Born++
				if _, err := codec.Encode(buffer, r); err != nil {
					t.Fatal(err)
				}
			}); n > 0 {
				t.Errorf("encoding %s allocates %v times", op, n)
			}
		}
	}
}

// sharedAlike encodes a record and others with the same Shared, and each as if it were alone.
func sharedAlike(t *testing.T, codec *Codec, r *cdc.Record) {
	t.Helper()
	for i := range 5 {
		one := *r
		one.ID, one.Identity, one.Born = r.ID+int64(i), append(r.Identity[:len(r.Identity):len(r.Identity)], byte('0'+i)), r.Born+int64(i/2)
		if i == 3 && one.After != nil {
			one.After = one.After.Clone()
			one.After[0] = cdc.Value{}
		}
		got, err := codec.Encode([]byte("before"), &one)
		one.Shared = nil
		want, err1 := codec.Encode([]byte("before"), &one)
		if err != nil || err1 != nil || !bytes.Equal(got, want) {
			t.Fatalf("record %d of %s is\n%x (%v), alone it is\n%x (%v)", i, r.Op, got, err, want, err1)
		}
	}
}

// TestEncodeShared: what records have in common is written once, and changes no byte.
func TestEncodeShared(t *testing.T) {
	codec := New(Options{ServerVersion: "8.0.33"})
	spatial := sampleRecord(cdc.Init)
	spatial.Table = &cdc.Table{TableID: sampleTable.TableID, Columns: []cdc.Column{{Name: "g", Type: cdc.Geometry}}}
	spatial.After = cdc.Row{{Kind: cdc.KindBytes, Bytes: []byte{0xe6, 0x10, 0, 0, 1, 1}}}
	refused := sampleRecord(cdc.Init)
	refused.Refused, refused.SafePos = cdc.Refused{Bytes: 5, Limit: 4}, cdc.Position{}
	records := []*cdc.Record{spatial, refused}
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		records = append(records, sampleRecord(op))
	}
	for _, r := range records {
		r.Shared = new(cdc.Shared)
		sharedAlike(t, codec, r)
	}
	// A row that can't be encoded gives back what was there, and leaves the others as they are.
	r := sampleRecord(cdc.Init)
	r.Shared = new(cdc.Shared)
	sharedAlike(t, codec, r)
	bad := *r
	bad.After = bad.After[1:]
	if got, err := codec.Encode([]byte("before"), &bad); err == nil || string(got) != "before" {
		t.Errorf("%q, %v", got, err)
	}
	sharedAlike(t, codec, r)
}

// BenchmarkEncode: rows with columns of most types, and a row of sbtest's table, by itself and with others of its chunk.
func BenchmarkEncode(b *testing.B) {
	sbtest := &cdc.Record{Op: cdc.Init, ID: 1 << 40, Time: 1700000000, Born: 1700000000000, Pos: cdc.Position{File: 78, Offset: 72469}, Object: "bench.sbtest1", Identity: []byte("0123456789abcdef/1/c/12345"),
		Table: &cdc.Table{TableID: cdc.TableID{Schema: "bench", Name: "sbtest1"}, Version: 3109599372, Primary: []int{0}, Columns: []cdc.Column{{Name: "id", Type: cdc.Int}, {Name: "k", Type: cdc.Int},
			{Name: "c", Type: cdc.Char, Charset: "utf8mb4"}, {Name: "pad", Type: cdc.Char, Charset: "utf8mb4"}}},
		After: cdc.Row{{Kind: cdc.KindInt, Num: 123456}, {Kind: cdc.KindInt, Num: 498765}, {Kind: cdc.KindText, Bytes: bytes.Repeat([]byte("c"), 115)}, {Kind: cdc.KindText, Bytes: bytes.Repeat([]byte("p"), 59)}}}
	shared := *sbtest
	shared.Shared = new(cdc.Shared)
	for name, r := range map[string]*cdc.Record{"insert": sampleRecord(cdc.Insert), "update": sampleRecord(cdc.Update), "sbtest": sbtest, "sbtest shared": &shared} {
		b.Run(name, func(b *testing.B) {
			codec := New(Options{ServerVersion: "8.0.33"})
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
