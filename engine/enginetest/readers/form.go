package readers

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Form is how a kind of value is asked of the server, and how it is held against what a reader saw.
type Form struct {
	printed string // SQL expression of the column @
	Equal   func(got *Value, printed string) (string, bool)
}

// The forms of values.
var (
	Number   = &Form{"CAST(@ AS CHAR)", sameNumber}
	Bit      = &Form{"CAST(@ + 0 AS CHAR)", sameNumber}
	Single   = &Form{"CAST(@ AS DOUBLE)", float(32)}
	Double   = &Form{"CAST(@ AS CHAR)", float(64)}
	Wall     = &Form{"CAST(@ AS CHAR)", printed(wallText)}
	Clock    = &Form{"CAST(@ AS CHAR)", printed(clockText)}
	Instant  = &Form{"CAST(UNIX_TIMESTAMP(@) AS CHAR)", printed(instantText)}
	Text     = &Form{"LOWER(HEX(CONVERT(@ USING utf8mb4)))", printed(textOf)}
	Bytes    = &Form{"LOWER(HEX(@))", printed(func(v *Value) string { return Part(v, "value") })}
	Address  = &Form{"LOWER(HEX(CAST(@ AS CHAR)))", printed(textOf)}
	Document = &Form{"CAST(@ AS CHAR)", sameJSON}
	// Of a reference system with latitude first, the server keeps longitude first.
	Spatial      = &Form{"CONCAT(ST_SRID(@), ' ', LOWER(HEX(ST_AsBinary(@, 'axis-order=long-lat'))))", printed(geometryText)}
	SpatialMaria = &Form{"CONCAT(ST_SRID(@), ' ', LOWER(HEX(ST_AsBinary(@))))", printed(geometryText)}
)

// Expr is what a SELECT asks for.
func (f *Form) Expr(name string) string { return strings.ReplaceAll(f.printed, "@", name) }

// printed compares texts; a fraction's zeros at the end do not count.
func printed(read func(*Value) string) func(*Value, string) (string, bool) {
	return func(v *Value, want string) (string, bool) {
		got := read(v)
		return got, got == want || trim(got) == trim(want)
	}
}

func trim(s string) string {
	if i := strings.IndexByte(s, '.'); i >= 0 && strings.IndexFunc(s[i+1:], func(r rune) bool { return r < '0' || r > '9' }) < 0 {
		return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Part gives the first of the fields that the Avro record has.
func Part(v *Value, names ...string) string {
	for _, n := range names {
		switch x := v.Parts[n].(type) {
		case string:
			return x
		case float64:
			return strconv.FormatFloat(x, 'f', -1, 64)
		}
	}
	return ""
}

// sameNumber compares numbers by their digits; the zeros in front that ZEROFILL and YEAR print do not count.
func sameNumber(v *Value, printed string) (string, bool) {
	got := Part(v, "value", "year")
	return got, bare(got) == bare(printed)
}

func bare(s string) string {
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "-", s[1:]
	}
	if s = strings.TrimLeft(s, "0"); s == "" || s[0] == '.' {
		s = "0" + s
	}
	return sign + s
}

// textOf gives what the official reader understands as text, in UTF-8. TEXT reaches it as bytes that are UTF-8.
func textOf(v *Value) string {
	if v.Branch == "BinaryObject" {
		return Part(v, "value")
	}
	return hex.EncodeToString([]byte(v.Text))
}

// geometryText puts the SRID, which came in a tag, before the value.
func geometryText(v *Value) string { return Part(v, "srid") + " " + Part(v, "value") }

func float(bits int) func(*Value, string) (string, bool) {
	return func(v *Value, printed string) (string, bool) {
		got, err1 := strconv.ParseFloat(Part(v, "value"), 64)
		want, err2 := strconv.ParseFloat(printed, 64)
		if err1 != nil || err2 != nil {
			return fmt.Sprint(v.Parts, err1, err2), false
		}
		if bits == 32 { // what travels is the double that is nearest to the shortest text of the float
			want, _ = strconv.ParseFloat(strconv.FormatFloat(want, 'g', -1, 32), 64)
		}
		return Part(v, "value"), got == want
	}
}

func integer(v *Value, name string) int {
	f, _ := v.Parts[name].(float64)
	return int(f)
}

// wallText writes DATE, DATETIME and YEAR.
func wallText(v *Value) string {
	s := fmt.Sprintf("%04d-%02d-%02d", integer(v, "year"), integer(v, "month"), integer(v, "day"))
	if v.Parts["hour"] == nil {
		return s
	}
	return s + fmt.Sprintf(" %02d:%02d:%02d.%06d", integer(v, "hour"), integer(v, "minute"), integer(v, "second"), integer(v, "millis"))
}

// clockText writes TIME, whose parts all have the sign.
func clockText(v *Value) string {
	h, m, s, u := integer(v, "hour"), integer(v, "minute"), integer(v, "second"), integer(v, "millis")
	sign := ""
	if h < 0 || m < 0 || s < 0 || u < 0 {
		sign, h, m, s, u = "-", -h, -m, -s, -u
	}
	return fmt.Sprintf("%s%02d:%02d:%02d.%06d", sign, h, m, s, u)
}

func instantText(v *Value) string {
	return fmt.Sprintf("%d.%06d", integer(v, "timestamp"), integer(v, "millis"))
}

func sameJSON(v *Value, printed string) (string, bool) {
	read := func(s string) (x any, err error) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		err = d.Decode(&x)
		return x, err
	}
	got, err1 := read(v.Text)
	want, err2 := read(printed)
	return v.Text, err1 == nil && err2 == nil && sameDocument(got, want)
}

// sameDocument compares by value: 1e300 and 1E300 are one number.
func sameDocument(a, b any) bool {
	switch x := a.(type) {
	case map[string]any:
		y, ok := b.(map[string]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for k := range x {
			if w, ok := y[k]; !ok || !sameDocument(x[k], w) {
				return false
			}
		}
		return true
	case []any:
		y, ok := b.([]any)
		if !ok || len(x) != len(y) {
			return false
		}
		for i := range x {
			if !sameDocument(x[i], y[i]) {
				return false
			}
		}
		return true
	case json.Number:
		y, ok := b.(json.Number)
		if !ok {
			return false
		}
		if x == y {
			return true
		}
		f, err1 := x.Float64()
		g, err2 := y.Float64()
		return err1 == nil && err2 == nil && f == g && strings.ContainsAny(string(x)+string(y), ".eE")
	}
	return reflect.DeepEqual(a, b)
}
