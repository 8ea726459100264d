package cdc

import (
	"math"
	"strconv"
	"time"
)

// AppendText appends the value as the server prints it in the column's type: integers and BIT in decimal, FLOAT and
// DOUBLE with the fewest digits that read back as the same number, temporal values with the column's fraction,
// UUID and INET.
// Text, bytes, labels and JSON are appended as they are held, in the column's charset. NULL is "NULL".
func AppendText(dst []byte, c *Column, v Value) []byte {
	switch v.Kind {
	case KindInt:
		return strconv.AppendInt(dst, v.Num, 10)
	case KindUint:
		return strconv.AppendUint(dst, uint64(v.Num), 10)
	case KindFloat:
		return appendFloat(dst, c, float64(math.Float32frombits(uint32(v.Num))), 32)
	case KindDouble:
		return appendFloat(dst, c, math.Float64frombits(uint64(v.Num)), 64)
	case KindDate:
		return appendDate(dst, v.Num)
	case KindDateTime:
		return appendDateTime(dst, v.Num, c.Fsp)
	case KindTimestamp:
		return appendDateTime(dst, packTimestamp(v.Num), c.Fsp)
	case KindTime:
		return appendTime(dst, v.Num, c.Fsp)
	case KindYear:
		return appendDigits(dst, int(v.Num), 4)
	case KindBytes:
		return AppendBytes(dst, c.Type, v.Bytes)
	case KindDecimal, KindText, KindEnum, KindSet, KindJSON:
		return append(dst, v.Bytes...)
	}
	return append(dst, "NULL"...)
}

// appendFloat follows the server: a declared scale is printed in full; else plain notation while the point lies
// within 15 digits, and "1.5e20" beyond.
func appendFloat(dst []byte, c *Column, f float64, bits int) []byte {
	if math.IsNaN(f) || math.IsInf(f, 0) { // which no server stores
		return strconv.AppendFloat(dst, f, 'g', -1, bits)
	}
	if c.Precision > 0 {
		return strconv.AppendFloat(dst, f, 'f', c.Scale, bits)
	}
	if f == 0 {
		if math.Signbit(f) {
			dst = append(dst, '-')
		}
		return append(dst, '0')
	}
	at := len(dst)
	dst = strconv.AppendFloat(dst, f, 'e', -1, bits)
	mark := len(dst) - 1
	for dst[mark] != 'e' {
		mark--
	}
	exp, _ := strconv.Atoi(string(dst[mark+1:]))
	if exp >= -15 && exp < 15 {
		return strconv.AppendFloat(dst[:at], f, 'f', -1, bits)
	}
	return strconv.AppendInt(dst[:mark+1], int64(exp), 10)
}

func appendDate(dst []byte, n int64) []byte {
	year, month, day := UnpackDate(n)
	dst = append(appendDigits(dst, year, 4), '-')
	dst = append(appendDigits(dst, month, 2), '-')
	return appendDigits(dst, day, 2)
}

func appendDateTime(dst []byte, n int64, fsp int) []byte {
	_, _, _, hour, minute, second, micro := UnpackDateTime(n)
	dst = append(appendDate(dst, n>>37), ' ')
	return appendClock(dst, hour, minute, second, micro, fsp)
}

func appendTime(dst []byte, micros int64, fsp int) []byte {
	if micros < 0 {
		dst = append(dst, '-')
		micros = -micros
	}
	seconds := micros / 1_000_000
	return appendClock(dst, int(seconds/3600), int(seconds/60%60), int(seconds%60), int(micros%1_000_000), fsp)
}

func appendClock(dst []byte, hour, minute, second, micro, fsp int) []byte {
	dst = append(appendDigits(dst, hour, 2), ':')
	dst = append(appendDigits(dst, minute, 2), ':')
	dst = appendDigits(dst, second, 2)
	if fsp <= 0 {
		return dst
	}
	for i := fsp; i < 6; i++ {
		micro /= 10
	}
	return appendDigits(append(dst, '.'), micro, min(fsp, 6))
}

// packTimestamp gives the packed wall clock in UTC; 0 is the zero timestamp.
func packTimestamp(micros int64) int64 {
	if micros == 0 {
		return 0
	}
	t := time.UnixMicro(micros).UTC()
	return PackDateTime(t.Year(), int(t.Month()), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond()/1000)
}

// appendDigits appends n with leading zeros to the given width.
func appendDigits(dst []byte, n, width int) []byte {
	for limit := pow10(width - 1); limit > 1 && n < limit; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func pow10(n int) int {
	p := 1
	for ; n > 0; n-- {
		p *= 10
	}
	return p
}
