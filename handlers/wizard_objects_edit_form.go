package handlers

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"sluice/engine/task"
	"sluice/views"
)

// kinds of changes, as a specification names them.
var kinds = []string{"insert", "update", "delete"}

// tableValues fills the form of a table from what is kept.
func tableValues(t *task.Table) map[string]string {
	v := map[string]string{"to_schema": t.ToSchema, "to_name": t.ToName, "table_topic": t.Topic, "where": t.Where, "policy": string(t.Policy)}
	if len(t.PartitionKey) > 0 {
		v["policy"] = string(task.PolicyKey)
	}
	for _, k := range kinds {
		if len(t.DML) == 0 || slices.Contains(t.DML, k) {
			v["dml_"+k] = "on"
		}
	}
	if !t.NoDDL {
		v["ddl"] = "on"
	}
	if t.FilterChanges {
		v["filter_changes"] = "on"
	}
	return v
}

// renameField is the field with the new name of a column.
func renameField(i int) string { return "rename-" + strconv.Itoa(i) }

// columnRows shows the columns as they are kept, or as they were sent.
func columnRows(e *editing, f *wizardForm) []views.ColumnRow {
	out := make([]views.ColumnRow, len(e.columns))
	for i, c := range e.columns {
		out[i] = views.ColumnRow{Name: c.Name, Type: c.Type, Key: c.Key, Rename: fold(e.table.Rename, c.Name), Included: included(e.table, c), Partition: hasFold(e.table.PartitionKey, c.Name),
			Field: renameField(i), Error: f.Error(renameField(i))}
	}
	return out
}

func included(t *task.Table, c SourceColumn) bool {
	if len(t.Columns) > 0 {
		return c.Key || hasFold(t.Columns, c.Name)
	}
	return c.Key || !hasFold(t.Exclude, c.Name)
}

func hasFold(list []string, name string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, name) })
}

// fold finds a name in any case, as the server compares names of columns.
func fold(m map[string]string, name string) string {
	for k, v := range m {
		if strings.EqualFold(k, name) {
			return v
		}
	}
	return ""
}

// readTable takes the form into the table, so that a page that comes back shows what was sent.
func (f *wizardForm) readTable(e *editing) {
	t := e.table
	t.ToSchema, t.ToName = f.mapped("to_schema", t.Schema), f.mapped("to_name", t.Name)
	if t.Topic = f.text("table_topic"); t.Topic != "" && !validTopic(t.Topic) {
		f.bad("table_topic", "topic_form")
	}
	t.Where = f.text("where")
	t.FilterChanges = f.text("filter_changes") != "" && t.Where != ""
	switch s := &e.body.Spec; {
	case t.FilterChanges && !s.Incremental:
		f.bad("filter_changes", "filter_incremental")
	case t.Where != "" && !s.Full && !t.FilterChanges:
		f.bad("where", "where_full")
	}
	t.Policy = task.Policy(f.choice("policy", append([]string{""}, policies...)...))
	if e.columns != nil {
		f.readColumns(e)
	}
	t.DML = nil
	for _, k := range kinds {
		if f.text("dml_"+k) != "" {
			t.DML = append(t.DML, k)
		}
	}
	switch len(t.DML) {
	case 0:
		f.bad("dml_insert", "dml")
	case len(kinds):
		t.DML = nil
	}
	t.NoDDL = f.text("ddl") == ""
}

// mapped reads the new name of a database or table; empty, and the same as before, is none.
func (f *wizardForm) mapped(field, was string) string {
	name := f.text(field)
	switch {
	case utf8.RuneCountInString(name) > 64:
		f.bad(field, "mapped_long")
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		f.bad(field, "mapped_control")
	case name == was:
		return ""
	}
	return name
}

// readColumns reads which columns travel, under which names, and by which the partition is chosen. What is not
// ticked is excluded by its name, so that a column that is added later travels; a list of a cloned task stays a list.
func (f *wizardForm) readColumns(e *editing) {
	t := e.table
	listed := len(t.Columns) > 0
	ticked, parts, names, renames := f.list("col"), f.list("part"), f.list("colname"), f.list("rename")
	t.Columns, t.Exclude, t.Rename, t.PartitionKey = nil, nil, nil, nil
	seen := map[string]bool{}
	for at, c := range e.columns {
		if !c.Key && !slices.Contains(ticked, c.Name) {
			t.Exclude = append(t.Exclude, c.Name)
			continue
		}
		t.Columns = append(t.Columns, c.Name)
		to := c.Name
		if i := slices.Index(names, c.Name); i >= 0 && i < len(renames) {
			to = cmp.Or(strings.TrimSpace(renames[i]), c.Name)
		}
		if to != c.Name {
			if t.Rename == nil {
				t.Rename = map[string]string{}
			}
			t.Rename[c.Name] = to
		}
		switch low := strings.ToLower(to); {
		case utf8.RuneCountInString(to) > 64:
			f.bad(renameField(at), "column_long", "Column", c.Name)
		case seen[low]:
			f.bad(renameField(at), "column_twice", "Name", to)
		default:
			seen[low] = true
		}
	}
	if len(t.Columns) == 0 {
		f.bad("columns", "columns")
	}
	if !listed || len(t.Exclude) == 0 {
		t.Columns = nil
	} else {
		t.Exclude = nil
	}
	f.readPartition(e, parts)
}

// readPartition reads the columns by which the partition is chosen: they make the policy of the table "key".
func (f *wizardForm) readPartition(e *editing, parts []string) {
	t := e.table
	if p := cmp.Or(t.Policy, e.body.Spec.Policy); p != task.PolicyKey {
		return // the page hides them
	}
	for _, c := range e.columns {
		if slices.Contains(parts, c.Name) {
			t.PartitionKey = append(t.PartitionKey, c.Name)
		}
	}
	if len(t.PartitionKey) > 0 {
		t.Policy, f.Values["policy"] = task.PolicyKey, string(task.PolicyKey)
	}
}
