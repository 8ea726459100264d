package web

import (
	"bytes"
	"fmt"
	"io"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"
)

// renderer writes a page whole or not at all.
type renderer struct{}

func (renderer) Render(w io.Writer, _ string, data any, c echo.Context) error {
	page, ok := data.(templ.Component)
	if !ok {
		return fmt.Errorf("rendering %T: it is not a page", data)
	}
	var b bytes.Buffer
	if err := page.Render(c.Request().Context(), &b); err != nil {
		return fmt.Errorf("rendering a page: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}
