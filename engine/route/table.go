package route

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/filter"
	"sluice/engine/task"
)

// Table is the plan of one version of a selected table.
type Table struct {
	Source   *cdc.Table
	Object   string   // mapped "db.table"
	Columns  []int    // the ordinals that travel; nil: all
	Names    []string // names of these at the target; nil: the source's
	Key      []int    // the ordinals of the row's key, never nil
	KeyNames []string // names of these at the target
	Policy   task.Policy
	Where    string // row filter of the full copy, SQL
	DDL      bool   // DDL records are sent

	filter *filter.Filter // of changes; nil: all travel
	entry  *entry
	prefix []byte // "db.table:"
	key    []part // what the message key is made of
	chosen []part // what the partition is made of, if not the key
}

// part is one column of a key and how its value becomes text.
type part struct {
	ordinal int
	column  *cdc.Column
	form    form
}

// Object gives the mapped name of a table as records carry it: a dot inside a name becomes the six characters
// backslash, u002E.
func Object(t *task.Table) string {
	return escapeDots(cmp.Or(t.ToSchema, t.Schema)) + "." + escapeDots(cmp.Or(t.ToName, t.Name))
}

func escapeDots(name string) string { return strings.ReplaceAll(name, ".", `\u002E`) }

func newTable(e *entry, t *cdc.Table) (*Table, error) {
	r := &Table{Source: t, Object: e.object, Policy: e.policy, Where: e.spec.Where, DDL: !e.spec.NoDDL, entry: e}
	r.prefix = append(append([]byte(nil), e.name...), ':')
	key := t.Key()
	for _, k := range key {
		r.key = append(r.key, newPart(t, k))
	}
	for _, name := range e.spec.PartitionKey {
		k := t.Column(name)
		if k < 0 {
			return nil, refuse("route.partition_key_absent", "Table "+t.TableID.String()+" has no column "+name+", which the partition key names.", "Choose other columns for the partition key.")
		}
		r.chosen = append(r.chosen, newPart(t, k))
	}
	if e.filter != nil {
		var err error
		if r.filter, err = e.filter.Bind(t); err != nil {
			return nil, unfiltered(t.TableID, err)
		}
	}
	r.chooseColumns()
	for _, k := range key {
		if r.Columns != nil && !slices.Contains(r.Columns, k) {
			return nil, refuse("route.key_left_out", "Column "+t.Columns[k].Name+" of table "+t.TableID.String()+" is part of the key and can't be left out.", "Let the key columns travel.")
		}
	}
	err := r.nameColumns()
	r.nameKey(key)
	return r, err
}

// nameKey notes the key's columns as they travel.
func (r *Table) nameKey(key []int) {
	r.Key = append([]int{}, key...)
	if r.Names == nil {
		return
	}
	for _, k := range key {
		at := k
		if r.Columns != nil {
			at = slices.Index(r.Columns, k)
		}
		if at < len(r.Names) { // else the names are refused
			r.KeyNames = append(r.KeyNames, r.Names[at])
		}
	}
}

func newPart(t *cdc.Table, k int) part {
	c := &t.Columns[k]
	return part{ordinal: k, column: c, form: formOf(c)}
}

// chooseColumns applies the column lists. A column that a later DDL adds travels unless the columns are listed.
func (r *Table) chooseColumns() {
	spec := r.entry.spec
	if len(spec.Columns) == 0 && len(spec.Exclude) == 0 {
		return
	}
	r.Columns = []int{}
	for i := range r.Source.Columns {
		if spec.Carries(r.Source.Columns[i].Name) {
			r.Columns = append(r.Columns, i)
		}
	}
	if len(r.Columns) == len(r.Source.Columns) {
		r.Columns = nil
	}
}

func (r *Table) nameColumns() error {
	if len(r.entry.spec.Rename) == 0 {
		return nil
	}
	seen := map[string]bool{}
	renamed := false
	for i := range r.Source.Columns {
		if r.Columns != nil && !slices.Contains(r.Columns, i) {
			continue
		}
		from := r.Source.Columns[i].Name
		to := from
		for name, mapped := range r.entry.spec.Rename {
			if strings.EqualFold(name, from) {
				to = mapped
			}
		}
		if to == "" || seen[strings.ToLower(to)] {
			return refuse("route.name_twice", "Column "+from+" of table "+r.Source.TableID.String()+" gets the name "+strconv.Quote(to)+", which is empty or another column's.", "Give each column a name of its own.")
		}
		seen[strings.ToLower(to)] = true
		renamed = renamed || to != from
		r.Names = append(r.Names, to)
	}
	if !renamed {
		r.Names = nil
	}
	return nil
}

// Sends reports whether changes of this kind are part of the task; rows of the full copy always are.
func (r *Table) Sends(op cdc.Op) bool {
	switch op {
	case cdc.Insert:
		return r.entry.dml[0]
	case cdc.Update:
		return r.entry.dml[1]
	case cdc.Delete:
		return r.entry.dml[2]
	}
	return true
}

// Passes reports whether the row is one that the task carries changes of.
func (r *Table) Passes(row cdc.Row) bool { return r.filter == nil || r.filter.Passes(row) }

// Dest appends the row's message key to dst and gives the lane that the row goes to.
func (r *Table) Dest(dst []byte, row cdc.Row) (lane int, key []byte, err error) {
	at := len(dst)
	if len(r.key) == 0 {
		dst = append(dst, r.entry.name...)
	} else {
		dst = append(dst, r.prefix...)
		if dst, err = appendParts(dst, r.key, row); err != nil {
			return -1, dst[:at], err
		}
	}
	n := len(r.entry.lanes)
	switch {
	case r.Policy != task.PolicyKey, len(r.key) == 0 && len(r.chosen) == 0:
		return r.entry.fixed, dst, nil
	case len(r.chosen) == 0:
		return r.entry.lanes[partition(dst[at:], n)], dst, nil
	}
	end := len(dst)
	if dst, err = appendParts(dst, r.chosen, row); err != nil {
		return -1, dst[:at], err
	}
	return r.entry.lanes[partition(dst[end:], n)], dst[:end], nil
}

func (e *entry) unknownColumns(t *cdc.Table) []error {
	var errs []error
	check := func(list string, name string) {
		if t.Column(name) < 0 {
			errs = append(errs, refuse("route.column_absent", "Table "+t.TableID.String()+" has no column "+name+", which its "+list+" names.", "Check the column names of the table."))
		}
	}
	for _, name := range e.spec.Columns {
		check("list of columns", name)
	}
	for _, name := range e.spec.Exclude {
		check("list of columns left out", name)
	}
	for name := range e.spec.Rename {
		check("column mapping", name)
	}
	return errs
}
