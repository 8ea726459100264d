package dts

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"sluice/engine/cdc"
)

func TestIdentity(t *testing.T) {
	t.Parallel()
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		value, err := New(Options{ServerVersion: "8.0.33"}).Encode(nil, sampleRecord(op))
		if err != nil {
			t.Fatal(err)
		}
		if id, _, ok := Identity(value); !ok || id != "t/1/s/x" {
			t.Errorf("%s: identity is %q, %v", op, id, ok)
		}
	}
	value, err := New(Options{}).Encode(nil, &cdc.Record{Op: cdc.Heartbeat})
	if err != nil {
		t.Fatal(err)
	}
	if id, _, ok := Identity(value); ok {
		t.Errorf("a record without an identity has %q", id)
	}
}

// TestIdentityOfOtherWriters: tags in any order, several blocks, blocks with their size, processTimestamps.
func TestIdentityOfOtherWriters(t *testing.T) {
	t.Parallel()
	head := "000202" + "06344031" + "00" + "0230" + "00" + "0238" + "00" // version to operation
	tag := hex.EncodeToString(appendString(appendString(nil, "sluice"), "me"))
	other := hex.EncodeToString(appendString(appendString(nil, "k"), "v"))
	for name, c := range map[string]struct {
		hex string
		ok  bool
	}{
		"second in a block":         {head + "0000" + "04" + other + tag + "00", true},
		"second block":              {head + "0000" + "02" + other + "02" + tag + "00", true},
		"block with its size":       {head + "0000" + "01" + "14" + tag + "00", true},
		"object name":               {head + "02" + "0261" + "00" + "02" + tag + "00", true},
		"process timestamps":        {head + "00" + "02" + "04" + "0204" + "00" + "02" + tag + "00", true},
		"sized process timestamps":  {head + "00" + "02" + "03" + "04" + "0204" + "00" + "02" + tag + "00", true},
		"no such tag":               {head + "0000" + "02" + other + "00", false},
		"no tags":                   {head + "0000" + "00", false},
		"cut":                       {head + "0000" + "02" + tag[:len(tag)-2], false},
		"object name of a third":    {head + "04" + "0261" + "00" + "02" + tag + "00", false},
		"block of the least number": {head + "0000" + "ffffffffffffffffff01" + "00" + tag, false},
		"operation out of range":    {head[:len(head)-2] + "22" + "0000" + "02" + tag + "00", false},
	} {
		value, err := hex.DecodeString(c.hex)
		if err != nil {
			t.Fatal(err)
		}
		if id, _, ok := Identity(value); ok != c.ok || ok && id != "me" {
			t.Errorf("%s: identity is %q, %v", name, id, ok)
		}
	}
}

func TestIdentityOfForeignBytes(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "\x00", "hello", `{"database":"d"}`, strings.Repeat("\xff", 100), strings.Repeat("\x01", 100), strings.Repeat("\x00", 1000)} {
		if id, _, ok := Identity([]byte(s)); ok {
			t.Errorf("%q has the identity %q", s, id)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		value, err := New(Options{}).Encode(nil, sampleRecord(op))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(value)
		f.Add(value[:len(value)/2])
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		id, at, ok := Identity(value)
		if ok == (id == "") || !ok && !at.IsZero() {
			t.Fatalf("identity %q at %v, %v", id, at, ok)
		}
		m, err := Decode(value)
		if err != nil || strings.Count(string(value), identityTag) > 1 { // a map may name a tag twice: the first is ours
			return
		}
		if again, err := recode(value); err != nil || !bytes.Equal(sorted(again), sorted(value)) { // goavro takes numbers with too many bits
			return
		}
		want := m.Tags[identityTag]
		position, err := cdc.ParsePosition(m.Position)
		if err != nil || want == "" {
			want, position = "", cdc.Position{}
		}
		if id != want || at != position {
			t.Fatalf("identity is %q at %v, goavro reads %q at %v", id, at, want, position)
		}
	})
}
