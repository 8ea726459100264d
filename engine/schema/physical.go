package schema

import (
	"fmt"

	"sluice/engine/cdc"
)

// disagree compares a definition with a table map without names: it gives the ordinal of the first column that
// differs (-1 for the table as a whole) and how, or the empty string.
func disagree(t *cdc.Table, m *cdc.TableMap) (at int, what string) {
	if len(t.Columns) != len(m.Columns) {
		return -1, fmt.Sprintf("%d columns in the binlog, %d in the definition", len(m.Columns), len(t.Columns))
	}
	for i := range t.Columns {
		c, p := &t.Columns[i], m.Columns[i]
		if !physicalType(c, p.Type) {
			return i, fmt.Sprintf("has type %d in the binlog, which is not %s", p.Type, c.Declared)
		}
		if what := physicalSize(c, p); what != "" {
			return i, what
		}
		if c.Nullable != p.Nullable && c.Type != cdc.Timestamp {
			return i, fmt.Sprintf("is nullable: %v in the binlog, %v in the definition", p.Nullable, c.Nullable)
		}
		if p.Signs && c.Unsigned != p.Unsigned && c.Type <= cdc.Double {
			return i, fmt.Sprintf("is unsigned: %v in the binlog, %v in the definition", p.Unsigned, c.Unsigned)
		}
		if p.Charset != "" && c.Charset != "" && c.Type.IsText() && p.Charset != c.Charset {
			return i, fmt.Sprintf("has the charset %s in the binlog, %s in the definition", p.Charset, c.Charset)
		}
	}
	return -1, ""
}

// The physical types of the binlog (MYSQL_TYPE_*).
const (
	typeTiny, typeShort, typeLong, typeFloat, typeDouble       = 1, 2, 3, 4, 5
	typeTimestamp, typeLongLong, typeInt24, typeDate, typeTime = 7, 8, 9, 10, 11
	typeDateTime, typeYear, typeVarChar, typeBit               = 12, 13, 15, 16
	typeTimestamp2, typeDateTime2, typeTime2                   = 17, 18, 19
	typeJSON, typeNewDecimal, typeEnum, typeSet                = 245, 246, 247, 248
	typeTinyBlob, typeMediumBlob, typeLongBlob, typeBlob       = 249, 250, 251, 252
	typeVarString, typeString                                  = 253, 254
	typeGeometry, typeVector                                   = 255, 242
	typeCompressedBlob, typeCompressedVarChar                  = 140, 141 // MariaDB's
)

func physicalType(c *cdc.Column, p byte) bool {
	switch c.Type {
	case cdc.TinyInt:
		return p == typeTiny
	case cdc.SmallInt:
		return p == typeShort
	case cdc.MediumInt:
		return p == typeInt24
	case cdc.Int:
		return p == typeLong
	case cdc.BigInt:
		return p == typeLongLong
	case cdc.Decimal:
		return p == typeNewDecimal
	case cdc.Float:
		return p == typeFloat
	case cdc.Double:
		return p == typeDouble
	case cdc.Bit:
		return p == typeBit
	case cdc.Date:
		return p == typeDate || p == 14
	case cdc.DateTime:
		return p == typeDateTime || p == typeDateTime2
	case cdc.Timestamp:
		return p == typeTimestamp || p == typeTimestamp2
	case cdc.Time:
		return p == typeTime || p == typeTime2
	case cdc.Year:
		return p == typeYear
	case cdc.Char, cdc.Binary, cdc.UUID, cdc.Inet4, cdc.Inet6:
		return p == typeString
	case cdc.VarChar, cdc.VarBinary:
		return p == typeVarChar || p == typeVarString || p == typeCompressedVarChar
	case cdc.TinyText, cdc.Text, cdc.MediumText, cdc.LongText, cdc.TinyBlob, cdc.Blob, cdc.MediumBlob, cdc.LongBlob:
		return p == typeBlob || p == typeCompressedBlob || p >= typeTinyBlob && p <= typeLongBlob
	case cdc.Enum:
		return p == typeEnum
	case cdc.Set:
		return p == typeSet
	case cdc.JSON:
		return p == typeJSON
	case cdc.Geometry:
		return p == typeGeometry
	case cdc.Vector:
		return p == typeVector || p == typeVarChar // MariaDB's
	}
	return true // Unsupported: refused elsewhere
}

// physicalSize checks the type's metadata; sizes that the definition does not know are not checked.
func physicalSize(c *cdc.Column, p cdc.MapColumn) string {
	low, high := int(p.Meta&0xff), int(p.Meta>>8)
	unequal := func(what string, got, want int) string {
		if got == want {
			return ""
		}
		return fmt.Sprintf("has %s %d in the binlog, %d in the definition", what, got, want)
	}
	switch c.Type {
	case cdc.Decimal:
		if high != c.Precision {
			return unequal("precision", high, c.Precision)
		}
		return unequal("scale", low, c.Scale)
	case cdc.Bit:
		if c.Length > 0 {
			return unequal("bits", high*8+low, c.Length)
		}
	case cdc.DateTime, cdc.Timestamp, cdc.Time:
		if p.Type == typeDateTime2 || p.Type == typeTimestamp2 || p.Type == typeTime2 {
			return unequal("fraction digits", low, c.Fsp)
		}
	case cdc.VarChar, cdc.VarBinary:
		if n := byteLength(c); n > 0 {
			if p.Type == typeCompressedVarChar {
				n++
			}
			return unequal("a length in bytes of", int(p.Meta), n)
		}
	case cdc.Char, cdc.Binary:
		if n := byteLength(c); n > 0 {
			return unequal("a length in bytes of", int(p.Meta), n)
		}
	case cdc.UUID, cdc.Inet4, cdc.Inet6:
		return unequal("a length in bytes of", int(p.Meta), c.Type.FixedSize())
	case cdc.Enum:
		return unequal("a value size of", low, enumSize(len(c.Labels)))
	case cdc.Set:
		return unequal("a value size of", low, setSize(len(c.Labels)))
	case cdc.TinyText, cdc.TinyBlob:
		return unequal("a length size of", low, 1)
	case cdc.Text, cdc.Blob:
		return unequal("a length size of", low, 2)
	case cdc.MediumText, cdc.MediumBlob:
		return unequal("a length size of", low, 3)
	case cdc.LongText, cdc.LongBlob:
		return unequal("a length size of", low, 4)
	}
	return ""
}

// byteLength is how many bytes the longest value takes, 0 if that is not known.
func byteLength(c *cdc.Column) int {
	if !c.Type.IsText() {
		return c.Length
	}
	return c.Length * maxLen(c.Charset)
}

func enumSize(labels int) int {
	if labels < 256 {
		return 1
	}
	return 2
}

func setSize(labels int) int {
	if n := (labels + 7) / 8; n <= 4 {
		return max(n, 1)
	}
	return 8
}
