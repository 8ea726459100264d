package dts

import "sluice/engine/cdc"

const second = 1_000_000 // microseconds

// Timestamp{timestamp, millis}: seconds since 1970 UTC, and microseconds in spite of the name. The zero timestamp is 0.
func (c *column) timestamp() {
	c.head = appendLong(nil, branchTimestamp)
	c.write = func(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
		if v.Kind != cdc.KindTimestamp || v.Num < 0 {
			return dst, errKind
		}
		return appendLong(appendLong(append(dst, c.head...), v.Num/second), v.Num%second), nil
	}
}

// DateTime{year, month, day, hour, minute, second, millis}, each null or a number; millis are microseconds. The parts
// that a type does not have are null. In a negative TIME every part is negative.
func (c *column) dateTime() {
	c.head = appendLong(nil, branchDateTime)
	switch c.def.Type {
	case cdc.Date:
		c.write = writeDate
	case cdc.DateTime:
		c.write = writeDateTime
	case cdc.Time:
		c.write = writeTime
	case cdc.Year:
		c.write = writeYear
	}
}

func writeDate(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindDate {
		return dst, errKind
	}
	year, month, day := cdc.UnpackDate(v.Num)
	return append(appendParts(append(dst, c.head...), year, month, day), 0, 0, 0, 0), nil
}

func writeDateTime(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindDateTime {
		return dst, errKind
	}
	year, month, day, hour, minute, sec, micro := cdc.UnpackDateTime(v.Num)
	dst = appendParts(append(dst, c.head...), year, month, day)
	return appendPart(appendParts(dst, hour, minute, sec), micro), nil
}

func writeTime(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindTime {
		return dst, errKind
	}
	micro, sec := v.Num%second, v.Num/second // Go truncates towards zero: each part has the sign of the whole
	dst = append(append(dst, c.head...), 0, 0, 0)
	return appendPart(appendParts(dst, int(sec/3600), int(sec/60%60), int(sec%60)), int(micro)), nil
}

func writeYear(dst []byte, c *column, v *cdc.Value) ([]byte, error) {
	if v.Kind != cdc.KindYear {
		return dst, errKind
	}
	return append(appendPart(append(dst, c.head...), int(v.Num)), 0, 0, 0, 0, 0, 0), nil
}

func appendPart(dst []byte, n int) []byte { return appendLong(append(dst, 2), int64(n)) }

func appendParts(dst []byte, a, b, c int) []byte {
	return appendPart(appendPart(appendPart(dst, a), b), c)
}
