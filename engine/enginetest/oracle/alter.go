package oracle

import (
	"fmt"
	"slices"
	"strings"
)

// reshape says how one ALTER changes the rows that are there: source[i] is the old ordinal of the new column i, or -1
// for an added one.
type reshape struct {
	table  *definition
	source []int
}

// alter applies the specifications of an ALTER TABLE, of which p stands after the table's name. The new name is
// set in the definition where the statement renames the table.
func alter(old *definition, p *parser, flavor string) (*reshape, error) {
	d := old.clone()
	source := make([]int, len(d.columns))
	for i := range source {
		source[i] = i
	}
	r := &reshape{table: d, source: source}
	db, _, _ := strings.Cut(old.name, ".")
	for !p.end() {
		if err := r.spec(p, db, flavor); err != nil {
			return nil, fmt.Errorf("ALTER TABLE %s: %w", old.name, err)
		}
		p.skipTo(",")
		p.accept(",")
	}
	return r, nil
}

func (r *reshape) spec(p *parser, db, flavor string) error {
	d := r.table
	switch {
	case p.accept("ADD"):
		return r.add(p, flavor)
	case p.accept("DROP"):
		return r.drop(p)
	case p.accept("CHANGE"), p.accept("MODIFY"):
		change := p.toks[p.at-1].is("CHANGE")
		p.accept("COLUMN")
		at := d.find(p.peek().text)
		if change {
			p.next()
		}
		return r.redefine(p, at, flavor)
	case p.accept("RENAME", "COLUMN"):
		at := d.find(p.next().text)
		p.accept("TO")
		return r.rename(at, p.next().text)
	case p.accept("RENAME", "KEY"), p.accept("RENAME", "INDEX"):
		return nil
	case p.accept("RENAME"):
		p.acceptAny("TO", "AS", "=")
		d.name = p.table(db)
		return nil
	case p.acceptAny("ALGORITHM", "LOCK", "COMMENT", "ENGINE", "FORCE", "ROW_FORMAT", "AUTO_INCREMENT"):
		return nil
	}
	return fmt.Errorf("form %q is not read by the oracle", p.peek().text)
}

func (r *reshape) add(p *parser, flavor string) error {
	d := r.table
	switch {
	case p.acceptAny("KEY", "INDEX", "FULLTEXT"):
		return nil
	case p.accept("UNIQUE"), p.accept("PRIMARY"):
		if len(d.keyNames()) == 0 {
			return fmt.Errorf("a key added to a table without one is not read by the oracle")
		}
		return nil
	}
	p.accept("COLUMN")
	p.accept("IF", "NOT", "EXISTS")
	c, _, notNull := parseColumn(p, flavor)
	if c.kind == kindUnknown {
		return fmt.Errorf("type of column %s is not read by the oracle", c.name)
	}
	if c.charset == "" {
		c.charset = d.charset
	}
	d.notNull[strings.ToLower(c.name)] = notNull
	at, err := r.place(p, len(d.columns))
	if err != nil {
		return err
	}
	d.columns = slices.Insert(d.columns, at, c)
	r.source = slices.Insert(r.source, at, -1)
	return nil
}

// place reads FIRST or AFTER x.
func (r *reshape) place(p *parser, at int) (int, error) {
	switch {
	case p.accept("FIRST"):
		return 0, nil
	case p.accept("AFTER"):
		i := r.table.find(p.next().text)
		if i < 0 {
			return 0, fmt.Errorf("AFTER names no column")
		}
		return i + 1, nil
	}
	return at, nil
}

func (r *reshape) drop(p *parser) error {
	if p.acceptAny("KEY", "INDEX", "CONSTRAINT", "CHECK") {
		return nil
	}
	if p.accept("PRIMARY") {
		return fmt.Errorf("a dropped primary key is not read by the oracle")
	}
	p.accept("COLUMN")
	p.accept("IF", "EXISTS")
	at := r.table.find(p.next().text)
	if at < 0 || slices.Contains(r.table.key, at) {
		return fmt.Errorf("DROP COLUMN of a column that is absent or of the key")
	}
	r.table.columns = slices.Delete(r.table.columns, at, at+1)
	r.source = slices.Delete(r.source, at, at+1)
	return nil
}

func (r *reshape) rename(at int, to string) error {
	if at < 0 || r.isKey(at) {
		return fmt.Errorf("renaming a column that is absent or of the key")
	}
	r.table.columns[at].name = to
	return nil
}

func (r *reshape) isKey(at int) bool {
	return slices.ContainsFunc(r.table.keyNames(), func(k string) bool { return strings.EqualFold(k, r.table.columns[at].name) })
}

// redefine gives the column a new definition. Values are taken over as they are, so the new type must print every
// old value the same (a wider integer or string).
func (r *reshape) redefine(p *parser, at int, flavor string) error {
	d := r.table
	if at < 0 {
		return fmt.Errorf("CHANGE or MODIFY of a column that is absent")
	}
	old := d.columns[at]
	c, _, _ := parseColumn(p, flavor)
	if c.kind != old.kind || c.pad != old.pad || !strings.EqualFold(c.name, old.name) && r.isKey(at) {
		return fmt.Errorf("CHANGE of column %s to another kind is not read by the oracle", old.name)
	}
	if c.charset == "" {
		c.charset = d.charset
	}
	d.columns[at] = c
	from := r.source[at]
	d.columns, r.source = slices.Delete(d.columns, at, at+1), slices.Delete(r.source, at, at+1)
	to, err := r.place(p, at)
	if err != nil {
		return err
	}
	d.columns, r.source = slices.Insert(d.columns, to, c), slices.Insert(r.source, to, from)
	return nil
}
