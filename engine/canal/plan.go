package canal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/engine/cdc"
)

// maxPlans bounds the plans kept: a table that is altered for ever must not hold its old versions for ever.
const maxPlans = 4096

// plan is what all records of one table version and column choice have in common.
type plan struct {
	table    *cdc.Table
	object   string
	ordinals []int    // as asked for
	names    []string // as asked for
	columns  []column
	database string
	types    []byte // from isDdl to the value of old
	rest     []byte // from pkNames to the value of ts
}

func (c *Codec) plan(r *cdc.Record) (*plan, error) {
	if r.Table == nil {
		return nil, fmt.Errorf("encoding: a row of %s has no table", r.Object)
	}
	if v, ok := c.plans.Load(r.Table); ok {
		if p := v.(*plan); p.fits(r) {
			return p, nil
		}
	}
	p, err := newPlan(r)
	if err != nil {
		return nil, err
	}
	if c.planned.Add(1) > maxPlans {
		c.plans.Clear()
		c.planned.Store(1)
	}
	c.plans.Store(r.Table, p)
	return p, nil
}

func (p *plan) fits(r *cdc.Record) bool {
	return p.object == r.Object && (p.ordinals == nil) == (r.Columns == nil) && slices.Equal(p.ordinals, r.Columns) && slices.Equal(p.names, r.Names)
}

// plain undoes what a name's dot becomes in Record.Object.
func plain(name string) string { return strings.ReplaceAll(name, `\u002E`, ".") }

func newPlan(r *cdc.Record) (*plan, error) {
	t, ordinals := r.Table, r.Columns
	p := &plan{table: t, object: r.Object, ordinals: slices.Clone(r.Columns), names: slices.Clone(r.Names)}
	if ordinals == nil {
		ordinals = make([]int, len(t.Columns))
		for i := range ordinals {
			ordinals[i] = i
		}
	}
	if r.Names != nil && len(r.Names) != len(ordinals) {
		return nil, fmt.Errorf("encoding %s: %d names for %d columns", t.TableID, len(r.Names), len(ordinals))
	}
	travels := make(map[int]string, len(ordinals))
	for i, at := range ordinals {
		if at < 0 || at >= len(t.Columns) {
			return nil, fmt.Errorf("encoding %s: there is no column %d", t.TableID, at)
		}
		col, err := newColumn(&t.Columns[at])
		if err != nil {
			return nil, inTable(err, t)
		}
		travels[at] = t.Columns[at].Name
		if r.Names != nil {
			travels[at] = r.Names[i]
		}
		col.at = at
		col.name = append(appendQuoted(nil, travels[at]), ':')
		p.columns = append(p.columns, col)
	}
	p.database, _, _ = strings.Cut(r.Object, ".")
	p.database = plain(p.database)
	p.write(travels)
	return p, nil
}

// write makes the constant parts.
func (p *plan) write(travels map[int]string) {
	_, name, _ := strings.Cut(p.object, ".")
	var declared, numbers []byte
	for i := range p.columns {
		c := &p.columns[i]
		declared = appendQuoted(append(comma(declared), c.name...), strings.ToValidUTF8(c.def.Declared, "\ufffd"))
		numbers = strconv.AppendInt(append(comma(numbers), c.name...), c.number, 10)
	}
	p.types = fmt.Appendf(nil, `,"isDdl":false,"mysqlType":{%s},"old":`, declared)
	p.rest = append([]byte(`,"pkNames":`), "null"...)
	if len(p.table.Primary) > 0 {
		var key []byte
		for _, at := range p.table.Primary {
			if column, ok := travels[at]; ok {
				key = appendQuoted(comma(key), column)
			}
		}
		p.rest = fmt.Appendf(nil, `,"pkNames":[%s]`, key)
	}
	p.rest = fmt.Appendf(p.rest, `,"sql":"","sqlType":{%s},"table":%s,"ts":`, numbers, appendQuoted(nil, plain(name)))
}

func comma(b []byte) []byte {
	if len(b) > 0 {
		return append(b, ',')
	}
	return b
}

// append writes all of a row's record behind our key.
func (p *plan) append(dst []byte, r *cdc.Record) ([]byte, error) {
	kind, row := "INSERT", r.After
	switch r.Op {
	case cdc.Update:
		kind = "UPDATE"
	case cdc.Delete:
		kind, row = "DELETE", r.Before
	}
	dst, err := p.appendRow(append(dst, `"data":[`...), row, nil)
	if err != nil {
		return dst, err
	}
	dst = append(appendTimes(append(dst, `],"database":"`...), r, p.database), p.types...)
	if r.Op == cdc.Update {
		if dst, err = p.appendRow(append(dst, '['), r.Before, r.After); err != nil {
			return dst, err
		}
		dst = append(dst, ']')
	} else {
		dst = append(dst, "null"...)
	}
	return appendType(append(dst, p.rest...), r, kind), nil
}

// appendRow writes a row as an object; beside another row, only the columns in which they differ.
func (p *plan) appendRow(dst []byte, row, beside cdc.Row) ([]byte, error) {
	if len(row) != len(p.table.Columns) || beside != nil && len(beside) != len(row) {
		return dst, fmt.Errorf("encoding %s: a row of %d values for %d columns", p.table.TableID, len(row), len(p.table.Columns))
	}
	dst = append(dst, '{')
	first := true
	for i := range p.columns {
		c := &p.columns[i]
		v := &row[c.at]
		if beside != nil && v.Equal(beside[c.at]) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, c.name...)
		if v.Kind == cdc.KindNull {
			dst = append(dst, "null"...)
			continue
		}
		var err error
		if dst, err = c.append(append(dst, '"'), v); err != nil {
			return dst, inTable(c.fault(err, v), p.table)
		}
		dst = append(dst, '"')
	}
	return append(dst, '}'), nil
}
