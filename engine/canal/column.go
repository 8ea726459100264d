package canal

import (
	"errors"
	"fmt"
	"math"
	"unicode/utf8"

	"sluice/engine/cdc"
	"sluice/engine/charset"
	"sluice/engine/task"
)

// form says how a column's values become text.
type form uint8

const (
	formPrinted form = iota // numbers, times and addresses, as the server prints them
	formText                // characters in the column's charset
	formLabel               // UTF-8: labels and JSON
	formBytes
)

// column is how the values of one column are written.
type column struct {
	def     *cdc.Column
	at      int    // ordinal in the row
	name    []byte // "name":
	number  int64  // sqlType
	form    form
	kind    cdc.Kind         // that values must have; integers may be signed or not
	charset *charset.Charset // to convert from; nil: it is UTF-8
}

// The numbers of java.sql.Types that sqlType holds. An unsigned integer has that of the next wider type.
const (
	sqlBit, sqlTinyInt, sqlSmallInt, sqlInteger, sqlBigInt = -7, -6, 5, 4, -5
	sqlDecimal, sqlReal, sqlDouble                         = 3, 7, 8
	sqlDate, sqlTime, sqlTimestamp                         = 91, 92, 93
	sqlChar, sqlVarChar, sqlClob, sqlBlob                  = 1, 12, 2005, 2004
)

// shapes tells form, kind and number of each type; a type that is not here is not carried.
var shapes = map[cdc.Type]column{
	cdc.TinyInt: {kind: cdc.KindInt, number: sqlTinyInt}, cdc.SmallInt: {kind: cdc.KindInt, number: sqlSmallInt},
	cdc.MediumInt: {kind: cdc.KindInt, number: sqlInteger}, cdc.Int: {kind: cdc.KindInt, number: sqlInteger},
	cdc.BigInt: {kind: cdc.KindInt, number: sqlBigInt}, cdc.Bit: {kind: cdc.KindUint, number: sqlBit},
	cdc.Decimal: {kind: cdc.KindDecimal, number: sqlDecimal}, cdc.Float: {kind: cdc.KindFloat, number: sqlReal},
	cdc.Double: {kind: cdc.KindDouble, number: sqlDouble}, cdc.Date: {kind: cdc.KindDate, number: sqlDate},
	cdc.DateTime: {kind: cdc.KindDateTime, number: sqlTimestamp}, cdc.Timestamp: {kind: cdc.KindTimestamp, number: sqlTimestamp},
	cdc.Time: {kind: cdc.KindTime, number: sqlTime}, cdc.Year: {kind: cdc.KindYear, number: sqlVarChar},
	cdc.Char: {form: formText, kind: cdc.KindText, number: sqlChar}, cdc.VarChar: {form: formText, kind: cdc.KindText, number: sqlVarChar},
	cdc.TinyText: {form: formText, kind: cdc.KindText, number: sqlClob}, cdc.Text: {form: formText, kind: cdc.KindText, number: sqlClob},
	cdc.MediumText: {form: formText, kind: cdc.KindText, number: sqlClob}, cdc.LongText: {form: formText, kind: cdc.KindText, number: sqlClob},
	cdc.Enum: {form: formLabel, kind: cdc.KindEnum, number: sqlVarChar}, cdc.Set: {form: formLabel, kind: cdc.KindSet, number: sqlVarChar},
	cdc.JSON: {form: formLabel, kind: cdc.KindJSON, number: sqlVarChar},
	cdc.UUID: {kind: cdc.KindBytes, number: sqlChar}, cdc.Inet4: {kind: cdc.KindBytes, number: sqlChar}, cdc.Inet6: {kind: cdc.KindBytes, number: sqlChar},
	cdc.Binary: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob}, cdc.VarBinary: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob},
	cdc.TinyBlob: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob}, cdc.Blob: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob},
	cdc.MediumBlob: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob}, cdc.LongBlob: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob},
	cdc.Geometry: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob}, cdc.Vector: {form: formBytes, kind: cdc.KindBytes, number: sqlBlob},
}

// wider holds the numbers of unsigned integers.
var wider = map[cdc.Type]int64{cdc.TinyInt: sqlSmallInt, cdc.SmallInt: sqlInteger, cdc.MediumInt: sqlInteger, cdc.Int: sqlBigInt, cdc.BigInt: sqlDecimal}

var (
	errKind    = errors.New("the value is not of the column's type")
	errCharset = errors.New("the bytes are not valid in the column's charset")
)

// Supports reports whether the column can be carried; the error is a *task.Error that names it.
func Supports(c *cdc.Column) error {
	_, err := newColumn(c)
	return err
}

func newColumn(def *cdc.Column) (column, error) {
	c, ok := shapes[def.Type]
	if c.def = def; !ok {
		return c, &task.Error{Code: "column.type_unsupported",
			Text: fmt.Sprintf("column %s has the type %s, which is not carried", def.Name, def.Declared),
			Hint: "Leave the column out of the task, or change its type at the source."}
	}
	if n, ok := wider[def.Type]; ok && def.Unsigned {
		c.number = n
	}
	if c.form == formText && !charset.IsUTF8(def.Charset) {
		if c.charset = charset.Of(def.Charset); c.charset == nil {
			return c, &task.Error{Code: "column.charset_unsupported",
				Text: fmt.Sprintf("column %s has the charset %q, which is not carried", def.Name, def.Charset),
				Hint: "Leave the column out of the task, or convert it to utf8mb4 at the source."}
		}
	}
	return c, nil
}

// append writes the value inside a JSON string.
func (c *column) append(dst []byte, v *cdc.Value) ([]byte, error) {
	if v.Kind != c.kind && !(c.kind == cdc.KindInt && v.Kind == cdc.KindUint) {
		return dst, errKind
	}
	at := len(dst)
	switch c.form {
	case formPrinted:
		if !finite(v) || v.Kind == cdc.KindBytes && len(v.Bytes) != c.def.Type.FixedSize() {
			return dst, errKind
		}
		return cdc.AppendText(dst, c.def, *v), nil
	case formBytes:
		for _, b := range v.Bytes {
			dst = utf8.AppendRune(dst, rune(b))
		}
	default:
		if c.charset == nil {
			dst = append(dst, v.Bytes...)
			if !utf8.Valid(v.Bytes) {
				return dst, errCharset
			}
			break
		}
		var ok bool
		if dst, ok = c.charset.AppendUTF8(dst, v.Bytes); !ok {
			return dst, errCharset
		}
	}
	return escape(dst, at), nil
}

// finite is false of what no server stores.
func finite(v *cdc.Value) bool {
	f := 0.0
	switch v.Kind {
	case cdc.KindFloat:
		f = float64(math.Float32frombits(uint32(v.Num)))
	case cdc.KindDouble:
		f = math.Float64frombits(uint64(v.Num))
	}
	return f == f && !math.IsInf(f, 0)
}

// fault says which column could not be written. The value itself is not shown: it may be confidential.
func (c *column) fault(err error, v *cdc.Value) error {
	if v.Kind == cdc.KindAbsent {
		return &task.Error{Code: "value.not_logged",
			Text: fmt.Sprintf("the source logs an update or a delete without the generated column %s", c.def.Name),
			Hint: "Leave generated columns of this table out of the task: this server, as MariaDB from 11.8 on, does not log them."}
	}
	if errors.Is(err, errCharset) {
		name := "utf8mb4"
		if c.form == formText {
			name = c.def.Charset
		}
		return &task.Error{Code: "value.not_in_charset",
			Text: fmt.Sprintf("column %s holds a value that is not valid %s", c.def.Name, name),
			Hint: "Repair the value at the source, or leave the column out of the task."}
	}
	return &task.Error{Code: "value.not_of_type",
		Text: fmt.Sprintf("column %s of type %s came as a value of kind %d that it can't hold", c.def.Name, c.def.Declared, v.Kind),
		Hint: "The definition that was used does not fit the row. Report it with the table's definition."}
}

// inTable adds the table to an error of a column.
func inTable(err error, t *cdc.Table) error {
	var e *task.Error
	if errors.As(err, &e) {
		e.Op = "encoding a row of " + t.String()
	}
	return err
}
