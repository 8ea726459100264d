package mysql

import (
	"errors"
	"fmt"
	"slices"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"
	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
)

// tableMap is a table map event as it is kept: parsed once for all events with the same bytes.
type tableMap struct {
	cdc.TableMap
	text  string               // the event's, behind the number
	plans map[*cdc.Table]*plan // how rows decode with a definition; the stream's consumer fills it
}

var errShortTableMap = errors.New("table map event ends early")

// optionalMeta is what follows the null bits of a table map.
type optionalMeta struct {
	signs       []byte
	names       []string
	charset     charsets // character columns
	enumCharset charsets // ENUM and SET
	enums, sets [][][]byte
	primary     []uint64
	visible     []byte
	hasNames    bool
}

// charsets is one of two ways to write collation ids: a default with exceptions, or one for each column.
type charsets struct {
	usual  uint64
	except map[uint64]uint64
	each   []uint64
}

func (c *charsets) of(n int) uint64 {
	if c.each != nil {
		if n < len(c.each) {
			return c.each[n]
		}
		return 0
	}
	if id, ok := c.except[uint64(n)]; ok {
		return id
	}
	return c.usual
}

// parseTableMap reads a table map's body after the table id.
func parseTableMap(body []byte, collations func(uint64) (collation, error), flavor cdc.Flavor) (*tableMap, error) {
	c := cursor{data: body}
	c.take(2) // flags
	m := &tableMap{plans: map[*cdc.Table]*plan{}}
	m.Schema = string(c.take(int(c.byte())))
	c.take(1)
	m.Name = string(c.take(int(c.byte())))
	c.take(1)
	n := int(c.packed())
	types := c.take(n)
	meta := cursor{data: c.lengthEncoded()}
	nulls := c.take((n + 7) / 8)
	if c.short || n == 0 {
		return nil, errShortTableMap
	}
	m.Columns = make([]cdc.MapColumn, n)
	for i, t := range types {
		m.Columns[i] = mapColumn(t, &meta)
		if !possible(&m.Columns[i]) {
			return nil, fmt.Errorf("the table map of %s has a column of type %d with %d", m.TableID, t, m.Columns[i].Meta)
		}
		m.Columns[i].Nullable = nulls[i/8]&(1<<(i%8)) != 0
	}
	if meta.short {
		return nil, errShortTableMap
	}
	optional, err := parseOptional(c.data)
	if err != nil {
		return m, err
	}
	if !optional.hasNames {
		return m, optional.columns(m, collations, flavor)
	}
	if len(optional.names) != n {
		return nil, fmt.Errorf("table map of %s names %d of %d columns", m.TableID, len(optional.names), n)
	}
	m.Table, err = optional.table(m, collations, flavor)
	m.Vague = err == nil && flavor == cdc.MariaDB && slices.ContainsFunc(m.Table.Columns, mayBeOther)
	return m, err
}

// mayBeOther reports whether a byte string may be one of the types that MariaDB logs as such.
func mayBeOther(c cdc.Column) bool {
	return c.Type == cdc.Binary && (c.Length == 4 || c.Length == 16) || c.Type == cdc.VarBinary && c.Length%4 == 0
}

// mapColumn reads a column's metadata and takes the real type out of it.
func mapColumn(t byte, meta *cursor) cdc.MapColumn {
	c := cdc.MapColumn{Type: t}
	switch t {
	case gomysql.MYSQL_TYPE_STRING:
		real, length := meta.byte(), uint16(meta.byte())
		switch {
		case real == gomysql.MYSQL_TYPE_ENUM || real == gomysql.MYSQL_TYPE_SET:
			c.Type, c.Meta = real, length
		default:
			// Lengths over 255 keep their high bits, inverted, in the type's byte.
			c.Type, c.Meta = real|0x30, length|uint16(real&0x30^0x30)<<4
		}
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		c.Meta = uint16(meta.big(2))
	case gomysql.MYSQL_TYPE_VAR_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_BIT, typeCompressedVarchar:
		c.Meta = uint16(meta.little(2))
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_DOUBLE, gomysql.MYSQL_TYPE_FLOAT, gomysql.MYSQL_TYPE_GEOMETRY,
		gomysql.MYSQL_TYPE_VECTOR, gomysql.MYSQL_TYPE_JSON, gomysql.MYSQL_TYPE_TIME2, gomysql.MYSQL_TYPE_DATETIME2,
		gomysql.MYSQL_TYPE_TIMESTAMP2, typeCompressedBlob:
		c.Meta = uint16(meta.byte())
	}
	return c
}

// possible says whether a column's metadata is such as a server writes.
func possible(c *cdc.MapColumn) bool {
	switch c.Type {
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		return isDecimal(int(c.Meta>>8), int(c.Meta&255))
	case gomysql.MYSQL_TYPE_TIME2, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2:
		return c.Meta <= 6
	case gomysql.MYSQL_TYPE_BIT:
		return c.Meta>>8*8+c.Meta&255 <= 64
	case gomysql.MYSQL_TYPE_ENUM:
		return c.Meta == 1 || c.Meta == 2
	case gomysql.MYSQL_TYPE_SET:
		return 0 < c.Meta && c.Meta <= 8
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_GEOMETRY, gomysql.MYSQL_TYPE_VECTOR, gomysql.MYSQL_TYPE_JSON, typeCompressedBlob:
		return 0 < c.Meta && c.Meta <= 4
	}
	return true
}

// MariaDB's compressed columns.
const (
	typeCompressedBlob    = 140
	typeCompressedVarchar = 141
)

func parseOptional(data []byte) (optionalMeta, error) {
	var o optionalMeta
	c := cursor{data: data}
	for len(c.data) > 0 {
		kind := c.byte()
		v := cursor{data: c.lengthEncoded()}
		if c.short {
			return o, errShortTableMap
		}
		o.field(kind, &v)
		if v.short {
			return o, errShortTableMap
		}
	}
	return o, nil
}

func (o *optionalMeta) field(kind byte, v *cursor) {
	switch kind {
	case replication.TABLE_MAP_OPT_META_SIGNEDNESS:
		o.signs = v.data
	case replication.TABLE_MAP_OPT_META_DEFAULT_CHARSET:
		o.charset = defaultCharsets(v)
	case replication.TABLE_MAP_OPT_META_COLUMN_CHARSET:
		o.charset = charsets{each: numbers(v)}
	case replication.TABLE_MAP_OPT_META_ENUM_AND_SET_DEFAULT_CHARSET:
		o.enumCharset = defaultCharsets(v)
	case replication.TABLE_MAP_OPT_META_ENUM_AND_SET_COLUMN_CHARSET:
		o.enumCharset = charsets{each: numbers(v)}
	case replication.TABLE_MAP_OPT_META_COLUMN_NAME:
		o.hasNames = true
		for len(v.data) > 0 {
			o.names = append(o.names, string(v.lengthEncoded()))
		}
	case replication.TABLE_MAP_OPT_META_SET_STR_VALUE:
		o.sets = labelLists(v)
	case replication.TABLE_MAP_OPT_META_ENUM_STR_VALUE:
		o.enums = labelLists(v)
	case replication.TABLE_MAP_OPT_META_SIMPLE_PRIMARY_KEY:
		o.primary = numbers(v)
	case replication.TABLE_MAP_OPT_META_PRIMARY_KEY_WITH_PREFIX:
		for len(v.data) > 0 {
			o.primary = append(o.primary, v.packed())
			v.packed() // the prefix's length
		}
	case replication.TABLE_MAP_OPT_META_COLUMN_VISIBILITY:
		o.visible = v.data
	}
}

func numbers(v *cursor) []uint64 {
	list := []uint64{}
	for len(v.data) > 0 {
		list = append(list, v.packed())
	}
	return list
}

func defaultCharsets(v *cursor) charsets {
	c := charsets{usual: v.packed(), except: map[uint64]uint64{}}
	for len(v.data) > 0 {
		at := v.packed()
		c.except[at] = v.packed()
	}
	return c
}

func labelLists(v *cursor) [][][]byte {
	var lists [][][]byte
	for len(v.data) > 0 {
		n := int(v.packed())
		var list [][]byte
		for range n {
			if v.short {
				return lists
			}
			list = append(list, v.lengthEncoded())
		}
		lists = append(lists, list)
	}
	return lists
}
