package filter

import (
	"math"
	"strings"
	"testing"

	"sluice/engine/cdc"
)

var orders = &cdc.Table{Columns: []cdc.Column{
	{Name: "id", Type: cdc.BigInt}, {Name: "n", Type: cdc.BigInt, Unsigned: true, Nullable: true}, {Name: "d", Type: cdc.Decimal, Precision: 20, Scale: 3},
	{Name: "day", Type: cdc.Date}, {Name: "at", Type: cdc.DateTime, Fsp: 2, Nullable: true}, {Name: "ts", Type: cdc.Timestamp}, {Name: "t", Type: cdc.Time, Fsp: 1},
	{Name: "y", Type: cdc.Year}, {Name: "e", Type: cdc.Enum, Labels: []string{"new", "Paid", ""}}, {Name: "s", Type: cdc.VarChar, Charset: "utf8mb4", Collation: "utf8mb4_bin"},
	{Name: "np", Type: cdc.VarChar, Charset: "utf8mb4", Collation: "utf8mb4_0900_bin"}, {Name: "ci", Type: cdc.VarChar, Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"},
	{Name: "a", Type: cdc.Char, Charset: "ascii", Collation: "ascii_general_ci"}, {Name: "b", Type: cdc.VarBinary}, {Name: "f", Type: cdc.Double, Declared: "double"},
	{Name: "j", Type: cdc.JSON, Declared: "json", Nullable: true}, {Name: "in", Type: cdc.Int}, {Name: "l", Type: cdc.VarChar, Charset: "latin1", Collation: "latin1_bin"},
	{Name: "u3", Type: cdc.VarChar, Charset: "utf8mb3", Collation: "utf8mb3_bin"}, {Name: "gbk", Type: cdc.VarChar, Charset: "gbk", Collation: "gbk_bin"}, {Name: "g", Type: cdc.Int, Generated: true, Nullable: true},
}}

func row() cdc.Row {
	b := func(k cdc.Kind, s string) cdc.Value { return cdc.Value{Kind: k, Bytes: []byte(s)} }
	n := func(k cdc.Kind, n int64) cdc.Value { return cdc.Value{Kind: k, Num: n} }
	return cdc.Row{n(cdc.KindInt, -7), n(cdc.KindUint, math.MinInt64), b(cdc.KindDecimal, "-12.500"), n(cdc.KindDate, cdc.PackDate(2024, 2, 29)), {},
		n(cdc.KindTimestamp, 1_700_000_000_000_000), n(cdc.KindTime, -1_500_000), n(cdc.KindYear, 2024), n(cdc.KindEnum, 2), b(cdc.KindText, "é  "),
		b(cdc.KindText, "x "), b(cdc.KindText, "x"), b(cdc.KindText, "aBc"), b(cdc.KindBytes, "\x00\xff"), {}, {}, n(cdc.KindInt, 3), b(cdc.KindText, "q"), b(cdc.KindText, "z"), {}, {}}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]truth{
		"id = -7": isTrue, "id != -7": isFalse, "id <> -7.0": isFalse, "`in` >= -2147483648": isTrue, "id < -6": isTrue, "id > -8": isTrue, "ID between -7 AND 0": isTrue,
		"id NOT BETWEEN -7 AND 0": isFalse, "id BETWEEN 0 AND -7": isFalse, "id IN (1, -7, 2)": isTrue, "id not in (1,2)": isTrue,
		"n = 9223372036854775808": isTrue, "n > 9223372036854775807": isTrue, "n > 0": isTrue, "n <= 18446744073709551615": isTrue, "n=5": isFalse, "n IS NULL": isFalse,
		"d = -12.5": isTrue, "d < -12.49": isTrue, "d > -0": isFalse, "d = -012.50000": isTrue, "d <= 0": isTrue,
		"day = '2024-02-29'": isTrue, "day > '2024-02-28'": isTrue, "at = '2024-01-01'": isUnknown, "at IS NULL": isTrue, "at IS NOT NULL": isFalse, "NOT (at = '2024-01-01')": isUnknown,
		"at = '2024-01-01' OR id = -7": isTrue, "at = '2024-01-01' AND id = 7": isFalse, "at = '2024-01-01' AND id = -7": isUnknown, "at = '2024-01-01 00:00:00.25' OR id = 7": isUnknown,
		"at NOT IN ('2024-01-01')": isUnknown, "at NOT BETWEEN '2024-01-01' AND '2025-01-01'": isUnknown, "NOT (id = 7 OR id = 8)": isTrue, "NOT (at IS NULL)": isFalse,
		"ts = '2023-11-14 22:13:20'": isTrue, "ts < '2023-11-14'": isFalse, "t = '-00:00:01.5'": isTrue, "t < '-00:00:01'": isTrue, "t BETWEEN '-838:59:59' AND '838:59:59'": isTrue,
		"y = 2024": isTrue, "y >= 2025": isFalse, "e = 'Paid'": isTrue, "e IN ('new')": isFalse, "s = 'é'": isTrue, "s = 'é '": isTrue, "s <> 'e'": isTrue, "np = 'x'": isFalse, "np = 'x '": isTrue,
		"a = 'AbC  '": isTrue, "a = 'ab'": isFalse, "b = x'00FF'": isTrue, "b <> '0'": isTrue, "`in` = 3": isTrue, "l = 'q'": isTrue, "u3 = 'z'": isTrue, "j IS NULL": isTrue, "s = 'it''s'": isFalse,
		"id = 1 OR id = -7 AND n = 0": isFalse, "(id = 1 OR id = -7) AND n <> 0": isTrue, "\n id\t=\r-7 ": isTrue,
	} {
		e, err := Parse(where)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		f, err := e.Bind(orders)
		if err != nil {
			t.Errorf("%s: %v", where, err)
			continue
		}
		if got := f.test(row()); got != want || f.Passes(row()) != (want == isTrue) {
			t.Errorf("%s is %d, want %d", where, got, want)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	for where, why := range map[string]string{
		"": "a column", "id": "a comparison", "id =": "a constant", "id = 1 AND": "a column", "id = 1 2": "its end", "(id = 1": ")", "id = 1)": "its end", "id = NULL": "a constant",
		"5 < id": "a column", "id = n": "a constant", "id + 1 = 2": "not understood", "id = 1e3": "plain number", "id = 0x1": "plain number", "id = 1.2.3": "plain number", "id = .": "plain number",
		"id <=> 1": "a constant", "id = 1 || id = 2": "not understood", "!(id = 1)": "not understood", "NOT id = 1": "( behind NOT", "id LIKE 'a'": "a comparison", "id = --5": "a constant",
		"id = 1 -- x": "its end", "id = 1 # x": "not understood", "id = /* x */ 1": "not understood", "orders.id = 1": "plain number", "abs(id) = 1": "a comparison", "id = \"1\"": "not understood",
		"s = 'a\\'": "backslash", "s = 'a": "left open", "id = '1'": "no number", "nothing = 1": "no column", "ci = 'x'": "only the server", "f = 1": "only be compared by the server",
		"j = '{}'": "only be compared by the server", "s < 'a'": "equality alone", "e > 'new'": "equality alone", "e = 'paid'": "labels", "e = ''": "labels", "e = 1": "labels", "id IS NULL": "never NULL",
		"day = '2024-02-30'": "no moment", "day = '2024-1-1'": "no moment", "day = '2024-01-01 00:00:00'": "no moment", "day = 20240101": "no moment", "at = '2024-01-01 00:00:00.123'": "fraction",
		"at = '2024-01-01.5'": "no moment", "ts = '1969-12-31'": "out of the range", "ts = '2039-01-01'": "out of the range", "at = '0000-00-00'": "no moment", "t = '1:00:00'": "no time", "t = '839:00:00'": "no time",
		"t = '00:60:00'": "no time", "t = '00:00:00.55'": "fraction", "y = 24": "no year", "y = '2024'": "no year", "l = 'é'": "charset", "u3 = '😀'": "charset", "gbk = 'x'": "gbk", "g = 1": "generated", "g IS NULL": "generated", "b = 'é'": "neither", "b = x'0'": "hex",
		"id IN ()": "a constant", "id IN (1": ", or )", "id BETWEEN 1 OR 2": "AND", "id IS TRUE": "NULL", "d = " + strings.Repeat("9", 18): "can hold", "d = .1234": "can hold", "n = -1": "can hold", "n = 18446744073709551616": "can hold", "id = 0.5": "can hold", "in = 1": "a column", "`in` = 2147483648": "can hold",
		"a = 'x' XOR id = 1": "its end", "BINARY s = 'x'": "a column", "s = _utf8'x'": "a constant", "day = DATE '2024-01-01'": "a constant", "s = 'a' 'b'": "its end",
		strings.Repeat("(", 200) + "id = 1" + strings.Repeat(")", 200): "parentheses",
	} {
		e, err := Parse(where)
		if err == nil {
			_, err = e.Bind(orders)
		}
		if err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%.60s: %v, want %q", where, err, why)
		}
	}
}

func TestPassesAllocatesNothing(t *testing.T) {
	e, err := Parse("(id > -9 AND n > 9223372036854775809 OR d <> 1.5) AND s <> 'x' AND e IN ('new', 'Paid')")
	if err != nil {
		t.Fatal(err)
	}
	f, err := e.Bind(orders)
	if err != nil {
		t.Fatal(err)
	}
	r := row()
	if n := testing.AllocsPerRun(100, func() { f.Passes(r) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParse(f *testing.F) {
	f.Add("(id > -9 AND n > 1 OR `d` <> 1.5) AND s NOT IN ('x') AND b = x'00'")
	f.Fuzz(func(_ *testing.T, s string) {
		if e, err := Parse(s); err == nil {
			if f, err := e.Bind(orders); err == nil {
				f.Passes(row())
			}
		}
	})
}
