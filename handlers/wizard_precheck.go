package handlers

import (
	"context"
	"net/http"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// inspectedDraft gives a draft with its prechecks.
func (h *Handlers) inspectedDraft(ctx context.Context, d task.Draft, b *wizardBody) (inspected, error) {
	return h.inspect(ctx, inspected{id: d.ID, url: wizardURL(d.ID, stepPrecheck), draft: true, spec: b.Spec, about: b.About})
}

// precheckStep opens the third step: the draft, its body and its prechecks.
func (h *Handlers) precheckStep(c echo.Context) (d task.Draft, b *wizardBody, s inspected, err error) {
	if d, b, err = h.loadWizard(c); err != nil {
		return d, b, s, err
	}
	s, err = h.inspectedDraft(c.Request().Context(), d, b)
	return d, b, s, err
}

// WizardPrecheck is the third step: what would go wrong, and how to put it right.
func (h *Handlers) WizardPrecheck(c echo.Context) error {
	d, b, s, err := h.precheckStep(c)
	if err != nil {
		return err
	}
	if !b.reaches(stepPrecheck) {
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, b.Reached))
	}
	return showPrecheck(c, frame(d, b, stepPrecheck), s, http.StatusOK, "")
}

func showPrecheck(c echo.Context, w views.WizardFrame, s inspected, status int, bad string) error {
	p := pageOf(c)
	p.Title = p.T("wizard.step.precheck")
	m := s.page(c, p, bad)
	if !m.Old {
		p.Live = "check:" + s.id
	}
	return render(c, status, views.WizardPrecheckPage(p, &views.WizardPrecheck{Frame: w, Checks: m}))
}

// WizardPrecheckRun checks the draft.
func (h *Handlers) WizardPrecheckRun(c echo.Context) error {
	d, b, s, err := h.precheckStep(c)
	switch {
	case err != nil:
		return err
	case !b.reaches(stepPrecheck):
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, b.Reached))
	}
	return h.runChecks(c, s)
}

// beginPrecheck checks a draft that has come to the third step, unless the same has been checked.
func (h *Handlers) beginPrecheck(c echo.Context, d task.Draft, b *wizardBody) error {
	s, err := h.inspectedDraft(c.Request().Context(), d, b)
	if err != nil {
		return err
	}
	switch s.condition() {
	case checksNone, checksChanged, checksInterrupted:
		return h.Checker.Check(c.Request().Context(), d.ID, b.Spec, b.About, nil)
	}
	return nil
}

// WizardPrecheckAcknowledge keeps that the person takes a warning upon himself.
func (h *Handlers) WizardPrecheckAcknowledge(c echo.Context) error {
	d, b, s, err := h.precheckStep(c)
	if err != nil {
		return err
	}
	return h.acknowledge(c, s, func(status int, bad string) error {
		return showPrecheck(c, frame(d, b, stepPrecheck), s, status, bad)
	})
}

// WizardPrecheckNext goes on to the last step where the precheck has passed.
func (h *Handlers) WizardPrecheckNext(c echo.Context) error {
	d, b, s, err := h.precheckStep(c)
	switch {
	case err != nil:
		return err
	case s.condition() != checksPassed:
		return showPrecheck(c, frame(d, b, stepPrecheck), s, http.StatusConflict, "")
	}
	_, err = h.saveWizard(c, d, b, stepConfirm)
	if task.Code(err) == "draft.conflict" {
		w, err := h.conflicted(c, frame(d, b, stepPrecheck))
		if err != nil {
			return err
		}
		return showPrecheck(c, w, s, http.StatusConflict, "")
	}
	if err != nil {
		return err
	}
	return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepConfirm))
}
