package handlers

import (
	"errors"
	"net/http"
	"strings"

	"sluice/engine/task"
	"sluice/views"
)

// Problem renders a failure in the reader's language.
func Problem(p *views.Page, err error) *views.Error { return problem(p, err) }

func problem(p *views.Page, err error) *views.Error {
	if err == nil {
		return nil
	}
	var e *task.Error
	if !errors.As(err, &e) {
		return p.Error("internal", err.Error(), "")
	}
	shown := p.Error(e.Code, e.Text, e.Hint)
	if e.Err != nil {
		shown.Said = e.Err.Error()
	}
	return shown
}

// statuses of codes that are not a conflict with the state of things.
var statuses = map[string]int{
	"internal":      http.StatusInternalServerError,
	"task.absent":   http.StatusNotFound,
	"auth.wrong":    http.StatusUnauthorized,
	"auth.needed":   http.StatusUnauthorized,
	"auth.ticket":   http.StatusForbidden,
	"auth.no_user":  http.StatusNotFound,
	"auth.too_many": http.StatusTooManyRequests,
	"web.token":     http.StatusForbidden,
	"web.origin":    http.StatusForbidden,
	"web.not_found": http.StatusNotFound,
	"web.method":    http.StatusMethodNotAllowed,
	"web.too_large": http.StatusRequestEntityTooLarge,
}

// StatusOf is the HTTP status of a code.
func StatusOf(code string) int {
	if s, ok := statuses[code]; ok {
		return s
	}
	switch room, _, _ := strings.Cut(code, "."); room {
	case "task", "draft", "precheck":
		return http.StatusConflict
	case "source", "target":
		return http.StatusBadGateway
	}
	return http.StatusInternalServerError
}
