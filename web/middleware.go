package web

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/handlers"
	"sluice/views"
	"sluice/views/i18n"
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; worker-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// headers are those of every answer.
func (s *Server) headers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		head := c.Response().Header()
		head.Set("Content-Security-Policy", policy)
		head.Set("X-Content-Type-Options", "nosniff")
		head.Set("Referrer-Policy", "same-origin")
		head.Set("Cross-Origin-Opener-Policy", "same-origin")
		head.Set("Cross-Origin-Resource-Policy", "same-origin")
		return next(c)
	}
}

// Names of cookies. None of them can be read by a script.
const (
	sessionCookie = "sluice_session"
	formCookie    = "sluice_form"
	langCookie    = "sluice_lang"
	themeCookie   = "sluice_theme"
	flashCookie   = "sluice_flash"
)

// page prepares what every page needs and carries what the last action has to say.
func (s *Server) page(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		head := c.Response().Header()
		head.Set("Cache-Control", "no-store")
		head.Set("Vary", "Accept-Language, Cookie")
		user, err := s.user(c)
		if err != nil {
			return err
		}
		p := &views.Page{Locale: s.texts.Locale(s.language(c)), Theme: theme(cookie(c, themeCookie)), User: user, Path: c.Request().URL.RequestURI(),
			CSRF: s.formToken(c), Demo: s.Demo, Now: s.Now(), Assets: s.files.URL}
		if s.Open && c.Scheme() != "https" {
			p.Warnings = append(p.Warnings, p.T("warning.open"))
		}
		if c.Request().Method == http.MethodGet && cookie(c, flashCookie) != "" {
			p.Flash = readFlash(cookie(c, flashCookie))
			clearCookie(c, flashCookie)
		}
		c.Set(handlers.PageKey, p)
		c.Response().Before(func() { // an action leaves its words before it redirects
			if f, ok := c.Get(handlers.FlashKey).(views.Flash); ok {
				setCookie(c, flashCookie, writeFlash(f), time.Minute)
			}
		})
		return next(c)
	}
}

func (s *Server) language(c echo.Context) string {
	if lang := cookie(c, langCookie); i18n.Known(lang) {
		return lang
	}
	return s.texts.Match(c.Request().Header.Get("Accept-Language"))
}

func theme(name string) string {
	if name == "light" || name == "dark" {
		return name
	}
	return ""
}

func (s *Server) user(c echo.Context) (string, error) {
	session := cookie(c, sessionCookie)
	if session == "" {
		return "", nil
	}
	return s.Sessions.SessionUser(c.Request().Context(), session)
}

// signedIn lets only those through who are; a page is asked for again after the sign-in.
func (s *Server) signedIn(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Get(handlers.PageKey).(*views.Page).User != "" {
			return next(c)
		}
		return askToSignIn(c)
	}
}

// askToSignIn leads to the sign-in, and from there back to the page.
func askToSignIn(c echo.Context) error {
	if c.Request().URL.Path == "/events" || wantsJSON(c) {
		return &task.Error{Code: "auth.needed", Text: "Nobody is signed in.", Hint: "Sign in, then try again."}
	}
	if c.Request().Method != http.MethodGet {
		return c.Redirect(http.StatusSeeOther, "/signin?over=1&next="+url.QueryEscape(standsOn(c)))
	}
	to := "/signin"
	if c.Request().URL.Path != "/" {
		to += "?next=" + url.QueryEscape(c.Request().URL.RequestURI())
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// standsOn is the page of ours on which a form was, as the browser says; "" where it does not say.
func standsOn(c echo.Context) string {
	from, err := url.Parse(c.Request().Referer())
	if err != nil || from.Host != c.Request().Host || from.Path == "/signin" || from.Path == "/setup" {
		return ""
	}
	return from.RequestURI()
}

// guard refuses what another site may have sent: by the browser's word on the origin, and by a token of ours. Over
// plain HTTP browsers do not send Sec-Fetch-Site, so that neither is enough alone.
func (s *Server) guard(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			return next(c)
		}
		if err := s.origin.Check(r); err != nil {
			return &task.Error{Code: "web.origin", Text: "The request came from another site.", Hint: "Open the console by its own address and try again."}
		}
		got := r.Header.Get("X-CSRF-Token")
		if got == "" {
			got = c.FormValue("_csrf")
		}
		if !hmac.Equal([]byte(got), []byte(s.tokenFor(cookie(c, formCookie), cookie(c, sessionCookie)))) || cookie(c, formCookie) == "" {
			if c.Get(handlers.PageKey).(*views.Page).User == "" && standsOn(c) != "" { // the page is of a session that is over
				return askToSignIn(c)
			}
			return &task.Error{Code: "web.token", Text: "The form is out of date.", Hint: "Load the page again and repeat what you did. Cookies must be allowed for this site."}
		}
		return next(c)
	}
}

// formToken gives the token for the forms of this browser and session.
func (s *Server) formToken(c echo.Context) string {
	id := cookie(c, formCookie)
	if id == "" {
		var b [16]byte
		_, _ = rand.Read(b[:]) // never fails: it ends the process first
		id = base64.RawURLEncoding.EncodeToString(b[:])
		setCookie(c, formCookie, id, 0)
	}
	return s.tokenFor(id, cookie(c, sessionCookie))
}

func (s *Server) tokenFor(form, session string) string {
	m := hmac.New(sha256.New, s.Key)
	m.Write([]byte(form + "\x00" + session))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// preferences keeps language and theme in cookies and goes back.
func (s *Server) preferences(c echo.Context) error {
	if lang := c.FormValue("lang"); i18n.Known(lang) {
		setCookie(c, langCookie, lang, 365*24*time.Hour)
	}
	switch t := c.FormValue("theme"); {
	case t == "auto":
		clearCookie(c, themeCookie)
	case theme(t) != "":
		setCookie(c, themeCookie, t, 365*24*time.Hour)
	}
	to := c.FormValue("back")
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.ContainsAny(to, "\\\r\n\t") {
		to = "/"
	}
	return c.Redirect(http.StatusSeeOther, to)
}

// cookies is how a session is kept in a browser.
type cookies struct{}

func (cookies) Set(c echo.Context, session string) { setCookie(c, sessionCookie, session, 0) }
func (cookies) Get(c echo.Context) string          { return cookie(c, sessionCookie) }
func (cookies) Clear(c echo.Context)               { clearCookie(c, sessionCookie) }

func cookie(c echo.Context, name string) string {
	if k, err := c.Cookie(name); err == nil {
		return k.Value
	}
	return ""
}

func setCookie(c echo.Context, name, value string, life time.Duration) {
	c.SetCookie(&http.Cookie{Name: name, Value: value, Path: "/", MaxAge: int(life.Seconds()), HttpOnly: true, Secure: c.Request().TLS != nil, SameSite: http.SameSiteLaxMode})
}

func clearCookie(c echo.Context, name string) {
	c.SetCookie(&http.Cookie{Name: name, Path: "/", MaxAge: -1, HttpOnly: true, Secure: c.Request().TLS != nil, SameSite: http.SameSiteLaxMode})
}

func writeFlash(f views.Flash) string {
	text, _ := json.Marshal(f) // two strings
	return base64.RawURLEncoding.EncodeToString(text)
}

func readFlash(value string) *views.Flash {
	text, err := base64.RawURLEncoding.DecodeString(value)
	var f views.Flash
	if err != nil || json.Unmarshal(text, &f) != nil || !strings.HasPrefix(f.Key, "flash.") {
		return nil
	}
	return &f
}
