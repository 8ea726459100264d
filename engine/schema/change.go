package schema

import (
	"slices"
	"strings"

	"sluice/engine/cdc"
)

// ddl is one touch of one statement.
type ddl struct {
	at          cdc.Position
	flavor      cdc.Flavor
	schema, sql string
	touch       Touch
}

// past reports that the entry was read from the source after the statement, so holds what it did.
func (h *History) past(e *entry, d ddl) bool {
	return e != nil && !e.at.Before(d.at) && e.made != h.statements
}

func (h *History) apply(d ddl) []Change {
	t := d.touch
	c := Change{Table: t.Table, Kind: t.Kind, To: t.To, Temporary: t.Temporary, Partition: t.Partition, Maybe: t.Maybe && h.existed(t.Table) != absent}
	switch t.Kind {
	case CreateDatabase, AlterDatabase:
		return []Change{c}
	case DropDatabase:
		return append([]Change{c}, h.dropDatabase(d)...)
	}
	if t.Temporary {
		return []Change{c}
	}
	e := h.tables[t.Table]
	if e != nil && !e.unknown {
		c.Old = e.table
	}
	switch {
	case h.past(e, d):
		c.Past, c.New = true, c.Old
	case t.Kind == Drop:
		h.mark(t.Table, d.at, HowDrop, d.sql)
	case t.Kind == Rename:
		h.rename(d, &c)
	case t.Kind == Truncate:
		c.New, c.Unknown = c.Old, c.Old == nil
	default:
		h.define(d, &c)
	}
	return []Change{c}
}

func (h *History) dropDatabase(d ddl) []Change {
	var out []Change
	for id, e := range h.tables {
		if id.Schema != d.touch.Table.Schema || e.table == nil && !e.unknown || h.past(e, d) {
			continue
		}
		out = append(out, Change{Table: id, Kind: Drop, Old: e.table})
		h.mark(id, d.at, HowDrop, d.sql)
	}
	slices.SortFunc(out, func(a, b Change) int { return strings.Compare(a.Table.Name, b.Table.Name) })
	return out
}

// rename moves the definition to the new name, and what is not known stays not known there.
func (h *History) rename(d ddl, c *Change) {
	from, to := h.tables[d.touch.Table], h.tables[d.touch.To]
	known := c.Old
	if from != nil && d.touch.Table.Schema == d.touch.To.Schema && Shadows(d.touch.Table.Name) == d.touch.To.Name {
		c.Alters = from.alters
	}
	if from != nil {
		h.mark(d.touch.Table, d.at, HowDrop, d.sql)
	}
	if h.past(to, d) {
		c.Past, c.New = true, h.Current(d.touch.To)
		return
	}
	if known == nil {
		c.Unknown = true
		h.mark(d.touch.To, d.at, HowUnknown, d.sql)
		return
	}
	c.New = h.set(d.touch.To, known, d.at, HowDDL, d.sql)
}

// define works out the definition that CREATE or ALTER leaves behind.
func (h *History) define(d ddl, c *Change) {
	defer h.altered(d)
	if d.touch.Like != (cdc.TableID{}) {
		if from := h.Current(h.fold(d.touch.Like)); from != nil {
			c.New = h.set(d.touch.Table, from, d.at, HowDDL, d.sql)
			return
		}
	}
	if c.Kind == Alter && c.Old == nil {
		c.Unknown = true
		h.mark(d.touch.Table, d.at, HowUnknown, d.sql)
		return
	}
	made, err := (&change{flavor: d.flavor, schema: d.schema, sql: d.sql, like: func(id cdc.TableID) *cdc.Table { return h.Current(h.fold(id)) }, existed: h.existed(d.touch.Table)}).run(d.touch.Table, c.Old)
	if err != nil {
		c.Unknown = true
		h.mark(d.touch.Table, d.at, HowUnknown, d.sql)
		return
	}
	if c.New = c.Old; c.Old == nil || diff(c.Old, made, true) != "" {
		c.New = h.set(d.touch.Table, made, d.at, HowDDL, d.sql)
	}
}

// existed says whether the table is there, as far as it is known: CREATE TABLE IF NOT EXISTS does nothing then.
func (h *History) existed(id cdc.TableID) presence {
	switch e := h.tables[id]; {
	case e == nil && h.listed[id.Schema]:
		return absent
	case e == nil || e.unknown:
		return uncertain
	case e.table == nil:
		return absent
	}
	return present
}
