package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/handlers"
	"sluice/views"
)

// fail answers a request whose action gave an error: as a page, or as JSON where that was asked for.
func (s *Server) fail(err error, c echo.Context) {
	if c.Response().Committed || c.Request().Context().Err() != nil {
		return
	}
	e := known(err)
	status := handlers.StatusOf(e.Code)
	if status == http.StatusInternalServerError {
		s.Log.Error("a request failed", "method", c.Request().Method, "path", c.Request().URL.Path, "code", e.Code, "error", err)
	}
	if werr := s.tell(c, status, e); werr != nil {
		s.Log.Warn("an error could not be shown", "error", werr)
	}
}

func (s *Server) tell(c echo.Context, status int, e *task.Error) error {
	p, ok := c.Get(handlers.PageKey).(*views.Page)
	if !ok { // it failed before there was one
		p = &views.Page{Locale: s.texts.Locale(s.language(c)), Theme: theme(cookie(c, themeCookie)), Now: s.Now(), Assets: s.files.URL, Path: "/"}
	}
	shown := handlers.Problem(p, e)
	if wantsJSON(c) {
		return c.JSON(status, map[string]string{"code": shown.Code, "text": shown.Text, "hint": shown.Hint, "detail": shown.Detail, "said": shown.Said})
	}
	p.Live, p.Title = "", p.T("error.title")
	if status == http.StatusNotFound {
		p.Title = p.T("error.not_found_title")
	}
	return c.Render(status, "", views.Failed(p, shown))
}

// known makes a task.Error of what may come out of an action. What it is not one tells a person nothing, and perhaps
// too much: it is logged and not shown.
func known(err error) *task.Error {
	var e *task.Error
	if errors.As(err, &e) {
		return e
	}
	var h *echo.HTTPError
	if errors.As(err, &h) {
		switch h.Code {
		case http.StatusNotFound:
			return &task.Error{Code: "web.not_found", Text: "There is no such page.", Hint: "Look at the address, or go to the list of tasks."}
		case http.StatusMethodNotAllowed:
			return &task.Error{Code: "web.method", Text: "This address cannot be used in this way."}
		case http.StatusRequestEntityTooLarge:
			return &task.Error{Code: "web.too_large", Text: "What was sent is too large."}
		}
	}
	return &task.Error{Code: "internal", Text: "Something unexpected went wrong.", Hint: "Try again. The log of the server says more. Tasks are not affected."}
}

func wantsJSON(c echo.Context) bool {
	return strings.Contains(c.Request().Header.Get(echo.HeaderAccept), echo.MIMEApplicationJSON)
}
