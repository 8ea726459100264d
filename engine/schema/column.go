package schema

import (
	"cmp"
	"slices"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/test_driver"
	"github.com/pingcap/tidb/pkg/parser/types"

	"sluice/engine/cdc"
)

// keys says which indexes a column's own definition makes.
type keys struct{ primary, unique bool }

// addColumn adds a column at the position, with the indexes of its definition.
func (m *model) addColumn(def *ast.ColumnDef, p *ast.ColumnPosition) error {
	c, keys, err := m.define(def)
	if err != nil {
		return err
	}
	if m.indexed[strings.ToLower(c.Name)] {
		return unparsed("the added column %s has the name of one that was indexed", c.Name)
	}
	if err := m.place(c, p); err != nil {
		return err
	}
	return m.addKeys(c, keys)
}

func (m *model) addKeys(c *cdc.Column, k keys) error {
	part := []*ast.IndexPartSpecification{{Column: &ast.ColumnName{Name: ast.NewCIStr(c.Name)}}}
	if k.primary && !slices.Equal(m.primary, []*cdc.Column{c}) {
		if err := m.addPrimary(part); err != nil {
			return err
		}
	}
	if k.unique {
		return m.addIndex("", part, false)
	}
	return nil
}

// define maps a column definition.
func (m *model) define(def *ast.ColumnDef) (*cdc.Column, keys, error) {
	c := &cdc.Column{Name: def.Name.Name.O, Nullable: true}
	var k keys
	collation, foreign := "", ""
	for _, o := range def.Options {
		switch o.Tp {
		case ast.ColumnOptionNotNull, ast.ColumnOptionAutoIncrement:
			c.Nullable = false
		case ast.ColumnOptionNull:
			c.Nullable = true
		case ast.ColumnOptionPrimaryKey:
			c.Nullable, k.primary = false, true
		case ast.ColumnOptionUniqKey:
			k.unique = true
		case ast.ColumnOptionGenerated:
			c.Generated = true
		case ast.ColumnOptionCollate:
			collation = collationName(o.StrValue)
		case ast.ColumnOptionComment:
			c.Invisible = c.Invisible || marked(o, markInvisible)
			foreign = cmp.Or(foreign, foreignIn(o))
		case ast.ColumnOptionDefaultValue, ast.ColumnOptionOnUpdate, ast.ColumnOptionReference, ast.ColumnOptionCheck,
			ast.ColumnOptionColumnFormat, ast.ColumnOptionStorage, ast.ColumnOptionSecondaryEngineAttribute:
		default:
			return nil, k, unparsed("column %s has an attribute that is not known", c.Name)
		}
	}
	if err := m.setType(c, def.Tp, collation); err != nil {
		return nil, k, err
	}
	if foreign != "" {
		setForeign(c, foreign)
	}
	return c, k, nil
}

func marked(o *ast.ColumnOption, mark string) bool {
	value, ok := o.Expr.(*test_driver.ValueExpr)
	return ok && value.Kind() == test_driver.KindString && value.GetString() == mark
}

var numberTypes = map[byte]cdc.Type{
	mysql.TypeTiny: cdc.TinyInt, mysql.TypeShort: cdc.SmallInt, mysql.TypeInt24: cdc.MediumInt, mysql.TypeLong: cdc.Int,
	mysql.TypeLonglong: cdc.BigInt, mysql.TypeNewDecimal: cdc.Decimal, mysql.TypeFloat: cdc.Float, mysql.TypeDouble: cdc.Double,
}

var timeTypes = map[byte]cdc.Type{
	mysql.TypeDate: cdc.Date, mysql.TypeDatetime: cdc.DateTime, mysql.TypeTimestamp: cdc.Timestamp,
	mysql.TypeDuration: cdc.Time, mysql.TypeYear: cdc.Year,
}

// setType maps the parser's type.
func (m *model) setType(c *cdc.Column, tp *types.FieldType, collation string) error {
	if t, ok := numberTypes[tp.GetType()]; ok {
		setNumber(c, t, tp)
	} else if t, ok := timeTypes[tp.GetType()]; ok {
		c.Type = t
		if t == cdc.DateTime || t == cdc.Timestamp || t == cdc.Time {
			c.Fsp = max(tp.GetDecimal(), 0)
		}
	} else {
		switch tp.GetType() {
		case mysql.TypeBit:
			c.Type, c.Length = cdc.Bit, max(tp.GetFlen(), 1)
		case mysql.TypeJSON:
			m.setJSON(c)
		case mysql.TypeEnum, mysql.TypeSet, mysql.TypeString, mysql.TypeVarchar,
			mysql.TypeTinyBlob, mysql.TypeBlob, mysql.TypeMediumBlob, mysql.TypeLongBlob:
			if err := m.setText(c, tp, collation); err != nil {
				return err
			}
		default:
			return unparsed("column %s has a type that is not known", c.Name)
		}
	}
	c.Declared = declared(m.flavor, c, tp)
	return nil
}

func setNumber(c *cdc.Column, t cdc.Type, tp *types.FieldType) {
	c.Type = t
	c.Unsigned = tp.GetFlag()&(mysql.UnsignedFlag|mysql.ZerofillFlag) != 0
	switch {
	case t == cdc.Decimal:
		c.Precision, c.Scale = tp.GetFlen(), max(tp.GetDecimal(), 0)
		if c.Precision <= 0 {
			c.Precision = 10
		}
	case (t == cdc.Float || t == cdc.Double) && tp.GetFlen() > 0 && tp.GetDecimal() >= 0:
		c.Precision, c.Scale = tp.GetFlen(), tp.GetDecimal()
	}
}

// setJSON: MariaDB's JSON is a LONGTEXT.
func (m *model) setJSON(c *cdc.Column) {
	c.Type = cdc.JSON
	if m.flavor == cdc.MariaDB {
		c.Type, c.Charset, c.Collation = cdc.LongText, "utf8mb4", "utf8mb4_bin"
	}
}

// setText maps the types that carry a charset. In charset binary they are the byte types.
func (m *model) setText(c *cdc.Column, tp *types.FieldType, collation string) error {
	if err := m.setCharset(c, tp, collation); err != nil {
		return err
	}
	binary := c.Charset == "binary"
	switch tp.GetType() {
	case mysql.TypeEnum, mysql.TypeSet:
		c.Type = cdc.Enum
		if tp.GetType() == mysql.TypeSet {
			c.Type = cdc.Set
		}
		for i := range tp.GetElems() {
			if tp.GetElemIsBinaryLit(i) {
				return unparsed("a label of column %s is a binary literal", c.Name)
			}
		}
		c.Labels = slices.Clone(tp.GetElems())
		return nil
	case mysql.TypeString:
		c.Type, c.Length = cdc.Char, max(tp.GetFlen(), 1)
		if tp.GetFlen() == 0 {
			return unparsed("column %s has the length 0", c.Name)
		}
		if binary {
			c.Type = cdc.Binary
		}
	case mysql.TypeVarchar:
		c.Type, c.Length = cdc.VarChar, tp.GetFlen()
		if binary {
			c.Type = cdc.VarBinary
		}
		if c.Charset != "" && maxLen(c.Charset) == 0 || c.Length*maxLen(c.Charset) > 65535 {
			return unparsed("the length in bytes of column %s is not known", c.Name)
		}
	default:
		return setBlob(c, tp, binary)
	}
	return nil
}

// setBlob takes the smallest type that holds a given length, as the server does for TEXT(n) and BLOB(n).
func setBlob(c *cdc.Column, tp *types.FieldType, binary bool) error {
	c.Type = map[byte]cdc.Type{mysql.TypeTinyBlob: cdc.TinyText, mysql.TypeBlob: cdc.Text,
		mysql.TypeMediumBlob: cdc.MediumText, mysql.TypeLongBlob: cdc.LongText}[tp.GetType()]
	if n := tp.GetFlen(); c.Type == cdc.Text && n > 0 {
		if maxLen(c.Charset) == 0 {
			return unparsed("the length in bytes of column %s is not known", c.Name)
		}
		switch n *= maxLen(c.Charset); {
		case n < 1<<8:
			c.Type = cdc.TinyText
		case n < 1<<16:
		case n < 1<<24:
			c.Type = cdc.MediumText
		default:
			c.Type = cdc.LongText
		}
	}
	if binary {
		c.Type += cdc.TinyBlob - cdc.TinyText
	}
	return nil
}

// setCharset follows the order column, then table; a named charset brings its own collation, not the table's. Where
// nobody names one it stays empty.
func (m *model) setCharset(c *cdc.Column, tp *types.FieldType, collation string) error {
	c.Charset = charsetName(tp.GetCharset())
	switch {
	case c.Charset == "binary":
		return nil
	case collation != "":
		if c.Charset == "" {
			c.Charset = charsetOf(collation)
		}
		if strings.HasPrefix(collation, anyCharset) {
			if c.Charset = cmp.Or(c.Charset, m.charset); c.Charset == "" {
				return unparsed("the charset of column %s is not known", c.Name)
			}
			collation = c.Charset + "_" + collation
		}
		if c.Collation = collation; collation == "binary" {
			c.Collation = ""
		}
	case c.Charset != "":
		c.Collation = defaultCollations[c.Charset]
	default:
		c.Charset, c.Collation = m.charset, m.collation
	}
	if c.Charset == "" { // that of the database, which the table map tells
		if collation != "" || tp.GetFlag()&mysql.BinaryFlag != 0 {
			return unparsed("the charset of column %s is not known", c.Name)
		}
		return nil
	}
	if tp.GetFlag()&mysql.BinaryFlag != 0 && c.Charset != "binary" && collation == "" {
		c.Collation = c.Charset + "_bin"
	}
	if c.Charset == "binary" {
		c.Collation = ""
	}
	return nil
}

// setDefaults takes over the table's default charset.
func (m *model) setDefaults(options []*ast.TableOption) error {
	charset, collation := "", ""
	for _, o := range options {
		switch o.Tp {
		case ast.TableOptionCharset:
			if o.Default {
				return unparsed("the default charset of the database is not known")
			}
			charset = charsetName(o.StrValue)
		case ast.TableOptionCollate:
			collation = collationName(o.StrValue)
		}
	}
	switch {
	case collation != "":
		m.charset, m.collation = charsetOf(collation), collation
		if m.charset == "" {
			return unparsed("the collation %s is not known", collation)
		}
	case charset != "":
		m.charset, m.collation = charset, defaultCollations[charset]
	}
	return nil
}
