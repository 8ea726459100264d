package mysql

import (
	"fmt"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

// typeCase is one column and the SQL of the values put into it.
type typeCase struct {
	column string
	values []string
	only   cdc.Flavor
}

var typeCases = []typeCase{
	{column: "TINYINT", values: []string{"-128", "127", "0", "-1"}},
	{column: "TINYINT UNSIGNED", values: []string{"0", "255", "128"}},
	{column: "BOOLEAN", values: []string{"true", "false"}},
	{column: "SMALLINT", values: []string{"-32768", "32767"}},
	{column: "YEAR", values: []string{"0", "1901", "1970", "2155"}},
	{column: "SMALLINT UNSIGNED", values: []string{"0", "65535"}},
	{column: "MEDIUMINT", values: []string{"-8388608", "8388607", "-1"}},
	{column: "MEDIUMINT UNSIGNED", values: []string{"16777215"}},
	{column: "INT", values: []string{"-2147483648", "2147483647"}},
	{column: "INT UNSIGNED", values: []string{"4294967295", "4000000000"}},
	{column: "INT(8) ZEROFILL", values: []string{"42"}},
	{column: "BIGINT", values: []string{"-9223372036854775808", "9223372036854775807"}},
	{column: "BIGINT UNSIGNED", values: []string{"18446744073709551615", "9223372036854775808"}},
	{column: "DECIMAL(65,30)", values: []string{"99999999999999999999999999999999999.999999999999999999999999999999", "-0.000000000000000000000000000001", "0"}},
	{column: "DECIMAL(10,2)", values: []string{"-1.5", "0", "12345678.90", "-0.01", "0.5"}},
	{column: "DECIMAL(20,0)", values: []string{"-99999999999999999999", "7", "0"}},
	{column: "DECIMAL(9,9)", values: []string{"0.123456789", "-0.999999999", "0"}},
	{column: "DECIMAL(18,9)", values: []string{"123456789.123456789", "-1"}},
	{column: "DECIMAL(10,3) UNSIGNED ZEROFILL", values: []string{"1.5", "0"}},
	{column: "FLOAT", values: []string{"3.40282e38", "1.1754944e-38", "-0.1", "16777217", "0", "3.1415927"}},
	{column: "FLOAT(7,4)", values: []string{"1.5", "-123.4567"}},
	{column: "DOUBLE", values: []string{"1.7976931348623157e308", "2.2250738585072014e-308", "0.1", "-1e100", "0"}},
	{column: "DOUBLE(12,4) UNSIGNED", values: []string{"1.5", "0.1"}},
	{column: "BIT(1)", values: []string{"b'0'", "b'1'"}},
	{column: "BIT(9)", values: []string{"b'111111111'", "b'100000000'"}},
	{column: "BIT(64)", values: []string{"0xffffffffffffffff", "0x8000000000000001", "0"}},
	{column: "DATE", values: []string{"'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2020-00-15'", "'2021-02-31'", "'0001-01-01'"}},
	{column: "DATETIME", values: []string{"'0000-00-00 00:00:00'", "'1000-01-01 00:00:00'", "'9999-12-31 23:59:59'", "'2020-00-00 01:02:03'", "'2021-02-31 10:11:12'"}},
	{column: "DATETIME(1)", values: []string{"'2020-05-06 07:08:09.9'"}},
	{column: "DATETIME(3)", values: []string{"'2020-05-06 07:08:09.123'", "'2020-05-06 07:08:09.001'"}},
	{column: "DATETIME(6)", values: []string{"'2020-05-06 07:08:09.123456'", "'2020-05-06 00:00:00.000001'", "'1970-01-01 00:00:00'"}},
	{column: "TIMESTAMP NULL", values: []string{"'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-02-29 12:00:00'"}},
	{column: "TIMESTAMP(6) NULL", values: []string{"'1970-01-01 00:00:01.000001'", "'2038-01-19 03:14:07.999999'", "'2000-03-01 00:00:00.5'"}},
	{column: "TIMESTAMP(2) NULL", values: []string{"'2000-02-29 23:59:59.99'"}},
	{column: "TIME", values: []string{"'-838:59:59'", "'838:59:59'", "'00:00:00'", "'-00:00:01'"}},
	{column: "TIME(1)", values: []string{"'-00:00:00.1'", "'12:13:14.5'"}},
	{column: "TIME(2)", values: []string{"'-00:00:01.10'", "'-838:59:58.99'"}},
	{column: "TIME(3)", values: []string{"'-00:00:00.001'", "'25:00:00.123'"}},
	{column: "TIME(4)", values: []string{"'-10:00:00.9999'"}},
	{column: "TIME(6)", values: []string{"'-838:59:58.999999'", "'838:59:58.999999'", "'-00:00:00.000001'", "'100:00:00'"}},
	{column: "CHAR(10)", values: []string{"''", "'abc'", "'汉字🙂'", "'trail  '"}},
	{column: "CHAR(255) CHARACTER SET utf8mb4", values: []string{"REPEAT('汉',255)", "'x'"}},
	{column: "CHAR(100) CHARACTER SET latin1", values: []string{"'é€'", "_latin1 x'8180'"}},
	{column: "VARCHAR(50)", values: []string{"''", "'trail  '", "'🙂'", "'a\\0b'"}},
	{column: "VARCHAR(300) CHARACTER SET utf8mb3", values: []string{"REPEAT('é',300)", "'a'"}},
	{column: "VARCHAR(20) CHARACTER SET latin1", values: []string{"'é'", "_latin1 x'ff80'"}},
	{column: "VARCHAR(20) CHARACTER SET gbk", values: []string{"'汉字'", "'a'"}},
	{column: "VARCHAR(20) CHARACTER SET utf16", values: []string{"'汉🙂'", "'a'"}},
	{column: "VARCHAR(20) CHARACTER SET sjis", values: []string{"'日本'"}},
	{column: "VARCHAR(20) CHARACTER SET gb18030", values: []string{"'汉🙂'"}, only: cdc.MySQL},
	{column: "VARCHAR(20) COLLATE utf8mb4_bin", values: []string{"'a\tb'"}},
	{column: "BINARY(7)", values: []string{"x'00ff0100'", "x''", "x'01020304050607'"}},
	{column: "BINARY(255)", values: []string{"x'01'"}},
	{column: "VARBINARY(300)", values: []string{"x'00ff0000'", "''", "REPEAT(x'fe',300)"}},
	{column: "TINYBLOB", values: []string{"x'00ff00'", "''"}},
	{column: "BLOB", values: []string{"REPEAT(x'00',1000)"}},
	{column: "MEDIUMBLOB", values: []string{"REPEAT(x'ff',70000)"}},
	{column: "LONGBLOB", values: []string{"x'01'"}},
	{column: "TINYTEXT", values: []string{"'tiny'"}},
	{column: "TEXT CHARACTER SET latin1", values: []string{"'é'", "REPEAT('é',3000)"}},
	{column: "TEXT CHARACTER SET gbk", values: []string{"'汉'"}},
	{column: "MEDIUMTEXT", values: []string{"REPEAT('🙂',20000)"}},
	{column: "LONGTEXT", values: []string{"'long'"}},
	{column: "ENUM('a','b''c','d\\\\e','汉','')", values: []string{"'a'", "'b''c'", "'d\\\\e'", "'汉'", "''", "5", "0"}},
	{column: "ENUM('é','x') CHARACTER SET latin1", values: []string{"'é'", "2"}},
	{column: "ENUM('汉','y') CHARACTER SET gbk", values: []string{"1", "2"}},
	{column: "SET('a','b','c')", values: []string{"''", "'a'", "'a,c'", "7"}},
	{column: "SET('é','ü') CHARACTER SET latin1", values: []string{"3"}},
	{column: wide("SET", 64), values: []string{"0x8000000000000000", "0xffffffffffffffff", "1"}},
	{column: wide("ENUM", 300), values: []string{"300", "1", "256"}},
	{column: "GEOMETRY", values: []string{"POINT(1, 2)", "ST_GeomFromText('LINESTRING(1 2, 3 4)', 4326)", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"}},
	{column: "MULTIPOINT", values: []string{"ST_GeomFromText('MULTIPOINT(1 2, 3 4)')"}},
	{column: "UUID", values: []string{"'123e4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'", "'01890a5d-ac96-774b-bcce-b302099a8057'"}, only: cdc.MariaDB},
	{column: "INET6", values: []string{"'::'", "'2001:db8::'", "'::ffff:1.2.3.0'"}, only: cdc.MariaDB},
	{column: "INET4", values: []string{"'0.0.0.0'", "'10.0.0.255'", "'10.1.0.0'"}, only: cdc.MariaDB},
	{column: "VARCHAR(500) COMPRESSED", values: []string{"''", "'x'", "REPEAT('汉', 500)"}, only: cdc.MariaDB},
	{column: "VARBINARY(200) COMPRESSED", values: []string{"REPEAT(x'00', 200)", "x'80'"}, only: cdc.MariaDB},
	{column: "TEXT COMPRESSED CHARACTER SET latin1", values: []string{"REPEAT('é', 3000)", "'a'"}, only: cdc.MariaDB},
	{column: "LONGBLOB COMPRESSED", values: []string{"REPEAT(x'ff', 300000)"}, only: cdc.MariaDB},
	{column: "JSON", values: jsonCases, only: cdc.MySQL},
	{column: "JSON", values: []string{`'{"b":1,"a": [1, 2]}'`, `'"x"'`}, only: cdc.MariaDB},
}

// jsonCases are SQL expressions of JSON values whose text is the server's own affair.
var jsonCases = []string{
	`'null'`, `'true'`, `'[]'`, `'{}'`, `'1'`, `'-1'`, `'65535'`, `'65536'`, `'-32769'`, `'4294967296'`, `'18446744073709551615'`,
	`'{"b":1,"a":[1,2,{"c":null}],"":"e","漢":"字🙂"}'`, `'"quote\\" slash\\\\ tab\\t nl\\n \\u0001 \\u007f"'`,
	`'1.0'`, `'1.5'`, `'0.1'`, `'1e20'`, `'1e14'`, `'1e15'`, `'1e16'`, `'123456789012345678'`, `'123456789012345.6'`, `'1234567890123456.7'`,
	`'1e-3'`, `'1e-5'`, `'1e-14'`, `'1e-15'`, `'1e-16'`, `'1.5e-7'`, `'-1.25e300'`, `'5e-324'`, `'1.7976931348623157e308'`, `'-0.0'`, `'100000.0'`,
	`'1.2345678901234567e-13'`, `'9.9e-16'`, `'1.2345678901234567e-15'`, `'9007199254740993.0'`, `'1100000000000000.0'`, `'999999999999999.9'`, `'12345678901234567890123'`, `'0.000012345'`, `'123456789.123e10'`, `'99999999999999.99'`,
	`JSON_ARRAY(CAST('1.50' AS DECIMAL(10,2)), CAST(-7 AS DECIMAL(65,30)), CAST(0 AS DECIMAL(5,0)))`,
	`JSON_ARRAY(CAST('2020-01-02' AS DATE), CAST('2020-01-02 03:04:05.000006' AS DATETIME(6)), CAST('-12:13:14.5' AS TIME(1)), TIMESTAMP'2020-01-02 03:04:05')`,
	`JSON_ARRAY(x'00ff', b'101', CAST('abc' AS BINARY(5)))`,
	`CAST(CONCAT(REPEAT('[', 100), REPEAT(']', 100)) AS JSON)`, `CAST(CONCAT(REPEAT('{"a":', 99), '{}', REPEAT('}', 99)) AS JSON)`,
	`JSON_ARRAY(-0.0e0, CAST(18446744073709551615 AS UNSIGNED), POINT(1, 2), ST_GeomFromText('POINT(1 2)', 4326), CAST('9999-12-31 23:59:59.999999' AS DATETIME(6)), CAST('838:59:59' AS TIME), CAST(2024 AS YEAR))`,
	`CAST(CONCAT('[', REPEAT('"0123456789",', 7000), '1]') AS JSON)`,
	`CAST(CONCAT('{"k":"', REPEAT('x', 70000), '","i":70000,"u":4000000000,"z":-70000}') AS JSON)`,
}

// wide is an ENUM or SET with n labels.
func wide(kind string, n int) string {
	labels := make([]string, n)
	for i := range labels {
		labels[i] = fmt.Sprintf("'l%d'", i)
	}
	return kind + "(" + strings.Join(labels, ",") + ")"
}

func casesFor(flavor cdc.Flavor) []typeCase {
	var list []typeCase
	for _, c := range typeCases {
		if c.only == "" || c.only == flavor {
			list = append(list, c)
		}
	}
	return list
}

// createTypes makes one table with all types and a row for each value; the other columns are NULL.
func createTypes(cases []typeCase) []string {
	columns := []string{"id INT PRIMARY KEY"}
	var inserts []string
	id := 0
	for i, c := range cases {
		columns = append(columns, fmt.Sprintf("c%d %s", i, c.column))
		for _, v := range c.values {
			id++
			inserts = append(inserts, fmt.Sprintf("INSERT INTO t (id, c%d) VALUES (%d, %s)", i, id, v))
		}
	}
	return append([]string{"CREATE TABLE t (" + strings.Join(columns, ", ") + ")"}, inserts...)
}

// TestSelectAndBinlogAgree reads rows with every type by SELECT and from the binlog: they are the same values.
func TestSelectAndBinlogAgree(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		cases := casesFor(s.server.Flavor)
		set, _ := start(t, s)
		run(t, c, createTypes(cases)...)
		run(t, c, "INSERT INTO t (id) VALUES (0)", "UPDATE t SET id = id + 100000 ORDER BY id DESC")
		id := cdc.TableID{Schema: db, Name: "t"}
		table, rows := read(t, s, id, nil)
		run(t, c, "DELETE FROM t")
		events := follow(t, s, set).until(end(t, s))
		images := map[cdc.Op][]cdc.Row{}
		maps := 0
		for _, e := range events {
			if e.Kind != cdc.EventRows || e.Rows.Map().Schema != db {
				continue
			}
			known := table
			if full := e.Rows.Map().Table; full != nil {
				maps++
				sameDefinition(t, table, full)
				known = full
			}
			err := e.Rows.Decode(known, func(before, after cdc.Row) error {
				row := after
				if e.Rows.Op() != cdc.Insert {
					row = before
				}
				if e.Rows.Op() == cdc.Update {
					images[cdc.Init] = append(images[cdc.Init], after.Clone())
				}
				images[e.Rows.Op()] = append(images[e.Rows.Op()], row.Clone())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if maps == 0 {
			t.Fatal("no table map carried the definition")
		}
		sameRows(t, table, "DELETE", rows, images[cdc.Delete], 0)
		sameRows(t, table, "UPDATE before", rows, images[cdc.Update], 100000)
		sameRows(t, table, "UPDATE after", rows, images[cdc.Init], 0)
		sameRows(t, table, "INSERT", rows, images[cdc.Insert], 100000)
	})
}

// sameRows compares rows by their id, which is shift less in got.
func sameRows(t *testing.T, table *cdc.Table, what string, want, got []cdc.Row, shift int64) {
	t.Helper()
	byID := map[int64]cdc.Row{}
	for _, r := range got {
		byID[r[0].Num+shift] = r
	}
	if len(byID) != len(want) || len(got) != len(want) {
		t.Fatalf("%s: %d images (%d different) for %d rows", what, len(got), len(byID), len(want))
	}
	for _, w := range want {
		g := byID[w[0].Num]
		for i := 1; i < len(w); i++ {
			if !w[i].Equal(g[i]) {
				t.Errorf("%s: %s %s: SELECT gives %s, the binlog %s", what, table.Columns[i].Name, table.Columns[i].Declared, show(w[i]), show(g[i]))
			}
		}
	}
}

func show(v cdc.Value) string { return fmt.Sprintf("{%d %d %.200q}", v.Kind, v.Num, v.Bytes) }

// sameDefinition compares what a table map can tell with what information_schema tells.
func sameDefinition(t *testing.T, want, got *cdc.Table) {
	t.Helper()
	if len(want.Columns) != len(got.Columns) || fmt.Sprint(want.Primary) != fmt.Sprint(got.Primary) {
		t.Fatalf("%d columns and key %v, want %d and %v", len(got.Columns), got.Primary, len(want.Columns), want.Primary)
	}
	for i := range want.Columns {
		w, g := want.Columns[i], got.Columns[i]
		declared := w.Declared
		w.Declared, g.Declared = "", ""
		if w.Type == cdc.Float || w.Type == cdc.Double {
			w.Precision, w.Scale = 0, 0 // a table map does not tell
		}
		if n := w.Type.FixedSize(); n > 0 {
			w.Type, w.Length, w.Charset = cdc.Binary, n, "binary" // nor does it of these
		}
		if fmt.Sprintf("%+v", w) != fmt.Sprintf("%+v", g) {
			t.Errorf("%s: table map gives\n%+v, want\n%+v", declared, g, w)
		}
	}
}
