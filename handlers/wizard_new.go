package handlers

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
)

// WizardNew makes a draft with a generated name and leads to its first step.
func (h *Handlers) WizardNew(c echo.Context) error {
	name := newName()
	b := wizardBody{V: 1, Reached: stepConnections}
	b.Spec.Schema, b.Spec.Full, b.Spec.Incremental = true, true, true
	b.Spec.Name, b.Spec.Policy = name, task.PolicyZero
	b.About.InstanceType = "self"
	body, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("writing a draft: %w", err)
	}
	d, err := h.Drafts.NewDraft(c.Request().Context(), task.Draft{Name: name, Step: stepConnections, Body: body, Owner: pageOf(c).User})
	if err != nil {
		return err
	}
	h.audit(c, "draft.new", d.ID, map[string]string{"name": name})
	return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepConnections))
}

// newName generates a name that tells tasks apart; it may be changed to any other.
func newName() string { return "mysql-to-kafka-" + strings.ToLower(rand.Text()[:6]) }
