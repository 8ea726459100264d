package handlers

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
)

// tableKey names a table in a form: both names are escaped, so that the slash divides them.
func tableKey(database, table string) string {
	return url.QueryEscape(database) + "/" + url.QueryEscape(table)
}

func parseKey(key string) (database, table string, ok bool) {
	a, b, ok := strings.Cut(key, "/")
	database, err1 := url.QueryUnescape(a)
	table, err2 := url.QueryUnescape(b)
	return database, table, ok && err1 == nil && err2 == nil
}

// pick moves tables between the boxes, or turns their pages, as the pressed button says. It gives how many tables
// were moved and where on the page to go on.
func (h *Handlers) pick(c echo.Context, d task.Draft, b *wizardBody, q *objectsQuery, do, of string) (moved int, fragment string, err error) {
	ctx, f := c.Request().Context(), newForm(c)
	cat := h.catalogue(d.ID, b.Spec.Source, do == "refresh")
	switch do {
	case "show":
		q.Page = 1
	case "find":
		q.ChosenPage = 1
		return 0, "#chosen", nil
	case "page":
		q.Page, _ = strconv.Atoi(of) // what is no number is the first page
	case "spage":
		q.ChosenPage, _ = strconv.Atoi(of)
		return 0, "#chosen", nil
	case "add":
		moved, err = addPicked(ctx, cat, &b.Spec, f.list("pick"), f.list("database"))
	case "add_all":
		database := q.Database
		if database == everyDatabase {
			database = ""
		}
		var found []SourceTable
		if found, err = cat.Search(ctx, database, q.Words); err == nil {
			moved = addTables(&b.Spec, found)
		}
	case "remove":
		drop := map[string]bool{}
		for _, key := range f.list("drop") {
			if database, table, ok := parseKey(key); ok {
				drop[tableKey(database, table)] = true // a script escapes a little otherwise
			}
		}
		return removeTables(&b.Spec, func(t *task.Table) bool { return drop[tableKey(t.Schema, t.Name)] }), "#chosen", nil
	case "remove_all":
		n := removeTables(&b.Spec, func(t *task.Table) bool { return matches(t, q.Chosen) })
		q.Chosen, q.ChosenPage = "", 0
		return n, "#chosen", nil
	case "refresh":
	default:
		return 0, "", nil
	}
	return moved, "#objects", err
}

// addPicked adds single tables and whole databases, as far as the source has them: a database becomes the tables
// that it has now.
func addPicked(ctx context.Context, cat *catalogue, spec *task.Spec, keys, databases []string) (int, error) {
	wanted := map[string]map[string]bool{} // nil: all of the database
	for _, key := range keys {
		if database, table, ok := parseKey(key); ok {
			if wanted[database] == nil {
				wanted[database] = map[string]bool{}
			}
			wanted[database][table] = true
		}
	}
	for _, database := range databases {
		wanted[database] = nil
	}
	names := make([]string, 0, len(wanted))
	for database := range wanted {
		names = append(names, database)
	}
	slices.Sort(names)
	added := 0
	for _, database := range names {
		list, err := cat.Tables(ctx, database)
		if err != nil {
			return added, err
		}
		if only := wanted[database]; only != nil {
			list = slices.DeleteFunc(slices.Clone(list), func(t SourceTable) bool { return !only[t.Name] })
		}
		added += addTables(spec, list)
	}
	return added, nil
}

// addTables adds what is not selected yet.
func addTables(spec *task.Spec, list []SourceTable) int {
	has := make(map[[2]string]bool, len(spec.Tables))
	for i := range spec.Tables {
		has[[2]string{spec.Tables[i].Schema, spec.Tables[i].Name}] = true
	}
	before := len(spec.Tables)
	for _, t := range list {
		if id := [2]string{t.Database, t.Name}; !has[id] {
			has[id] = true
			spec.Tables = append(spec.Tables, task.Table{Schema: t.Database, Name: t.Name})
		}
	}
	return len(spec.Tables) - before
}

func removeTables(spec *task.Spec, gone func(*task.Table) bool) int {
	before := len(spec.Tables)
	spec.Tables = slices.DeleteFunc(spec.Tables, func(t task.Table) bool { return gone(&t) })
	return before - len(spec.Tables)
}

// matches searches a selected table by the names of either side.
func matches(t *task.Table, words string) bool {
	words = strings.ToLower(strings.TrimSpace(words))
	return words == "" || strings.Contains(strings.ToLower(t.Schema+"."+t.Name), words) ||
		strings.Contains(strings.ToLower(t.ToSchema+"."+t.ToName), words) || strings.Contains(strings.ToLower(t.Topic), words)
}
