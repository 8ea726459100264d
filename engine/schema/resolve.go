package schema

import (
	"fmt"
	"slices"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Resolve gives the definition that a rows event with this table map must be decoded with. With full metadata the
// map is the definition and a difference makes a new version; else the map must agree with the definition held. A vague
// map does not tell a definition that is unknown.
// The same map pointer as in the last call is answered at once.
func (h *History) Resolve(m *cdc.TableMap) (*cdc.Table, error) {
	if m == h.lastMap {
		return h.lastTable, nil
	}
	e := h.tables[m.TableID]
	if m.Table != nil && !(m.Vague && e != nil && e.unknown) {
		return h.remember(m, h.resolveFull(e, m)), nil
	}
	switch {
	case h.IsLater(m.TableID):
		return nil, &task.Error{
			Code: "source.schema_unknown", Op: "reading the binlog",
			Text: "The definition that table " + m.TableID.String() + " had at this point of the binlog is not known: it was read when the task began, and this statement came before: " + e.cause,
			Hint: "Start a new task from a position behind that statement. With binlog_row_metadata=FULL the binlog holds every definition.",
		}
	case e != nil && e.unknown:
		return nil, undefined(m.TableID, "what the statement before it made of the table is not understood for certain: "+e.cause)
	case e == nil || e.table == nil:
		return nil, &task.Error{
			Code: "source.table_unknown", Op: "reading the binlog",
			Text: "The binlog has rows of table " + m.TableID.String() + ", whose definition was never read.",
			Hint: "Set binlog_row_metadata=FULL at the source, or start from a position after the table was made.",
		}
	}
	if at, what := disagree(e.table, m); what != "" {
		if at >= 0 {
			what = "column " + e.table.Columns[at].Name + " " + what
		}
		return nil, &task.Error{
			Code: "source.schema_mismatch", Op: "reading the binlog",
			Text: fmt.Sprintf("Table %s in the binlog is not as version %d of its definition says: %s.", m.TableID, e.table.Version, what),
			Hint: "Set binlog_row_metadata=FULL at the source, and start a new task. The binlog holds rows written under another definition than the one that was read.",
		}
	}
	made := h.adoptNull(e, m)
	if c := open(made); c != "" {
		return nil, undefined(m.TableID, "the charset of column "+c+" is the database's, which the binlog does not tell")
	}
	return h.remember(m, made), nil
}

// open names a column whose charset is not known.
func open(t *cdc.Table) string {
	for i := range t.Columns {
		if c := &t.Columns[i]; c.Charset == "" && c.Type.IsText() {
			return c.Name
		}
	}
	return ""
}

func undefined(id cdc.TableID, why string) error {
	return &task.Error{
		Code: "source.schema_unknown", Op: "reading the binlog",
		Text: "The definition of table " + id.String() + " is not known at this point of the binlog: " + why + ".",
		Hint: "Set binlog_row_metadata=FULL at the source, then start the task anew from a later position.",
	}
}

func (h *History) remember(m *cdc.TableMap, t *cdc.Table) *cdc.Table {
	h.lastMap, h.lastTable = m, t
	return t
}

// adoptNull takes over from the map what a statement leaves open: whether TIMESTAMP columns are nullable, which hangs
// on explicit_defaults_for_timestamp, and the charset that comes from the database.
func (h *History) adoptNull(e *entry, m *cdc.TableMap) *cdc.Table {
	var made *cdc.Table
	for i := range m.Columns {
		c, p := e.table.Columns[i], &m.Columns[i]
		c.Nullable = p.Nullable
		if p.Charset != "" && c.Type.IsText() {
			if c.Charset == "" {
				c.Charset, c.Collation = p.Charset, p.Collation
				inCharset(&c)
			} else if c.Collation == "" {
				c.Collation = p.Collation
			}
		}
		if diffColumn(&c, &e.table.Columns[i], true) == "" {
			continue
		}
		if made == nil {
			made = clone(e.table)
		}
		made.Columns[i] = c
	}
	if made == nil {
		return e.table
	}
	return h.set(m.TableID, made, e.at, HowMap, "")
}

// inCharset makes a text type in the charset binary the byte type that it is.
func inCharset(c *cdc.Column) {
	if c.Charset != "binary" {
		return
	}
	c.Collation = ""
	switch c.Type {
	case cdc.Char:
		c.Type = cdc.Binary
	case cdc.VarChar:
		c.Type = cdc.VarBinary
	case cdc.TinyText, cdc.Text, cdc.MediumText, cdc.LongText:
		c.Type += cdc.TinyBlob - cdc.TinyText
	}
}

// resolveFull merges what the map says with what only the definition held knows.
func (h *History) resolveFull(e *entry, m *cdc.TableMap) *cdc.Table {
	if e == nil {
		return h.set(m.TableID, clone(m.Table), cdc.Position{}, HowMap, "")
	}
	if e.table == nil {
		return h.set(m.TableID, clone(m.Table), e.at, HowMap, "")
	}
	made := merge(e.table, m.Table, e.unknown)
	if Diff(e.table, made) != "" || open(e.table) != "" {
		return h.set(m.TableID, made, e.at, HowMap, "")
	}
	e.unknown = false
	return e.table
}

// merge gives the map's definition, with each unchanged column, and the unique indexes whose columns are all still
// there, as the old definition has them; unsure says that a statement on it was not understood since.
func merge(old, m *cdc.Table, unsure bool) *cdc.Table {
	made := clone(m)
	made.Charset, made.Collation = old.Charset, old.Collation
	moved := make([]int, len(old.Columns)) // old ordinal to new
	for i := range moved {
		moved[i] = made.Column(old.Columns[i].Name)
		if k := moved[i]; k >= 0 && sameColumn(&old.Columns[i], &made.Columns[k]) {
			made.Columns[k] = old.Columns[i]
		}
	}
	if len(old.Primary) == 0 && !unsure && slices.ContainsFunc(old.Uniques, func(u cdc.Index) bool { return names(old, u.Columns) == names(m, m.Primary) }) {
		made.Primary = nil // MariaDB's map shows the unique key that stands in for a primary key
	}
	made.Uniques = nil
next:
	for _, u := range old.Uniques {
		kept := cdc.Index{Name: u.Name, Prefix: u.Prefix}
		for _, c := range u.Columns {
			if moved[c] < 0 {
				continue next
			}
			kept.Columns = append(kept.Columns, moved[c])
		}
		made.Uniques = append(made.Uniques, kept)
	}
	return made
}

// sameColumn compares what a table map with full metadata says; what it leaves empty it does not know. It knows no
// digits of FLOAT and DOUBLE, and sees of an unsupported type and of some of MariaDB's only how they are stored.
func sameColumn(old, m *cdc.Column) bool {
	known := func(a, b int) bool { return a == b || a == 0 || b == 0 }
	switch {
	case old.Name != m.Name || old.Nullable != m.Nullable:
		return false
	case old.Type == cdc.Unsupported, storedAs(old, m):
		return true
	case old.Type != m.Type || old.Unsigned != m.Unsigned || old.Fsp != m.Fsp || !slices.Equal(old.Labels, m.Labels):
		return false
	case m.Charset != "" && old.Charset != m.Charset || differ(old.Collation, m.Collation, false):
		return false
	case old.Type == cdc.Decimal && (old.Precision != m.Precision || old.Scale != m.Scale):
		return false
	}
	return known(old.Length, m.Length)
}

// storedAs reports whether a column is, for a table map, the other.
func storedAs(c, as *cdc.Column) bool {
	return c.Type == cdc.Vector && as.Type == cdc.VarBinary || as.Type == cdc.Binary && as.Length > 0 && as.Length == c.Type.FixedSize()
}

func clone(t *cdc.Table) *cdc.Table {
	made := *t
	made.Columns = slices.Clone(t.Columns)
	made.Primary = slices.Clone(t.Primary)
	made.Uniques = slices.Clone(t.Uniques)
	return &made
}
