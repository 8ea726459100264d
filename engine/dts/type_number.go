package dts

import (
	"math"
	"strconv"

	"sluice/engine/cdc"
)

// Integer{precision, value}: precision is the width in bytes, value decimal text, unsigned as unsigned. BIT is the
// unsigned number of its bits, 8 wide.
func (c *column) integer() {
	width := map[cdc.Type]int64{cdc.TinyInt: 1, cdc.SmallInt: 2, cdc.MediumInt: 3, cdc.Int: 4, cdc.BigInt: 8, cdc.Bit: 8}
	c.head = appendLong(appendLong(nil, branchInteger), width[c.def.Type])
	c.write = writeInteger
}

func writeInteger(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	dst = append(dst, c.head...)
	at := len(dst)
	dst = append(dst, 0)
	switch {
	case v.Kind == cdc.KindUint:
		dst = strconv.AppendUint(dst, uint64(v.Num), 10)
	case v.Kind == cdc.KindInt && c.def.Type != cdc.Bit:
		dst = strconv.AppendInt(dst, v.Num, 10)
	default:
		return dst, errKind
	}
	return shortLength(dst, at), nil
}

// Decimal{value, precision, scale}: precision and scale are those of the value as written, not of the column.
func (c *column) decimal() {
	c.head = appendLong(nil, branchDecimal)
	c.write = writeDecimal
}

func writeDecimal(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindDecimal {
		return dst, errKind
	}
	precision, scale, ok := decimalSize(v.Bytes)
	if !ok {
		return dst, errKind
	}
	dst = appendString(append(dst, c.head...), v.Bytes)
	return appendLong(appendLong(dst, precision), scale), nil
}

// decimalSize counts the digits without leading zeros (but never fewer than the scale, nor none) and those after the
// point.
func decimalSize(text []byte) (precision, scale int64, ok bool) {
	if len(text) > 0 && text[0] == '-' {
		text = text[1:]
	}
	point, digits := false, 0
	for _, b := range text {
		switch {
		case b == '.' && !point && digits > 0:
			point = true
		case b >= '0' && b <= '9':
			digits++
			if point {
				scale++
			}
			if precision > 0 || b != '0' {
				precision++
			}
		default:
			return 0, 0, false
		}
	}
	return max(precision, scale, 1), scale, digits > 0 && (!point || scale > 0)
}

// Float{value, precision, scale}: 12,31 for FLOAT and 22,31 for DOUBLE, or what was declared.
func (c *column) float() {
	precision, scale := int64(22), int64(31)
	c.write = writeDouble
	if c.def.Type == cdc.Float {
		precision = 12
		c.write = writeFloat
	}
	if c.def.Precision > 0 {
		precision, scale = int64(c.def.Precision), int64(c.def.Scale)
	}
	c.head = appendLong(nil, branchFloat)
	c.tail = appendLong(appendLong(nil, precision), scale)
}

// writeFloat sends the double nearest to the shortest text of the float32, because clients print it as a double:
// 1.1 and not 1.100000023841858.
func writeFloat(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	f := math.Float32frombits(uint32(v.Num))
	if v.Kind != cdc.KindFloat || f != f || math.IsInf(float64(f), 0) {
		return dst, errKind
	}
	var text [32]byte
	d, err := strconv.ParseFloat(string(strconv.AppendFloat(text[:0], float64(f), 'e', -1, 32)), 64)
	if err != nil {
		return dst, errKind
	}
	return append(appendDouble(append(dst, c.head...), d), c.tail...), nil
}

func writeDouble(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	d := math.Float64frombits(uint64(v.Num))
	if v.Kind != cdc.KindDouble || d != d || math.IsInf(d, 0) {
		return dst, errKind
	}
	return append(appendDouble(append(dst, c.head...), d), c.tail...), nil
}
