package dts

import (
	"errors"
	"math"
	"reflect"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

const namespace = "com.alibaba.dts.formats.avro."

func object(branch string, pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i].(string)] = pairs[i+1]
	}
	return map[string]any{namespace + branch: m}
}

// clock gives the native form of a DateTime; nil is a part that is null.
func clock(parts ...any) map[string]any {
	m := map[string]any{}
	for i, name := range []string{"year", "month", "day", "hour", "minute", "second", "millis"} {
		m[name] = nil
		if n, ok := parts[i].(int); ok {
			m[name] = map[string]any{"int": int32(n)}
		}
	}
	return map[string]any{namespace + "DateTime": m}
}

func text(s string) cdc.Value    { return cdc.Value{Kind: cdc.KindText, Bytes: []byte(s)} }
func decimal(s string) cdc.Value { return cdc.Value{Kind: cdc.KindDecimal, Bytes: []byte(s)} }
func float(f float32) cdc.Value {
	return cdc.Value{Kind: cdc.KindFloat, Num: int64(math.Float32bits(f))}
}
func double(f float64) cdc.Value {
	return cdc.Value{Kind: cdc.KindDouble, Num: int64(math.Float64bits(f))}
}
func num(k cdc.Kind, n int64) cdc.Value { return cdc.Value{Kind: k, Num: n} }

// encodeOne sends one value through a table of one column and gives its native form and the column's type number.
func encodeOne(t testing.TB, c cdc.Column, v cdc.Value) (any, int32, error) {
	t.Helper()
	c.Name = "c"
	table := &cdc.Table{TableID: cdc.TableID{Schema: "d", Name: "t"}, Columns: []cdc.Column{c}}
	value, err := New(Options{}).Encode(nil, &cdc.Record{Op: cdc.Insert, Object: "d.t", Table: table, After: cdc.Row{v}})
	if err != nil {
		return nil, 0, err
	}
	native, err := decodeNative(value)
	if err != nil {
		t.Fatalf("%+v: %v", c, err)
	}
	_, fields := branch(native["fields"])
	_, after := branch(native["afterImages"])
	return list(after)[0], list(fields)[0].(map[string]any)["dataTypeNumber"].(int32), nil
}

func TestTypes(t *testing.T) {
	t.Parallel()
	const day, sec = 86400 * 1000000, 1000000
	for _, c := range []struct {
		column cdc.Column
		value  cdc.Value
		number int32
		want   any
	}{
		{cdc.Column{Type: cdc.TinyInt}, num(cdc.KindInt, -128), 1, object("Integer", "precision", int32(1), "value", "-128")},
		{cdc.Column{Type: cdc.SmallInt}, num(cdc.KindUint, 65535), 2, object("Integer", "precision", int32(2), "value", "65535")},
		{cdc.Column{Type: cdc.MediumInt}, num(cdc.KindInt, -8388608), 9, object("Integer", "precision", int32(3), "value", "-8388608")},
		{cdc.Column{Type: cdc.Int}, num(cdc.KindInt, 0), 3, object("Integer", "precision", int32(4), "value", "0")},
		{cdc.Column{Type: cdc.BigInt}, num(cdc.KindInt, math.MinInt64), 8, object("Integer", "precision", int32(8), "value", "-9223372036854775808")},
		{cdc.Column{Type: cdc.BigInt}, num(cdc.KindUint, -1), 8, object("Integer", "precision", int32(8), "value", "18446744073709551615")},
		{cdc.Column{Type: cdc.Bit, Length: 64}, num(cdc.KindUint, math.MinInt64), 16, object("Integer", "precision", int32(8), "value", "9223372036854775808")},
		{cdc.Column{Type: cdc.Decimal}, decimal("348.00"), 246, object("Decimal", "value", "348.00", "precision", int32(5), "scale", int32(2))},
		{cdc.Column{Type: cdc.Decimal}, decimal("-1050"), 246, object("Decimal", "value", "-1050", "precision", int32(4), "scale", int32(0))},
		{cdc.Column{Type: cdc.Decimal}, decimal("0.05"), 246, object("Decimal", "value", "0.05", "precision", int32(2), "scale", int32(2))},
		{cdc.Column{Type: cdc.Decimal}, decimal("0"), 246, object("Decimal", "value", "0", "precision", int32(1), "scale", int32(0))},
		{cdc.Column{Type: cdc.Float}, float(1.1), 4, object("Float", "value", 1.1, "precision", int32(12), "scale", int32(31))},
		{cdc.Column{Type: cdc.Float}, float(math.MaxFloat32), 4, object("Float", "value", 3.4028235e38, "precision", int32(12), "scale", int32(31))},
		{cdc.Column{Type: cdc.Float, Precision: 7, Scale: 2}, float(-0.25), 4, object("Float", "value", -0.25, "precision", int32(7), "scale", int32(2))},
		{cdc.Column{Type: cdc.Double}, double(5e-324), 5, object("Float", "value", 5e-324, "precision", int32(22), "scale", int32(31))},
		{cdc.Column{Type: cdc.Double, Precision: 10}, double(3), 5, object("Float", "value", 3.0, "precision", int32(10), "scale", int32(0))},
		{cdc.Column{Type: cdc.Timestamp}, num(cdc.KindTimestamp, 1618239451*sec+999999), 7, object("Timestamp", "timestamp", int64(1618239451), "millis", int32(999999))},
		{cdc.Column{Type: cdc.Timestamp}, num(cdc.KindTimestamp, 0), 7, object("Timestamp", "timestamp", int64(0), "millis", int32(0))},
		{cdc.Column{Type: cdc.DateTime}, num(cdc.KindDateTime, cdc.PackDateTime(9999, 12, 31, 23, 59, 58, 7)), 12, clock(9999, 12, 31, 23, 59, 58, 7)},
		{cdc.Column{Type: cdc.DateTime}, num(cdc.KindDateTime, 0), 12, clock(0, 0, 0, 0, 0, 0, 0)},
		{cdc.Column{Type: cdc.Date}, num(cdc.KindDate, cdc.PackDate(2020, 0, 15)), 10, clock(2020, 0, 15, nil, nil, nil, nil)},
		{cdc.Column{Type: cdc.Time}, num(cdc.KindTime, 838*3600*sec+59*60*sec+59*sec), 11, clock(nil, nil, nil, 838, 59, 59, 0)},
		{cdc.Column{Type: cdc.Time}, num(cdc.KindTime, -1*sec-500000), 11, clock(nil, nil, nil, 0, 0, -1, -500000)},
		{cdc.Column{Type: cdc.Time}, num(cdc.KindTime, -day-61*sec), 11, clock(nil, nil, nil, -24, -1, -1, 0)},
		{cdc.Column{Type: cdc.Year}, num(cdc.KindYear, 2155), 13, clock(2155, nil, nil, nil, nil, nil, nil)},
		{cdc.Column{Type: cdc.Year}, num(cdc.KindYear, 0), 13, clock(0, nil, nil, nil, nil, nil, nil)},
		{cdc.Column{Type: cdc.Char, Charset: "utf8mb3"}, text("é"), 254, object("Character", "charset", "utf8", "value", []byte("é"))},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8"}, text(""), 253, object("Character", "charset", "utf8", "value", []byte{})},
		{cdc.Column{Type: cdc.VarChar, Charset: "gbk"}, text("\xba\xbc"), 253, object("Character", "charset", "gbk", "value", []byte("\xba\xbc"))},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf16"}, text("\x00a"), 253, object("Character", "charset", "utf16", "value", []byte("\x00a"))},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf16le"}, text("a\x00"), 253, object("Character", "charset", "utf8mb4", "value", []byte("a"))},
		{cdc.Column{Type: cdc.VarChar, Charset: "latin1"}, text("\x80\x81"), 253, object("Character", "charset", "utf8mb4", "value", []byte("€\u0081"))},
		{cdc.Column{Type: cdc.Char, Charset: "cp932"}, text("\x81\x60"), 254, object("Character", "charset", "utf8mb4", "value", []byte("～"))},
		{cdc.Column{Type: cdc.Binary}, cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{0xff, 0}}, 254, object("Character", "charset", "binary", "value", []byte{0xff, 0})},
		{cdc.Column{Type: cdc.VarBinary}, cdc.Value{Kind: cdc.KindBytes}, 253, object("Character", "charset", "binary", "value", []byte{})},
		{cdc.Column{Type: cdc.TinyText, Charset: "utf8mb4"}, text("杭"), 249, object("BinaryObject", "type", "text", "value", []byte("杭"))},
		{cdc.Column{Type: cdc.MediumText, Charset: "gbk"}, text("\xba\xbc"), 250, object("BinaryObject", "type", "text", "value", []byte("杭"))},
		{cdc.Column{Type: cdc.LongText, Charset: "latin1"}, text("\xe9"), 251, object("BinaryObject", "type", "text", "value", []byte("é"))},
		{cdc.Column{Type: cdc.Text, Charset: "utf32"}, text("\x00\x00\x00a"), 252, object("BinaryObject", "type", "text", "value", []byte("a"))},
		{cdc.Column{Type: cdc.TinyBlob}, cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{0}}, 249, object("BinaryObject", "type", "blob", "value", []byte{0})},
		{cdc.Column{Type: cdc.Blob}, cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{0xff}}, 252, object("BinaryObject", "type", "blob", "value", []byte{0xff})},
		{cdc.Column{Type: cdc.Enum}, cdc.Value{Kind: cdc.KindEnum, Num: 1, Bytes: []byte("é")}, 247, object("TextObject", "type", "enum", "value", "é")},
		{cdc.Column{Type: cdc.Enum}, cdc.Value{Kind: cdc.KindEnum}, 247, object("TextObject", "type", "enum", "value", "")},
		{cdc.Column{Type: cdc.Set}, cdc.Value{Kind: cdc.KindSet, Num: 3, Bytes: []byte("a,b")}, 248, object("TextObject", "type", "set", "value", "a,b")},
		{cdc.Column{Type: cdc.JSON}, cdc.Value{Kind: cdc.KindJSON, Bytes: []byte(`{"a": 1}`)}, 245, object("TextObject", "type", "json", "value", `{"a": 1}`)},
	} {
		got, number, err := encodeOne(t, c.column, c.value)
		if err != nil || number != c.number || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v %+v = %d %v (%v), want %d %v", c.column, c.value, number, got, err, c.number, c.want)
		}
		if got, _, err := encodeOne(t, c.column, cdc.Value{}); got != nil || err != nil {
			t.Errorf("%+v NULL = %v (%v)", c.column, got, err)
		}
	}
}

// TestI6NotBent: what can't be carried exactly is refused with a code, and the buffer comes back as it was.
func TestI6NotBent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		column cdc.Column
		value  cdc.Value
		code   string
	}{
		{cdc.Column{Declared: "xmltype"}, cdc.Value{}, "column.type_unsupported"},
		{cdc.Column{Type: cdc.VarChar, Charset: "unheard"}, text("a"), "column.charset_unsupported"},
		{cdc.Column{Type: cdc.Char}, text("a"), "column.charset_unsupported"},
		{cdc.Column{Type: cdc.Text, Charset: "unheard"}, text("a"), "column.charset_unsupported"},
		{cdc.Column{Type: cdc.Text, Charset: "binary"}, text("a"), "column.charset_unsupported"},
		{cdc.Column{Type: cdc.Text, Charset: "gbk"}, text("\xba"), "value.not_in_charset"},
		{cdc.Column{Type: cdc.Geometry}, cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{1, 0, 0, 0}}, "value.not_of_type"},
		{cdc.Column{Type: cdc.Text, Charset: "ascii"}, text("\xba"), "value.not_in_charset"},
		{cdc.Column{Type: cdc.VarChar, Charset: "cp1251"}, text("\x98"), "value.not_in_charset"},
		{cdc.Column{Type: cdc.JSON}, cdc.Value{Kind: cdc.KindJSON, Bytes: []byte{0xff}}, "value.not_in_charset"},
		{cdc.Column{Type: cdc.Enum}, cdc.Value{Kind: cdc.KindEnum, Bytes: []byte{0xff}}, "value.not_in_charset"},
		{cdc.Column{Type: cdc.Int}, text("1"), "value.not_of_type"},
		{cdc.Column{Type: cdc.Bit}, num(cdc.KindInt, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Decimal}, num(cdc.KindInt, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Decimal}, decimal("1."), "value.not_of_type"},
		{cdc.Column{Type: cdc.Decimal}, decimal(""), "value.not_of_type"},
		{cdc.Column{Type: cdc.Decimal}, decimal("1e5"), "value.not_of_type"},
		{cdc.Column{Type: cdc.Decimal}, decimal("1.2.3"), "value.not_of_type"},
		{cdc.Column{Type: cdc.Float}, double(1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Float}, float(float32(math.NaN())), "value.not_of_type"},
		{cdc.Column{Type: cdc.Double}, double(math.Inf(1)), "value.not_of_type"},
		{cdc.Column{Type: cdc.Timestamp}, num(cdc.KindTimestamp, -1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Timestamp}, num(cdc.KindDateTime, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.DateTime}, num(cdc.KindTimestamp, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Date}, num(cdc.KindDateTime, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Time}, num(cdc.KindInt, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.Year}, num(cdc.KindInt, 1), "value.not_of_type"},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8"}, cdc.Value{Kind: cdc.KindBytes}, "value.not_of_type"},
		{cdc.Column{Type: cdc.Blob}, text("a"), "value.not_of_type"},
		{cdc.Column{Type: cdc.Set}, cdc.Value{Kind: cdc.KindEnum}, "value.not_of_type"},
	} {
		_, _, err := encodeOne(t, c.column, c.value)
		var e *task.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Hint == "" || e.Op != "encoding a row of d.t" {
			t.Errorf("%+v %+v: error is %v, want %s", c.column, c.value, err, c.code)
		}
	}
	table := &cdc.Table{Columns: []cdc.Column{{Name: "a", Type: cdc.Int}, {Name: "b", Type: cdc.Text, Charset: "gbk"}}}
	buffer := []byte("kept")
	out, err := New(Options{}).Encode(buffer, &cdc.Record{Op: cdc.Insert, Table: table, After: cdc.Row{num(cdc.KindInt, 1), text("\xff")}})
	if err == nil || string(out) != "kept" {
		t.Errorf("after an error the buffer is %q (%v)", out, err)
	}
}

func TestSupports(t *testing.T) {
	t.Parallel()
	for typ := cdc.Unsupported; typ <= cdc.JSON; typ++ {
		c := cdc.Column{Name: "c", Type: typ, Charset: "utf8mb4"}
		if err := Supports(&c); (err == nil) != (typ != cdc.Unsupported) {
			t.Errorf("type %d: %v", typ, err)
		}
	}
	if err := Supports(&cdc.Column{Name: "c", Type: cdc.Char, Charset: "unheard"}); task.Code(err) != "column.charset_unsupported" {
		t.Errorf("unheard: %v", err)
	}
}
