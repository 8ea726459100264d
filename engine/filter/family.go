package filter

import (
	"bytes"
	"cmp"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sluice/engine/cdc"
)

// constant is a constant as the values of its column are held.
type constant struct {
	num     int64
	text    []byte
	decimal bool // text is a number that num does not hold
}

// family is how the values of like types are compared.
type family struct {
	constant func(*cdc.Column, token) (constant, error)
	compare  func(*cdc.Value, *constant) int
}

func byNum(v *cdc.Value, c *constant) int   { return cmp.Compare(v.Num, c.num) }
func byBytes(v *cdc.Value, c *constant) int { return bytes.Compare(v.Bytes, c.text) }
func byPadded(v *cdc.Value, c *constant) int {
	return bytes.Compare(bytes.TrimRight(v.Bytes, " "), c.text)
}

// byFolded compares ASCII without regard to case.
func byFolded(v *cdc.Value, c *constant) int {
	b := bytes.TrimRight(v.Bytes, " ")
	if len(b) != len(c.text) {
		return 1
	}
	for i, x := range b {
		if x >= 'a' && x <= 'z' {
			x -= 'a' - 'A'
		}
		if x != c.text[i] {
			return 1
		}
	}
	return 0
}

// familyOf gives the family of a column; equality: its order is not known here.
func familyOf(c *cdc.Column) (f family, equality bool, err error) {
	switch c.Type {
	case cdc.TinyInt, cdc.SmallInt, cdc.MediumInt, cdc.Int, cdc.BigInt, cdc.Decimal:
		return family{numberOf, byNumber}, false, nil
	case cdc.Year:
		return family{yearOf, byNum}, false, nil
	case cdc.Date, cdc.DateTime, cdc.Timestamp:
		return family{momentOf, byNum}, false, nil
	case cdc.Time:
		return family{clockOf, byNum}, false, nil
	case cdc.Enum:
		return family{labelOf, byNum}, true, nil
	case cdc.Binary, cdc.VarBinary, cdc.TinyBlob, cdc.Blob, cdc.MediumBlob, cdc.LongBlob:
		return family{bytesOf, byBytes}, true, nil
	}
	if c.Type.IsText() {
		switch _, bin := strings.CutSuffix(c.Collation, "_bin"); {
		case c.Collation == "utf8mb4_0900_bin", strings.HasSuffix(c.Collation, "_nopad_bin"):
			return family{textOf, byBytes}, true, plainCharset(c)
		case bin:
			return family{paddedOf, byPadded}, true, plainCharset(c)
		case c.Collation == "ascii_general_ci":
			return family{foldedOf, byFolded}, true, nil
		}
		return f, false, fmt.Errorf("column %s has the collation %s, by which only the server can compare", c.Name, cmp.Or(c.Collation, "of its table"))
	}
	return f, false, fmt.Errorf("column %s of type %s can only be compared by the server", c.Name, c.Declared)
}

func plainCharset(c *cdc.Column) error {
	switch c.Charset {
	case "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1":
		return nil
	}
	return fmt.Errorf("column %s has the charset %s", c.Name, c.Charset)
}

// numberOf takes numbers that the column can hold: with others, what a server answers hangs on its indexes (MySQL
// 8.0.33: DECIMAL UNSIGNED < -0.5) and on the types of the other constants (BETWEEN).
func numberOf(def *cdc.Column, t token) (c constant, err error) {
	if t.kind != number {
		return c, fmt.Errorf("%s is no number", t)
	}
	negative, whole, fraction := split([]byte(t.text))
	if !holds(def, negative, whole, fraction) {
		return c, fmt.Errorf("%s is no value that it can hold", t)
	}
	if len(fraction) == 0 {
		sign := ""
		if negative {
			sign = "-"
		}
		if n, err := strconv.ParseInt(sign+cmp.Or(string(whole), "0"), 10, 64); err == nil {
			return constant{num: n}, nil
		}
	}
	return constant{text: []byte(t.text), decimal: true}, nil
}

var widths = map[cdc.Type]uint{cdc.TinyInt: 8, cdc.SmallInt: 16, cdc.MediumInt: 24, cdc.Int: 32, cdc.BigInt: 64}

func holds(c *cdc.Column, negative bool, whole, fraction []byte) bool {
	if negative && c.Unsigned {
		return false
	}
	bits := widths[c.Type]
	if bits == 0 {
		return len(fraction) <= c.Scale && len(whole) <= c.Precision-c.Scale
	}
	top := ^uint64(0) >> (64 - bits)
	switch {
	case c.Unsigned:
	case negative:
		top = top/2 + 1
	default:
		top /= 2
	}
	return len(fraction) == 0 && compareDigits(whole, strconv.AppendUint(nil, top, 10)) <= 0
}

// byNumber compares integers and decimals by their digits, where one of them is no 64-bit integer.
func byNumber(v *cdc.Value, c *constant) int {
	var a, b [24]byte
	switch {
	case c.decimal:
	case v.Kind == cdc.KindInt:
		return cmp.Compare(v.Num, c.num)
	case v.Kind == cdc.KindUint && (c.num < 0 || v.Num < 0):
		return 1
	case v.Kind == cdc.KindUint:
		return cmp.Compare(v.Num, c.num)
	}
	left, right := v.Bytes, c.text
	switch v.Kind {
	case cdc.KindInt:
		left = strconv.AppendInt(a[:0], v.Num, 10)
	case cdc.KindUint:
		left = strconv.AppendUint(a[:0], uint64(v.Num), 10)
	}
	if !c.decimal {
		right = strconv.AppendInt(b[:0], c.num, 10)
	}
	return compareDigits(left, right)
}

// split gives the digits before the point without zeros in front, and those behind it without zeros at the end.
func split(s []byte) (negative bool, whole, fraction []byte) {
	if len(s) > 0 && s[0] == '-' {
		negative, s = true, s[1:]
	}
	whole, fraction, _ = bytes.Cut(s, []byte("."))
	return negative, bytes.TrimLeft(whole, "0"), bytes.TrimRight(fraction, "0")
}

func compareDigits(a, b []byte) int {
	less, wa, fa := split(a)
	minus, wb, fb := split(b)
	if len(wa)+len(fa) == 0 {
		less = false // zero has no sign
	}
	if len(wb)+len(fb) == 0 {
		minus = false
	}
	if less != minus {
		if less {
			return -1
		}
		return 1
	}
	order := cmp.Compare(len(wa), len(wb))
	if order == 0 {
		order = cmp.Or(bytes.Compare(wa, wb), bytes.Compare(fa, fb))
	}
	if less {
		return -order
	}
	return order
}

func yearOf(_ *cdc.Column, t token) (constant, error) {
	n, err := strconv.Atoi(t.text)
	if t.kind != number || err != nil || n < 1901 || n > 2155 {
		return constant{}, fmt.Errorf("%s is no year from 1901 to 2155", t)
	}
	return constant{num: int64(n)}, nil
}

// cutFraction takes the fraction of a second off; it may have as many digits as the column.
func cutFraction(c *cdc.Column, s string) (rest string, micros int, err error) {
	rest, digits, has := strings.Cut(s, ".")
	if !has {
		return rest, 0, nil
	}
	if len(digits) == 0 || len(digits) > c.Fsp || strings.Trim(digits, "0123456789") != "" {
		return rest, 0, fmt.Errorf("'%s' has another fraction than the column", s)
	}
	n, err := strconv.Atoi((digits + "000000")[:6])
	return rest, n, err
}

// lastTimestamp is the end of the range of TIMESTAMP.
const lastTimestamp = 1<<31 - 1

func momentOf(c *cdc.Column, t token) (constant, error) {
	wrong := fmt.Errorf("%s is no moment like '2024-01-31' or '2024-01-31 23:59:59'", t)
	if t.kind != text {
		return constant{}, wrong
	}
	s, micros, err := cutFraction(c, t.text)
	if err != nil {
		return constant{}, err
	}
	layout := time.DateTime
	if len(s) == len(time.DateOnly) {
		if layout = time.DateOnly; s != t.text {
			return constant{}, wrong
		}
	}
	at, err := time.Parse(layout, s)
	if err != nil || at.Format(layout) != s || at.Year() == 0 || c.Type == cdc.Date && layout != time.DateOnly {
		return constant{}, wrong
	}
	switch c.Type {
	case cdc.Date:
		return constant{num: cdc.PackDate(at.Year(), int(at.Month()), at.Day())}, nil
	case cdc.Timestamp:
		if at.Unix() < 1 || at.Unix() > lastTimestamp {
			return constant{}, fmt.Errorf("%s is out of the range of TIMESTAMP", t)
		}
		return constant{num: at.UnixMicro() + int64(micros)}, nil
	}
	return constant{num: cdc.PackDateTime(at.Year(), int(at.Month()), at.Day(), at.Hour(), at.Minute(), at.Second(), micros)}, nil
}

func clockOf(c *cdc.Column, t token) (constant, error) {
	wrong := fmt.Errorf("%s is no time like '23:59:59'", t)
	s, micros, err := cutFraction(c, t.text)
	if err != nil {
		return constant{}, err
	}
	s, negative := strings.CutPrefix(s, "-")
	parts := strings.Split(s, ":")
	if t.kind != text || len(parts) != 3 || len(parts[0]) < 2 || len(parts[0]) > 3 || len(parts[1]) != 2 || len(parts[2]) != 2 {
		return constant{}, wrong
	}
	var n [3]int64
	for i, p := range parts {
		u, err := strconv.ParseUint(p, 10, 16)
		if err != nil || i > 0 && u > 59 || u > 838 {
			return constant{}, wrong
		}
		n[i] = int64(u)
	}
	whole := (n[0]*3600+n[1]*60+n[2])*1_000_000 + int64(micros)
	if whole > (838*3600+59*60+59)*1_000_000 {
		return constant{}, wrong
	}
	if negative {
		whole = -whole
	}
	return constant{num: whole}, nil
}

// labelOf takes a label as it was declared: labels differ by the column's collation, so that no other one is equal.
func labelOf(c *cdc.Column, t token) (constant, error) {
	for i, l := range c.Labels {
		if t.kind == text && l == t.text && l != "" {
			return constant{num: int64(i + 1)}, nil
		}
	}
	return constant{}, fmt.Errorf("%s is none of its labels", t)
}

func bytesOf(_ *cdc.Column, t token) (constant, error) {
	if t.kind == bits {
		b, err := hex.DecodeString(t.text)
		return constant{text: b}, err
	}
	if t.kind != text || !ascii(t.text) {
		return constant{}, fmt.Errorf("%s is neither ASCII in quotes nor x'00ff'", t)
	}
	return constant{text: []byte(t.text)}, nil
}

func ascii(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 0x7f || r == 0 }) < 0
}

func textOf(c *cdc.Column, t token) (constant, error) {
	most := map[string]int{"utf8mb4": 4, "utf8mb3": 3, "utf8": 3}[c.Charset] // bytes of a character
	if t.kind != text || !utf8.ValidString(t.text) || most == 0 && !ascii(t.text) ||
		strings.ContainsFunc(t.text, func(r rune) bool { return most > 0 && utf8.RuneLen(r) > most }) {
		return constant{}, fmt.Errorf("%s is no text of the column's charset", t)
	}
	return constant{text: []byte(t.text)}, nil
}

func paddedOf(c *cdc.Column, t token) (constant, error) {
	v, err := textOf(c, t)
	v.text = bytes.TrimRight(v.text, " ")
	return v, err
}

func foldedOf(c *cdc.Column, t token) (constant, error) {
	v, err := paddedOf(c, t)
	v.text = bytes.ToUpper(v.text)
	return v, err
}
