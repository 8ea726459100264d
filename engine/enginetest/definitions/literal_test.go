package definitions

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"sluice/engine/enginetest/readers"
)

// literal is the n-th value of the column.
func (c *shape) literal(n int) string {
	sign := ""
	if n%2 == 0 && !strings.Contains(c.declared, "unsigned") {
		sign = "-"
	}
	switch c.kind {
	case "tinyint", "bit":
		return fmt.Sprint(n % 100 % (1 << min(7, max(1, width(c.declared)))))
	case "smallint", "mediumint", "int", "bigint":
		return sign + strconv.Itoa(n)
	case "decimal":
		return fmt.Sprintf("%s%d.5", sign, n%10)
	case "float", "double":
		return fmt.Sprintf("%s%d.25", sign, n%100)
	case "date":
		return fmt.Sprintf("'2024-02-%02d'", n%28+1)
	case "datetime", "timestamp":
		return fmt.Sprintf("'2024-02-%02d 01:02:%02d.987654'", n%28+1, n%60)
	case "time":
		return fmt.Sprintf("'%d:02:03.5'", n%800)
	case "year":
		return strconv.Itoa(1950 + n%200)
	case "enum", "set":
		labels := label.FindAllString(c.declared, -1)
		return labels[n%len(labels)]
	case "json", "longtext": // MariaDB's JSON
		return fmt.Sprintf(`'{"n": %d, "文": "值"}'`, n)
	case "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob":
		return fmt.Sprintf("x'%02x00%02x'", n%200+30, n%256)[:2+2*min(3, c.length)] + "'"
	}
	text := strconv.Itoa(n)
	if c.length > len(text)+1 {
		text += "é文"[:len("é")]
	}
	return "'" + text + "'"
}

var label = regexp.MustCompile(`'(?:[^']|'')*'`)

// width is the number of bits of BIT(n); any other type is wider.
func width(declared string) int {
	var n int
	if _, err := fmt.Sscanf(declared, "bit(%d)", &n); err != nil {
		return 7
	}
	return n
}

var forms = map[string]*readers.Form{
	"tinyint": readers.Number, "smallint": readers.Number, "mediumint": readers.Number, "int": readers.Number, "bigint": readers.Number,
	"decimal": readers.Number, "float": readers.Single, "double": readers.Double, "bit": readers.Bit, "year": readers.Number,
	"date": readers.Wall, "datetime": readers.Wall, "timestamp": readers.Instant, "time": readers.Clock,
	"char": readers.Text, "varchar": readers.Text, "tinytext": readers.Text, "text": readers.Text, "mediumtext": readers.Text, "longtext": readers.Text,
	"enum": readers.Text, "set": readers.Text, "json": readers.Document,
	"binary": readers.Bytes, "varbinary": readers.Bytes, "tinyblob": readers.Bytes, "blob": readers.Bytes, "mediumblob": readers.Bytes, "longblob": readers.Bytes,
}
