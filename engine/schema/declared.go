package schema

import (
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/mysql"
	"github.com/pingcap/tidb/pkg/parser/types"

	"sluice/engine/cdc"
)

var textNames = map[cdc.Type]string{
	cdc.TinyInt: "tinyint", cdc.SmallInt: "smallint", cdc.MediumInt: "mediumint", cdc.Int: "int", cdc.BigInt: "bigint",
	cdc.Decimal: "decimal", cdc.Float: "float", cdc.Double: "double", cdc.Bit: "bit", cdc.Date: "date",
	cdc.DateTime: "datetime", cdc.Timestamp: "timestamp", cdc.Time: "time", cdc.Year: "year", cdc.Char: "char",
	cdc.VarChar: "varchar", cdc.Binary: "binary", cdc.VarBinary: "varbinary", cdc.TinyText: "tinytext", cdc.Text: "text",
	cdc.MediumText: "mediumtext", cdc.LongText: "longtext", cdc.TinyBlob: "tinyblob", cdc.Blob: "blob",
	cdc.MediumBlob: "mediumblob", cdc.LongBlob: "longblob", cdc.Enum: "enum", cdc.Set: "set", cdc.JSON: "json",
}

// widths are the display widths that MariaDB prints for integers, signed and unsigned.
var widths = map[cdc.Type][2]int{
	cdc.TinyInt: {4, 3}, cdc.SmallInt: {6, 5}, cdc.MediumInt: {9, 8}, cdc.Int: {11, 10}, cdc.BigInt: {20, 20},
}

// declared spells the type as the server prints it: MySQL 8 without display widths, MariaDB with them.
func declared(flavor cdc.Flavor, c *cdc.Column, tp *types.FieldType) string {
	s := textNames[c.Type]
	zerofill := tp.GetFlag()&mysql.ZerofillFlag != 0
	switch c.Type {
	case cdc.TinyInt, cdc.SmallInt, cdc.MediumInt, cdc.Int, cdc.BigInt:
		s += integerWidth(flavor, c, tp.GetFlen(), zerofill)
	case cdc.Decimal:
		s += "(" + strconv.Itoa(c.Precision) + "," + strconv.Itoa(c.Scale) + ")"
	case cdc.Float, cdc.Double:
		if c.Precision > 0 {
			s += "(" + strconv.Itoa(c.Precision) + "," + strconv.Itoa(c.Scale) + ")"
		}
	case cdc.Bit, cdc.Char, cdc.VarChar, cdc.Binary, cdc.VarBinary:
		s += "(" + strconv.Itoa(c.Length) + ")"
	case cdc.DateTime, cdc.Timestamp, cdc.Time:
		if c.Fsp > 0 {
			s += "(" + strconv.Itoa(c.Fsp) + ")"
		}
	case cdc.Year:
		if flavor == cdc.MariaDB {
			s += "(4)"
		}
	case cdc.Enum, cdc.Set:
		s += "(" + quoteLabels(c.Labels) + ")"
	}
	if c.Unsigned {
		s += " unsigned"
	}
	if zerofill {
		s += " zerofill"
	}
	return s
}

func integerWidth(flavor cdc.Flavor, c *cdc.Column, width int, zerofill bool) string {
	bool1 := c.Type == cdc.TinyInt && width == 1 && !c.Unsigned
	if flavor != cdc.MariaDB && !zerofill && !bool1 {
		return ""
	}
	if width <= 0 {
		width = widths[c.Type][0]
		if c.Unsigned {
			width = widths[c.Type][1]
		}
	}
	return "(" + strconv.Itoa(width) + ")"
}

func quoteLabels(labels []string) string {
	var quoted []string
	for _, l := range labels {
		quoted = append(quoted, "'"+strings.ReplaceAll(l, "'", "''")+"'")
	}
	return strings.Join(quoted, ",")
}
