package mysql

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"slices"
)

var errCompressed = errors.New("malformed compressed value")

// The most that a byte of zlib's format opens to, and a bit.
const mostOpened = 1100

// opened undoes MariaDB's column compression. The first byte has the method in its upper half: 0, the bytes follow as
// they are, or 8, zlib; then its lower bits are the size of the length that follows, highest byte first, and 8 says that
// zlib's own header and checksum are left out. An empty value has no first byte.
func (p *plan) opened(b []byte) ([]byte, error) {
	if len(b) == 0 {
		return b, nil
	}
	switch c := (cursor{data: b[1:]}); b[0] >> 4 {
	case 0:
		return b[1:], nil
	case 8:
		n := c.big(int(b[0] & 7))
		if c.short || n > uint64(len(c.data))*mostOpened {
			return nil, errCompressed
		}
		var in io.ReadCloser
		var err error
		if source := bytes.NewReader(c.data); b[0]&8 != 0 {
			in = flate.NewReader(source)
		} else if in, err = zlib.NewReader(source); err != nil {
			return nil, errCompressed
		}
		return p.keep(func(spare []byte) []byte {
			at := len(spare)
			spare = slices.Grow(spare, int(n))[:at+int(n)]
			var more [1]byte
			if _, err = io.ReadFull(in, spare[at:]); err == nil {
				if _, end := io.ReadFull(in, more[:]); end != io.EOF {
					err = errCompressed
				}
			}
			return spare
		}), err
	}
	return nil, errCompressed
}

// openedEvent undoes the compression of an event by MariaDB's log_bin_compress: a byte whose lower bits are the size of
// the length that follows, highest byte first, then zlib's form.
func openedEvent(b []byte) ([]byte, error) {
	c := cursor{data: b}
	n := c.big(int(c.byte() & 7))
	if c.short || n > uint64(len(c.data))*mostOpened {
		return nil, errCompressed
	}
	in, err := zlib.NewReader(bytes.NewReader(c.data))
	if err != nil {
		return nil, errCompressed
	}
	out := make([]byte, n)
	if _, err := io.ReadFull(in, out); err != nil {
		return nil, errCompressed
	}
	return out, nil
}
