package dts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"sluice/engine/cdc"
)

// maxPlans bounds the plans kept: a table that is altered for ever must not hold its old versions for ever.
const maxPlans = 4096

// plan is what all records of one table version and column choice have in common.
type plan struct {
	table    *cdc.Table
	ordinals []int    // as asked for
	names    []string // as asked for
	columns  []column
	fields   []byte // the field fields, encoded
	tags     []byte // metaVersion and pk_uk_info, encoded
	tagCount int64
	spatial  []spatial
}

// plan gives the plan of a record with images, nil of another.
func (c *Codec) plan(r *cdc.Record) (*plan, error) {
	if r.Op > cdc.Delete {
		return nil, nil
	}
	if r.Table == nil {
		return nil, fmt.Errorf("encoding: a row of %s has no table", r.Object)
	}
	if v, ok := c.plans.Load(r.Table); ok {
		p := v.(*plan)
		if p.fits(r) {
			return p, nil
		}
	}
	p, err := newPlan(r.Table, r.Columns, r.Names)
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
	return (p.ordinals == nil) == (r.Columns == nil) && slices.Equal(p.ordinals, r.Columns) && slices.Equal(p.names, r.Names)
}

func newPlan(t *cdc.Table, ordinals []int, names []string) (*plan, error) {
	p := &plan{table: t, ordinals: slices.Clone(ordinals), names: slices.Clone(names)}
	if ordinals == nil {
		ordinals = make([]int, len(t.Columns))
		for i := range ordinals {
			ordinals[i] = i
		}
	}
	if names != nil && len(names) != len(ordinals) {
		return nil, fmt.Errorf("encoding %s: %d names for %d columns", t.TableID, len(names), len(ordinals))
	}
	travels := make(map[int]string, len(ordinals))
	p.fields = appendLong(nil, arrayBranch)
	if len(ordinals) > 0 {
		p.fields = appendLong(p.fields, int64(len(ordinals)))
	}
	for i, at := range ordinals {
		if at < 0 || at >= len(t.Columns) {
			return nil, fmt.Errorf("encoding %s: there is no column %d", t.TableID, at)
		}
		name := t.Columns[at].Name
		if names != nil {
			name = names[i]
		}
		col, err := newColumn(&t.Columns[at])
		if err != nil {
			return nil, inTable(err, t)
		}
		col.at = at
		travels[at] = name
		p.columns = append(p.columns, col)
		if col.def.Type == cdc.Geometry {
			p.addSpatial(at, name)
		}
		p.fields = appendLong(appendString(p.fields, name), typeNumbers[t.Columns[at].Type])
	}
	p.fields = append(p.fields, 0)
	return p, p.addTags(travels)
}

// addTags writes metaVersion, by which clients notice a changed table, and pk_uk_info. A key of which a column does
// not travel is left out: what is left of it would not be unique, and clients look every column of it up.
func (p *plan) addTags(travels map[int]string) error {
	p.tags = appendString(appendString(nil, "metaVersion"), strconv.Itoa(p.table.Version))
	p.tagCount = 1
	var b bytes.Buffer
	var failed error
	put := func(v any) {
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			failed = err
			return
		}
		b.Truncate(b.Len() - 1) // the line feed
	}
	add := func(name string, ordinals []int) {
		key := make([]string, 0, len(ordinals))
		for _, at := range ordinals {
			if column, ok := travels[at]; ok {
				key = append(key, column)
			}
		}
		if len(ordinals) == 0 || len(key) < len(ordinals) {
			return
		}
		if b.Len() > 0 {
			b.WriteByte(',')
		}
		put(name)
		b.WriteByte(':')
		put(key)
	}
	add("PRIMARY", p.table.Primary)
	for _, u := range p.table.Uniques {
		if !u.Prefix {
			add(u.Name, u.Columns)
		}
	}
	if b.Len() > 0 {
		p.tags = appendString(appendString(p.tags, "pk_uk_info"), "{"+b.String()+"}")
		p.tagCount++
	}
	return failed
}

// appendImage writes one image of a row, or null where the operation has none.
func (p *plan) appendImage(dst []byte, row cdc.Row, wanted bool) ([]byte, error) {
	if !wanted {
		return append(dst, 0), nil
	}
	if len(row) != len(p.table.Columns) {
		return dst, fmt.Errorf("encoding %s: a row of %d values for %d columns", p.table.TableID, len(row), len(p.table.Columns))
	}
	dst = appendLong(dst, arrayBranch)
	if len(p.columns) > 0 {
		dst = appendLong(dst, int64(len(p.columns)))
	}
	for i := range p.columns {
		c := &p.columns[i]
		v := &row[c.at]
		if v.Kind == cdc.KindNull {
			dst = append(dst, 0)
			continue
		}
		var err error
		if dst, err = c.write(dst, c, v); err != nil {
			return dst, inTable(c.fault(err, v), p.table)
		}
	}
	return append(dst, 0), nil
}
