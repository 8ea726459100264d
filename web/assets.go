package web

import (
	"github.com/labstack/echo/v4"
)

// static gives a file; one asked for by its hash never changes.
func (s *Server) static(c echo.Context) error {
	if !s.files.Serve(c.Response(), c.Request(), c.Param("*")) {
		return echo.ErrNotFound
	}
	return nil
}
