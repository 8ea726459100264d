package dts

import (
	"encoding/binary"
	"math"
)

// appendLong writes an Avro int or long: zigzag, then seven bits a byte.
func appendLong(dst []byte, n int64) []byte { return binary.AppendVarint(dst, n) }

func appendString[S string | []byte](dst []byte, s S) []byte {
	return append(appendLong(dst, int64(len(s))), s...)
}

func appendDouble(dst []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(dst, math.Float64bits(f))
}

// prefixLength puts the length of dst[at:] before it, for content whose length is only known once it is written.
func prefixLength(dst []byte, at int) []byte {
	var head [binary.MaxVarintLen64]byte
	n := len(dst) - at
	k := binary.PutVarint(head[:], int64(n))
	dst = append(dst, head[:k]...)
	copy(dst[at+k:], dst[at:at+n])
	copy(dst[at:], head[:k])
	return dst
}

// cursor reads Avro. After the first thing that does not fit it is failed and gives zero values.
type cursor struct {
	rest   []byte
	failed bool
}

func (c *cursor) long() int64 {
	n, k := binary.Varint(c.rest)
	if k <= 0 {
		c.fail()
		return 0
	}
	c.rest = c.rest[k:]
	return n
}

func (c *cursor) bytes() []byte {
	n := c.long()
	if c.failed || n < 0 || n > int64(len(c.rest)) {
		c.fail()
		return nil
	}
	b := c.rest[:n]
	c.rest = c.rest[n:]
	return b
}

// below reads an enum's or a union's index.
func (c *cursor) below(limit int64) int64 {
	n := c.long()
	if n < 0 || n >= limit {
		c.fail()
		return 0
	}
	return n
}

// block reads the head of a block of an array or a map and gives its number of items, 0 at the end.
func (c *cursor) block() int64 {
	n := c.long()
	if n < 0 {
		n = -n
		c.long() // the size in bytes, for readers that skip
	}
	if c.failed || n < 0 || n > int64(len(c.rest)) { // an item is at least one byte
		c.fail()
		return 0
	}
	return n
}

func (c *cursor) fail() { c.rest, c.failed = nil, true }
