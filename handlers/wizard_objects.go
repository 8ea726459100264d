package handlers

import (
	"net/http"
	"net/url"
	"strconv"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// objectsQuery is which part of the two boxes a page without a script shows.
type objectsQuery struct {
	Database   string // "*" is all, "" is none yet
	Words      string // searched for among the source's tables
	Page       int
	Chosen     string // searched for among the selected tables
	ChosenPage int
}

// everyDatabase stands for all databases in a query.
const everyDatabase = "*"

func readQuery(get func(string) string) objectsQuery {
	q := objectsQuery{Database: get("db"), Words: get("q"), Chosen: get("sq")}
	q.Page, _ = strconv.Atoi(get("page")) // what is no number is the first page
	q.ChosenPage, _ = strconv.Atoi(get("spage"))
	return q
}

// url is the address of the second step that shows the same.
func (q *objectsQuery) url(id, fragment string) string {
	v := url.Values{}
	for name, value := range map[string]string{"db": q.Database, "q": q.Words, "sq": q.Chosen} {
		if value != "" {
			v.Set(name, value)
		}
	}
	for name, n := range map[string]int{"page": q.Page, "spage": q.ChosenPage} {
		if n > 1 {
			v.Set(name, strconv.Itoa(n))
		}
	}
	to := wizardURL(id, stepObjects)
	if len(v) > 0 {
		to += "?" + v.Encode()
	}
	return to + fragment
}

// WizardObjects is the second step: what travels.
func (h *Handlers) WizardObjects(c echo.Context) error {
	d, b, err := h.loadWizard(c)
	if err != nil {
		return err
	}
	if !b.reaches(stepObjects) {
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, b.Reached))
	}
	f := newForm(c)
	f.Values = objectValues(b)
	return h.showObjects(c, http.StatusOK, d, b, f, frame(d, b, stepObjects), readQuery(c.QueryParam))
}

func (h *Handlers) showObjects(c echo.Context, status int, d task.Draft, b *wizardBody, f *wizardForm, w views.WizardFrame, q objectsQuery) error {
	p := pageOf(c)
	p.Title, p.Failed = p.T("wizard.step.objects"), len(f.Errors) > 0
	return render(c, status, views.WizardObjects(p, w, h.objectsView(c.Request().Context(), p, d, b, f, q)))
}

// WizardObjectsSave keeps the second step and does what the pressed button says.
func (h *Handlers) WizardObjectsSave(c echo.Context) error {
	d, b, err := h.loadWizard(c)
	if err != nil {
		return err
	}
	f, q := newForm(c), readQuery(c.FormValue)
	f.readTypes(b)
	do, of := wizardAction(c)
	changed, fragment, err := h.pick(c, d, b, &q, do, of)
	if err != nil && wantsJSON(c) {
		return err
	}
	step := ""
	if do == "next" {
		if f.checkObjects(b); len(f.Errors) == 0 {
			step = stepPrecheck
		}
	}
	kept, serr := h.saveWizard(c, d, b, step)
	if task.Code(serr) == "draft.conflict" && !wantsJSON(c) {
		w, cerr := h.conflicted(c, frame(d, b, stepObjects))
		if cerr != nil {
			return cerr
		}
		f.Errors = nil
		return h.showObjects(c, http.StatusConflict, d, b, f, w, q)
	}
	if serr != nil {
		return serr
	}
	d = kept
	if err != nil { // the source did not answer: what was typed is kept all the same
		p := pageOf(c)
		f.Errors = []views.FieldError{{Name: "objects", Text: problem(p, err).Text}}
		return h.showObjects(c, statusOf(err), d, b, f, frame(d, b, stepObjects), q)
	}
	if wantsJSON(c) {
		answer := saved(pageOf(c), d)
		answer["count"], answer["changed"] = len(b.Spec.Tables), changed
		return c.JSON(http.StatusOK, answer)
	}
	switch do {
	case "next":
		if step == "" {
			return h.showObjects(c, http.StatusUnprocessableEntity, d, b, f, frame(d, b, stepObjects), q)
		}
		if err := h.beginPrecheck(c, d, b); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepPrecheck))
	case "back":
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepConnections))
	case "leave":
		return c.Redirect(http.StatusSeeOther, "/tasks")
	}
	return c.Redirect(http.StatusSeeOther, q.url(d.ID, fragment))
}
