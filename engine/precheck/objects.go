package precheck

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// objectChecks look at the selected tables.
func objectChecks() []check {
	return []check{
		{"objects.exist", "objects", Error, "every table is there and may be read", aSource, exist},
		{"objects.tables_only", "objects", Error, "no views", aSource, tablesOnly},
		{"objects.engine", "objects", Error, "InnoDB", aSource, engines},
		{"objects.key", "objects", Warning, "a primary key, or a unique key without NULL", someTables, keys},
		{"objects.key_type", "objects", Info, "keys by which a table can be read in parts", someTables, keyTypes},
		{"objects.types", "objects", Error, "types that are carried exactly", someTables, types},
		{"objects.cascades", "objects", Warning, "no foreign key that changes rows of a selected table by itself", someTables, cascades},
		{"objects.filter", "objects", Error, "row filters are conditions on the table alone", someTables, filters},
	}
}

func (f *facts) ids() []cdc.TableID {
	ids := make([]cdc.TableID, len(f.Spec.Tables))
	for i, t := range f.Spec.Tables {
		ids[i] = cdc.TableID{Schema: t.Schema, Name: t.Name}
	}
	return ids
}

// exist reads the list and the definitions of the tables.
func exist(ctx context.Context, f *facts) finding {
	f.listed = map[cdc.TableID]Table{}
	asked := map[string]bool{}
	var absent []string
	for _, id := range f.ids() {
		if !asked[id.Schema] {
			asked[id.Schema] = true
			tables, err := f.source.Tables(ctx, id.Schema)
			if err != nil {
				return refused(err)
			}
			for _, t := range tables {
				f.listed[t.TableID] = t
			}
		}
		if info, ok := f.listed[id]; !ok {
			absent = append(absent, id.String())
		} else if !info.View {
			def, err := f.source.Table(ctx, id)
			if err != nil {
				return refused(err)
			}
			f.tables = append(f.tables, def)
		}
	}
	if len(absent) > 0 {
		return finding{failed: true, observed: "not there, or not to be seen: " + list(absent), cause: "the name is wrong, or the account may not see the table",
			fix: "Check the names, upper and lower case included, and grant SELECT on the tables."}
	}
	return passed(fmt.Sprintf("%d of %d tables", len(f.Spec.Tables), len(f.Spec.Tables)))
}

// among makes a finding of the tables for which bad says something.
func (f *facts) among(bad func(Table) string, good, cause, fix string) finding {
	var found []string
	for _, id := range f.ids() {
		if info, ok := f.listed[id]; ok {
			if what := bad(info); what != "" {
				found = append(found, what)
			}
		}
	}
	if len(found) > 0 {
		return finding{failed: true, observed: list(found), cause: cause, fix: fix}
	}
	return passed(good)
}

func tablesOnly(_ context.Context, f *facts) finding {
	return f.among(func(t Table) string {
		if t.View {
			return t.String()
		}
		return ""
	}, "tables only", "a view has no changes of its own in the binlog", "Select the tables that the view reads.")
}

// engines refuses what holds rows elsewhere, and warns of what has no transactions.
func engines(_ context.Context, f *facts) finding {
	foreign := false
	found := f.among(func(t Table) string {
		if t.View || t.Engine == "InnoDB" {
			return ""
		}
		foreign = foreign || t.Engine == "FEDERATED" || strings.EqualFold(t.Engine, "MRG_MyISAM")
		return t.String() + " " + t.Engine
	}, "InnoDB", "without InnoDB there is no consistent view: rows that change while they are copied may come twice or not at all", "ALTER TABLE ... ENGINE=InnoDB, or leave the table out.")
	if !foreign {
		found.severity = Warning
	}
	return found
}

// judge makes a finding of the definitions for which bad says something.
func (f *facts) judge(bad func(*cdc.Table) []string, good, cause, fix string) finding {
	var found []string
	for _, t := range f.tables {
		found = append(found, bad(t)...)
	}
	if len(found) > 0 {
		return finding{failed: true, observed: list(found), cause: cause, fix: fix}
	}
	return passed(good)
}

func keys(_ context.Context, f *facts) finding {
	return f.judge(func(t *cdc.Table) []string {
		if len(t.Key()) > 0 {
			return nil
		}
		return []string{t.TableID.String()}
	}, "every table has a key", "without a key rows cannot be told apart: the table is copied in one piece, and all its records go to one partition",
		"Add a primary key, or accept it.")
}

func keyTypes(_ context.Context, f *facts) finding {
	return f.judge(func(t *cdc.Table) []string {
		var out []string
		for _, k := range t.Key() {
			if c := &t.Columns[k]; !f.Comparable(c) {
				out = append(out, fmt.Sprintf("%s.%s %s", t.TableID, c.Name, c.Declared))
			}
		}
		return out
	}, "all tables can be read in parts", "the order of these keys is the server's own, so the table is copied in one piece", "Nothing has to be done; the copy of a large table takes longer.")
}

func types(_ context.Context, f *facts) finding {
	return f.judge(func(t *cdc.Table) []string {
		var out []string
		for i := range t.Columns {
			if c := &t.Columns[i]; f.Supports(c) != nil {
				out = append(out, fmt.Sprintf("%s.%s %s", t.TableID, c.Name, c.Declared))
			}
		}
		return out
	}, "all columns are carried exactly", "the type or its charset is not carried yet, and nothing is bent", "Change the column's type, or leave the table out.")
}

func cascades(ctx context.Context, f *facts) finding {
	selected := map[cdc.TableID]bool{}
	asked := map[string]bool{}
	for _, id := range f.ids() {
		selected[id] = true
	}
	var found []string
	for _, id := range f.ids() {
		if asked[id.Schema] {
			continue
		}
		asked[id.Schema] = true
		all, err := f.source.Cascades(ctx, id.Schema)
		if err != nil {
			return refused(err)
		}
		for _, c := range all {
			if selected[c.Child] {
				found = append(found, fmt.Sprintf("%s of %s", c.Name, c.Child))
			}
		}
	}
	if len(found) > 0 {
		return finding{failed: true, observed: list(found), cause: "the server does not log the changes that it makes to the child by such a key",
			fix: "Delete and update the child's rows by statements, or do without CASCADE and SET NULL while the task runs."}
	}
	return passed("none")
}

func filters(ctx context.Context, f *facts) finding {
	var bad []string
	for _, t := range f.Spec.Tables {
		id := cdc.TableID{Schema: t.Schema, Name: t.Name}
		if info, ok := f.listed[id]; t.Where == "" || !ok || info.View {
			continue
		}
		n, err := f.source.Explain(ctx, id, t.Where)
		if err == nil && n > 1 {
			err = errors.New("it reads other tables")
		}
		var told *task.Error
		if errors.As(err, &told) && told.Err != nil {
			err = told.Err
		}
		if err != nil {
			bad = append(bad, fmt.Sprintf("%s: %v", id, err))
		}
	}
	if len(bad) > 0 {
		return finding{failed: true, observed: list(bad), cause: "the server does not take the filter", fix: "Write an SQL condition on the columns of the table alone."}
	}
	return passed("filters are understood")
}
