package oracle

import (
	"bytes"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"
)

// cell is the canonical text of one value; nil is NULL.
//
//	integers, BIT, YEAR   decimal, by the column's sign
//	DECIMAL               as printed, with the column's scale
//	FLOAT, DOUBLE         shortest text that gives the same float32 or float64
//	DATE, DATETIME, TIME  2020-01-02, 2020-01-02 03:04:05.12, -03:04:05.12 without trailing zeros of the fraction
//	TIMESTAMP             seconds since 1970 UTC, 1577934245.12
//	text, ENUM, SET       UTF-8, labels joined by commas
//	BINARY and BLOBs      the bytes, BINARY(n) padded to n
//	JSON                  compact, keys sorted
type cell []byte

func (c cell) null() bool { return c == nil }

// Hash identifies a canonical row or key. The zero Hash is "no row".
type Hash [16]byte

func (h Hash) isZero() bool { return h == Hash{} }

func sum(b []byte) Hash { return md5.Sum(b) }

// plus and minus make a multiset's hash of its rows' hashes: sums modulo 2^128.
func (h Hash) plus(o Hash) Hash {
	lo, carry := bits.Add64(h.low(), o.low(), 0)
	hi, _ := bits.Add64(h.high(), o.high(), carry)
	return pair(hi, lo)
}

func (h Hash) minus(o Hash) Hash {
	lo, borrow := bits.Sub64(h.low(), o.low(), 0)
	hi, _ := bits.Sub64(h.high(), o.high(), borrow)
	return pair(hi, lo)
}

func (h Hash) high() uint64 { return binary.BigEndian.Uint64(h[:8]) }
func (h Hash) low() uint64  { return binary.BigEndian.Uint64(h[8:]) }

func pair(hi, lo uint64) (h Hash) {
	binary.BigEndian.PutUint64(h[:8], hi)
	binary.BigEndian.PutUint64(h[8:], lo)
	return h
}

// appendCell adds one named value to a canonical row. A row is its travelling columns in the order of their names.
func appendCell(dst []byte, name string, c cell) []byte {
	dst = append(append(dst, name...), 0)
	if c.null() {
		return append(dst, 'N')
	}
	dst = binary.AppendUvarint(append(dst, 'V'), uint64(len(c)))
	return append(dst, c...)
}

// readable prints a canonical row or key for examples.
func readable(row []byte) string {
	var b strings.Builder
	for len(row) > 0 {
		i := bytes.IndexByte(row, 0)
		if i < 0 || i+1 >= len(row) {
			break
		}
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.Write(row[:i])
		b.WriteByte('=')
		null := row[i+1] == 'N'
		row = row[i+2:]
		if null {
			b.WriteString("NULL")
			continue
		}
		n, used := binary.Uvarint(row)
		if used <= 0 || int(n) > len(row)-used {
			break
		}
		if v := row[used : used+int(n)]; utf8.Valid(v) {
			b.Write(v)
		} else {
			b.WriteString("0x" + hex.EncodeToString(v))
		}
		row = row[used+int(n):]
	}
	return b.String()
}

// The forms below are shared by the three readers.

func floatCell(text []byte, size int) (cell, error) {
	f, err := strconv.ParseFloat(string(bytes.TrimSpace(text)), size)
	if err != nil {
		return nil, err
	}
	return strconv.AppendFloat(cell{}, f, 'g', -1, size), nil
}

// trimFraction drops trailing zeros after the point, and a bare point.
func trimFraction(c cell) cell {
	if bytes.IndexByte(c, '.') < 0 {
		return c
	}
	return bytes.TrimRight(bytes.TrimRight(c, "0"), ".")
}

func bitCell(digits []byte) (cell, error) {
	n, err := strconv.ParseUint(string(digits), 2, 64)
	return strconv.AppendUint(cell{}, n, 10), err
}

// setCell gives the labels of a bit mask.
func setCell(mask uint64, labels []string) (cell, error) {
	out := cell{}
	for i := range 64 {
		if mask&(1<<i) == 0 {
			continue
		}
		if i >= len(labels) {
			return nil, fmt.Errorf("SET bit %d has no label", i)
		}
		if len(out) > 0 {
			out = append(out, ',')
		}
		out = append(out, labels[i]...)
	}
	return out, nil
}

// jsonCell brings a JSON text to its value: numbers that are no integers by float64.
func jsonCell(text []byte) (cell, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("JSON %q: %w", text, err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(plainNumbers(v)); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func plainNumbers(v any) any {
	switch v := v.(type) {
	case json.Number:
		if s := v.String(); strings.ContainsAny(s, ".eE") || len(s) > 20 {
			f, _ := v.Float64()
			return json.Number(strconv.FormatFloat(f, 'g', -1, 64))
		}
	case []any:
		for i := range v {
			v[i] = plainNumbers(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = plainNumbers(v[k])
		}
	}
	return v
}

// textCell turns bytes of a charset into UTF-8; it may give b itself.
func textCell(b []byte, charset string) (cell, error) {
	switch strings.ToLower(charset) {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "binary":
		return b, nil
	case "latin1":
		out := cell{}
		for _, c := range b {
			r := rune(c)
			if c >= 0x80 && c < 0xa0 {
				r = windows1252[c-0x80]
			}
			out = utf8.AppendRune(out, r)
		}
		return out, nil
	}
	return nil, fmt.Errorf("charset %q is not read by the oracle", charset)
}

// windows1252 is what MySQL's latin1 holds between 0x80 and 0x9f.
var windows1252 = []rune("€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ")
