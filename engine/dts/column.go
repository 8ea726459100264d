package dts

import (
	"errors"
	"fmt"

	"sluice/engine/cdc"
	"sluice/engine/charset"
	"sluice/engine/task"
)

// Branches of the union that a value is.
const (
	branchInteger      = 1
	branchCharacter    = 2
	branchDecimal      = 3
	branchFloat        = 4
	branchTimestamp    = 5
	branchDateTime     = 6
	branchGeometry     = 8
	branchBinaryObject = 10
	branchTextObject   = 11
)

// typeNumbers are the dataTypeNumber of each type: the server's own type codes, but the old 7, 11 and 12 for
// TIMESTAMP, TIME and DATETIME, because the vendor's demo client has no reader for 17 to 19.
var typeNumbers = [...]int64{
	cdc.TinyInt: 1, cdc.SmallInt: 2, cdc.Int: 3, cdc.BigInt: 8, cdc.MediumInt: 9,
	cdc.Float: 4, cdc.Double: 5, cdc.Decimal: 246, cdc.Bit: 16,
	cdc.Timestamp: 7, cdc.Date: 10, cdc.Time: 11, cdc.DateTime: 12, cdc.Year: 13,
	cdc.VarChar: 253, cdc.VarBinary: 253, cdc.Char: 254, cdc.Binary: 254,
	cdc.TinyText: 249, cdc.TinyBlob: 249, cdc.MediumText: 250, cdc.MediumBlob: 250,
	cdc.LongText: 251, cdc.LongBlob: 251, cdc.Text: 252, cdc.Blob: 252,
	cdc.JSON: 245, cdc.Enum: 247, cdc.Set: 248, cdc.Geometry: 255, cdc.Vector: 252,
	cdc.UUID: 254, cdc.Inet4: 254, cdc.Inet6: 254,
}

// column is how the values of one column are written: the constant head, what write makes of the value, the tail.
type column struct {
	def     *cdc.Column
	at      int // ordinal in the row
	head    []byte
	tail    []byte
	write   func(dst []byte, c *column, v *cdc.Value) ([]byte, error)
	charset *charset.Charset // to convert from; nil: bytes travel as they are
}

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
	c := column{def: def}
	switch def.Type {
	case cdc.TinyInt, cdc.SmallInt, cdc.MediumInt, cdc.Int, cdc.BigInt, cdc.Bit:
		c.integer()
	case cdc.Decimal:
		c.decimal()
	case cdc.Float, cdc.Double:
		c.float()
	case cdc.Timestamp:
		c.timestamp()
	case cdc.Date, cdc.DateTime, cdc.Time, cdc.Year:
		c.dateTime()
	case cdc.Char, cdc.VarChar:
		return c, c.character()
	case cdc.Binary, cdc.VarBinary:
		c.binary()
	case cdc.TinyText, cdc.Text, cdc.MediumText, cdc.LongText:
		return c, c.text()
	case cdc.TinyBlob, cdc.Blob, cdc.MediumBlob, cdc.LongBlob, cdc.Vector:
		c.blob()
	case cdc.Geometry:
		c.geometry()
	case cdc.UUID, cdc.Inet4, cdc.Inet6:
		c.address()
	case cdc.Enum, cdc.Set, cdc.JSON:
		c.textObject()
	default:
		return c, &task.Error{Code: "column.type_unsupported",
			Text: fmt.Sprintf("column %s has the type %s, which is not carried", def.Name, def.Declared),
			Hint: "Leave the column out of the task, or change its type at the source."}
	}
	return c, nil
}

func (c *column) unknownCharset() error {
	return &task.Error{Code: "column.charset_unsupported",
		Text: fmt.Sprintf("column %s has the charset %q, which is not carried", c.def.Name, c.def.Charset),
		Hint: "Leave the column out of the task, or convert it to utf8mb4 at the source."}
}

// fault says which column could not be written. The value itself is not shown: it may be confidential.
func (c *column) fault(err error, v *cdc.Value) error {
	if v.Kind == cdc.KindAbsent {
		return &task.Error{Code: "value.not_logged",
			Text: fmt.Sprintf("the source logs an update or a delete without the generated column %s", c.def.Name),
			Hint: "Leave generated columns of this table out of the task: this server, as MariaDB from 11.8 on, does not log them."}
	}
	if errors.Is(err, errCharset) {
		return &task.Error{Code: "value.not_in_charset",
			Text: fmt.Sprintf("column %s holds a value that is not valid %s", c.def.Name, c.charsetName()),
			Hint: "Repair the value at the source, or leave the column out of the task."}
	}
	return &task.Error{Code: "value.not_of_type",
		Text: fmt.Sprintf("column %s of type %s came as a value of kind %d that it can't hold", c.def.Name, c.def.Declared, v.Kind),
		Hint: "The definition that was used does not fit the row. Report it with the table's definition."}
}

func (c *column) charsetName() string {
	switch c.def.Type {
	case cdc.Enum, cdc.Set, cdc.JSON:
		return "utf8mb4"
	}
	return c.def.Charset
}

// inTable adds the table to an error of a column.
func inTable(err error, t *cdc.Table) error {
	var e *task.Error
	if errors.As(err, &e) {
		e.Op = "encoding a row of " + t.String()
	}
	return err
}
