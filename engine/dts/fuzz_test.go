package dts

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"encoding/hex"

	"sluice/engine/cdc"
)

// FuzzDecode reads any bytes as a message: they are refused, or goavro writes what was read as the same message.
func FuzzDecode(f *testing.F) {
	text, err := os.ReadFile("testdata/samples.hex")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		_, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, err := hex.DecodeString(digits)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		m, err := Decode(value)
		if err != nil {
			return
		}
		if id, _, ok := Identity(value); ok && id != m.Tags["sluice"] {
			t.Fatalf("identity %q, and the tag is %q", id, m.Tags["sluice"])
		}
		again, err := recode(value)
		if err != nil {
			t.Fatal(err)
		}
		if twice, err := recode(again); err != nil || len(twice) != len(again) {
			t.Fatalf("%x is written as %x, then as %x (%v)", value, again, twice, err)
		}
	})
}

// FuzzEncode: of a row with any values goavro writes, from what it reads, the bytes that were encoded.
func FuzzEncode(f *testing.F) {
	row := sampleRow()
	for _, v := range row {
		f.Add(v.Num, v.Bytes, "shop.orders", "t/1/s/x")
	}
	f.Fuzz(func(t *testing.T, n int64, raw []byte, object, identity string) {
		table := &cdc.Table{TableID: cdc.TableID{Schema: "d", Name: "t"}}
		var row cdc.Row
		for i, c := range sampleTable.Columns {
			if c.Type == cdc.JSON || c.Type == cdc.Decimal {
				continue // of those the text has a form
			}
			v := sampleRow()[i]
			switch {
			case v.Bytes != nil:
				v.Bytes = raw
			case v.Kind == cdc.KindDate: // three bytes in the binlog
				v.Num = n & (1<<24 - 1)
			case v.Kind == cdc.KindDateTime:
				v.Num = cdc.PackDateTime(int(n>>48)&0x3fff, int(n>>44)&15, int(n>>39)&31, int(n>>34)&31, int(n>>28)&63, int(n>>22)&63, int(n)&0xfffff)
			case v.Kind == cdc.KindInt, v.Kind == cdc.KindUint, v.Kind == cdc.KindTimestamp, v.Kind == cdc.KindDouble:
				v.Num = n
			}
			// One value of each try is refused by its charset or range: each column has a table of its own.
			single := &cdc.Table{TableID: table.TableID, Columns: []cdc.Column{c}}
			value, err := New(Options{ServerVersion: "8.0.33"}).Encode(nil, &cdc.Record{Op: cdc.Insert, Object: object, Identity: []byte(identity), Table: single, After: cdc.Row{v}})
			if err != nil {
				continue
			}
			same(t, c.Name, value)
			table.Columns, row = append(table.Columns, c), append(row, v)
		}
		codec, r := New(Options{ServerVersion: "8.0.33"}), &cdc.Record{Op: cdc.Update, Object: object, Identity: []byte(identity), Table: table, Before: row, After: row}
		value, err := codec.Encode(nil, r)
		if err == nil {
			same(t, "all", value)
			r.Shared = new(cdc.Shared)
			sharedAlike(t, codec, r)
		}
	})
}

// same has goavro write a record with one tag, whose maps have one order alone, but for more tags.
func same(t *testing.T, name string, value []byte) {
	again, err := recode(value)
	if err != nil {
		t.Fatalf("%s: %x: %v", name, value, err)
	}
	if !bytes.Equal(sorted(again), sorted(value)) {
		t.Fatalf("%s:\n%x, by goavro\n%x", name, value, again)
	}
}

// recode has goavro read a message and write it again.
func recode(value []byte) ([]byte, error) {
	native, err := decodeNative(value)
	if err != nil {
		return nil, err
	}
	codec, err := avro()
	if err != nil {
		return nil, err
	}
	return codec.BinaryFromNative(nil, native)
}

// sorted makes records alike whose tags are in another order.
func sorted(b []byte) []byte {
	var n [256]int
	for _, c := range b {
		n[c]++
	}
	out := make([]byte, 0, len(b))
	for c, k := range n {
		out = append(out, bytes.Repeat([]byte{byte(c)}, k)...)
	}
	return out
}
