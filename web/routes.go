package web

import (
	"compress/gzip"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
)

// maxBody bounds what a form may send: a CA file is the largest.
const maxBody = "1M"

// routes is every address of the console.
func (s *Server) routes() {
	e, h := s.echo, s.h
	e.Use(s.headers, middleware.GzipWithConfig(middleware.GzipConfig{Level: gzip.BestSpeed, MinLength: 512, Skipper: func(c echo.Context) bool {
		return c.Request().URL.Path == "/events" || strings.HasPrefix(c.Request().URL.Path, "/static/")
	}}), middleware.BodyLimit(maxBody))
	e.GET("/static/*", s.static)
	e.GET("/healthz", func(c echo.Context) error { return c.String(http.StatusOK, "ok\n") })

	// Everything below has a page; everything that changes something has an origin and a token.
	open := e.Group("", s.page, s.guard)
	open.POST("/preferences", s.preferences)
	open.GET("/signin", h.SignInForm)
	open.POST("/signin", h.SignIn)
	open.GET("/setup", h.SetupForm)
	open.POST("/setup", h.Setup)

	in := open.Group("", s.signedIn)
	in.GET("/", func(c echo.Context) error { return c.Redirect(http.StatusSeeOther, "/tasks") })
	in.POST("/signout", h.SignOut)
	in.GET("/account", h.Account)
	in.POST("/account/password", h.AccountPassword)
	in.POST("/account/signout", h.AccountSignOut)
	in.GET("/events", s.events)
	in.GET("/dts-record.avsc", h.Schema)
	in.GET("/tasks", h.TaskList)
	in.GET("/tasks/:id", h.TaskShow)
	in.GET("/tasks/:id/tables", h.TaskTables)
	in.GET("/tasks/:id/messages", h.TaskMessages)
	in.GET("/tasks/:id/precheck", h.TaskChecks)
	in.POST("/tasks/:id/precheck", h.TaskChecksRun)
	in.POST("/tasks/:id/precheck/acknowledge", h.TaskChecksAcknowledge)
	in.GET("/tasks/:id/events", h.TaskEvents)
	in.GET("/tasks/:id/config", h.TaskConfig)
	in.POST("/tasks/:id/config", h.TaskConfigSave)
	in.GET("/tasks/:id/end", h.TaskEndForm)
	in.POST("/tasks/:id/end", h.TaskEnd)
	in.GET("/tasks/:id/repeat", h.TaskRepeatForm)
	in.POST("/tasks/:id/repeat", h.TaskRepeat)
	in.GET("/tasks/:id/delete", h.TaskDeleteForm)
	in.POST("/tasks/:id/delete", h.TaskDelete)
	in.POST("/tasks/:id/start", h.TaskStart)
	in.POST("/tasks/:id/pause", h.TaskPause)
	in.POST("/tasks/:id/clone", h.TaskClone)
	s.wizardRoutes(in)
	open.RouteNotFound("/*", func(echo.Context) error { return echo.ErrNotFound })
}

// wizardRoutes are the four steps of a new task.
func (s *Server) wizardRoutes(in *echo.Group) {
	in.POST("/tasks/new", s.h.WizardNew)
	draft := in.Group("/tasks/new/:id", s.h.WizardStarted)
	draft.GET("/connections", s.h.WizardConnections)
	draft.POST("/connections", s.h.WizardConnectionsSave)
	draft.GET("/objects", s.h.WizardObjects)
	draft.POST("/objects", s.h.WizardObjectsSave)
	draft.GET("/objects/data", s.h.WizardObjectsData)
	draft.GET("/objects/edit", s.h.WizardObjectEdit)
	draft.POST("/objects/edit", s.h.WizardObjectEditSave)
	draft.GET("/precheck", s.h.WizardPrecheck)
	draft.POST("/precheck", s.h.WizardPrecheckRun)
	draft.POST("/precheck/acknowledge", s.h.WizardPrecheckAcknowledge)
	draft.POST("/precheck/next", s.h.WizardPrecheckNext)
	draft.GET("/confirm", s.h.WizardConfirm)
	draft.POST("/confirm", s.h.WizardStart)
	draft.GET("/file", s.h.WizardFile)
}
