package mysql

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"strconv"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

var errJSON = errors.New("malformed binary JSON")

// maxJSONDepth is the server's own limit and a bit.
const maxJSONDepth = 128

// appendJSON writes MySQL's binary JSON as the text that the server prints. An empty document is the JSON null, as
// the server reads it.
func appendJSON(dst, doc []byte) ([]byte, error) {
	if len(doc) == 0 {
		return append(dst, "null"...), nil
	}
	return appendJSONValue(dst, doc[0], doc[1:], 0, len(dst)+textOfJSON(len(doc)))
}

// textOfJSON bounds the text of a document of n bytes. A document whose parts overlap could have any.
func textOfJSON(n int) int { return 12*n + 64 }

func appendJSONValue(dst []byte, kind byte, data []byte, depth, most int) ([]byte, error) {
	if depth > maxJSONDepth || len(dst) > most {
		return dst, errJSON
	}
	c := cursor{data: data}
	switch kind {
	case 0, 1, 2, 3:
		return appendJSONContainer(dst, data, kind&1 == 1, kind < 2, depth, most)
	case 4:
		return appendJSONLiteral(dst, c.byte())
	case 5:
		dst = strconv.AppendInt(dst, int64(int16(c.little(2))), 10)
	case 6:
		dst = strconv.AppendUint(dst, c.little(2), 10)
	case 7:
		dst = strconv.AppendInt(dst, int64(int32(c.little(4))), 10)
	case 8:
		dst = strconv.AppendUint(dst, c.little(4), 10)
	case 9:
		dst = strconv.AppendInt(dst, int64(c.little(8)), 10)
	case 10:
		dst = strconv.AppendUint(dst, c.little(8), 10)
	case 11:
		f := math.Float64frombits(c.little(8))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return dst, errJSON
		}
		dst = appendJSONDouble(dst, f)
	case 12:
		dst = appendJSONString(dst, c.take(c.varLength()))
	case 15:
		kind := c.byte()
		value := cursor{data: c.take(c.varLength())}
		dst = appendJSONOpaque(dst, kind, &value)
		c.short = c.short || value.short
	default:
		return dst, fmt.Errorf("%w: type %d", errJSON, kind)
	}
	if c.short {
		return dst, errJSON
	}
	return dst, nil
}

func appendJSONLiteral(dst []byte, b byte) ([]byte, error) {
	switch b {
	case 0:
		return append(dst, "null"...), nil
	case 1:
		return append(dst, "true"...), nil
	case 2:
		return append(dst, "false"...), nil
	}
	return dst, errJSON
}

func appendJSONContainer(dst, data []byte, large, object bool, depth, most int) ([]byte, error) {
	m, err := openJSON(data, large, object)
	if err != nil {
		return dst, err
	}
	open, end := byte('['), byte(']')
	if object {
		open, end = '{', '}'
	}
	dst = append(dst, open)
	for i := 0; m.left > 0; i++ {
		if err := m.next(); err != nil {
			return dst, err
		}
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if object {
			dst = append(appendJSONString(dst, m.key), ": "...)
		}
		if dst, err = appendJSONValue(dst, m.kind, m.value, depth+1, most); err != nil {
			return dst, err
		}
	}
	return append(dst, end), nil
}

// members walks through an object or array: count and size, key entries, value entries, then what they point to.
type members struct {
	data          []byte
	keys, entries cursor
	width, left   int
	large, object bool

	key   []byte
	kind  byte
	value []byte
}

func openJSON(data []byte, large, object bool) (members, error) {
	m := members{width: 2, large: large, object: object}
	if large {
		m.width = 4
	}
	c := cursor{data: data}
	var size int
	m.left, size = int(c.little(m.width)), int(c.little(m.width))
	if c.short || size > len(data) {
		return m, errJSON
	}
	m.data, m.keys = data[:size], c
	if object {
		c.take(m.left * (m.width + 2))
	}
	m.entries = c
	return m, nil
}

func (m *members) next() error {
	m.left--
	if m.object {
		at, n := int(m.keys.little(m.width)), int(m.keys.little(2))
		if m.keys.short || at+n > len(m.data) {
			return errJSON
		}
		m.key = m.data[at : at+n]
	}
	var entry []byte
	m.kind, entry = m.entries.byte(), m.entries.take(m.width)
	if m.entries.short {
		return errJSON
	}
	m.value = entry
	if !inlined(m.kind, m.large) {
		at := (&cursor{data: entry}).little(m.width)
		if at > uint64(len(m.data)) {
			return errJSON
		}
		m.value = m.data[at:]
	}
	return nil
}

// inlined says whether a value stands in its entry: literals, 16-bit and, in large containers, 32-bit integers.
func inlined(kind byte, large bool) bool {
	return kind == 4 || kind == 5 || kind == 6 || large && (kind == 7 || kind == 8)
}

// varLength reads a length of seven bits a byte, lowest first.
func (c *cursor) varLength() int {
	n := 0
	for i := range 5 {
		b := c.byte()
		n |= int(b&0x7f) << (7 * i)
		if b < 0x80 {
			return n
		}
	}
	c.short = true
	return 0
}

const hexDigits = "0123456789abcdef"

// appendJSONString quotes a string; bytes from 0x20 on are written as they are.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '"' || b == '\\':
			dst = append(dst, '\\', b)
		case b >= 0x20:
			dst = append(dst, b)
		case b == '\b':
			dst = append(dst, `\b`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\f':
			dst = append(dst, `\f`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[b>>4], hexDigits[b&15])
		}
	}
	return append(dst, '"')
}

// appendJSONDouble writes the shortest digits that read back as f: with an exponent from 1e15 on, unless there is a
// fraction, and below 1e-15; with ".0" where it would look like an integer.
func appendJSONDouble(dst []byte, f float64) []byte {
	abs := math.Abs(f)
	if abs >= 1e15 && abs == math.Trunc(abs) || abs > 0 && abs < 1e-15 {
		at := len(dst)
		return plainExponent(strconv.AppendFloat(dst, f, 'e', -1, 64), at)
	}
	at := len(dst)
	dst = strconv.AppendFloat(dst, f, 'f', -1, 64)
	for _, b := range dst[at:] {
		if b == '.' {
			return dst
		}
	}
	return append(dst, ".0"...)
}

// plainExponent strips the plus sign and leading zeros of the exponent of the number that begins at start.
func plainExponent(dst []byte, start int) []byte {
	for i := start; i < len(dst); i++ {
		if dst[i] != 'e' {
			continue
		}
		digits := i + 1
		out := dst[:digits]
		if dst[digits] == '-' {
			out = append(out, '-')
		}
		digits++
		for digits < len(dst)-1 && dst[digits] == '0' {
			digits++
		}
		return append(out, dst[digits:]...)
	}
	return dst
}

// appendJSONOpaque writes a value of an SQL type: DECIMAL as a number, dates and times quoted, the rest in base64.
func appendJSONOpaque(dst []byte, kind byte, c *cursor) []byte {
	switch kind {
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		precision, scale := int(c.byte()), int(c.byte())
		if !isDecimal(precision, scale) {
			c.short = true
			return dst
		}
		return appendDecimal(dst, c, precision, scale)
	case gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_DATETIME, gomysql.MYSQL_TYPE_TIMESTAMP:
		n := int64(c.little(8))
		ymd, hms := n>>24>>17, n>>24&(1<<17-1)
		text := dateTimeText(cdc.PackDateTime(int(ymd>>5/13), int(ymd>>5%13), int(ymd&31), int(hms>>12), int(hms>>6&63), int(hms&63), int(n&(1<<24-1))))
		if kind == gomysql.MYSQL_TYPE_DATE {
			text = text[:10]
		}
		return append(append(append(dst, '"'), text...), '"')
	case gomysql.MYSQL_TYPE_TIME:
		n := int64(c.little(8))
		sign := int64(1)
		if n < 0 {
			sign, n = -1, -n
		}
		hms := n >> 24
		us := sign * ((hms>>12*3600+hms>>6&63*60+hms&63)*1_000_000 + n&(1<<24-1))
		return append(append(append(dst, '"'), timeText(us)...), '"')
	}
	dst = append(dst, `"base64:type`...)
	dst = append(strconv.AppendInt(dst, int64(kind), 10), ':')
	dst = base64.StdEncoding.AppendEncode(dst, c.data)
	return append(dst, '"')
}
