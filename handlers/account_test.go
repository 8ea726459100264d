package handlers

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views/i18n"
)

// people is one user with a password.
type people struct {
	Accounts
	has  bool
	acts []string
}

func (a *people) HasPassword(context.Context, string) (bool, error) { return a.has, nil }
func (a *people) ChangePassword(_ context.Context, user, session, old, password string) error {
	if a.has && old != "the old password" {
		return &task.Error{Code: "auth.wrong", Text: "The user name or the password is wrong."}
	}
	a.acts = append(a.acts, user+" "+session+" "+password)
	return nil
}

type noCookies struct{}

func (noCookies) Set(echo.Context, string) {}
func (noCookies) Get(echo.Context) string  { return "s1" }
func (noCookies) Clear(echo.Context)       {}

func TestOwnPassword(t *testing.T) {
	t.Parallel()
	const good = "a password of mine"
	for name, tt := range map[string]struct {
		has    bool
		form   url.Values
		status int
		says   string // a key of the page
	}{
		"all right":          {true, url.Values{"old": {"the old password"}, "password": {good}, "again": {good}}, http.StatusSeeOther, ""},
		"the first":          {false, url.Values{"password": {good}, "again": {good}}, http.StatusSeeOther, ""},
		"the old is missing": {true, url.Values{"password": {good}, "again": {good}}, http.StatusUnprocessableEntity, "auth.password_missing"},
		"the old is wrong":   {true, url.Values{"old": {"x"}, "password": {good}, "again": {good}}, http.StatusUnauthorized, "error.auth.wrong"},
		"too short":          {false, url.Values{"password": {"short"}, "again": {"short"}}, http.StatusUnprocessableEntity, "auth.password_short"},
		"too long":           {false, url.Values{"password": {strings.Repeat("x", 1001)}}, http.StatusUnprocessableEntity, "auth.password_long"},
		"not the same":       {false, url.Values{"password": {good}, "again": {good + "x"}}, http.StatusUnprocessableEntity, "auth.again_differs"},
	} {
		for _, lang := range i18n.Tags() {
			s := newShelf(t)
			s.lang = lang
			a := &people{has: tt.has}
			h := New(Deps{Accounts: a, Audit: s, Now: func() time.Time { return shelfNow }, Sessions: noCookies{}})
			s.echo.POST("/account/password", h.AccountPassword)
			w := s.post("/account/password", "", tt.form)
			if w.Code != tt.status || (len(a.acts) > 0) != (tt.says == "") {
				t.Errorf("%s: answered %d, did %q", name, w.Code, a.acts)
			}
			if says := s.text(t, tt.says); !strings.Contains(w.Body.String(), says) {
				t.Errorf("%s: the page does not say %q", name, says)
			}
			if strings.Contains(w.Body.String(), good) {
				t.Errorf("%s: the page shows the password", name)
			}
		}
	}
}

func (s *shelf) text(t *testing.T, key string) string {
	t.Helper()
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	if key == "" {
		return ""
	}
	return texts.Locale(s.lang).T(key)
}

func TestGoldenAccount(t *testing.T) {
	t.Parallel()
	for name, has := range map[string]bool{"account": true, "account-first": false} {
		for _, lang := range i18n.Tags() {
			s := newShelf(t)
			s.lang = lang
			s.echo.GET("/account", New(Deps{Accounts: &people{has: has}, Now: func() time.Time { return shelfNow }}).Account)
			golden(t, name+"."+lang, s.get("/account").Body.String())
		}
	}
}
