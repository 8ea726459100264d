package mysql

import (
	"strconv"
	"strings"

	"sluice/engine/cdc"
)

// typesByName maps information_schema's data types; what is missing is not carried.
var typesByName = map[string]cdc.Type{
	"tinyint": cdc.TinyInt, "smallint": cdc.SmallInt, "mediumint": cdc.MediumInt, "int": cdc.Int, "bigint": cdc.BigInt,
	"decimal": cdc.Decimal, "float": cdc.Float, "double": cdc.Double, "bit": cdc.Bit,
	"date": cdc.Date, "datetime": cdc.DateTime, "timestamp": cdc.Timestamp, "time": cdc.Time, "year": cdc.Year,
	"char": cdc.Char, "varchar": cdc.VarChar, "binary": cdc.Binary, "varbinary": cdc.VarBinary,
	"tinytext": cdc.TinyText, "text": cdc.Text, "mediumtext": cdc.MediumText, "longtext": cdc.LongText,
	"tinyblob": cdc.TinyBlob, "blob": cdc.Blob, "mediumblob": cdc.MediumBlob, "longblob": cdc.LongBlob,
	"enum": cdc.Enum, "set": cdc.Set, "json": cdc.JSON, "vector": cdc.Vector,
	"uuid": cdc.UUID, "inet4": cdc.Inet4, "inet6": cdc.Inet6,
	"geometry": cdc.Geometry, "point": cdc.Geometry, "linestring": cdc.Geometry, "polygon": cdc.Geometry,
	"multipoint": cdc.Geometry, "multilinestring": cdc.Geometry, "multipolygon": cdc.Geometry,
	"geometrycollection": cdc.Geometry, "geomcollection": cdc.Geometry,
}

// describedColumn reads a row of information_schema.columns: name, data type, column type, nullable, length,
// precision, scale, fraction, charset, collation, extra.
func describedColumn(row []string) cdc.Column {
	c := cdc.Column{
		Name:      row[0],
		Type:      typesByName[strings.ToLower(row[1])],
		Declared:  row[2],
		Nullable:  row[3] == "YES",
		Charset:   charsetName(row[8]),
		Collation: row[9],
	}
	extra := strings.ToUpper(row[10])
	c.Generated = strings.Contains(extra, "VIRTUAL GENERATED") || strings.Contains(extra, "STORED GENERATED") || strings.Contains(extra, "PERSISTENT")
	c.Invisible = strings.Contains(extra, "INVISIBLE")
	switch c.Type {
	case cdc.TinyInt, cdc.SmallInt, cdc.MediumInt, cdc.Int, cdc.BigInt:
		c.Unsigned = strings.Contains(row[2], "unsigned")
	case cdc.Decimal:
		c.Unsigned = strings.Contains(row[2], "unsigned")
		c.Precision, c.Scale = number(row[5]), number(row[6])
	case cdc.Float, cdc.Double:
		c.Unsigned = strings.Contains(row[2], "unsigned")
		c.Precision, c.Scale = floatDigits(row[2])
	case cdc.Bit:
		c.Length = number(row[5])
	case cdc.DateTime, cdc.Timestamp, cdc.Time:
		c.Fsp = number(row[7])
	case cdc.Char, cdc.VarChar:
		c.Length = number(row[4])
	case cdc.Binary, cdc.VarBinary:
		c.Length = number(row[4])
		c.Charset = "binary"
	case cdc.TinyBlob, cdc.Blob, cdc.MediumBlob, cdc.LongBlob:
		c.Charset = "binary"
	case cdc.Enum, cdc.Set:
		c.Labels = labels(row[2])
	case cdc.JSON:
		c.Charset, c.Collation = "", ""
	}
	return c
}

// charsetName gives MySQL's present name of a charset.
func charsetName(name string) string {
	if name == "utf8" {
		return "utf8mb3"
	}
	return name
}

func number(s string) int {
	n, _ := strconv.Atoi(s) // NULL is 0
	return n
}

// floatDigits reads "float(7,4)"; 0, 0 where nothing is declared.
func floatDigits(declared string) (precision, scale int) {
	_, rest, ok := strings.Cut(declared, "(")
	inner, _, _ := strings.Cut(rest, ")")
	p, s, both := strings.Cut(inner, ",")
	if !ok || !both {
		return 0, 0
	}
	return number(p), number(s)
}

// labels reads the labels out of an ENUM or SET as the server prints it: quotes inside are doubled, control characters
// and backslashes escaped.
func labels(declared string) []string {
	var list []string
	_, rest, _ := strings.Cut(declared, "(")
	for strings.HasPrefix(rest, "'") {
		var label string
		label, rest = cutLabel(rest[1:])
		list = append(list, label)
		rest = strings.TrimPrefix(rest, ",")
	}
	return list
}

// cutLabel reads up to the closing quote.
func cutLabel(s string) (label, rest string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\'' && i+1 < len(s) && s[i+1] == '\'':
			b.WriteByte('\'')
			i++
		case s[i] == '\'':
			return b.String(), s[i+1:]
		case s[i] == '\\' && i+1 < len(s):
			i++
			b.WriteByte(unescaped(s[i]))
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), ""
}

func unescaped(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case '0':
		return 0
	case 'Z':
		return 26
	}
	return c
}
