package oracle

import (
	"fmt"
	"strings"
)

// statement applies a DDL statement. Statements that touch no table whose rows are read only keep the definitions.
func (l *Ledger) statement(db, sql string, txn Txn) error {
	p := &parser{toks: tokenize(sql)}
	l.Txns = append(l.Txns, txn)
	n := int32(len(l.Txns) - 1)
	seq := int32(len(l.Changes))
	objects, err := l.define(p, db, n)
	if err != nil {
		return fmt.Errorf("statement %q at %s: %w", sql, txn.Start, err)
	}
	if len(objects) > 0 {
		l.Statements = append(l.Statements, Statement{Txn: n, Seq: seq, Objects: objects, SQL: sql})
	}
	return nil
}

// define gives the objects of the topic that the statement touched.
func (l *Ledger) define(p *parser, db string, txn int32) ([]string, error) {
	switch {
	case p.accept("CREATE"):
		p.accept("OR", "REPLACE")
		if !p.accept("TABLE") {
			return nil, nil
		}
		d := parseCreate(p, db, l.Flavor)
		if p.accept("LIKE") {
			if like := l.tables[p.table(db)]; like != nil {
				name := d.name
				d = like.def.clone()
				d.name = name
			}
		}
		return l.create(d)
	case p.accept("ALTER", "TABLE"), p.accept("ALTER", "ONLINE", "TABLE"):
		return l.alter(p, db, txn)
	case p.accept("TRUNCATE"):
		p.accept("TABLE")
		t := l.tables[p.table(db)]
		if t != nil {
			l.clear(t, txn)
		}
		return objects(t), nil
	case p.accept("RENAME", "TABLE"), p.accept("RENAME", "TABLES"):
		var out []string
		for !p.end() {
			from := p.table(db)
			p.accept("TO")
			more, err := l.rename(from, p.table(db), txn)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
			p.accept(",")
		}
		return out, nil
	case p.accept("DROP", "TABLE"):
		return l.drop(p, db, txn), nil
	case p.accept("DROP", "DATABASE"), p.accept("DROP", "SCHEMA"):
		p.accept("IF", "EXISTS")
		return l.dropAll(p.next().text+".", txn), nil
	}
	return nil, nil
}

func objects(tables ...*tableState) (out []string) {
	for _, t := range tables {
		if t != nil && t.def.object != "" {
			out = append(out, t.def.object)
		}
	}
	return out
}

// follows says whether the rows of a table are read.
func (l *Ledger) follows(name string) bool { return l.selected[name] != nil || l.follow[name] }

func (l *Ledger) create(d *definition) ([]string, error) {
	if d.broken != nil && l.follows(d.name) {
		return nil, d.broken
	}
	if l.tables[d.name] != nil {
		return nil, nil // IF NOT EXISTS
	}
	l.project(d)
	t := &tableState{def: d, rows: map[int32][]byte{}}
	l.tables[d.name] = t
	return objects(t), nil
}

func (l *Ledger) drop(p *parser, db string, txn int32) (out []string) {
	p.accept("IF", "EXISTS")
	for !p.end() {
		name := p.table(db)
		if t := l.tables[name]; t != nil {
			l.clear(t, txn)
			out = append(out, objects(t)...)
			delete(l.tables, name)
		}
		p.skipTo(",")
		p.accept(",")
	}
	return out
}

func (l *Ledger) dropAll(prefix string, txn int32) (out []string) {
	for name, t := range l.tables {
		if strings.HasPrefix(name, prefix) {
			l.clear(t, txn)
			out = append(out, objects(t)...)
			delete(l.tables, name)
		}
	}
	return out
}

func (l *Ledger) alter(p *parser, db string, txn int32) ([]string, error) {
	p.accept("IF", "EXISTS")
	name := p.table(db)
	t := l.tables[name]
	if t == nil {
		return nil, nil
	}
	r, err := alter(t.def, p, l.Flavor)
	if err != nil {
		if l.follows(name) {
			return nil, err
		}
		t.def.broken = err
		return nil, nil
	}
	to := r.table.name
	r.table.name = name
	l.project(r.table)
	if err := l.reshape(t, r, txn); err != nil {
		return nil, err
	}
	if to != name {
		return l.rename(name, to, txn)
	}
	return objects(t), nil
}

// reshape gives the table its new definition and its rows their new images.
func (l *Ledger) reshape(t *tableState, r *reshape, txn int32) error {
	old := t.def
	t.def = r.table
	if !l.follows(old.name) || sameColumns(old, r) || t.live == 0 {
		return nil
	}
	if t.rows == nil || len(old.key) == 0 {
		return fmt.Errorf("%s has no key or more than %d rows, too many to apply an ALTER to", old.name, keptRows)
	}
	for _, n := range t.keys {
		packed, ok := t.rows[n]
		if !ok {
			continue
		}
		row, before := make([]cell, len(r.source)), unpack(packed, len(old.columns))
		for i, from := range r.source {
			if row[i] = r.table.columns[i].initial; from >= 0 {
				row[i] = before[from]
			}
		}
		t.rows[n] = pack(row)
		l.keep(n, txn, t.def, row)
	}
	return nil
}

// keep records the new image of a row that a statement may have changed.
func (l *Ledger) keep(n, txn int32, d *definition, row []cell) {
	image, text := l.image(d, row)
	if l.texts != nil {
		l.texts[image] = text
	}
	if image != l.keys[n].state {
		l.set(n, txn, image)
	}
}

func sameColumns(old *definition, r *reshape) bool {
	if len(r.source) != len(old.columns) {
		return false
	}
	for i, from := range r.source {
		if from != i || r.table.columns[i].out != old.columns[i].out {
			return false
		}
	}
	return true
}

// rename moves a table: its rows end under the old name and are there under the new one.
func (l *Ledger) rename(from, to string, txn int32) ([]string, error) {
	t := l.tables[from]
	if t == nil {
		return nil, nil
	}
	delete(l.tables, from)
	if !l.follows(from) {
		if l.follows(to) {
			return nil, fmt.Errorf("%s came from %s: name it in Follow", to, from)
		}
		t.def.name = to
		l.tables[to] = t
		return nil, nil
	}
	if t.live > 0 && (t.rows == nil || len(t.def.key) == 0) {
		return nil, fmt.Errorf("%s has no key or more than %d rows, too many to rename", from, keptRows)
	}
	d := t.def.clone()
	d.name = to
	l.project(d)
	moved := &tableState{def: d, rows: map[int32][]byte{}}
	l.tables[to] = moved
	keys, rows := t.keys, t.rows
	l.clear(t, txn)
	for _, n := range keys {
		packed, ok := rows[n]
		if !ok || !l.follows(to) {
			continue
		}
		row := unpack(packed, len(d.columns))
		m := l.keyNumber(moved, d.keyText(row))
		l.keep(m, txn, d, row)
		moved.rows[m] = packed
		moved.live++
	}
	return objects(t, moved), nil
}
