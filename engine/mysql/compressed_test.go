package mysql

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"math/rand/v2"
	"testing"
)

func TestOpened(t *testing.T) {
	t.Parallel()
	text := bytes.Repeat([]byte("abc"), 100)
	var raw, whole bytes.Buffer
	f, _ := flate.NewWriter(&raw, 9)
	f.Write(text)
	f.Close()
	z := zlib.NewWriter(&whole)
	z.Write(text)
	z.Close()
	with := func(head ...byte) func([]byte) []byte {
		return func(b []byte) []byte { return append(head, b...) }
	}
	for _, c := range []struct {
		in   []byte
		want []byte // nil: refused
	}{
		{[]byte{}, []byte{}}, {[]byte("\x00ab"), []byte("ab")}, {[]byte{0}, []byte{}},
		{with(0x8a, 1, 44)(raw.Bytes()), text}, {with(0x82, 1, 44)(whole.Bytes()), text},
		{with(0x8a, 1, 43)(raw.Bytes()), nil}, {with(0x8a, 1, 45)(raw.Bytes()), nil}, {with(0x8c, 0xff, 0xff, 0xff, 0xff)(raw.Bytes()), nil},
		{with(0x82, 1, 44)(raw.Bytes()), nil}, {with(0x8a, 1, 44)(raw.Bytes()[:5]), nil}, {[]byte("\x10ab"), nil}, {[]byte{0x8a, 1}, nil},
	} {
		got, err := new(plan).opened(c.in)
		if (err == nil) != (c.want != nil) || err == nil && !bytes.Equal(got, c.want) {
			t.Errorf("%x is %q, %v", c.in, got, err)
		}
	}
	r := rand.New(rand.NewPCG(9, 9))
	for range 20_000 {
		b := make([]byte, r.IntN(30))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		new(plan).opened(b) // must not panic
	}
}
