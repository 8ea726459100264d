package handlers

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
)

// Maker makes tasks of drafts.
type Maker interface {
	// AddTask makes a task that takes the place of a draft and has its id.
	AddTask(ctx context.Context, draft string, spec task.Spec, about task.About) (id string, err error)
	// StartAt keeps when a task starts by itself.
	StartAt(ctx context.Context, id string, at time.Time) error
}

// WizardStart keeps the last step; with the action "start" it makes the task of the draft, and starts it now or sets
// the time for it. Sent twice, it leads to the one task.
func (h *Handlers) WizardStart(c echo.Context) error {
	h.making.Lock() // the second of two clicks finds the task made
	defer h.making.Unlock()
	d, b, s, err := h.precheckStep(c)
	if task.Code(err) == "task.absent" {
		if _, found := h.Tasks.Summary(c.Request().Context(), c.Param("id")); found == nil {
			return c.Redirect(http.StatusSeeOther, "/tasks/"+url.PathEscape(c.Param("id")))
		}
	}
	if err != nil {
		return err
	}
	do, _ := wizardAction(c)
	f := readConfirmForm(c)
	switch {
	case !b.reaches(stepConfirm):
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, b.Reached))
	case do != "start":
		f.errors = nil
	case s.condition() != checksPassed:
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepPrecheck))
	case len(f.errors) > 0:
		return showConfirm(c, frame(d, b, stepConfirm), b, s, f, http.StatusUnprocessableEntity)
	}
	f.keep(b)
	d, err = h.saveWizard(c, d, b, "")
	if task.Code(err) == "draft.conflict" && !wantsJSON(c) && s.condition() == checksPassed {
		w, err := h.conflicted(c, frame(d, b, stepConfirm))
		if err != nil {
			return err
		}
		return showConfirm(c, w, b, s, f, http.StatusConflict)
	}
	switch {
	case err != nil:
		return err
	case wantsJSON(c) && do != "start":
		return c.JSON(http.StatusOK, saved(pageOf(c), d))
	case do == "start":
		return h.make(c, d.ID, b, f.when)
	case do == "leave":
		return c.Redirect(http.StatusSeeOther, "/tasks")
	case do == "back":
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepPrecheck))
	}
	return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepConfirm))
}

// make turns the draft into its task. That the browser has gone must not leave it half done.
func (h *Handlers) make(c echo.Context, draft string, b *wizardBody, when time.Time) error {
	ctx, p := context.WithoutCancel(c.Request().Context()), pageOf(c)
	about := b.About
	about.TermsAccepted = p.User + " " + p.Now.UTC().Format(time.RFC3339)
	spec := b.Spec
	spec.Defaults()
	id, err := h.Maker.AddTask(ctx, draft, spec, about)
	if err != nil {
		return err
	}
	params, flash, of := map[string]string{"link": cmp.Or(about.Link, unlimited), "terms": about.TermsAccepted}, "flash.task.start", id
	if when.IsZero() {
		err = h.Runner.Start(ctx, id)
	} else {
		params["at"], flash = when.UTC().Format(time.RFC3339), "flash.task.scheduled"
		of = "" // it tells what was done
		err = h.Maker.StartAt(ctx, id, when)
	}
	if err != nil {
		return err
	}
	h.audit(c, "task.make", id, params)
	return doneTo(c, "/tasks/"+url.PathEscape(id), flash, spec.Name, of)
}
