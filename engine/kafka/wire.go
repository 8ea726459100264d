package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What requests that are written here and their responses have in common.

// correlation is in the response too. A connection has one request in flight.
const correlation = 1

// exchanged sends a request and reads its response without the size, into buf if it has room.
func exchanged(rw io.ReadWriter, request, buf []byte, most uint32) ([]byte, error) {
	if _, err := rw.Write(request); err != nil {
		return buf, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return buf, cutOff(err)
	}
	n := binary.BigEndian.Uint32(size[:])
	if n > most {
		return buf, fmt.Errorf("a response of %d bytes", n)
	}
	if uint32(cap(buf)) < n {
		buf = make([]byte, n)
	}
	buf = buf[:n]
	_, err := io.ReadFull(rw, buf)
	return buf, cutOff(err)
}

// cutOff: the end of a connection is never the end of a response.
func cutOff(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func appendString(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
	return append(b, s...)
}

var errShort = errors.New("the data ends too early")

// cursor reads big-endian fields; after the first error all are zero.
type cursor struct {
	b   []byte
	err error
}

func (c *cursor) bytes(n int) []byte {
	if c.err != nil || n < 0 || n > len(c.b) {
		if c.err == nil {
			c.err = errShort
		}
		return nil
	}
	out := c.b[:n:n]
	c.b = c.b[n:]
	return out
}

func (c *cursor) skip(n int) { c.bytes(n) }

func (c *cursor) int16() int16 {
	if b := c.bytes(2); b != nil {
		return int16(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *cursor) int32() int32 {
	if b := c.bytes(4); b != nil {
		return int32(binary.BigEndian.Uint32(b))
	}
	return 0
}

func (c *cursor) int64() int64 {
	if b := c.bytes(8); b != nil {
		return int64(binary.BigEndian.Uint64(b))
	}
	return 0
}

// text reads a string that may be missing.
func (c *cursor) text() string {
	n := c.int16()
	if n < 0 {
		return ""
	}
	return string(c.bytes(int(n)))
}

func (c *cursor) varint() int64 {
	if c.err != nil {
		return 0
	}
	v, n := binary.Varint(c.b)
	if n <= 0 {
		c.err = errShort
		return 0
	}
	c.b = c.b[n:]
	return v
}

// varbytes reads bytes with their length before them; -1 is nil.
func (c *cursor) varbytes() []byte {
	n := c.varint()
	if n == -1 {
		return nil
	}
	if n < 0 || n > int64(len(c.b)) {
		n = -1
	}
	return c.bytes(int(n))
}
