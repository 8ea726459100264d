package handlers

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// SignInForm asks for name and password, or whether to use the link's ticket: opening a link changes nothing, as
// programs that look ahead open links too.
func (h *Handlers) SignInForm(c echo.Context) error {
	p := pageOf(c)
	p.Title = p.T("auth.signin")
	m := &views.Auth{Ticket: c.QueryParam("ticket"), Next: inside(c.QueryParam("next")), Over: c.QueryParam("over") != ""}
	if m.Ticket != "" {
		user, err := h.Accounts.TicketValid(c.Request().Context(), m.Ticket)
		if err == nil && user == "" {
			return c.Redirect(http.StatusSeeOther, "/setup?ticket="+m.Ticket)
		}
		if err != nil {
			m.Ticket, m.Problem = "", problem(p, err)
		}
		m.As = user
	}
	return render(c, http.StatusOK, views.SignIn(p, m))
}

// SignIn begins a session.
func (h *Handlers) SignIn(c echo.Context) error {
	p, ctx := pageOf(c), c.Request().Context()
	p.Title = p.T("auth.signin")
	m := &views.Auth{Name: strings.TrimSpace(c.FormValue("name")), Next: inside(c.FormValue("next"))}
	if ticket := c.FormValue("ticket"); ticket != "" {
		session, err := h.Accounts.SignInWithTicket(ctx, ticket)
		if err != nil {
			m.Problem = problem(p, err)
			return render(c, statusOf(err), views.SignIn(p, m))
		}
		return h.enter(c, session, m.Next)
	}
	if m.Name == "" {
		m.NameBad = p.T("auth.name_missing")
	}
	password := c.FormValue("password")
	if password == "" {
		m.WordBad = p.T("auth.password_missing")
	}
	if m.NameBad != "" || m.WordBad != "" {
		p.Failed = true
		return render(c, http.StatusUnprocessableEntity, views.SignIn(p, m))
	}
	keys := []string{"address " + c.RealIP(), "user " + strings.ToLower(m.Name)}
	err := h.attempts.allow(keys...)
	var session string
	if err == nil {
		session, err = h.Accounts.SignIn(ctx, m.Name, password)
		h.attempts.note(err == nil, keys...)
	}
	if err != nil {
		p.Failed, m.Problem = true, problem(p, err)
		return render(c, statusOf(err), views.SignIn(p, m))
	}
	return h.enter(c, session, m.Next)
}

func (h *Handlers) enter(c echo.Context, session, next string) error {
	h.Sessions.Set(c, session)
	if next == "" {
		next = "/tasks"
	}
	return c.Redirect(http.StatusSeeOther, next)
}

// SetupForm asks for the first user; its link works once.
func (h *Handlers) SetupForm(c echo.Context) error {
	p := pageOf(c)
	p.Title = p.T("auth.setup_title")
	m := &views.Auth{Setup: true, Ticket: c.QueryParam("ticket")}
	if _, err := h.Accounts.TicketValid(c.Request().Context(), m.Ticket); err != nil {
		m.Ticket, m.Problem = "", problem(p, err)
		return render(c, statusOf(err), views.SignIn(p, m))
	}
	return render(c, http.StatusOK, views.SignIn(p, m))
}

// Setup makes the first user and signs it in.
func (h *Handlers) Setup(c echo.Context) error {
	p := pageOf(c)
	p.Title = p.T("auth.setup_title")
	m := &views.Auth{Setup: true, Ticket: c.FormValue("ticket"), Name: strings.TrimSpace(c.FormValue("name"))}
	password := c.FormValue("password")
	switch n := utf8.RuneCountInString(m.Name); {
	case n == 0:
		m.NameBad = p.T("auth.name_missing")
	case n > 64:
		m.NameBad = p.T("auth.name_long")
	}
	m.WordBad, m.AgainBad = newPassword(p, password, c.FormValue("again"))
	if m.NameBad+m.WordBad+m.AgainBad != "" {
		p.Failed = true
		return render(c, http.StatusUnprocessableEntity, views.SignIn(p, m))
	}
	session, err := h.Accounts.Setup(c.Request().Context(), m.Ticket, m.Name, password)
	if err != nil {
		m.Ticket, m.Problem, p.Failed = "", problem(p, err), true
		return render(c, statusOf(err), views.SignIn(p, m))
	}
	return h.enter(c, session, "")
}

// SignOut ends the session.
func (h *Handlers) SignOut(c echo.Context) error {
	if err := h.Accounts.SignOut(c.Request().Context(), h.Sessions.Get(c)); err != nil {
		return err
	}
	h.Sessions.Clear(c)
	return c.Redirect(http.StatusSeeOther, "/signin")
}

// inside gives an address of ours, or nothing: a form must not lead elsewhere.
func inside(path string) string {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return ""
	}
	return path
}

// statusOf is the HTTP status of a failure.
func statusOf(err error) int { return StatusOf(task.Code(err)) }
