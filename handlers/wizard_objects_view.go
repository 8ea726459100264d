package handlers

import (
	"cmp"
	"context"
	"net/url"
	"strings"

	"sluice/engine/task"
	"sluice/views"
)

// boxPage is how many tables a box shows at once on a page without a script.
const boxPage = 100

// objectsView is the second step as it is shown. The tables of the source are read only where the query asks for them.
func (h *Handlers) objectsView(ctx context.Context, p *views.Page, d task.Draft, b *wizardBody, f *wizardForm, q objectsQuery) *views.Objects {
	m := &views.Objects{Form: f.Form, ID: d.ID, Database: q.Database, Words: q.Words, Chosen: q.Chosen, Count: len(b.Spec.Tables),
		Topic: b.Spec.Target.Topic, Every: everyDatabase}
	_, _, topics := h.probes.found(d.ID, &b.Spec)
	for _, t := range topics.list {
		if t.Name == m.Topic {
			m.Partitions = t.Partitions
		}
	}
	cat := h.catalogue(d.ID, b.Spec.Source, false)
	names, err := cat.Databases(ctx)
	m.Databases = names
	if err == nil && q.Database != "" {
		err = sourceBox(ctx, p, m, cat, &b.Spec, q)
	}
	m.SourceError = problem(p, err)
	chosenBox(p, m, d.ID, &b.Spec, q)
	return m
}

func sourceBox(ctx context.Context, p *views.Page, m *views.Objects, cat *catalogue, spec *task.Spec, q objectsQuery) error {
	database := q.Database
	if database == everyDatabase {
		database = ""
	}
	found, err := cat.Search(ctx, database, q.Words)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for i := range spec.Tables {
		has[tableKey(spec.Tables[i].Schema, spec.Tables[i].Name)] = true
	}
	page, from, to := views.Paged(len(found), q.Page, boxPage)
	m.SourcePage = page
	for _, t := range found[from:to] {
		key := tableKey(t.Database, t.Name)
		m.Source = append(m.Source, views.ObjectRow{Key: key, Name: t.Database + "." + t.Name, Note: sizeNote(p, t), Chosen: has[key]})
	}
	return nil
}

func sizeNote(p *views.Page, t SourceTable) string {
	return p.N("wizard.objects.rows", t.Rows) + " · " + p.Bytes(t.Bytes)
}

func chosenBox(p *views.Page, m *views.Objects, id string, spec *task.Spec, q objectsQuery) {
	var found []*task.Table
	for i := range spec.Tables {
		if matches(&spec.Tables[i], q.Chosen) {
			found = append(found, &spec.Tables[i])
		}
	}
	page, from, to := views.Paged(len(found), q.ChosenPage, boxPage)
	m.ChosenPage = page
	for _, t := range found[from:to] {
		m.Selected = append(m.Selected, views.ObjectRow{Key: tableKey(t.Schema, t.Name), Name: t.Schema + "." + t.Name, Note: tableNote(p, t), Edit: editURL(id, t.Schema, t.Name)})
	}
}

func editURL(id, database, table string) string {
	return wizardURL(id, stepObjects) + "/edit?" + url.Values{"db": {database}, "table": {table}}.Encode()
}

// tableNote says in short how a table is changed on its way.
func tableNote(p *views.Page, t *task.Table) string {
	var parts []string
	if to := cmp.Or(t.ToSchema, t.Schema) + "." + cmp.Or(t.ToName, t.Name); to != t.Schema+"."+t.Name {
		parts = append(parts, "→ "+to)
	}
	if t.Topic != "" {
		parts = append(parts, p.T("wizard.note.topic", "Topic", t.Topic))
	}
	if n := len(t.Columns); n > 0 {
		parts = append(parts, p.N("wizard.note.columns", int64(n)))
	}
	if n := len(t.Exclude); n > 0 {
		parts = append(parts, p.N("wizard.note.left_out", int64(n)))
	}
	if n := len(t.Rename); n > 0 {
		parts = append(parts, p.N("wizard.note.renamed", int64(n)))
	}
	if t.Where != "" {
		parts = append(parts, "WHERE "+t.Where)
		if t.FilterChanges {
			parts = append(parts, p.T("wizard.note.filter_changes"))
		}
	}
	if t.Policy != "" || len(t.PartitionKey) > 0 {
		parts = append(parts, p.T("wizard.note.policy."+cmp.Or(string(t.Policy), "key"), "Columns", strings.Join(t.PartitionKey, ", ")))
	}
	if len(t.DML) > 0 {
		parts = append(parts, strings.ToUpper(strings.Join(t.DML, ", ")))
	}
	if t.NoDDL {
		parts = append(parts, p.T("wizard.note.no_ddl"))
	}
	return strings.Join(parts, " · ")
}
