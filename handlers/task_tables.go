package handlers

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// pageLong is how many lines of a long list are on one page.
const pageLong = 100

// TaskTables shows how far each table is.
func (h *Handlers) TaskTables(c echo.Context) error {
	p, s, head, err := h.stand(c, "tables")
	if err != nil {
		return err
	}
	done, err := h.Tasks.TableProgress(c.Request().Context(), s.ID)
	if err != nil {
		return err
	}
	of := map[string]task.TableProgress{}
	for _, d := range done {
		of[d.Schema+"."+d.Name] = d
	}
	m := &views.TaskTables{Head: head, Search: strings.TrimSpace(c.QueryParam("q")), Action: "/tasks/" + s.ID + "/tables"}
	var rows []views.TableRow
	for i := range s.Spec.Tables {
		t := &s.Spec.Tables[i]
		name := t.Schema + "." + t.Name
		if strings.Contains(strings.ToLower(name), strings.ToLower(m.Search)) {
			rows = append(rows, s.tableRow(p, t, of[name]))
		}
	}
	m.Total = p.N("tables.total", int64(len(rows)))
	m.Rows, m.Pages = cut(p, rows, c.QueryParam("page"), m.Action, url.Values{"q": {m.Search}})
	return render(c, http.StatusOK, views.TaskTablesPage(p, m))
}

// cut takes one page of a long list, with the links to those beside it.
func cut[T any](p *views.Page, rows []T, page, action string, q url.Values) ([]T, views.Pages) {
	n, err := strconv.Atoi(page)
	if err != nil || n < 1 || (n-1)*pageLong >= len(rows) {
		n = 1
	}
	from, to := (n-1)*pageLong, min(n*pageLong, len(rows))
	link := func(n int) string {
		q.Set("page", strconv.Itoa(n))
		return action + "?" + q.Encode()
	}
	out := views.Pages{Text: p.T("pages.of", "From", p.Number(int64(from+1)), "To", p.Number(int64(to)), "Of", p.Number(int64(len(rows))))}
	if n > 1 {
		out.Prev = link(n - 1)
	}
	if to < len(rows) {
		out.Next = link(n + 1)
	}
	return rows[from:to], out
}

func (s *stand) tableRow(p *views.Page, t *task.Table, d task.TableProgress) views.TableRow {
	r := views.TableRow{Name: t.Schema + "." + t.Name, Topic: s.Spec.TopicOf(t), Rows: "–", Pieces: "–", State: views.PhaseMark{State: "todo"}, Details: details(p, t)}
	if t.ToSchema != "" || t.ToName != "" {
		r.As = cmp.Or(t.ToSchema, t.Schema) + "." + cmp.Or(t.ToName, t.Name)
	}
	switch past := order[s.phase()] > order["full"] || s.State == task.Finished; {
	case !s.Spec.Full:
		r.State.State = "none"
	case past, d.Chunks > 0 && d.Done == d.Chunks:
		r.State.State = "done"
	case d.Working+d.Done > 0 && s.live:
		r.State.State = "busy"
	case d.Working+d.Done > 0:
		r.State.State = "paused"
	}
	r.State.Text = p.T("phase.state." + r.State.State)
	if d.Chunks > 0 {
		r.Rows, r.Pieces = p.Number(d.Rows), fmt.Sprintf("%d / %d", d.Done, d.Chunks)
	}
	return r
}

// details names what is special about a table.
func details(p *views.Page, t *task.Table) string {
	var out []string
	if t.Where != "" {
		out = append(out, "WHERE "+t.Where)
		if t.FilterChanges {
			out = append(out, p.T("wizard.note.filter_changes"))
		}
	}
	if n := len(t.Columns); n > 0 {
		out = append(out, p.N("tables.columns", int64(n)))
	}
	if n := len(t.Exclude); n > 0 {
		out = append(out, p.N("tables.without", int64(n)))
	}
	if n := len(t.Rename); n > 0 {
		out = append(out, p.N("tables.renamed", int64(n)))
	}
	if len(t.DML) > 0 {
		out = append(out, strings.ToUpper(strings.Join(t.DML, " ")))
	}
	if t.NoDDL {
		out = append(out, p.T("tables.no_ddl"))
	}
	return strings.Join(out, " · ")
}
