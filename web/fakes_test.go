package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"sluice/engine/task"
	"sluice/handlers"
)

// nothing is a console without tasks, that knows one session and one ticket.
type nothing struct{ drafts }

type drafts = handlers.Drafts

func (nothing) Tasks(context.Context) ([]task.Outline, error)                { return nil, nil }
func (nothing) Summaries(context.Context, ...string) ([]task.Summary, error) { return nil, nil }
func (nothing) Summary(context.Context, string) (task.Summary, error) {
	return task.Summary{}, &task.Error{Code: "task.absent", Text: "There is no such task."}
}
func (nothing) TableProgress(context.Context, string) ([]task.TableProgress, error)  { return nil, nil }
func (nothing) History(context.Context, string, int64, int) ([]task.Event, error)    { return nil, nil }
func (nothing) Drafts(context.Context) ([]task.Draft, error)                         { return nil, nil }
func (nothing) HasUsers(context.Context) (bool, error)                               { return true, nil }
func (nothing) SignOut(context.Context, string) error                                { return nil }
func (nothing) SignOutAll(context.Context, string) error                             { return nil }
func (nothing) HasPassword(context.Context, string) (bool, error)                    { return true, nil }
func (nothing) ChangePassword(context.Context, string, string, string, string) error { return nil }
func (nothing) SignInWithTicket(context.Context, string) (string, error)             { return "s1", nil }
func (nothing) TicketValid(context.Context, string) (string, error)                  { return "ann", nil }
func (nothing) Setup(context.Context, string, string, string) (string, error)        { return "s1", nil }
func (nothing) SignIn(_ context.Context, _, password string) (string, error) {
	if password == "right password" {
		return "s1", nil
	}
	return "", &task.Error{Code: "auth.wrong", Text: "The user name or the password is wrong."}
}

func (nothing) SessionUser(_ context.Context, session string) (string, error) {
	if session == "s1" {
		return "ann", nil
	}
	return "", nil
}

var now = time.Date(2026, 11, 22, 17, 3, 11, 0, time.UTC)

func newServer(t *testing.T) *Server {
	t.Helper()
	n := nothing{}
	s, err := New(Options{Handlers: handlers.Deps{Tasks: n, Drafts: n, Accounts: n}, Sessions: n, Key: make([]byte, 32),
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// request is one of a browser: with its cookies, and with a form if there is one.
type request struct {
	method, path string
	form         url.Values
	cookies      map[string]string
	head         map[string]string
}

// signed is a browser that is signed in and has a form's cookie.
func signed() map[string]string { return map[string]string{sessionCookie: "s1", formCookie: "f1"} }

func (s *Server) do(r request) *httptest.ResponseRecorder {
	q := httptest.NewRequest(r.method, "http://console.example"+r.path, strings.NewReader(r.form.Encode()))
	if r.method == http.MethodPost {
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range r.cookies {
		q.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	for name, value := range r.head {
		q.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, q)
	return w
}
