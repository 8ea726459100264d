package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"sluice/views"
)

// TaskRepeatForm asks before a task sends again what the topic no longer tells of.
func (h *Handlers) TaskRepeatForm(c echo.Context) error {
	p, s, head, err := h.stand(c, "")
	if err != nil {
		return err
	}
	p.Title = p.T("repeat.title") + " – " + s.Name
	return render(c, http.StatusOK, views.TaskRepeatPage(p, &views.TaskRepeat{Head: head, Allowed: s.expired()}))
}

// TaskRepeat goes on with such a task.
func (h *Handlers) TaskRepeat(c echo.Context) error {
	id := c.Param("id")
	t, err := h.Tasks.Summary(c.Request().Context(), id)
	if err != nil {
		return err
	}
	if err := h.Runner.Repeat(c.Request().Context(), id); err != nil {
		return err
	}
	h.audit(c, "task.repeat", id, nil)
	return doneTo(c, "/tasks/"+id, "flash.task.start", t.Name, id)
}
