package values

import (
	"fmt"
	"slices"
	"strings"

	"sluice/engine/enginetest/servers"
)

// column is a type under test with literals of it. Every table has an id and, in each row, another of the literals.
type column struct {
	table, name, declared string
	form                  *form
	literals              []string
}

// columns of every type that is carried; a table is a family, so that what fails is named.
func columns(kind servers.Kind) []column {
	var all []column
	add := func(table string, f *form, declared string, literals ...string) {
		n := 0
		for _, c := range all {
			if c.table == table {
				n++
			}
		}
		all = append(all, column{table, fmt.Sprintf("c%02d", n), declared, f, literals})
	}
	for bits, declared := range map[uint]string{8: "TINYINT", 16: "SMALLINT", 24: "MEDIUMINT", 32: "INT", 64: "BIGINT"} {
		top, low := uint64(1)<<(bits-1)-1, uint64(1)<<(bits-1)
		add("t_int", number, declared, "0", decimal(top), "-"+decimal(low), "-1", "42")
		add("t_int", number, declared+" UNSIGNED", "0", decimal(top+low), decimal(low), "1", "99")
	}
	add("t_int", number, "INT(7) UNSIGNED ZEROFILL", "0", "12", "4294967295")
	add("t_int", number, "BOOL", "0", "1", "-128")

	add("t_decimal", number, "DECIMAL(10,2)", "0", "-0.01", "99999999.99", "-99999999.99", "1.5")
	add("t_decimal", number, "DECIMAL(65,30)", strings.Repeat("9", 35)+"."+strings.Repeat("9", 30), "-"+strings.Repeat("9", 35)+"."+strings.Repeat("1", 30), "0", "0."+strings.Repeat("0", 29)+"1", "-7")
	add("t_decimal", number, "DECIMAL(20,0)", "0", "-12345678901234567890", "98765432109876543210")
	add("t_decimal", number, "DECIMAL(5,5) UNSIGNED", "0", "0.99999", "0.00001")
	add("t_decimal", number, "DECIMAL(9,0) ZEROFILL", "0", "7", "123456789")

	add("t_float", single, "FLOAT", "0", "1.1", "-3.402823466E38", "1.175494351E-38", "16777217", "0.1", "1e20")
	add("t_float", double, "DOUBLE", "0", "1.1", "-1.7976931348623157E308", "2.2250738585072014E-308", "0.1", "123456789.123456789", "1e-8")
	add("t_float", double, "DOUBLE(12,4)", "0", "1.23456", "-99999999.9999")
	add("t_float", single, "FLOAT(7,3)", "0", "1.2345", "-9999.999")

	for _, bits := range []uint{1, 8, 13, 64} {
		add("t_bit", bit, fmt.Sprintf("BIT(%d)", bits), "b'0'", decimal(^uint64(0)>>(64-bits)), "b'1'")
	}

	add("t_date", wall, "DATE", "'2024-02-29'", "'0000-00-00'", "'1000-01-01'", "'9999-12-31'", "'2023-00-00'", "'2023-11-00'", "'0001-01-01'")
	add("t_date", number, "YEAR", "0", "1901", "2155", "2024")
	for _, fsp := range []string{"", "(1)", "(3)", "(4)", "(6)"} {
		add("t_time", clock, "TIME"+fsp, "'00:00:00'", "'-838:59:59'", "'838:59:59'", "'-00:00:01.5'", "'12:34:56.789012'", "'-00:00:00.000001'", "'100:00:00.1'")
		add("t_datetime", wall, "DATETIME"+fsp, "'2024-02-29 23:59:59.999'", "'0000-00-00 00:00:00'", "'1000-01-01 00:00:00.000001'", "'9999-12-31 23:59:59'", "'2023-00-00 01:02:03'", "'2024-06-01 12:00:00.123456'")
		add("t_timestamp", instant, "TIMESTAMP"+fsp+" NULL", "'2024-02-29 23:59:59.4'", "'0000-00-00 00:00:00'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-06-01 12:00:00.123456'")
	}

	words := []string{"''", "'plain'", "'it''s \"quoted\" \\\\ back'", "'tab\\tline\\nend '", "' front'"}
	chinese := append([]string{"'中文数据'", "'数据库，迁移。'"}, words...)
	emoji := append([]string{"'😀 🇨🇳 é'", "'\\0nul'"}, chinese...)
	for charset, literals := range map[string][]string{"utf8mb4": emoji, "utf8mb3": chinese, "gbk": chinese, "latin1": append([]string{"'äöü ß €'"}, words...), "ascii": words,
		"ucs2": chinese, "utf16": emoji, "utf32": emoji, "gb18030": chinese, "latin2": append([]string{"'žluťoučký kůň'"}, words...), "cp1251": append([]string{"'Привет'"}, words...)} {
		if charset == "gb18030" && kind.MariaDB() {
			continue // unknown there
		}
		for _, declared := range []string{"CHAR(30)", "VARCHAR(60)", "TEXT"} {
			add("t_text", text, declared+" CHARACTER SET "+charset, literals...)
		}
	}
	for charset, literals := range map[string][]string{"big5": {"'資料庫，遷移'", "'plain'", "'功許蓋'"}, "eucjpms": {"'データ移行 ～ ①Ⅱ㈱'", "'plain'"},
		"tis620": {"'ข้อมูล ฿'", "'plain'"}, "swe7": {"'åäö ÅÄÖ é'", "'plain'"}, "dec8": {"'Œuvre Ÿ'", "'plain'"}, "hp8": {"'ß—µ'", "'plain'"},
		"armscii8": {"'Տվյալներ'", "'plain'"}, "geostd8": {"'მონაცემები №'", "'plain'"}, "keybcs2": {"'žluťoučký kůň ▒'", "'plain'"}, "macce": {"'zażółć gęślą √'", "'plain'"}} {
		for _, declared := range []string{"CHAR(30)", "TEXT", "ENUM(" + literals[0] + ",'x')"} {
			some := literals
			if strings.HasPrefix(declared, "ENUM") {
				some = []string{literals[0], "'x'"}
			}
			add("t_rare", text, declared+" CHARACTER SET "+charset, some...)
		}
	}
	for _, declared := range []string{"TINYTEXT", "MEDIUMTEXT", "LONGTEXT"} {
		add("t_long", text, declared+" CHARACTER SET utf8mb4", emoji...)
	}
	add("t_long", text, "MEDIUMTEXT CHARACTER SET latin1", "REPEAT('x', 70000)", "'short'")

	blobs := []string{"''", "x'00'", "x'00ff80fe0a0d'", "'text'", "x'0000'", "x'e4b8ad00'"}
	add("t_binary", bytesAs, "BINARY(6)", "x'00ff80fe0a0d'", "'a'", "x'0000'", "''")
	add("t_binary", bytesAs, "VARBINARY(20)", blobs...)
	for _, declared := range []string{"TINYBLOB", "BLOB", "MEDIUMBLOB", "LONGBLOB"} {
		add("t_binary", bytesAs, declared, blobs...)
	}

	add("t_label", text, "ENUM('a','it''s','中文','x,y') CHARACTER SET utf8mb4", "'a'", "'it''s'", "'中文'", "'x,y'", "0")
	add("t_label", text, "SET('p','q','中','s') CHARACTER SET utf8mb4", "''", "'p'", "'p,q,中,s'", "'q,s'")
	add("t_label", text, "ENUM('甲','乙') CHARACTER SET gbk", "'甲'", "'乙'")
	if kind != servers.MySQL80 { // where it is refused: it does not tell such labels
		add("t_label", text, "ENUM('🙂','?','x') CHARACTER SET utf8mb4", "'🙂'", "'?'", "'x'")
		add("t_label", text, "SET('🚀?','中') CHARACTER SET utf16", "'🚀?'", "'🚀?,中'", "''")
	}

	asJSON := document
	if kind.MariaDB() {
		asJSON = text // JSON is a name of LONGTEXT there
	}
	add("t_json", asJSON, "JSON", `'{}'`, `'[]'`, `'null'`, `'"text"'`, `'-0.5'`, `'{"a": [1, 2.5, true, null, {"深": "😀\\n\\"q\\""}], "b": "it''s"}'`,
		`'[18446744073709551615, -9223372036854775808, 1e300, 0.1]'`, `JSON_ARRAY(REPEAT('x', 3000))`, `JSON_OBJECT('k', JSON_ARRAY(1, JSON_OBJECT()))`)

	addSpatial(kind, add)
	if kind == servers.MySQL97 {
		add("t_vector", bytesAs, "VECTOR(3)", "STRING_TO_VECTOR('[1, -2.5, 3e38]')", "x'000000000000000000000000'", "x'ffff7f7f0100000000000080'")
		add("t_vector", bytesAs, "VECTOR", "STRING_TO_VECTOR('[0.1]')", "STRING_TO_VECTOR(CONCAT('[', REPEAT('1.5,', 2047), '0]'))")
	}

	if kind == servers.MariaDB118 {
		add("t_vector", bytesAs, "VECTOR(3)", "VEC_FromText('[1, -2.5, 3e38]')", "x'000000000000000000000000'", "x'ffff7f7f0100000000000080'")
	}
	if kind.MariaDB() {
		long := append([]string{"REPEAT('中文 abc ', 900)", "REPEAT('x', 99)", "REPEAT('x', 100)", "REPEAT('x', 101)"}, emoji...)
		add("t_compressed", text, "VARCHAR(8000) COMPRESSED CHARACTER SET utf8mb4", long...)
		add("t_compressed", text, "VARCHAR(60) COMPRESSED CHARACTER SET latin1", "'äöü ß €'", "''", "REPEAT('ä', 60)")
		add("t_compressed", text, "TINYTEXT COMPRESSED", emoji...)
		add("t_compressed", text, "TEXT COMPRESSED CHARACTER SET gbk", append([]string{"REPEAT('中文数据', 3000)"}, chinese...)...)
		add("t_compressed", text, "MEDIUMTEXT COMPRESSED", append([]string{"REPEAT('y', 70000)"}, emoji...)...)
		for _, declared := range []string{"VARBINARY(300) COMPRESSED", "BLOB COMPRESSED", "LONGBLOB COMPRESSED"} {
			add("t_compressed", bytesAs, declared, append([]string{"REPEAT(x'00', 300)", "REPEAT(x'8a01', 110)"}, blobs...)...)
		}
		add("t_address", address, "UUID", "'123e4567-e89b-12d3-a456-426614174000'", "'00000000-0000-0000-0000-000000000000'", "'01890a5d-ac96-774b-bcce-b302099a8000'", "'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF'")
		add("t_address", address, "INET4", "'0.0.0.0'", "'10.0.0.255'", "'10.1.0.0'", "'255.255.255.255'")
		add("t_address", address, "INET6", "'::'", "'2001:DB8::'", "'::ffff:1.2.3.0'", "'::1.2.3.4'", "'1:0:0:2:0:0:0:0'", "'1:0:2:3:4:5:6:7'")
	}

	add("t_generated", number, "INT", "1", "2", "-3")
	if kind != servers.MariaDB118 { // it does not log them whole
		add("t_generated", number, "INT AS (c00 * 2) STORED", "DEFAULT")
		add("t_generated", number, "INT AS (c00 + 5) VIRTUAL", "DEFAULT")
	}
	return all
}

// addSpatial adds the spatial types. What MySQL reads as latitude, longitude MariaDB takes for x, y.
func addSpatial(kind servers.Kind, add func(table string, f *form, declared string, literals ...string)) {
	f, srid := spatial, " SRID 4326"
	if kind.MariaDB() {
		f, srid = spatialMaria, " REF_SYSTEM_ID=4326"
	}
	point := []string{"ST_GeomFromText('POINT(12.5 -7)', 4326)", "POINT(0, 0)", "ST_GeomFromText('POINT(1e300 -0.1)', 3857)", "ST_GeomFromText('POINT(3 4)', 0)"}
	line := []string{"ST_GeomFromText('LINESTRING(0 0, 1 1, 2 0.5)')", "ST_GeomFromText('LINESTRING(1 2, 3 4)', 4326)"}
	area := []string{"ST_GeomFromText('POLYGON((0 0, 9 0, 9 9, 0 9, 0 0), (1 1, 2 1, 2 2, 1 2, 1 1))')"}
	many := []string{"ST_GeomFromText('GEOMETRYCOLLECTION(POINT(1 2), LINESTRING(1 2, 3 4), GEOMETRYCOLLECTION(POINT(5 6)))', 4326)", "ST_GeomFromText('GEOMETRYCOLLECTION EMPTY')"}
	points := []string{"ST_GeomFromText('MULTIPOINT(0 0, 1 1, 2 3)', 4326)"}
	lines := []string{"ST_GeomFromText('MULTILINESTRING((0 0, 1 1), (2 2, 3 3, 4 5))')"}
	areas := []string{"ST_GeomFromText('MULTIPOLYGON(((0 0, 1 0, 1 1, 0 0)), ((5 5, 6 5, 6 6, 5 5)))', 4326)"}
	add("t_geometry", f, "GEOMETRY", slices.Concat(point, line, area, many, points, lines, areas)...)
	add("t_geometry", f, "POINT", point...)
	add("t_geometry", f, "POINT"+srid, point[0], "ST_GeomFromText('POINT(-89.5 179.25)', 4326)")
	add("t_geometry", f, "LINESTRING", line...)
	add("t_geometry", f, "POLYGON", area...)
	add("t_geometry", f, "MULTIPOINT", points...)
	add("t_geometry", f, "MULTILINESTRING", lines...)
	add("t_geometry", f, "MULTIPOLYGON", areas...)
	add("t_geometry", f, "GEOMETRYCOLLECTION", many...)
}
