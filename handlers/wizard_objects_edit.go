package handlers

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// editing is one selected table that is being edited.
type editing struct {
	draft   task.Draft
	body    *wizardBody
	table   *task.Table
	columns []SourceColumn
	err     error // why there are no columns
}

func (h *Handlers) editing(c echo.Context) (*editing, error) {
	d, b, err := h.loadWizard(c)
	if err != nil {
		return nil, err
	}
	database, name := c.QueryParam("db"), c.QueryParam("table")
	i := slices.IndexFunc(b.Spec.Tables, func(t task.Table) bool { return t.Schema == database && t.Name == name })
	if i < 0 {
		return nil, &task.Error{Code: "draft.table_absent", Text: "This table is not among the selected objects.", Hint: "It may have been removed in another tab. Go back to the objects."}
	}
	e := &editing{draft: d, body: b, table: &b.Spec.Tables[i]}
	e.columns, e.err = h.Prober.Columns(c.Request().Context(), b.Spec.Source, database, name)
	return e, nil
}

// WizardObjectEdit shows how one selected table is mapped.
func (h *Handlers) WizardObjectEdit(c echo.Context) error {
	e, err := h.editing(c)
	if err != nil {
		return err
	}
	f := newForm(c)
	f.Values = tableValues(e.table)
	return h.showEdit(c, http.StatusOK, e, f, frame(e.draft, e.body, stepObjects))
}

func (h *Handlers) showEdit(c echo.Context, status int, e *editing, f *wizardForm, w views.WizardFrame) error {
	p := pageOf(c)
	p.Title, p.Failed = p.T("wizard.edit.title", "Table", e.table.Schema+"."+e.table.Name), len(f.Errors) > 0
	m := &views.ObjectEdit{Form: f.Form, Table: e.table.Schema + "." + e.table.Name, URL: editURL(e.draft.ID, e.table.Schema, e.table.Name),
		Back: wizardURL(e.draft.ID, stepObjects), Columns: columnRows(e, f), ColumnsError: problem(p, e.err), Verified: f.verified,
		Topic: e.body.Spec.Target.Topic, TaskPolicy: string(e.body.Spec.Policy), Full: e.body.Spec.Full}
	_, _, topics := h.probes.found(e.draft.ID, &e.body.Spec)
	for _, t := range topics.list {
		m.Topics = append(m.Topics, t.Name)
	}
	return render(c, status, views.WizardObjectEdit(p, w, m))
}

// WizardObjectEditSave keeps the mapping of a table, or only tries its row filter.
func (h *Handlers) WizardObjectEditSave(c echo.Context) error {
	e, err := h.editing(c)
	if err != nil {
		return err
	}
	f := newForm(c)
	f.readTable(e)
	w := frame(e.draft, e.body, stepObjects)
	if do, _ := wizardAction(c); do == "verify" {
		f.Errors = nil
		h.verify(c.Request().Context(), e, f)
		status := http.StatusOK
		if len(f.Errors) > 0 {
			status = http.StatusUnprocessableEntity
		}
		return h.showEdit(c, status, e, f, w)
	}
	if len(f.Errors) > 0 {
		return h.showEdit(c, http.StatusUnprocessableEntity, e, f, w)
	}
	if _, err := h.saveWizard(c, e.draft, e.body, ""); task.Code(err) == "draft.conflict" {
		if w, err = h.conflicted(c, w); err != nil {
			return err
		}
		f.Errors = nil
		return h.showEdit(c, http.StatusConflict, e, f, w)
	} else if err != nil {
		return err
	}
	return done(c, wizardURL(e.draft.ID, stepObjects)+"#chosen", "flash.wizard.table", e.table.Schema+"."+e.table.Name)
}

// verify lets the source plan a read with the row filter.
func (h *Handlers) verify(ctx context.Context, e *editing, f *wizardForm) {
	where := f.Values["where"]
	if where == "" {
		f.bad("where", "where_empty")
		return
	}
	rows, tables, err := h.Prober.Estimate(ctx, e.body.Spec.Source, e.table.Schema, e.table.Name, where)
	switch {
	case err != nil:
		found := problem(f.p, err)
		f.bad("where", "where", "Text", cmp.Or(found.Said, found.Detail, found.Text)) // the server says best what it did not take
	case tables > 1:
		f.bad("where", "where_others")
	default:
		f.verified = f.p.N("wizard.edit.verified", rows)
	}
}
