package handlers

import (
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/views"
)

// wizardForm is a form that was sent, with what is wrong with it.
type wizardForm struct {
	views.Form
	verified string // what the source said to a row filter
	p        *views.Page
	c        echo.Context
}

func newForm(c echo.Context) *wizardForm {
	return &wizardForm{p: pageOf(c), c: c, Form: views.Form{Values: map[string]string{}}}
}

// text takes a field as it was typed, without the spaces around it.
func (f *wizardForm) text(name string) string {
	v := strings.TrimSpace(f.c.FormValue(name))
	f.Values[name] = v
	return v
}

// bad notes that a field is wrong; the text is "wizard.error.KEY".
func (f *wizardForm) bad(field, key string, args ...any) {
	f.Errors = append(f.Errors, views.FieldError{Name: field, Text: f.p.T("wizard.error."+key, args...)})
}

// choice takes one of the allowed values; any other was not sent by our page.
func (f *wizardForm) choice(name string, allowed ...string) string {
	v := f.text(name)
	if !slices.Contains(allowed, v) {
		f.bad(name, "choice")
		return allowed[0]
	}
	return v
}

// number takes a whole number in bounds, and gives was where it is none.
func (f *wizardForm) number(name string, low, high, was int, key string) int {
	n, err := strconv.Atoi(f.text(name))
	if err != nil || n < low || n > high {
		f.bad(name, key, "Low", low, "High", high)
		return was
	}
	return n
}

// list takes a field that was sent several times.
func (f *wizardForm) list(name string) []string {
	values, err := f.c.FormParams()
	if err != nil {
		return nil
	}
	return values[name]
}

// only leaves the errors of fields whose names begin so.
func (f *wizardForm) only(prefix string) {
	f.Errors = slices.DeleteFunc(f.Errors, func(e views.FieldError) bool { return !strings.HasPrefix(e.Name, prefix) })
}
