package handlers

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// tryWithin bounds the test of a side: a person waits for it.
const tryWithin = 30 * time.Second

// WizardConnections is the first step: the two sides.
func (h *Handlers) WizardConnections(c echo.Context) error {
	d, b, err := h.loadWizard(c)
	if err != nil {
		return err
	}
	f := newForm(c)
	f.Values = connectionValues(b)
	return h.showConnections(c, http.StatusOK, d, b, f, frame(d, b, stepConnections))
}

func (h *Handlers) showConnections(c echo.Context, status int, d task.Draft, b *wizardBody, f *wizardForm, w views.WizardFrame) error {
	p := pageOf(c)
	p.Title, p.Failed = p.T("wizard.step.connections"), len(f.Errors) > 0
	return render(c, status, views.WizardConnections(p, w, h.connectionsView(p, d, b, f)))
}

// WizardConnectionsSave keeps the first step and does what the pressed button says: the draft is kept whatever comes
// of that.
func (h *Handlers) WizardConnectionsSave(c echo.Context) error {
	d, b, err := h.loadWizard(c)
	if err != nil {
		return err
	}
	f := newForm(c)
	secrets := f.readConnections(b)
	kept, err := h.saveWizard(c, d, b, "")
	if task.Code(err) == "draft.conflict" && !wantsJSON(c) {
		w, cerr := h.conflicted(c, frame(d, b, stepConnections))
		if cerr != nil {
			return cerr
		}
		f.Errors = nil
		return h.showConnections(c, http.StatusConflict, d, b, f, w)
	}
	if err != nil {
		return err
	}
	if err := h.keepSecrets(c.Request().Context(), d.ID, b, secrets); err != nil {
		return err
	}
	return h.actOnConnections(c, kept, b, f)
}

// keepSecrets keeps the passwords that were typed and puts them into the specification.
func (h *Handlers) keepSecrets(ctx context.Context, draft string, b *wizardBody, typed map[string]task.Secret) error {
	for name, at := range map[string]*task.Secret{"source": &b.Spec.Source.Password, "target": &b.Spec.Target.Password} {
		secret, ok := typed[name]
		if !ok {
			continue
		}
		if err := h.Secrets.SetSecret(ctx, draft, name, secret); err != nil {
			return err
		}
		*at = secret
	}
	return nil
}

func (h *Handlers) actOnConnections(c echo.Context, d task.Draft, b *wizardBody, f *wizardForm) error {
	ctx, cancel := context.WithTimeout(c.Request().Context(), tryWithin)
	defer cancel()
	action, _ := wizardAction(c)
	here := wizardURL(d.ID, stepConnections)
	switch action {
	case "autosave":
		return c.JSON(http.StatusOK, saved(pageOf(c), d))
	case "leave":
		return c.Redirect(http.StatusSeeOther, "/tasks")
	case "test_source":
		f.only("source_")
		here += "#source-test"
	case "test_target", "topics":
		f.only("target_")
		here += "#target-test"
	case "next":
	default:
		return c.Redirect(http.StatusSeeOther, here)
	}
	if len(f.Errors) > 0 {
		return h.showConnections(c, http.StatusUnprocessableEntity, d, b, f, frame(d, b, stepConnections))
	}
	switch action {
	case "test_source":
		h.trySource(ctx, d.ID, b.Spec.Source)
	case "test_target":
		h.tryTarget(ctx, d.ID, b.Spec.Target)
	case "topics":
		h.fetchTopics(ctx, d.ID, b.Spec.Target)
	case "next":
		if !h.letIn(ctx, d.ID, &b.Spec) {
			return c.Redirect(http.StatusSeeOther, here+"#access")
		}
		if _, err := h.storeWizard(c, d, b, stepObjects); err != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepObjects))
	}
	return c.Redirect(http.StatusSeeOther, here)
}

// letIn tries both sides at the same time.
func (h *Handlers) letIn(ctx context.Context, draft string, spec *task.Spec) bool {
	var source, target tried
	var both sync.WaitGroup
	both.Go(func() { source = h.trySource(ctx, draft, spec.Source) })
	both.Go(func() { target = h.tryTarget(ctx, draft, spec.Target) })
	both.Wait()
	return source.reach.Passed() && target.reach.Passed()
}

// saved answers a page that saves by itself.
func saved(p *views.Page, d task.Draft) map[string]any {
	return map[string]any{"version": d.Version, "text": views.SavedText(p, d.Updated)}
}

func wantsJSON(c echo.Context) bool {
	return c.Request().Header.Get(echo.HeaderAccept) == echo.MIMEApplicationJSON
}
