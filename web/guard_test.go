package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// addresses are all routes of a method, with something in the place of parameters.
func (s *Server) addresses(method string) []string {
	var out []string
	for _, r := range s.echo.Routes() {
		if r.Method == method {
			out = append(out, strings.NewReplacer(":id", "0123456789abcdef", "*", "x").Replace(r.Path))
		}
	}
	return out
}

// Every address that changes something refuses a request without the token of the browser's own form, with the token
// of another session, and from another site, whatever else is right with it.
func TestEveryPostIsGuarded(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	right := s.tokenFor("f1", "s1")
	posts := s.addresses(http.MethodPost)
	if len(posts) < 8 {
		t.Fatalf("only %d addresses take POST", len(posts))
	}
	for _, path := range posts {
		for name, r := range map[string]request{
			"no token":                  {form: url.Values{}, cookies: signed()},
			"a wrong token":             {form: url.Values{"_csrf": {"x"}}, cookies: signed()},
			"the token without cookies": {form: url.Values{"_csrf": {s.tokenFor("", "")}}},
			"another session's token":   {form: url.Values{"_csrf": {s.tokenFor("f1", "s2")}}, cookies: signed()},
			"another site":              {form: url.Values{"_csrf": {right}}, cookies: signed(), head: map[string]string{"Origin": "http://evil.example"}},
			"another site by metadata":  {form: url.Values{"_csrf": {right}}, cookies: signed(), head: map[string]string{"Sec-Fetch-Site": "cross-site"}},
			"no site":                   {form: url.Values{"_csrf": {right}}, cookies: signed(), head: map[string]string{"Origin": "null"}},
		} {
			r.method, r.path = http.MethodPost, path
			w := s.do(r)
			if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "web.") {
				t.Errorf("POST %s with %s is answered %d", path, name, w.Code)
			}
		}
	}
	for _, head := range []map[string]string{nil, {"Origin": "http://console.example"}, {"Sec-Fetch-Site": "same-origin"}} {
		w := s.do(request{method: http.MethodPost, path: "/preferences", form: url.Values{"_csrf": {right}, "theme": {"dark"}}, cookies: signed(), head: head})
		if w.Code != http.StatusSeeOther {
			t.Errorf("a right request with %v is answered %d", head, w.Code)
		}
	}
}

// open are the addresses for those who are not signed in.
var open = map[string]bool{"/static/x": true, "/healthz": true, "/signin": true, "/setup": true}

func TestEveryPageNeedsASession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	gets := s.addresses(http.MethodGet)
	if len(gets) < 10 {
		t.Fatalf("only %d addresses take GET", len(gets))
	}
	for _, path := range gets {
		for _, session := range []string{"", "forged"} {
			w := s.do(request{method: http.MethodGet, path: path, cookies: map[string]string{sessionCookie: session}})
			to := w.Header().Get("Location")
			switch {
			case open[path]:
				if strings.HasPrefix(to, "/signin") {
					t.Errorf("GET %s leads to the sign-in", path)
				}
			case path == "/events":
				if w.Code != http.StatusUnauthorized {
					t.Errorf("the live stream is answered %d without a session", w.Code)
				}
			case w.Code != http.StatusSeeOther || !strings.HasPrefix(to, "/signin"):
				t.Errorf("GET %s with the session %q is answered %d to %q", path, session, w.Code, to)
			}
		}
	}
}

// What is sent from a page whose session is over, whether its cookie went in another tab or lasts longer than the
// session, does nothing; the sign-in says so and leads back to the page. From elsewhere it stays a form out of date.
func TestPostAfterTheSession(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	const page = "/tasks/0123456789abcdef?live=off"
	back := "/signin?over=1&next=" + url.QueryEscape(page)
	old := url.Values{"_csrf": {s.tokenFor("f1", "s0")}}
	for _, path := range s.addresses(http.MethodPost) {
		for name, cookies := range map[string]map[string]string{"without a session": {formCookie: "f1"}, "with one that is over": {formCookie: "f1", sessionCookie: "s0"}} {
			if open[path] || path == "/preferences" && cookies[sessionCookie] != "" {
				continue // these need none
			}
			w := s.do(request{method: http.MethodPost, path: path, form: old, cookies: cookies, head: map[string]string{"Referer": "http://console.example" + page}})
			if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != back {
				t.Errorf("POST %s %s is answered %d to %q, want %q", path, name, w.Code, got, back)
			}
		}
	}
	for _, from := range []string{"", "http://evil.example/tasks", "http://console.example/signin", "http://console.example/setup"} {
		w := s.do(request{method: http.MethodPost, path: "/preferences", form: old, cookies: map[string]string{formCookie: "f1"}, head: map[string]string{"Referer": from}})
		if w.Code != http.StatusForbidden {
			t.Errorf("from %q a wrong token is answered %d", from, w.Code)
		}
	}
	w := s.do(request{method: http.MethodPost, path: "/tasks/0123456789abcdef/pause", form: old, cookies: map[string]string{formCookie: "f1"},
		head: map[string]string{"Referer": "http://console.example" + page, "Accept": "application/json"}})
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"auth.needed"`) {
		t.Errorf("a script is answered %d %s", w.Code, w.Body)
	}
	w = s.do(request{method: http.MethodGet, path: back})
	if !strings.Contains(w.Body.String(), "Your session is over") || !strings.Contains(w.Body.String(), `name="next" value="`+page+`"`) {
		t.Errorf("the sign-in does not say what happened: %s", w.Body)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for path, status := range map[string]int{"/tasks": 200, "/signin": 200, "/nowhere": 404, "/tasks/0123": 404, s.files.URL("app.css"): 200, "/healthz": 200} {
		w := s.do(request{method: http.MethodGet, path: path, cookies: signed()})
		if w.Code != status {
			t.Errorf("GET %s is answered %d, want %d", path, w.Code, status)
		}
		csp := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(csp, want) {
				t.Errorf("the policy of %s lacks %s: %s", path, want, csp)
			}
		}
		for _, never := range []string{"unsafe", "*", "data:", "http", "nonce"} {
			if strings.Contains(csp, never) {
				t.Errorf("the policy of %s allows %s: %s", path, never, csp)
			}
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s may be sniffed", path)
		}
		if cache := w.Header().Get("Cache-Control"); (path == "/tasks" || path == "/signin") && cache != "no-store" {
			t.Errorf("GET %s may be kept: %q", path, cache)
		}
	}
}

func TestCookiesAreNotForScripts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.do(request{method: http.MethodPost, path: "/signin", cookies: map[string]string{formCookie: "f1"},
		form: url.Values{"_csrf": {s.tokenFor("f1", "")}, "name": {"ann"}, "password": {"right password"}}})
	set := w.Result().Cookies()
	if w.Code != http.StatusSeeOther || len(set) == 0 {
		t.Fatalf("the sign-in is answered %d with %d cookies", w.Code, len(set))
	}
	for _, c := range set {
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("the cookie %s is open: %v", c.Name, c)
		}
	}
}

// A person must come back to where they were, and nowhere else.
func TestRedirectsStayInside(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	for to, want := range map[string]string{"/tasks?status=running": "/tasks?status=running", "//evil.example": "/tasks", "https://evil.example": "/tasks",
		`/\evil.example`: "/tasks", "/\t/evil.example": "/tasks", "": "/tasks"} {
		w := s.do(request{method: http.MethodPost, path: "/signin", cookies: map[string]string{formCookie: "f1"},
			form: url.Values{"_csrf": {s.tokenFor("f1", "")}, "name": {"ann"}, "password": {"right password"}, "next": {to}}})
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("after the sign-in for %q the browser goes to %q, want %q", to, got, want)
		}
		if want == "/tasks" {
			want = "/"
		}
		w = s.do(request{method: http.MethodPost, path: "/preferences", form: url.Values{"_csrf": {s.tokenFor("f1", "s1")}, "back": {to}}, cookies: signed()})
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("after a switch on %q the browser goes to %q, want %q", to, got, want)
		}
	}
}

// Guessing is slowed down for the address and for the user, and the right password is not taken meanwhile.
func TestAttempts(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	try := func(password string) int {
		return s.do(request{method: http.MethodPost, path: "/signin", cookies: map[string]string{formCookie: "f1"},
			form: url.Values{"_csrf": {s.tokenFor("f1", "")}, "name": {"ann"}, "password": {password}}}).Code
	}
	for range 5 {
		if got := try("guess"); got != http.StatusUnauthorized {
			t.Fatalf("a wrong password is answered %d", got)
		}
	}
	if got := try("right password"); got != http.StatusTooManyRequests {
		t.Errorf("after five guesses the right password is answered %d", got)
	}
}

func TestErrorsAsJSON(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	w := s.do(request{method: http.MethodGet, path: "/tasks/0123", cookies: signed(), head: map[string]string{"Accept": "application/json"}})
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), `"code":"task.absent"`) {
		t.Errorf("a missing task is answered %d %s", w.Code, w.Body)
	}
	w = s.do(request{method: http.MethodGet, path: "/tasks", head: map[string]string{"Accept": "application/json"}})
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `"code":"auth.needed"`) {
		t.Errorf("a program without a session is answered %d %s", w.Code, w.Body)
	}
}
