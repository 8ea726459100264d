package snapshot

import (
	"fmt"

	"sluice/engine/cdc"
)

// Comparable reports whether keys of the column can be ordered as the server does: by their values (integers, DECIMAL,
// temporal types, ENUM by its numbers, BINARY and VARBINARY, UUID and INET, text in utf8mb4_0900_bin), or by weights that the server
// gives. The rest (FLOAT, DOUBLE, SET, BIT, a few collations) is copied in one piece.
func Comparable(c *cdc.Column) bool {
	switch c.Type {
	case cdc.TinyInt, cdc.SmallInt, cdc.MediumInt, cdc.Int, cdc.BigInt, cdc.Decimal,
		cdc.Date, cdc.DateTime, cdc.Timestamp, cdc.Time, cdc.Year, cdc.Binary, cdc.VarBinary, cdc.Enum,
		cdc.UUID, cdc.Inet4, cdc.Inet6:
		return true
	case cdc.Char, cdc.VarChar:
		return c.Collation == byValue || Weighed(c)
	}
	return false
}

// AppendKey appends an encoding of the key columns' values whose byte order is the server's order of the key, and
// whose equality is the server's. All columns must be Comparable and not NULL. The weights of a row that was read come
// behind its columns, in the order of the key; those of any other row are looked up.
func AppendKey(dst []byte, t *cdc.Table, key []int, row cdc.Row, weights Weights) ([]byte, error) {
	var err error
	read := row[len(t.Columns):]
	for _, k := range key {
		v := &row[k]
		if len(read) > 0 && Weighed(&t.Columns[k]) {
			dst, read = appendBytes(dst, read[0].Bytes), read[1:]
			continue
		}
		if dst, err = appendValue(dst, t, k, v, weights); err != nil {
			return dst, err
		}
	}
	return dst, nil
}

// NewBound makes the bound at these values of the key columns.
func NewBound(t *cdc.Table, key []int, values cdc.Row, weights Weights) (*Bound, error) {
	b := &Bound{Row: values}
	var err error
	for i, k := range key {
		if b.Key, err = appendValue(b.Key, t, k, &values[i], weights); err != nil {
			return nil, err
		}
	}
	return b, nil
}

func appendValue(dst []byte, t *cdc.Table, k int, v *cdc.Value, weights Weights) ([]byte, error) {
	c := &t.Columns[k]
	switch v.Kind {
	case cdc.KindInt, cdc.KindTime, cdc.KindTimestamp, cdc.KindDate, cdc.KindDateTime, cdc.KindYear, cdc.KindEnum:
		return appendOrdered(dst, uint64(v.Num)^1<<63), nil
	case cdc.KindUint:
		return appendOrdered(dst, uint64(v.Num)), nil
	case cdc.KindDecimal:
		return appendDecimal(dst, v.Bytes, c.Precision, c.Scale), nil
	case cdc.KindBytes:
		if c.Type == cdc.UUID {
			return appendUUID(dst, v.Bytes), nil
		}
		return appendBytes(dst, v.Bytes), nil
	case cdc.KindText:
		if !Weighed(c) {
			return appendBytes(dst, v.Bytes), nil
		}
		weight, ok := weights[Text{c.Charset, c.Collation, string(v.Bytes)}]
		if !ok || weight == nil {
			return dst, fmt.Errorf("key column %s of %s holds a text whose order was not asked for", c.Name, t.TableID)
		}
		return appendBytes(dst, weight), nil
	}
	return dst, fmt.Errorf("key column %s of %s holds a value of kind %d, which has no order here", c.Name, t.TableID, v.Kind)
}

// appendUUID writes the bytes that MariaDB sorts by: of versions 1 to 5 the node comes first and the lowest part of the
// time last.
func appendUUID(dst, b []byte) []byte {
	if len(b) != 16 || b[6] == 0 || b[6] >= 0x60 || b[8] < 0x80 {
		return append(dst, b...)
	}
	dst = append(append(append(dst, b[10:]...), b[8:10]...), b[6:8]...)
	return append(append(dst, b[4:6]...), b[:4]...)
}

func appendOrdered(dst []byte, n uint64) []byte {
	return append(dst, byte(n>>56), byte(n>>48), byte(n>>40), byte(n>>32), byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
}

// appendBytes ends the string with 0,0 and writes a zero inside it as 0,255, so that a prefix sorts first.
func appendBytes(dst, b []byte) []byte {
	for _, c := range b {
		if c == 0 {
			dst = append(dst, 0, 255)
		} else {
			dst = append(dst, c)
		}
	}
	return append(dst, 0, 0)
}

// appendDecimal writes the sign and all digits at a fixed width; a negative number with its digits complemented.
func appendDecimal(dst, text []byte, precision, scale int) []byte {
	neg := len(text) > 0 && text[0] == '-'
	if neg {
		text = text[1:]
	}
	point := len(text)
	for i, c := range text {
		if c == '.' {
			point = i
		}
	}
	flip := func(c byte) byte {
		if neg {
			return '0' + '9' - c
		}
		return c
	}
	if neg {
		dst = append(dst, 0)
	} else {
		dst = append(dst, 1)
	}
	for n := precision - scale - point; n > 0; n-- {
		dst = append(dst, flip('0'))
	}
	for i, c := range text {
		if i != point {
			dst = append(dst, flip(c))
		}
	}
	written := 0
	if point < len(text) {
		written = len(text) - point - 1
	}
	for n := scale - written; n > 0; n-- {
		dst = append(dst, flip('0'))
	}
	return dst
}
