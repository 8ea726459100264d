package schema

import (
	"slices"
	"strings"

	"sluice/engine/cdc"
)

// Version is one version of a table's definition as it is saved. It holds from At on: the point after the DDL that
// made it, or the end of the binlog under the lock it was read with.
type Version struct {
	Table  *cdc.Table   `json:"table"` // for drop and unknown: the name and version number, with the columns known last
	At     cdc.Position `json:"at"`
	How    How          `json:"how"`
	Create string       `json:"create,omitempty"` // the statement that made it
}

// How says where a version came from.
type How string

// Origins of a version.
const (
	HowBaseline How = "baseline" // read from the source
	HowLater    How = "later"    // read from the source; before At, the last statement of the log on it, it is another one
	HowDDL      How = "ddl"      // a statement applied
	HowMap      How = "map"      // a table map with full metadata
	HowDrop     How = "drop"     // the table is gone
	HowThere    How = "there"    // the table is there when the task begins, and is not selected
	HowPicked   How = "picked"   // the table was created while the task runs, and is selected from then on
	HowAltered  How = "altered"  // a statement on a table of an online schema tool; none: it was made
	HowUnknown  How = "unknown"  // a statement that could not be applied; the table map or the source must tell
)

// Change is what one DDL did to one table.
type Change struct {
	Table cdc.TableID
	Kind  Kind
	Old   *cdc.Table  // nil if there was none, or it was not known
	New   *cdc.Table  // nil if the table is gone or Unknown; the same pointer as Old if rows mean the same
	To    cdc.TableID // Rename: the new name, which New has
	// Unknown says that the definition after the statement is not known: read it from the source, or with full
	// metadata let the next table map tell.
	Unknown bool
	// Past says that the definition held was read after this statement, which so is part of it already.
	Past bool
	// Temporary says that the table is a session's own; nothing was recorded.
	Temporary bool
	// Alters are the statements that made the table what it is, where Rename gives a table of an online schema tool the
	// name that it was made for.
	Alters []string
	// Maybe says that a CREATE TABLE IF NOT EXISTS may have found the table there.
	Maybe bool
	// Partition says that rows went or came with a partition, which no rows event tells.
	Partition bool
}

// History holds a task's table definitions at the stream's present point. It is not safe for concurrent use.
type History struct {
	// Lower says that the server keeps names in lower case (lower_case_table_names is not 0), whatever a statement
	// writes.
	Lower bool

	tables map[cdc.TableID]*entry
	listed map[string]bool         // databases of which every table was told that is there
	later  map[cdc.TableID]Version // definitions that hold from a statement on that is still to come
	dirty  []Version

	statements int // how many DDL were seen
	lastMap    *cdc.TableMap
	lastTable  *cdc.Table
}

// entry is the state of one table name; it outlives the table, so that version numbers go on rising.
type entry struct {
	table   *cdc.Table // nil: dropped
	version int        // the highest number given
	at      cdc.Position
	unknown bool
	picked  bool
	alters  []string // of a table of an online schema tool, see online.go
	cause   string   // the statement that made it unknown
	made    int      // the number of the DDL that made it, 0 if it was read
}

// There says which tables a database has when the task begins, so that all others are known to be new. Those that were
// recorded stay what they are.
func (h *History) There(schema string, names []string) {
	h.list(schema)
	for _, name := range names {
		if id := (cdc.TableID{Schema: schema, Name: name}); h.tables[id] == nil {
			h.mark(id, cdc.Position{}, HowThere, "")
		}
	}
}

func (h *History) list(schema string) {
	if h.listed == nil {
		h.listed = map[string]bool{}
	}
	h.listed[schema] = true
}

// Listed says again, after Load, of which databases every table was told.
func (h *History) Listed(schemas ...string) {
	for _, s := range schemas {
		h.list(s)
	}
}

// Pick records that the table is selected from here on.
func (h *History) Pick(id cdc.TableID, at cdc.Position) {
	e := h.entry(id)
	e.picked = true
	h.dirty = append(h.dirty, Version{Table: &cdc.Table{TableID: id, Version: e.version}, At: at, How: HowPicked})
}

// Picked are the tables that were selected so.
func (h *History) Picked() (ids []cdc.TableID) {
	for id, e := range h.tables {
		if e.picked {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b cdc.TableID) int { return strings.Compare(a.String(), b.String()) })
	return ids
}

// Cause gives the statement after which the table's definition is not known, if it is not.
func (h *History) Cause(id cdc.TableID) string {
	if e := h.tables[id]; e != nil && e.unknown {
		return e.cause
	}
	return ""
}

// New makes an empty history.
func New() *History { return &History{tables: map[cdc.TableID]*entry{}} }

// Current gives the definition held, or nil if the table is gone, was never seen or is not known.
func (h *History) Current(id cdc.TableID) *cdc.Table {
	if e := h.tables[id]; e != nil && !e.unknown {
		return e.table
	}
	return nil
}

// Baseline records a definition that was read from the source and holds from at on. It gives the version held then,
// which is the old one where nothing changed.
func (h *History) Baseline(table *cdc.Table, at cdc.Position) *cdc.Table {
	e := h.entry(table.TableID)
	if e.table != nil && !e.unknown && Diff(e.table, table) == "" {
		table = clone(table)
		if table.Charset == "" {
			table.Charset, table.Collation = e.table.Charset, e.table.Collation
		}
		if diff(e.table, table, true) == "" {
			e.at = later(e.at, at)
			return e.table
		}
	}
	return h.set(table.TableID, table, at, HowBaseline, "")
}

func later(a, b cdc.Position) cdc.Position {
	if a.Before(b) {
		return b
	}
	return a
}

func (h *History) entry(id cdc.TableID) *entry {
	e := h.tables[id]
	if e == nil {
		e = &entry{}
		h.tables[id] = e
	}
	return e
}

// set gives the table the next version number and makes it the current one.
func (h *History) set(id cdc.TableID, table *cdc.Table, at cdc.Position, how How, create string) *cdc.Table {
	e := h.entry(id)
	made := *table
	made.TableID = id
	e.version = max(e.version, table.Version) + 1
	made.Version = e.version
	*e = entry{table: &made, version: made.Version, at: at, picked: e.picked, alters: e.alters}
	if how != HowBaseline {
		e.made = h.statements
	}
	h.forget()
	h.dirty = append(h.dirty, Version{Table: &made, At: at, How: how, Create: create})
	return &made
}

// mark records that the table is gone, or that its definition is no longer known.
func (h *History) mark(id cdc.TableID, at cdc.Position, how How, create string) {
	e := h.entry(id)
	e.at, e.made, e.unknown, e.cause = at, h.statements, how == HowUnknown || how == HowThere, create
	note := &cdc.Table{TableID: id}
	if e.table != nil {
		*note = *e.table
	}
	note.Version = e.version
	if how == HowDrop {
		e.table = nil
	}
	h.forget()
	h.dirty = append(h.dirty, Version{Table: note, At: at, How: how, Create: create})
}

func (h *History) forget() { h.lastMap, h.lastTable = nil, nil }

// Versions gives the versions made since the last call, in order, to be saved with the checkpoint that passes them.
func (h *History) Versions() []Version {
	out := h.dirty
	h.dirty = nil
	return out
}

// Later says that a definition that was recorded as read holds only from a statement on, which ends at the position:
// up to it the table is not known, but for what CREATE TABLE and table maps tell. first is the first statement on it.
func (h *History) Later(id cdc.TableID, at cdc.Position, first string) {
	for i := range h.dirty {
		if v := &h.dirty[i]; v.Table.TableID == id {
			v.How, v.At, v.Create = HowLater, at, first
			h.await(*v)
		}
	}
}

// IsLater reports whether the definition that was read is still to come and none is known till then.
func (h *History) IsLater(id cdc.TableID) bool {
	_, ok := h.later[id]
	return ok && h.tables[id].unknown
}

func (h *History) await(v Version) {
	if h.later == nil {
		h.later = map[cdc.TableID]Version{}
	}
	h.later[v.Table.TableID] = v
	h.tables[v.Table.TableID] = &entry{table: v.Table, version: v.Table.Version, unknown: true, cause: v.Create}
}

// arrive makes the definitions current whose statement was the one that ends here.
func (h *History) arrive(at cdc.Position, changes []Change) {
	for id, v := range h.later {
		if at.Before(v.At) {
			continue
		}
		delete(h.later, id)
		now := h.tables[id].table
		if h.tables[id].unknown || diff(now, v.Table, true) != "" {
			now = h.set(id, v.Table, v.At, HowBaseline, "")
		}
		for i := range changes {
			if c := &changes[i]; c.Table == id && c.Kind != Rename || c.Kind == Rename && c.To == id {
				c.New, c.Unknown = now, false
			}
		}
	}
}

// Load replaces the history by the newest saved version of each table at or before at; the log goes on at base.
func (h *History) Load(versions []Version, base, at cdc.Position) {
	*h = History{Lower: h.Lower, tables: map[cdc.TableID]*entry{}}
	versions = slices.Clone(versions)
	slices.SortStableFunc(versions, func(a, b Version) int { return a.At.Compare(b.At) })
	for _, v := range versions {
		if v.How == HowLater && base.Before(v.At) {
			h.await(v)
		}
	}
	for _, v := range versions {
		if at.Before(v.At) || v.How == HowLater && base.Before(v.At) {
			continue
		}
		e := h.entry(v.Table.TableID)
		if v.How == HowLater && e.table != nil && !e.unknown && diff(e.table, v.Table, true) == "" {
			continue // it arrived, and changed nothing
		}
		if v.How == HowPicked {
			e.picked = true
			continue
		}
		if v.How == HowAltered {
			if e.alters = append(e.alters, v.Create); v.Create == "" {
				e.alters = nil
			}
			continue
		}
		*e = entry{picked: e.picked, alters: e.alters, table: v.Table, version: max(e.version, v.Table.Version), at: v.At, unknown: v.How == HowUnknown || v.How == HowThere, cause: v.Create}
		if v.How == HowDrop || len(v.Table.Columns) == 0 {
			e.table = nil
		}
	}
}

// OnDDL applies a statement of the log; at is the point after it. The changes are in the order in which the
// statement makes them. A statement that can't be applied for certain gives Unknown changes and no error.
func (h *History) OnDDL(at cdc.Position, flavor cdc.Flavor, defaultSchema, sql string) ([]Change, error) {
	var out []Change
	h.statements++
	for _, t := range Recognise(flavor, defaultSchema, sql) {
		t.Table, t.To = h.fold(t.Table), h.fold(t.To)
		d := ddl{at: at, flavor: flavor, schema: defaultSchema, sql: sql, touch: t}
		out = append(out, h.apply(d)...)
	}
	h.arrive(at, out)
	return out, nil
}

func (h *History) fold(id cdc.TableID) cdc.TableID {
	if h.Lower {
		id.Schema, id.Name = strings.ToLower(id.Schema), strings.ToLower(id.Name)
	}
	return id
}
