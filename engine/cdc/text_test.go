package cdc

import (
	"math"
	"testing"
)

func TestAppendText(t *testing.T) {
	t.Parallel()
	double := func(f float64) Value { return Value{Kind: KindDouble, Num: int64(math.Float64bits(f))} }
	float := func(f float32) Value { return Value{Kind: KindFloat, Num: int64(math.Float32bits(f))} }
	clock := func(n int64) Value { return Value{Kind: KindTime, Num: n} }
	stamp := func(n int64) Value { return Value{Kind: KindTimestamp, Num: n} }
	moment := Value{Kind: KindDateTime, Num: PackDateTime(2024, 2, 29, 23, 59, 58, 12345)}
	for _, c := range []struct {
		column Column
		value  Value
		want   string
	}{
		{Column{}, Value{}, "NULL"},
		{Column{}, Value{Kind: KindInt, Num: math.MinInt64}, "-9223372036854775808"},
		{Column{}, Value{Kind: KindUint, Num: -1}, "18446744073709551615"},
		{Column{Type: Bit}, Value{Kind: KindUint, Num: 5}, "5"},
		{Column{}, Value{Kind: KindDecimal, Bytes: []byte("-0.10")}, "-0.10"},
		{Column{}, float(0.1), "0.1"},
		{Column{}, float(16777216), "16777216"},
		{Column{Precision: 7, Scale: 3}, float(1.5), "1.500"},
		{Column{}, double(0), "0"},
		{Column{}, double(math.Copysign(0, -1)), "-0"},
		{Column{}, double(-1.25), "-1.25"},
		{Column{}, double(123456789012345), "123456789012345"},
		{Column{}, double(1e14), "100000000000000"},
		{Column{}, double(1e15), "1e15"},
		{Column{}, double(1e20), "1e20"},
		{Column{}, double(1.5e-10), "0.00000000015"},
		{Column{}, double(1e-15), "0.000000000000001"},
		{Column{}, double(1e-16), "1e-16"},
		{Column{}, double(-1.7976931348623157e308), "-1.7976931348623157e308"},
		{Column{}, Value{Kind: KindDate, Num: PackDate(2024, 2, 9)}, "2024-02-09"},
		{Column{}, Value{Kind: KindDate}, "0000-00-00"},
		{Column{}, moment, "2024-02-29 23:59:58"},
		{Column{Fsp: 6}, moment, "2024-02-29 23:59:58.012345"},
		{Column{Fsp: 2}, moment, "2024-02-29 23:59:58.01"},
		{Column{Fsp: 3}, Value{Kind: KindDateTime}, "0000-00-00 00:00:00.000"},
		{Column{}, stamp(0), "0000-00-00 00:00:00"},
		{Column{Fsp: 1}, stamp(1_700_000_000_900_000), "2023-11-14 22:13:20.9"},
		{Column{}, clock(-(838*3600 + 59*60 + 59) * 1_000_000), "-838:59:59"},
		{Column{Fsp: 6}, clock(-1), "-00:00:00.000001"},
		{Column{Fsp: 3}, clock(3_661_005_000), "01:01:01.005"},
		{Column{}, Value{Kind: KindYear}, "0000"},
		{Column{}, Value{Kind: KindYear, Num: 2155}, "2155"},
		{Column{}, Value{Kind: KindText, Bytes: []byte("\xff")}, "\xff"},
		{Column{}, Value{Kind: KindEnum, Num: 1, Bytes: []byte("a")}, "a"},
	} {
		if got := string(AppendText([]byte("x"), &c.column, c.value)); got != "x"+c.want {
			t.Errorf("%+v: %q, want %q", c.value, got, "x"+c.want)
		}
	}
}
