package mysql

import (
	"fmt"
	"strconv"
	"strings"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// table makes the definition that binlog_row_metadata=FULL describes. Unique indexes other than the primary key are
// not written there, and neither is which columns are generated.
func (o *optionalMeta) table(m *tableMap, collations func(uint64) (collation, error), flavor cdc.Flavor) (*cdc.Table, error) {
	t := &cdc.Table{TableID: m.TableID, Columns: make([]cdc.Column, len(m.Columns))}
	var at counters
	for i := range m.Columns {
		mc, c := &m.Columns[i], &t.Columns[i]
		c.Name, c.Nullable = o.names[i], mc.Nullable
		c.Invisible = len(o.visible) > i/8 && o.visible[i/8]&(0x80>>(i%8)) == 0
		unsigned, charset, labels := o.ofColumn(mc, &at, flavor)
		c.Unsigned = unsigned
		cl := collation{}
		var err error
		if charset != 0 {
			cl, err = collations(charset)
		}
		if err == nil {
			describe(c, mc, cl)
			err = setLabels(c, cl, labels)
		}
		if err != nil {
			return nil, fmt.Errorf("column %s of %s: %w", c.Name, m.TableID, err)
		}
		c.Declared = declared(c)
	}
	for _, k := range o.primary {
		t.Primary = append(t.Primary, int(k))
	}
	return t, nil
}

// columns notes what binlog_row_metadata=MINIMAL says of the columns.
func (o *optionalMeta) columns(m *tableMap, collations func(uint64) (collation, error), flavor cdc.Flavor) error {
	var at counters
	for i := range m.Columns {
		mc := &m.Columns[i]
		unsigned, charset, _ := o.ofColumn(mc, &at, flavor)
		mc.Signs, mc.Unsigned = len(o.signs) > 0 && isNumeric(mc.Type), unsigned
		if charset == 0 {
			continue
		}
		cl, err := collations(charset)
		if err != nil {
			return fmt.Errorf("column %d of %s: %w", i+1, m.TableID, err)
		}
		mc.Charset, mc.Collation = cl.charset, cl.name
	}
	return nil
}

// counters number the columns of each kind: the optional fields count only theirs.
type counters struct{ numeric, text, choice, enum, set int }

func (n *counters) next(c *int) int { *c++; return *c - 1 }

// ofColumn takes what belongs to the next column.
func (o *optionalMeta) ofColumn(mc *cdc.MapColumn, at *counters, flavor cdc.Flavor) (unsigned bool, charset uint64, labels [][]byte) {
	switch {
	case isNumeric(mc.Type):
		i := at.next(&at.numeric)
		unsigned = len(o.signs) > i/8 && o.signs[i/8]&(0x80>>(i%8)) != 0 && mc.Type != gomysql.MYSQL_TYPE_YEAR
	case isCharacter(mc.Type, flavor):
		charset = o.charset.of(at.next(&at.text))
	case mc.Type == gomysql.MYSQL_TYPE_ENUM:
		charset = o.enumCharset.of(at.next(&at.choice))
		if i := at.next(&at.enum); i < len(o.enums) {
			labels = o.enums[i]
		}
	case mc.Type == gomysql.MYSQL_TYPE_SET:
		charset = o.enumCharset.of(at.next(&at.choice))
		if i := at.next(&at.set); i < len(o.sets) {
			labels = o.sets[i]
		}
	}
	return unsigned, charset, labels
}

func setLabels(c *cdc.Column, cl collation, labels [][]byte) error {
	for _, label := range labels {
		utf8, err := toUTF8(cl.charset, label)
		if err != nil {
			return err
		}
		c.Labels = append(c.Labels, utf8)
	}
	return nil
}

// isNumeric says which columns have a bit among the signs; the server counts YEAR among them.
func isNumeric(t byte) bool {
	switch t {
	case gomysql.MYSQL_TYPE_TINY, gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG,
		gomysql.MYSQL_TYPE_LONGLONG, gomysql.MYSQL_TYPE_NEWDECIMAL, gomysql.MYSQL_TYPE_DECIMAL, gomysql.MYSQL_TYPE_FLOAT,
		gomysql.MYSQL_TYPE_DOUBLE, gomysql.MYSQL_TYPE_YEAR:
		return true
	}
	return false
}

// isCharacter says which columns have a collation; MariaDB gives one to GEOMETRY too.
func isCharacter(t byte, flavor cdc.Flavor) bool {
	switch t {
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VAR_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_BLOB,
		typeCompressedBlob, typeCompressedVarchar:
		return true
	case gomysql.MYSQL_TYPE_GEOMETRY:
		return flavor == cdc.MariaDB
	}
	return false
}

// plainTypes are those whose physical type says all.
var plainTypes = map[byte]cdc.Type{
	gomysql.MYSQL_TYPE_TINY: cdc.TinyInt, gomysql.MYSQL_TYPE_SHORT: cdc.SmallInt, gomysql.MYSQL_TYPE_INT24: cdc.MediumInt,
	gomysql.MYSQL_TYPE_LONG: cdc.Int, gomysql.MYSQL_TYPE_LONGLONG: cdc.BigInt, gomysql.MYSQL_TYPE_FLOAT: cdc.Float,
	gomysql.MYSQL_TYPE_DOUBLE: cdc.Double, gomysql.MYSQL_TYPE_YEAR: cdc.Year, gomysql.MYSQL_TYPE_DATE: cdc.Date,
	gomysql.MYSQL_TYPE_ENUM: cdc.Enum, gomysql.MYSQL_TYPE_SET: cdc.Set, gomysql.MYSQL_TYPE_JSON: cdc.JSON,
	gomysql.MYSQL_TYPE_DATETIME: cdc.DateTime, gomysql.MYSQL_TYPE_TIMESTAMP: cdc.Timestamp, gomysql.MYSQL_TYPE_TIME: cdc.Time,
	gomysql.MYSQL_TYPE_DATETIME2: cdc.DateTime, gomysql.MYSQL_TYPE_TIMESTAMP2: cdc.Timestamp, gomysql.MYSQL_TYPE_TIME2: cdc.Time,
	gomysql.MYSQL_TYPE_GEOMETRY: cdc.Geometry, gomysql.MYSQL_TYPE_VECTOR: cdc.Vector,
}

// describe fills in the type and its sizes.
func describe(c *cdc.Column, mc *cdc.MapColumn, cl collation) {
	c.Type = plainTypes[mc.Type]
	meta := int(mc.Meta)
	switch mc.Type {
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		c.Type, c.Precision, c.Scale = cdc.Decimal, meta>>8, meta&255
	case gomysql.MYSQL_TYPE_BIT:
		c.Type, c.Length = cdc.Bit, meta>>8*8+meta&255
	case gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2, gomysql.MYSQL_TYPE_TIME2:
		c.Fsp = meta
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING:
		describeString(c, mc.Type == gomysql.MYSQL_TYPE_STRING, meta, cl)
	case typeCompressedVarchar:
		describeString(c, false, meta-1, cl)
	case gomysql.MYSQL_TYPE_BLOB, typeCompressedBlob:
		if cl.charset == "binary" {
			c.Type = [...]cdc.Type{0, cdc.TinyBlob, cdc.Blob, cdc.MediumBlob, cdc.LongBlob}[min(meta, 4)]
			c.Charset = "binary"
			return
		}
		c.Type = [...]cdc.Type{0, cdc.TinyText, cdc.Text, cdc.MediumText, cdc.LongText}[min(meta, 4)]
		c.Charset, c.Collation = cl.charset, cl.name
	case gomysql.MYSQL_TYPE_ENUM, gomysql.MYSQL_TYPE_SET:
		c.Charset, c.Collation = cl.charset, cl.name
	}
}

func describeString(c *cdc.Column, fixed bool, bytes int, cl collation) {
	if cl.charset == "binary" {
		c.Type, c.Length, c.Charset = cdc.VarBinary, bytes, "binary"
		if fixed {
			c.Type = cdc.Binary
		}
		return
	}
	c.Type, c.Length, c.Charset, c.Collation = cdc.VarChar, bytes/max(cl.width, 1), cl.charset, cl.name
	if fixed {
		c.Type = cdc.Char
	}
}

// declared writes a column's type as the server would, without display widths.
func declared(c *cdc.Column) string {
	name := typeNames[c.Type]
	sized := func(n int) string { return name + "(" + strconv.Itoa(n) + ")" }
	switch c.Type {
	case cdc.Unsupported:
		return "unknown"
	case cdc.Decimal:
		name += fmt.Sprintf("(%d,%d)", c.Precision, c.Scale)
	case cdc.Bit, cdc.Char, cdc.VarChar, cdc.Binary, cdc.VarBinary:
		name = sized(c.Length)
	case cdc.DateTime, cdc.Timestamp, cdc.Time:
		if c.Fsp > 0 {
			name = sized(c.Fsp)
		}
	case cdc.Enum, cdc.Set:
		quoted := make([]string, len(c.Labels))
		for i, l := range c.Labels {
			quoted[i] = "'" + strings.ReplaceAll(l, "'", "''") + "'"
		}
		name += "(" + strings.Join(quoted, ",") + ")"
	}
	if c.Unsigned {
		name += " unsigned"
	}
	return name
}

var typeNames = func() map[cdc.Type]string {
	names := map[cdc.Type]string{}
	for name, t := range typesByName {
		names[t] = name
	}
	names[cdc.Geometry] = "geometry" // a table map does not tell which
	return names
}()
