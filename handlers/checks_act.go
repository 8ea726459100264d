package handlers

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// maxReason is how long the reason for taking a warning may be.
const maxReason = 500

// page is the panel of a precheck as the query asks for it: ?run=ID an earlier run, ?item=ID with the drawer of an
// item. It prepares the page to follow a run.
func (s *inspected) page(c echo.Context, p *views.Page, bad string) *views.Checks {
	run := s.shown(c.FormValue("run"))
	m := s.panel(p, run)
	m.Detail = s.detail(p, run, c.FormValue("item"))
	if c.Request().Method == http.MethodPost {
		p.Path = s.url // a form came back: its own address can't be asked for
	}
	switch {
	case m.Detail == nil && s.running:
		p.Refresh = 1
	case m.Detail != nil && bad != "":
		m.Detail.Reason.Value, m.Detail.Reason.Error, p.Failed = c.FormValue("reason"), bad, true
	}
	return m
}

// runChecks begins a precheck of everything, of the failed items or of one item, and goes back to the page.
func (h *Handlers) runChecks(c echo.Context, s inspected) error {
	var only []string
	switch one := c.FormValue("item"); {
	case one != "":
		only = []string{one}
	case c.FormValue("failed") != "" && len(s.runs) > 0:
		for i := range s.runs[0].Items {
			if it := &s.runs[0].Items[i]; it.Status != "passed" && it.AcknowledgedBy == "" {
				only = append(only, it.ID)
			}
		}
	}
	if err := h.Checker.Check(c.Request().Context(), s.id, s.spec, s.about, only); err != nil {
		return err
	}
	h.audit(c, "precheck.run", s.id, map[string]string{"items": strings.Join(only, ",")})
	return c.Redirect(http.StatusSeeOther, s.url)
}

// acknowledge keeps that the person takes a warning of the newest run upon himself; again shows the page once more.
func (h *Handlers) acknowledge(c echo.Context, s inspected, again func(status int, bad string) error) error {
	p, id, why := pageOf(c), c.FormValue("item"), strings.TrimSpace(c.FormValue("reason"))
	run := s.shown(c.FormValue("run"))
	stale := &task.Error{Code: "precheck.stale", Text: "The warning is not there any more.", Hint: "Look at the precheck again: it has run anew, or another person was faster."}
	if run == nil || s.running || strconv.FormatInt(run.ID, 10) != c.FormValue("run") || run.ID != s.runs[0].ID {
		return stale
	}
	it := item(run, id)
	switch {
	case it == nil || mark(it) != "warning":
		return stale // an error can't be taken
	case it.AcknowledgedBy != "":
		return c.Redirect(http.StatusSeeOther, s.url)
	case why == "":
		return again(http.StatusUnprocessableEntity, p.T("precheck.reason_missing"))
	case utf8.RuneCountInString(why) > maxReason:
		return again(http.StatusUnprocessableEntity, p.T("precheck.reason_long", "N", maxReason))
	}
	if err := h.Checks.Acknowledge(c.Request().Context(), run.ID, id, p.User, why); err != nil {
		return err
	}
	h.audit(c, "precheck.acknowledge", s.id, map[string]string{"item": id, "why": why})
	return c.Redirect(http.StatusSeeOther, s.url)
}
