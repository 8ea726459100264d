package dts

import "strings"

var escapeDot = strings.NewReplacer(".", `\u002E`)

// ObjectName joins schema and table as DTS does: a dot inside a name becomes the six characters \u002E. With an empty
// name it is the schema alone, as DDL records want it.
func ObjectName(schema, name string) string {
	schema = escapeDot.Replace(schema)
	if name == "" {
		return schema
	}
	return schema + "." + escapeDot.Replace(name)
}
