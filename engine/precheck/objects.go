package precheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// objectChecks look at the selected tables.
func objectChecks() []check {
	return []check{
		{id: "objects.exist", group: "objects", needs: aSource, run: exist},
		{id: "objects.tables_only", group: "objects", needs: theList, run: tablesOnly},
		{id: "objects.engine", group: "objects", needs: theList, run: engines},
		{id: "objects.key", group: "objects", severity: Warning, needs: someTables, run: keys},
		{id: "objects.key_type", group: "objects", severity: Info, needs: someTables, run: keyTypes},
		{id: "objects.types", group: "objects", needs: someTables, run: types},
		{id: "objects.generated", group: "objects", severity: Warning, needs: aMariaDB | someTables, when: following, run: generated},
		{id: "objects.cascades", group: "objects", severity: Warning, needs: theList, run: cascades},
		{id: "objects.filter", group: "objects", needs: theList, run: filters},
		{id: "source.load", group: "source", severity: Warning, needs: theList, run: load},
		{id: "source.retention", group: "binlog", severity: Warning, needs: theList, when: copiesAndFollows, run: retained},
	}
}

func (f *facts) ids() []cdc.TableID {
	ids := make([]cdc.TableID, len(f.Spec.Tables))
	for i, t := range f.Spec.Tables {
		ids[i] = cdc.TableID{Schema: t.Schema, Name: t.Name}
	}
	return ids
}

// newIn gives the databases in which tables may join the task, each as one without a table's name. To tell a new table
// from one that was there, and to read its definition, the account has to see all tables of them.
func (f *facts) newIn() (out []cdc.TableID) {
	for _, t := range f.Spec.New {
		if id := (cdc.TableID{Schema: t.Schema}); !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// asked gives what the task says of a selected table, or nil. There may be many tables, each with many columns.
func (f *facts) asked(id cdc.TableID) *task.Table {
	if f.selected == nil {
		f.selected = map[cdc.TableID]*task.Table{}
		for i, id := range f.ids() {
			f.selected[id] = &f.Spec.Tables[i]
		}
	}
	return f.selected[id]
}

// carries reports whether the task lets the column travel.
func (f *facts) carries(id cdc.TableID, column string) bool {
	t := f.asked(id)
	return t == nil || t.Carries(column)
}

// spreads reports whether the task chooses a row's partition by the column.
func (f *facts) spreads(id cdc.TableID, column string) bool {
	t := f.asked(id)
	return t != nil && slices.ContainsFunc(t.PartitionKey, func(name string) bool { return strings.EqualFold(name, column) })
}

// listsAny reports whether the server's list has a selected table.
func (f *facts) listsAny() bool {
	return slices.ContainsFunc(f.ids(), func(id cdc.TableID) bool { _, ok := f.listed[id]; return ok })
}

// exist reads the list and the definitions of the tables.
func exist(ctx context.Context, f *facts) finding {
	f.listed = map[cdc.TableID]Table{}
	asked := map[string]bool{}
	var absent []string
	var there []cdc.TableID
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
			there = append(there, id)
		}
	}
	defs, err := f.source.Definitions(ctx, there)
	if err != nil {
		return refused(err)
	}
	for _, id := range there {
		if def := defs[id]; def != nil {
			f.tables = append(f.tables, def)
		} else { // dropped since, or not to be read
			absent = append(absent, id.String())
		}
	}
	if len(absent) > 0 {
		return failed("exist.absent", "Tables", list(absent))
	}
	return passed("exist.ok", "Count", strconv.Itoa(len(f.Spec.Tables)))
}

// among makes a finding of the tables for which judge says something.
func (f *facts) among(judge func(Table) string, good, bad string) finding {
	var found []string
	for _, id := range f.ids() {
		if info, ok := f.listed[id]; ok {
			if what := judge(info); what != "" {
				found = append(found, what)
			}
		}
	}
	if len(found) > 0 {
		return failed(bad, "Tables", list(found))
	}
	return passed(good)
}

func tablesOnly(_ context.Context, f *facts) finding {
	return f.among(func(t Table) string {
		if t.View {
			return t.String()
		}
		return ""
	}, "tables_only.ok", "tables_only.views")
}

// engines refuses what holds rows elsewhere, and warns of what has no transactions.
func engines(_ context.Context, f *facts) finding {
	named := func(wanted func(engine string) bool) func(Table) string {
		return func(t Table) string {
			if t.View || !wanted(t.Engine) {
				return ""
			}
			return t.String() + " " + t.Engine
		}
	}
	foreign := func(engine string) bool { return engine == "FEDERATED" || strings.EqualFold(engine, "MRG_MyISAM") }
	if found := f.among(named(foreign), "engine.ok", "engine.foreign"); found.status == Failed {
		return found
	}
	others := func(engine string) bool { return engine != "InnoDB" }
	found := f.among(named(others), "engine.ok", "engine.other").as(Warning)
	if found.status == Failed {
		var alter []string
		for _, id := range f.ids() {
			if t, ok := f.listed[id]; ok && !t.View && others(t.Engine) {
				alter = append(alter, "ALTER TABLE "+quoted(id)+" ENGINE=InnoDB;")
			}
		}
		found.params["Alter"] = strings.Join(alter[:min(len(alter), 10)], "\n")
	}
	return found
}

// quoted writes a table's name for a statement to copy.
func quoted(id cdc.TableID) string {
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	return quote(id.Schema) + "." + quote(id.Name)
}

// judge makes a finding of the definitions for which judge says something.
func (f *facts) judge(judge func(*cdc.Table) []string, good, bad string) finding {
	var found []string
	for _, t := range f.tables {
		found = append(found, judge(t)...)
	}
	if len(found) > 0 {
		return failed(bad, "Tables", list(found))
	}
	return passed(good)
}

func keys(_ context.Context, f *facts) finding {
	return f.judge(func(t *cdc.Table) []string {
		if len(t.Key()) > 0 {
			return nil
		}
		return []string{t.TableID.String()}
	}, "key.ok", "key.none")
}

func keyTypes(_ context.Context, f *facts) finding {
	return f.judge(func(t *cdc.Table) []string {
		var out []string
		for _, k := range t.Key() {
			if c := &t.Columns[k]; !f.Comparable(c) {
				out = append(out, strings.TrimSpace(fmt.Sprintf("%s.%s %s %s", t.TableID, c.Name, c.Declared, c.Collation)))
			}
		}
		return out
	}, "key_type.ok", "key_type.whole")
}

func types(_ context.Context, f *facts) finding {
	return f.judge(func(t *cdc.Table) []string {
		var out []string
		for i := range t.Columns {
			if c := &t.Columns[i]; f.carries(t.TableID, c.Name) && f.Supports(c) != nil {
				out = append(out, fmt.Sprintf("%s.%s %s", t.TableID, c.Name, c.Declared))
			}
		}
		return out
	}, "types.ok", "types.unsupported")
}

// generated names the columns that changes come without, where the task sends them or chooses partitions by them. It is
// the version that decides: no setting of the server, kind of column or index changes it.
func generated(_ context.Context, f *facts) finding {
	if minor(f.version) < minor("11.8") {
		return passed("generated.ok")
	}
	return f.judge(func(t *cdc.Table) []string {
		var out []string
		for i := range t.Columns {
			if c := &t.Columns[i]; c.Generated && (f.carries(t.TableID, c.Name) || f.spreads(t.TableID, c.Name)) {
				out = append(out, fmt.Sprintf("%s.%s %s", t.TableID, c.Name, c.Declared))
			}
		}
		return out
	}, "generated.ok", "generated.unlogged")
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
				found = append(found, c.Child.String()+" "+c.Name)
			}
		}
	}
	if len(found) > 0 {
		return failed("cascades.found", "Keys", list(found))
	}
	return passed("cascades.ok")
}

func filters(ctx context.Context, f *facts) finding {
	var bad, foreign []string
	for _, t := range f.Spec.Tables {
		id := cdc.TableID{Schema: t.Schema, Name: t.Name}
		if info, ok := f.listed[id]; t.Where == "" || !ok || info.View {
			continue
		}
		n, err := f.source.Explain(ctx, id, t.Where)
		if err == nil && n > 1 {
			foreign = append(foreign, id.String())
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
		return failed("filter.refused", "Filters", list(bad))
	}
	if len(foreign) > 0 {
		return failed("filter.foreign", "Tables", list(foreign))
	}
	return passed("filter.ok")
}
