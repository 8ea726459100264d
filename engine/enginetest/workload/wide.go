package workload

import (
	"fmt"
	"math/rand/v2"
)

func date(g *rand.Rand) string {
	return fmt.Sprintf("%04d-%02d-%02d", 1000+g.IntN(9000), 1+g.IntN(12), 1+g.IntN(28))
}

func clock(g *rand.Rand, hours, fsp int) string {
	s := fmt.Sprintf("%02d:%02d:%02d", g.IntN(hours), g.IntN(60), g.IntN(60))
	if fsp > 0 {
		s += fmt.Sprintf(".%06d", g.IntN(1000000))[:fsp+1]
	}
	return s
}

func datetime(g *rand.Rand, fsp int) string { return "'" + date(g) + " " + clock(g, 24, fsp) + "'" }

func timestamp(g *rand.Rand, fsp int) string {
	return fmt.Sprintf("'%04d-%02d-%02d %s'", 1971+g.IntN(66), 1+g.IntN(12), 1+g.IntN(28), clock(g, 24, fsp))
}

func duration(g *rand.Rand, fsp int) string {
	return "'" + []string{"", "-"}[g.IntN(2)] + clock(g, 838, fsp) + "'"
}

func bytesOf(g *rand.Rand, most int) string {
	b := make([]byte, g.IntN(most+1))
	for i := range b {
		b[i] = byte(g.Uint32() >> 13)
	}
	return hexed(clean(b))
}

// wideColumn is one column of t_wide.
type wideColumn struct {
	name, typ string
	value     func(g *rand.Rand) string
}

func signedInt(bits int) func(*rand.Rand) string {
	return func(g *rand.Rand) string { return fmt.Sprint(int64(g.Uint64()) >> (64 - bits)) }
}

func unsignedInt(bits int) func(*rand.Rand) string {
	return func(g *rand.Rand) string { return fmt.Sprint(g.Uint64() >> (64 - bits)) }
}

func pick(values ...string) func(*rand.Rand) string {
	return func(g *rand.Rand) string { return values[g.IntN(len(values))] }
}

// wideColumns has every type that the binlog tools print without loss. JSON documents are compact with sorted keys,
// since MariaDB keeps them as text.
func wideColumns() []wideColumn {
	return []wideColumn{
		{"ti", "TINYINT", signedInt(8)}, {"tiu", "TINYINT UNSIGNED", unsignedInt(8)},
		{"si", "SMALLINT", signedInt(16)}, {"siu", "SMALLINT UNSIGNED", unsignedInt(16)},
		{"mi", "MEDIUMINT", signedInt(24)}, {"miu", "MEDIUMINT UNSIGNED", unsignedInt(24)},
		{"i", "INT", signedInt(32)}, {"iu", "INT UNSIGNED", unsignedInt(32)},
		{"bi", "BIGINT", signedInt(64)}, {"biu", "BIGINT UNSIGNED", unsignedInt(64)},
		{"de", "DECIMAL(20,6)", func(g *rand.Rand) string { return fmt.Sprintf("%d.%06d", g.IntN(2e9)-1e9, g.IntN(1000000)) }},
		{"f", "FLOAT", func(g *rand.Rand) string { return fmt.Sprintf("%d.%d", g.IntN(200)-100, g.IntN(100)) }},
		{"db", "DOUBLE", func(g *rand.Rand) string { return fmt.Sprintf("%.17g", (g.Float64()-0.5)*1e10) }},
		{"bt", "BIT(12)", func(g *rand.Rand) string { return fmt.Sprintf("b'%b'", g.IntN(4096)) }},
		{"b64", "BIT(64)", func(g *rand.Rand) string { return fmt.Sprintf("b'%b'", g.Uint64()) }},
		{"da", "DATE", func(g *rand.Rand) string { return "'" + date(g) + "'" }},
		{"dt", "DATETIME", func(g *rand.Rand) string { return datetime(g, 0) }},
		{"dt3", "DATETIME(3)", func(g *rand.Rand) string { return datetime(g, 3) }},
		{"dt6", "DATETIME(6)", func(g *rand.Rand) string { return datetime(g, 6) }},
		{"ts", "TIMESTAMP NULL", func(g *rand.Rand) string { return timestamp(g, 0) }},
		{"ts6", "TIMESTAMP(6) NULL", func(g *rand.Rand) string { return timestamp(g, 6) }},
		{"t0", "TIME", func(g *rand.Rand) string { return duration(g, 0) }},
		{"t6", "TIME(6)", func(g *rand.Rand) string { return duration(g, 6) }},
		{"y", "YEAR", func(g *rand.Rand) string { return fmt.Sprint(1901 + g.IntN(255)) }},
		{"ch", "CHAR(20)", func(g *rand.Rand) string { return quoted(words[g.IntN(len(words))]) }},
		{"vc", "VARCHAR(300)", func(g *rand.Rand) string { return quoted(phrase(g, 10)) }},
		{"l1", "VARCHAR(50) CHARACTER SET latin1", pick("'café'", "''", "'naïve ¥'", "'€uro'")},
		{"bn", "BINARY(8)", func(g *rand.Rand) string { return bytesOf(g, 8) }},
		{"vb", "VARBINARY(40)", func(g *rand.Rand) string { return bytesOf(g, 40) }},
		{"tx", "TEXT", func(g *rand.Rand) string { return quoted(phrase(g, 40)) }},
		{"mt", "MEDIUMTEXT", func(g *rand.Rand) string { return quoted(phrase(g, 20)) }},
		{"bl", "BLOB", func(g *rand.Rand) string { return bytesOf(g, 200) }},
		{"lb", "LONGBLOB", func(g *rand.Rand) string { return bytesOf(g, 100) }},
		{"en", "ENUM('red','gr ün','蓝')", pick("'red'", "'gr ün'", "'蓝'", "2")},
		{"st", "SET('x','y','中')", pick("''", "'x'", "'x,中'", "'x,y,中'")},
		{"js", "JSON", pick(`'{"a":1,"b":[1.5,"x",null]}'`, `'[]'`, `'{"中":"😀","z":true}'`, `'-12'`, `'[1,[2,{"k":"v"}]]'`)},
	}
}

func wide() *table {
	t := &table{name: "t_wide", create: "id INT NOT NULL PRIMARY KEY", cols: "id", keys: []string{"id"}, key: oneKey(integer)}
	columns := wideColumns()
	for _, c := range columns {
		t.create += ", " + c.name + " " + c.typ
		t.cols += "," + c.name
		t.update = append(t.update, c.name)
	}
	t.rest = func(g *rand.Rand) []string {
		out := make([]string, len(columns))
		for i, c := range columns {
			if out[i] = c.value(g); g.IntN(8) == 0 {
				out[i] = "NULL"
			}
		}
		return out
	}
	return t
}
