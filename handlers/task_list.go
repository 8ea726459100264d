package handlers

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// bins are the saved filters by status, in the order of their links.
var bins = []string{"", "attention", "running", "waiting", "ended"}

// bin is the saved filter that a condition falls under.
func bin(condition string) string {
	switch condition {
	case "failed", "retrying":
		return "attention"
	case "draft", "new", "scheduled":
		return "waiting"
	case "finished":
		return "ended"
	}
	return "running"
}

// TaskList shows all tasks and drafts that the query asks for. All are looked at, since only what a process works on now
// tells where they belong and how many there are; what is shown of a task is read for those of the page alone.
func (h *Handlers) TaskList(c echo.Context) error {
	p, ctx := pageOf(c), c.Request().Context()
	p.Title, p.Refresh = p.T("task.list.title"), 10
	tasks, err := h.Tasks.Tasks(ctx)
	if err != nil {
		return err
	}
	drafts, err := h.Drafts.Drafts(ctx)
	if err != nil {
		return err
	}
	q := newListQuery(c)
	m := &views.TaskList{Total: len(tasks) + len(drafts), Group: q.group, Search: q.search, Status: q.status}
	counts, groups := map[string]int{}, map[string]bool{}
	var found []listed
	take := func(l listed, bin, group string, text func() string) {
		groups[group] = group != ""
		if !q.matches(group, text) {
			return
		}
		counts[bin]++
		counts[""]++
		if q.status == "" || q.status == bin {
			found = append(found, l)
		}
	}
	grouped := h.groupsOf(ctx, drafts)
	for i := range drafts {
		d, group := &drafts[i], grouped[drafts[i].ID].group
		take(listed{draft: d, group: group}, bin("draft"), group, func() string { return d.Name + " " + d.ID })
	}
	for i := range tasks {
		t := &tasks[i]
		s := h.look(task.Summary{Outline: *t})
		p.Settle(s.ID, s.condition())
		l, b := listed{urgency: s.urgency(p), id: t.ID}, bin(s.condition())
		if l.urgency > 0 {
			b = "attention"
		}
		take(l, b, t.About.Group, func() string { return t.Name + " " + t.ID + " " + route(&t.Spec) })
	}
	slices.SortStableFunc(found, func(a, b listed) int { return b.urgency - a.urgency })
	found, m.Pages = cut(p, found, c.QueryParam("page"), "/tasks", q.values(q.status))
	if m.Rows, p.Live, err = h.rows(ctx, p, found); err != nil {
		return err
	}
	m.Filters, m.Groups = q.filters(p, counts), groupOptions(p, groups)
	return render(c, http.StatusOK, views.TaskListPage(p, m))
}

// listed is a line of the list: a draft, or a task by its id.
type listed struct {
	draft   *task.Draft
	group   string // of the draft
	id      string
	urgency int
}

// rows makes the lines of a page, and names what the page follows.
func (h *Handlers) rows(ctx context.Context, p *views.Page, lines []listed) (rows []views.TaskRow, live string, err error) {
	var ids []string
	for _, l := range lines {
		if l.draft == nil {
			ids = append(ids, l.id)
		}
	}
	tasks, err := h.Tasks.Summaries(ctx, ids...)
	if err != nil {
		return nil, "", err
	}
	of := make(map[string]task.Summary, len(tasks))
	for _, t := range tasks {
		of[t.ID] = t
	}
	for _, l := range lines {
		if l.draft != nil {
			rows = append(rows, draftRow(p, l.draft, l.group))
		} else if t, ok := of[l.id]; ok { // it may have been deleted in between
			s := h.look(t)
			rows = append(rows, s.row(p))
		}
	}
	return rows, "list:" + strings.Join(ids, "."), nil
}

// urgency puts what needs a person first.
func (s *stand) urgency(p *views.Page) int {
	switch tone := tones[s.condition()]; {
	case tone == "bad", s.urgent(p.Now):
		return 2
	case tone == "warn":
		return 1
	}
	return 0
}

type listQuery struct{ group, search, status string }

func newListQuery(c echo.Context) listQuery {
	q := listQuery{group: c.QueryParam("group"), search: strings.TrimSpace(c.QueryParam("q")), status: c.QueryParam("status")}
	if !slices.Contains(bins, q.status) {
		q.status = ""
	}
	return q
}

func (q listQuery) matches(group string, text func() string) bool {
	return (q.group == "" || q.group == group) && (q.search == "" || strings.Contains(strings.ToLower(text()), strings.ToLower(q.search)))
}

// values are those of a link to the list under a status.
func (q listQuery) values(status string) url.Values {
	v := url.Values{}
	for name, value := range map[string]string{"status": status, "group": q.group, "q": q.search} {
		if value != "" {
			v.Set(name, value)
		}
	}
	return v
}

func (q listQuery) filters(p *views.Page, counts map[string]int) []views.Filter {
	var out []views.Filter
	for _, b := range bins {
		v := q.values(b)
		name := b
		if b == "" {
			name = "all"
		}
		f := views.Filter{Text: p.T("task.list." + name), URL: "/tasks", Count: counts[b], On: b == q.status}
		if len(v) > 0 {
			f.URL += "?" + v.Encode()
		}
		out = append(out, f)
	}
	return out
}

func groupOptions(p *views.Page, groups map[string]bool) []views.Option {
	out := []views.Option{{Text: p.T("task.group_all")}}
	for g, named := range groups {
		if named {
			out = append(out, views.Option{Value: g, Text: g})
		}
	}
	slices.SortFunc(out[1:], func(a, b views.Option) int { return strings.Compare(a.Value, b.Value) })
	return out
}

// TaskStart starts a task, goes on with it, or tries it again.
func (h *Handlers) TaskStart(c echo.Context) error {
	return h.act(c, "start", h.Runner.Start)
}

// TaskPause stops a task and keeps all.
func (h *Handlers) TaskPause(c echo.Context) error {
	return h.act(c, "pause", h.Runner.Pause)
}

// act does one thing to one task and goes back to where it was asked for.
func (h *Handlers) act(c echo.Context, name string, do func(context.Context, string) error) error {
	ctx, id := c.Request().Context(), c.Param("id")
	t, err := h.Tasks.Summary(ctx, id)
	if err != nil {
		return err
	}
	if err := do(ctx, id); err != nil {
		return err
	}
	h.audit(c, "task."+name, id, nil)
	return doneTo(c, back(c, "/tasks/"+id), "flash.task."+name, t.Name, id)
}

// back is the page of ours that the form stood on, as the browser says: live parts do not know their page.
func back(c echo.Context, otherwise string) string {
	from, err := url.Parse(c.Request().Referer())
	if err != nil || from.Host != c.Request().Host || !strings.HasPrefix(from.Path, "/tasks") {
		return otherwise
	}
	return inside(from.RequestURI())
}

// TaskClone makes a draft of a task and opens it.
func (h *Handlers) TaskClone(c echo.Context) error {
	id := c.Param("id")
	draft, err := h.Runner.Clone(c.Request().Context(), id)
	if err != nil {
		return err
	}
	h.audit(c, "task.clone", id, map[string]string{"draft": draft})
	return c.Redirect(http.StatusSeeOther, "/tasks/new/"+draft+"/connections")
}
