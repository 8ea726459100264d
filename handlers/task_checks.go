package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"sluice/views"
)

// TaskChecks shows the last precheck of a task, or the one that the query names.
func (h *Handlers) TaskChecks(c echo.Context) error {
	s, err := h.inspectedTask(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.showTaskChecks(c, s, http.StatusOK, "")
}

// showTaskChecks renders the page; bad is what is wrong with the reason that was given in the drawer.
func (h *Handlers) showTaskChecks(c echo.Context, s inspected, status int, bad string) error {
	p, _, head, err := h.stand(c, "precheck")
	if err != nil {
		return err
	}
	m := &views.TaskChecks{Head: head, Checks: s.page(c, p, bad)}
	if !m.Checks.Old {
		p.Live += ",check:" + s.id
	}
	return render(c, status, views.TaskChecksPage(p, m))
}

// TaskChecksRun checks a task again.
func (h *Handlers) TaskChecksRun(c echo.Context) error {
	s, err := h.inspectedTask(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.runChecks(c, s)
}

// TaskChecksAcknowledge keeps that the person takes a warning of a task upon himself.
func (h *Handlers) TaskChecksAcknowledge(c echo.Context) error {
	s, err := h.inspectedTask(c.Request().Context(), c.Param("id"))
	if err != nil {
		return err
	}
	return h.acknowledge(c, s, func(status int, bad string) error { return h.showTaskChecks(c, s, status, bad) })
}
