package handlers

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"sluice/views"
)

// How many characters a password has.
const (
	PasswordLeast = 12
	PasswordMost  = 1000
)

// newPassword says what is wrong with a password that was chosen.
func newPassword(p *views.Page, password, again string) (wordBad, againBad string) {
	switch n := utf8.RuneCountInString(password); {
	case n == 0:
		return p.T("auth.password_missing"), ""
	case n < PasswordLeast:
		return p.T("auth.password_short"), ""
	case n > PasswordMost:
		return p.T("auth.password_long"), ""
	case again != password:
		return "", p.T("auth.again_differs")
	}
	return "", ""
}

func (h *Handlers) account(c echo.Context) (*views.Page, *views.Account, error) {
	p := pageOf(c)
	p.Title = p.T("account.title")
	has, err := h.Accounts.HasPassword(c.Request().Context(), p.User)
	return p, &views.Account{HasPassword: has}, err
}

// Account is where a person changes the own password and signs out everywhere.
func (h *Handlers) Account(c echo.Context) error {
	p, m, err := h.account(c)
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.AccountPage(p, m))
}

// AccountPassword changes the own password; all other sessions end.
func (h *Handlers) AccountPassword(c echo.Context) error {
	p, m, err := h.account(c)
	if err != nil {
		return err
	}
	old, password := c.FormValue("old"), c.FormValue("password")
	if m.HasPassword && old == "" {
		m.OldBad = p.T("auth.password_missing")
	}
	m.WordBad, m.AgainBad = newPassword(p, password, c.FormValue("again"))
	if m.OldBad+m.WordBad+m.AgainBad != "" {
		p.Failed = true
		return render(c, http.StatusUnprocessableEntity, views.AccountPage(p, m))
	}
	keys := []string{"address " + c.RealIP(), "user " + strings.ToLower(p.User)}
	if err = h.attempts.allow(keys...); err == nil {
		err = h.Accounts.ChangePassword(c.Request().Context(), p.User, h.Sessions.Get(c), old, password)
		h.attempts.note(err == nil, keys...)
	}
	if err != nil {
		p.Failed, m.Problem = true, problem(p, err)
		return render(c, statusOf(err), views.AccountPage(p, m))
	}
	h.audit(c, "user.password", p.User, nil)
	return done(c, "/account", "flash.account.password", p.User)
}

// AccountSignOut ends all sessions of the person, this one too.
func (h *Handlers) AccountSignOut(c echo.Context) error {
	if err := h.Accounts.SignOutAll(c.Request().Context(), pageOf(c).User); err != nil {
		return err
	}
	h.audit(c, "user.signout_all", pageOf(c).User, nil)
	h.Sessions.Clear(c)
	return c.Redirect(http.StatusSeeOther, "/signin")
}
