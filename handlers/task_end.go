package handlers

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// TaskEndForm says how to end a task, with its delay live.
func (h *Handlers) TaskEndForm(c echo.Context) error {
	p, s, head, err := h.stand(c, "")
	if err != nil {
		return err
	}
	p.Title, p.Live, p.Refresh = p.T("end.title")+" – "+s.Name, "end:"+s.ID, 3
	return render(c, http.StatusOK, views.TaskEndPage(p, s.ending(p, head)))
}

func (s *stand) ending(p *views.Page, head views.TaskHead) *views.TaskEnd {
	m := &views.TaskEnd{Head: head, Self: !s.Spec.Incremental, Live: s.endLive(p)}
	switch condition := s.condition(); condition {
	case "migrating":
		m.Allowed = true
	case "ending":
		m.Why = p.T("next.ending")
	default:
		m.Why = p.T("end.not_now", "State", p.T("state."+condition))
	}
	return m
}

// endLive is what to watch before the end, and the proof after it.
func (s *stand) endLive(p *views.Page) views.EndLive {
	m := views.EndLive{Delay: s.delay(p), Done: s.State == task.Finished}
	quiet := since(p.Now, s.now.LastChange)
	switch {
	case !s.live: // nothing is seen
	case s.now.LastChange.IsZero():
		m.Writes = p.T("end.no_writes")
	case quiet < quietFor:
		m.Writing, m.Writes = s.live, p.T("end.last_write", "D", p.Duration(quiet))
	default:
		m.Writes = p.T("end.last_write", "D", p.Duration(quiet))
	}
	m.Ready = s.live && s.now.NoDelay && !m.Writing
	m.Behind = s.live && !s.now.NoDelay && !s.now.Ending
	m.Facts = s.positions(p)
	if m.Done {
		m.Facts = []views.Fact{{Name: p.T("end.final_position"), Value: dash(s.now.At(s.now.Low)), Code: true}}
		if s.now.Set != "" {
			m.Facts = append(m.Facts, views.Fact{Name: p.T("end.final_set"), Value: s.now.Set, Code: true})
		}
		m.Facts = append(m.Facts,
			views.Fact{Name: p.T("show.acked"), Value: p.T("show.acked_value", "N", p.Number(s.now.Acked), "Bytes", p.Bytes(s.now.AckedBytes))},
			views.Fact{Name: p.T("end.ended_at"), Value: p.Time(s.Updated)})
	}
	return m
}

// TaskEnd ends a task where the source stands now.
func (h *Handlers) TaskEnd(c echo.Context) error {
	id := c.Param("id")
	t, err := h.Tasks.Summary(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if err := h.Runner.End(c.Request().Context(), id); err != nil {
		return err
	}
	h.audit(c, "task.end", id, nil)
	return doneTo(c, "/tasks/"+id+"/end", "flash.task.end", t.Name, id)
}

// TaskDeleteForm asks before a task goes.
func (h *Handlers) TaskDeleteForm(c echo.Context) error {
	m, err := h.deletion(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.TaskDeletePage(pageOf(c), m))
}

func (h *Handlers) deletion(c echo.Context) (*views.TaskDelete, error) {
	p, ctx, id := pageOf(c), c.Request().Context(), c.Param("id")
	p.Title = p.T("delete.title")
	m := &views.TaskDelete{ID: id, Field: views.Field{Name: "name", Label: p.T("delete.type_name"), Autocomplete: "off", Wide: true}}
	d, err := h.Drafts.Draft(ctx, id)
	if err == nil {
		m.Draft, m.Name = true, d.Name
		return m, nil
	}
	if task.Code(err) != "task.absent" {
		return nil, err
	}
	t, err := h.Tasks.Summary(ctx, id)
	m.Name = t.Name
	return m, err
}

// TaskDelete removes a task whose name was typed, or a draft.
func (h *Handlers) TaskDelete(c echo.Context) error {
	p := pageOf(c)
	m, err := h.deletion(c)
	if err != nil {
		return err
	}
	if m.Field.Value = c.FormValue("name"); !m.Draft && strings.TrimSpace(m.Field.Value) != m.Name {
		p.Failed, m.Field.Error = true, p.T("delete.name_differs", "Name", m.Name)
		return render(c, http.StatusUnprocessableEntity, views.TaskDeletePage(p, m))
	}
	if err := h.Runner.Delete(c.Request().Context(), m.ID); err != nil {
		return err
	}
	h.audit(c, "task.delete", m.ID, map[string]string{"name": m.Name})
	return done(c, "/tasks", "flash.task.delete", m.Name)
}
