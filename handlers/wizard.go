package handlers

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// Secrets is what is kept of passwords, by the id of a draft or task and by "source" or "target".
type Secrets interface {
	SetSecret(ctx context.Context, subject, name string, secret task.Secret) error
	Secrets(ctx context.Context, subject string) (map[string]task.Secret, error)
}

// wizardBody is what a draft holds, as JSON. A draft that was cloned has the first three fields only.
type wizardBody struct {
	V       int        `json:"v"`
	Spec    task.Spec  `json:"spec"`
	About   task.About `json:"about"`
	Reached string     `json:"reached,omitempty"` // the furthest step that may be opened
	// The certificates that were pasted stay here while a choice has no use for them.
	SourceCA string `json:"source_ca,omitempty"`
	TargetCA string `json:"target_ca,omitempty"`
	// When the task is to start, as the last step has it.
	Start *startChoice `json:"start,omitempty"`
}

// DraftBody is the body of a draft that begins with a specification.
func DraftBody(spec task.Spec, about task.About) ([]byte, error) {
	return json.Marshal(wizardBody{V: 1, Spec: spec, About: about})
}

// The steps of the wizard, as their addresses name them.
const (
	stepConnections = "connections"
	stepObjects     = "objects"
	stepPrecheck    = "precheck"
	stepConfirm     = "confirm"
)

// furthest gives the later of two steps; a name that is none comes before all.
func furthest(a, b string) string {
	if slices.Index(views.WizardSteps, a) >= slices.Index(views.WizardSteps, b) {
		return a
	}
	return b
}

// reaches reports whether all steps before this one are done.
func (b *wizardBody) reaches(step string) bool { return furthest(b.Reached, step) == b.Reached }

// wizardURL is the address of a step.
func wizardURL(id, step string) string { return "/tasks/new/" + url.PathEscape(id) + "/" + step }

// loadWizard gives the draft of the address with its body, the passwords in it.
func (h *Handlers) loadWizard(c echo.Context) (task.Draft, *wizardBody, error) {
	return h.openDraft(c.Request().Context(), c.Param("id"))
}

func (h *Handlers) openDraft(ctx context.Context, id string) (task.Draft, *wizardBody, error) {
	d, err := h.Drafts.Draft(ctx, id)
	if err != nil {
		return d, nil, err
	}
	b := &wizardBody{V: 1}
	if len(d.Body) > 0 {
		if err := json.Unmarshal(d.Body, b); err != nil {
			return d, nil, fmt.Errorf("reading draft %s: %w", d.ID, err)
		}
	}
	b.Spec.Name = d.Name
	if b.Reached == "" {
		b.Reached = stepConnections
	}
	kept, err := h.Secrets.Secrets(ctx, d.ID)
	if err != nil {
		return d, nil, err
	}
	b.Spec.Source.Password, b.Spec.Target.Password = kept["source"], kept["target"]
	return d, b, nil
}

// saveWizard keeps the body where the draft is still as the form saw it: by its field version, or by the newer one in
// overwrite, which the person chose after a conflict. step is where to go on, "" is where it was. The code of a
// conflict is draft.conflict.
func (h *Handlers) saveWizard(c echo.Context, d task.Draft, b *wizardBody, step string) (task.Draft, error) {
	seen := c.FormValue("version")
	if v := c.FormValue("overwrite"); v != "" {
		seen = v
	}
	d.Version, _ = strconv.ParseInt(seen, 10, 64) // what is no number matches no version
	return h.storeWizard(c, d, b, step)
}

// storeWizard keeps the body in the version that d has.
func (h *Handlers) storeWizard(c echo.Context, d task.Draft, b *wizardBody, step string) (task.Draft, error) {
	if step != "" {
		d.Step, b.Reached = step, furthest(b.Reached, step)
	}
	d.Name = b.Spec.Name
	var err error
	if d.Body, err = json.Marshal(b); err != nil {
		return d, fmt.Errorf("writing draft %s: %w", d.ID, err)
	}
	kept, err := h.Drafts.SaveDraft(c.Request().Context(), d)
	if err != nil {
		return d, err // the caller shows it with what was refused
	}
	return kept, nil
}

// wizardAction is the button that was pressed, "save" where none was.
func wizardAction(c echo.Context) (name, of string) {
	name, of, _ = strings.Cut(cmp.Or(c.FormValue("do"), "save"), ":")
	return name, of
}

// frame is what stands around a step.
func frame(d task.Draft, b *wizardBody, step string) views.WizardFrame {
	return views.WizardFrame{ID: d.ID, Name: d.Name, Step: step, Reached: b.Reached, Saved: d.Updated, Version: d.Version}
}

// conflicted is the frame after a save that came too late: the form keeps the version that it saw, and offers to
// overwrite the newer one.
func (h *Handlers) conflicted(c echo.Context, w views.WizardFrame) (views.WizardFrame, error) {
	d, err := h.Drafts.Draft(c.Request().Context(), w.ID)
	w.Version, _ = strconv.ParseInt(c.FormValue("version"), 10, 64)
	w.Latest, w.Saved = d.Version, d.Updated
	return w, err
}

// WizardStarted leads to the task where a step of its draft is asked for after the start.
func (h *Handlers) WizardStarted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if task.Code(err) != "task.absent" || c.Request().Method != http.MethodGet {
			return err
		}
		id := c.Param("id")
		if _, found := h.Tasks.Summary(c.Request().Context(), id); found != nil {
			return err
		}
		return c.Redirect(http.StatusSeeOther, "/tasks/"+url.PathEscape(id))
	}
}
