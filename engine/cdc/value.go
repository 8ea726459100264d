package cdc

import (
	"bytes"
	"strings"
)

// Kind says how a Value is held.
type Kind uint8

// The canonical forms. Num is used where Bytes is not named, and the other way round.
const (
	KindNull      Kind = iota
	KindInt            // signed integer
	KindUint           // unsigned integer and BIT: uint64(Num)
	KindDecimal        // Bytes: plain text with exactly the column's scale, "-1.50"; no leading zeros but the one before the point
	KindFloat          // FLOAT: math.Float32bits in the low 32 bits
	KindDouble         // DOUBLE: math.Float64bits
	KindDate           // year<<9 | month<<5 | day; zero and partly-zero dates as they are
	KindDateTime       // PackDateTime; wall clock
	KindTimestamp      // microseconds since 1970-01-01 UTC; 0 is '0000-00-00 00:00:00'
	KindTime           // microseconds, negative below zero
	KindYear           // 0 (0000), 1901 to 2155
	KindText           // Bytes: in Column.Charset as the source stores it
	KindBytes          // Bytes: BINARY(n) padded to n, VARBINARY, BLOBs; spatial values as SRID, 4 bytes, and WKB; VECTOR as the server holds it; UUID and INET in their 16 or 4 bytes
	KindEnum           // Bytes: the label in UTF-8; Num is the index, 0 for the invalid value ''
	KindSet            // Bytes: the labels in UTF-8 joined by commas; Num is the bit mask
	KindJSON           // Bytes: JSON text in UTF-8
	KindAbsent         // not in the image: MariaDB 11.8 logs no generated columns in updates and deletes
)

// Value is one column of one row. Bytes may point into a buffer that the reader reuses: see who hands it out.
type Value struct {
	Kind  Kind
	Num   int64
	Bytes []byte
}

// Row is the values of a row in the order of Table.Columns.
type Row []Value

// Null reports whether the value is NULL.
func (v Value) Null() bool { return v.Kind == KindNull }

// Equal reports whether both are the same value in the same form.
func (v Value) Equal(o Value) bool {
	return v.Kind == o.Kind && v.Num == o.Num && bytes.Equal(v.Bytes, o.Bytes)
}

// Clone gives a row that shares no memory with r.
func (r Row) Clone() Row {
	if r == nil {
		return nil
	}
	n := 0
	for _, v := range r {
		n += len(v.Bytes)
	}
	buf := make([]byte, 0, n)
	out := make(Row, len(r))
	for i, v := range r {
		if v.Bytes != nil {
			at := len(buf)
			buf = append(buf, v.Bytes...)
			v.Bytes = buf[at:len(buf):len(buf)]
		}
		out[i] = v
	}
	return out
}

// PackDate packs a calendar date; PackDateTime a date and a time of day. Packed values order as the server orders.
func PackDate(year, month, day int) int64 { return int64(year)<<9 | int64(month)<<5 | int64(day) }

// UnpackDate is the inverse of PackDate.
func UnpackDate(n int64) (year, month, day int) { return int(n >> 9), int(n >> 5 & 15), int(n & 31) }

// PackDateTime packs date, hour, minute, second and microsecond: date<<37 | hour<<32 | minute<<26 | second<<20 | micro.
func PackDateTime(year, month, day, hour, minute, second, micro int) int64 {
	return PackDate(year, month, day)<<37 | int64(hour)<<32 | int64(minute)<<26 | int64(second)<<20 | int64(micro)
}

// UnpackDateTime is the inverse of PackDateTime.
func UnpackDateTime(n int64) (year, month, day, hour, minute, second, micro int) {
	year, month, day = UnpackDate(n >> 37)
	return year, month, day, int(n >> 32 & 31), int(n >> 26 & 63), int(n >> 20 & 63), int(n & (1<<20 - 1))
}

func equalFold(a, b string) bool { return a == b || strings.EqualFold(a, b) }
