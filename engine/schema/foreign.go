package schema

import (
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/test_driver"

	"sluice/engine/cdc"
)

// foreignTypes are those that the parser does not read. The dialect puts a LONGBLOB with a mark in their place.
var foreignTypes = map[string]cdc.Type{
	"geometry": cdc.Geometry, "point": cdc.Geometry, "linestring": cdc.Geometry, "polygon": cdc.Geometry,
	"multipoint": cdc.Geometry, "multilinestring": cdc.Geometry, "multipolygon": cdc.Geometry,
	"geometrycollection": cdc.Geometry, "geomcollection": cdc.Geometry, "vector": cdc.Vector,
	"uuid": cdc.UUID, "inet4": cdc.Inet4, "inet6": cdc.Inet6,
}

// opensClause are the words behind which a column or an index is named.
var opensClause = map[string]bool{
	"ADD": true, "CHANGE": true, "MODIFY": true, "DROP": true, "ALTER": true, "RENAME": true, "COLUMN": true, "INDEX": true, "KEY": true,
	"UNIQUE": true, "FULLTEXT": true, "CONSTRAINT": true, "FOREIGN": true, "CHECK": true, "PRIMARY": true,
}

// standsAfterName reports whether the token is where a column's type stands: behind a name that opens a definition.
func standsAfterName(d *rewriter, i int) bool {
	name, before := d.at(i-1), d.at(i-2)
	if name.kind != quoted && (name.kind != word || opensClause[strings.ToUpper(name.text)]) {
		return false
	}
	switch {
	case before.is("COLUMN"):
		return !d.at(i - 3).is("CHANGE")
	case before.isSymbol("("), before.isSymbol(","), before.is("ADD"), before.is("MODIFY"), before.is("EXISTS"):
		return true
	}
	before = d.at(i - 3)
	return before.is("CHANGE") || before.is("EXISTS") || before.is("COLUMN") && d.at(i-4).is("CHANGE")
}

// foreignType marks the column and drops what belongs to the type: a size, a reference system.
func (d *rewriter) foreignType(i int) {
	name := strings.ToLower(d.tokens[i].text)
	last := i
	if d.at(i+1).isSymbol("(") && d.at(i+3).isSymbol(")") {
		name += "(" + d.at(i+2).text + ")"
		last = i + 3
	}
	d.put(i, "LONGBLOB COMMENT '"+markType+name+"'")
	for n := i + 1; n <= last; n++ {
		d.put(n, "")
	}
	for n := last + 1; n < len(d.tokens) && !d.at(n).isSymbol(",") && !d.at(n).isSymbol("("); n++ {
		switch {
		case d.at(n).is("SRID"):
			d.put(n, "")
			d.put(n+1, "")
		case d.at(n).is("REF_SYSTEM_ID") && d.at(n+1).isSymbol("="):
			d.put(n, "")
			d.put(n+1, "")
			d.put(n+2, "")
		}
	}
}

// foreignIn gives the type that a mark names, or "".
func foreignIn(o *ast.ColumnOption) string {
	value, ok := o.Expr.(*test_driver.ValueExpr)
	if !ok || value.Kind() != test_driver.KindString {
		return ""
	}
	name, ok := strings.CutPrefix(value.GetString(), markType)
	if !ok {
		return ""
	}
	return name
}

// setForeign makes the column one of the type, spelled as the server prints it.
func setForeign(c *cdc.Column, declared string) {
	name, _, _ := strings.Cut(declared, "(")
	c.Type, c.Declared, c.Charset, c.Collation = foreignTypes[name], declared, "", ""
}
