package oracle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// kind is how a column's values are brought to canonical text.
type kind uint8

const (
	kindInt kind = iota // also YEAR
	kindUint
	kindDecimal
	kindFloat
	kindDouble
	kindBit
	kindDate
	kindDateTime
	kindTimestamp
	kindTime
	kindText
	kindBytes
	kindEnum
	kindSet
	kindJSON
	kindUnknown
)

// column is one column of a table as its statements declared it.
type column struct {
	name    string
	out     string // its name in the topic; empty: it does not travel
	kind    kind
	charset string
	pad     int // BINARY(n): n
	labels  []string
	initial cell // what ADD COLUMN gives to the rows that are there
}

// definition is one version of a table. It is never changed after it was made.
type definition struct {
	name    string // db.table at the source
	object  string // db.table in the topic; empty: not selected
	columns []column
	primary []string
	unique  [][]string // other unique keys of NOT NULL columns
	notNull map[string]bool
	charset string
	broken  error // why the statement could not be understood

	order []int // ordinals of the columns that travel, by their names in the topic
	key   []int // ordinals of the key columns
}

// finish computes what rows are encoded by.
func (d *definition) finish() {
	d.order, d.key = nil, nil
	for i, c := range d.columns {
		if c.out != "" {
			d.order = append(d.order, i)
		}
	}
	slices.SortFunc(d.order, func(a, b int) int { return strings.Compare(d.columns[a].out, d.columns[b].out) })
	for _, name := range d.keyNames() {
		if i := d.find(name); i >= 0 {
			d.key = append(d.key, i)
		}
	}
}

// keyNames gives the primary key, else the first unique key without nullable columns.
func (d *definition) keyNames() []string {
	if len(d.primary) > 0 {
		return d.primary
	}
next:
	for _, u := range d.unique {
		for _, c := range u {
			if !d.notNull[strings.ToLower(c)] {
				continue next
			}
		}
		return u
	}
	return nil
}

func (d *definition) find(name string) int {
	return slices.IndexFunc(d.columns, func(c column) bool { return strings.EqualFold(c.name, name) })
}

func (d *definition) clone() *definition {
	c := *d
	c.columns = slices.Clone(d.columns)
	c.primary = slices.Clone(d.primary)
	c.unique = slices.Clone(d.unique)
	c.notNull = map[string]bool{}
	for k, v := range d.notNull {
		c.notNull[k] = v
	}
	return &c
}

// Selection is one selected table and how the task maps it.
type Selection struct {
	Name    string            // db.table at the source
	As      string            // db.table in the records; empty: Name
	Exclude []string          // columns that do not travel
	Rename  map[string]string // column at the source to its name in the records
}

// project sets what a selection makes of a definition.
func (d *definition) project(sel *Selection) {
	d.object = ""
	for i := range d.columns {
		d.columns[i].out = d.columns[i].name
	}
	if sel != nil {
		d.object = sel.Name
		if sel.As != "" {
			d.object = sel.As
		}
		for i := range d.columns {
			c := &d.columns[i]
			if slices.ContainsFunc(sel.Exclude, func(x string) bool { return strings.EqualFold(x, c.name) }) {
				c.out = ""
			} else if to := sel.Rename[c.name]; to != "" {
				c.out = to
			}
		}
	}
	d.finish()
}

// parseCreate reads what follows CREATE TABLE.
func parseCreate(p *parser, db, flavor string) *definition {
	p.accept("IF", "NOT", "EXISTS")
	d := &definition{name: p.table(db), notNull: map[string]bool{}, charset: "utf8mb4"}
	if !p.accept("(") {
		d.broken = fmt.Errorf("CREATE TABLE %s without a column list", d.name)
		return d
	}
	for !p.end() && !p.accept(")") {
		d.element(p, flavor)
		p.skipTo(",", ")")
		p.accept(",")
	}
	for !p.end() {
		if p.accept("CHARSET") || p.accept("CHARACTER", "SET") {
			p.accept("=")
			d.charset = strings.ToLower(p.next().text)
			continue
		}
		p.next()
	}
	for i := range d.columns {
		if c := &d.columns[i]; c.charset == "" {
			c.charset = d.charset
		}
	}
	return d
}

// element reads one column or key of a CREATE TABLE.
func (d *definition) element(p *parser, flavor string) {
	if p.accept("CONSTRAINT") && !p.peek().is("PRIMARY") && !p.peek().is("UNIQUE") && !p.peek().is("CHECK") && !p.peek().is("FOREIGN") {
		p.next()
	}
	switch {
	case p.accept("PRIMARY", "KEY"):
		d.primary = p.names()
		for _, c := range d.primary {
			d.notNull[strings.ToLower(c)] = true
		}
	case p.accept("UNIQUE"):
		p.acceptAny("KEY", "INDEX")
		if !p.peek().is("(") {
			p.next()
		}
		d.unique = append(d.unique, p.names())
	case p.peek().kind == 'w' && p.acceptAny("KEY", "INDEX", "FULLTEXT", "SPATIAL", "CHECK", "FOREIGN"):
	default:
		c, primary, notNull := parseColumn(p, flavor)
		if c.kind == kindUnknown {
			d.broken = fmt.Errorf("column %s.%s has a type that the oracle does not read", d.name, c.name)
		}
		if primary {
			d.primary = []string{c.name}
		}
		d.notNull[strings.ToLower(c.name)] = notNull || primary
		d.columns = append(d.columns, c)
	}
}

var kinds = map[string]kind{
	"tinyint": kindInt, "smallint": kindInt, "mediumint": kindInt, "int": kindInt, "integer": kindInt, "bigint": kindInt,
	"bool": kindInt, "boolean": kindInt, "year": kindInt, "decimal": kindDecimal, "numeric": kindDecimal,
	"float": kindFloat, "double": kindDouble, "bit": kindBit, "date": kindDate, "datetime": kindDateTime,
	"timestamp": kindTimestamp, "time": kindTime, "char": kindText, "varchar": kindText, "tinytext": kindText,
	"text": kindText, "mediumtext": kindText, "longtext": kindText, "binary": kindBytes, "varbinary": kindBytes,
	"tinyblob": kindBytes, "blob": kindBytes, "mediumblob": kindBytes, "longblob": kindBytes, "enum": kindEnum,
	"set": kindSet, "json": kindJSON,
}

// parseColumn reads "name type attributes" up to the comma or parenthesis that ends it.
func parseColumn(p *parser, flavor string) (c column, primary, notNull bool) {
	c.name = p.next().text
	typ := strings.ToLower(p.next().text)
	k, ok := kinds[typ]
	if !ok {
		k = kindUnknown
	}
	if k == kindJSON && flavor == "mariadb" {
		k = kindText // an alias of LONGTEXT there
	}
	c.kind = k
	var args []token
	if p.accept("(") {
		for !p.end() && !p.accept(")") {
			args = append(args, p.next())
			p.accept(",")
		}
	}
	switch {
	case typ == "binary":
		c.pad = 1
		if len(args) > 0 {
			c.pad, _ = strconv.Atoi(args[0].text)
		}
	case k == kindEnum || k == kindSet:
		for _, a := range args {
			c.labels = append(c.labels, a.text)
		}
	}
	for depth := 0; !p.end(); {
		switch t := p.peek(); {
		case depth == 0 && (t.is(",") || t.is(")")):
			return c, primary, notNull
		case p.accept("("):
			depth++
		case p.accept(")"):
			depth--
		case p.accept("UNSIGNED"):
			c.kind = unsigned(c.kind)
		case p.accept("CHARSET") || p.accept("CHARACTER", "SET"):
			c.charset = strings.ToLower(p.next().text)
		case p.accept("PRIMARY", "KEY"):
			primary = true
		case p.accept("NOT", "NULL"):
			notNull = true
			if c.initial.null() {
				c.initial = implicitDefault(c)
			}
		case p.accept("DEFAULT"):
			c.initial = literal(p, c)
		case t.is("AFTER") || t.is("FIRST"):
			return c, primary, notNull
		default:
			p.next()
		}
	}
	return c, primary, notNull
}

func unsigned(k kind) kind {
	if k == kindInt {
		return kindUint
	}
	return k
}

// implicitDefault is what a NOT NULL column without DEFAULT holds after ADD COLUMN; only what workloads use.
func implicitDefault(c column) cell {
	switch c.kind {
	case kindInt, kindUint:
		return cell("0")
	case kindText:
		return cell("")
	}
	return nil
}

// literal reads the constant after DEFAULT.
func literal(p *parser, c column) cell {
	t := p.next()
	switch {
	case t.is("NULL"):
		return nil
	case t.is("-"):
		return cell("-" + p.next().text)
	}
	text := t.text
	if p.peek().is(".") {
		p.next()
		text += "." + p.next().text
	}
	return cell(text)
}
