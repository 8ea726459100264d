package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// foundAtMost bounds the answer to a search over all databases: nobody reads on, and the count is told.
const foundAtMost = 2000

// WizardObjectsData gives the boxes their content as JSON, each part when it is looked at: the databases, the tables
// of one (db), the tables of all that hold some words (q), or the selected ones (selected).
func (h *Handlers) WizardObjectsData(c echo.Context) error {
	d, b, err := h.loadWizard(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	cat := h.catalogue(d.ID, b.Spec.Source, c.QueryParam("anew") != "")
	database, words := c.QueryParam("db"), c.QueryParam("q")
	switch {
	case c.QueryParam("selected") != "":
		p := pageOf(c)
		rows := make([][3]string, len(b.Spec.Tables))
		for i := range b.Spec.Tables {
			t := &b.Spec.Tables[i]
			rows[i] = [3]string{t.Schema, t.Name, tableNote(p, t)}
		}
		return c.JSON(http.StatusOK, map[string]any{"tables": rows})
	case words != "":
		found, err := cat.Search(ctx, "", words)
		if err != nil {
			return err
		}
		total := len(found)
		return c.JSON(http.StatusOK, map[string]any{"tables": tableRowsOf(found[:min(total, foundAtMost)]), "total": total})
	case database != "":
		list, err := cat.Tables(ctx, database)
		if err != nil {
			return err
		}
		return c.JSON(http.StatusOK, map[string]any{"tables": tableRowsOf(list)})
	}
	names, err := cat.Databases(ctx)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, map[string]any{"databases": names})
}

// tableRowsOf is the shortest form: database, name, rows, bytes.
func tableRowsOf(list []SourceTable) [][4]any {
	out := make([][4]any, len(list))
	for i, t := range list {
		out[i] = [4]any{t.Database, t.Name, t.Rows, t.Bytes}
	}
	return out
}
