package handlers

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// otherLink is the rate of a task file that no link specification has; it may stay.
const otherLink = "other"

// configForm is what may change of a task that has started. Its passwords are never shown.
type configForm struct {
	confirmForm    // its limits
	rowLock        bool
	source, target task.Secret
}

func newConfigForm(s *stand) configForm {
	f := configForm{rowLock: s.Spec.Source.RowLock}
	f.link, f.spool, f.threads = otherLink, strconv.Itoa(s.Spec.SpoolMiB()), strconv.Itoa(s.Spec.Threads())
	if at := slices.IndexFunc(links, func(l link) bool { return l.rate == s.Spec.Rate }); at >= 0 {
		f.link = cmp.Or(links[at].name, unlimited)
	}
	return f
}

// configurable tells that no process works on the task, and that one may again.
func (s *stand) configurable() bool {
	return slices.Contains([]string{"new", "scheduled", "paused", "failed"}, s.condition())
}

// TaskConfigSave changes passwords and limits of a task that is stopped.
func (h *Handlers) TaskConfigSave(c echo.Context) error {
	p, s, head, err := h.stand(c, "config")
	if err != nil {
		return err
	}
	if !s.configurable() {
		return showConfig(c, p, &s, head, newConfigForm(&s), http.StatusConflict) // it says why
	}
	f := newConfigForm(&s)
	was := f.link
	f.link, f.spool, f.threads = c.FormValue("link"), strings.TrimSpace(c.FormValue("spool")), strings.TrimSpace(c.FormValue("threads"))
	f.rowLock = c.FormValue("row_lock") != ""
	f.source = task.Secret(c.FormValue("source_password"))
	if s.Spec.Target.User != "" {
		f.target = task.Secret(c.FormValue("target_password"))
	}
	if f.readLimits(p); f.link == otherLink && was == otherLink {
		f.errors = slices.DeleteFunc(f.errors, func(e views.FieldError) bool { return e.Name == "link" })
	}
	if len(f.errors) > 0 {
		return showConfig(c, p, &s, head, f, http.StatusUnprocessableEntity)
	}
	spec, about, changed := f.apply(&s)
	if len(changed) == 0 {
		f.fail("", p.T("config.form.same"))
		return showConfig(c, p, &s, head, f, http.StatusUnprocessableEntity)
	}
	if err := h.Runner.Configure(c.Request().Context(), s.ID, spec, about, changed); err != nil {
		return err
	}
	h.audit(c, "task.configure", s.ID, map[string]string{"changed": strings.Join(changed, ",")})
	return done(c, "/tasks/"+s.ID+"/config", "flash.task.configure", s.Name)
}

// apply puts the form into the task's specification and names what differs; the names are keys below "config.changed.".
func (f *configForm) apply(s *stand) (spec task.Spec, about task.About, changed []string) {
	spec, about = s.Spec, s.About
	spec.Source.Password, spec.Target.Password = f.source, f.target
	if f.source != "" {
		changed = append(changed, "source_password")
	}
	if f.target != "" {
		changed = append(changed, "target_password")
	}
	if l, ok := f.linkOf(); ok && l.rate != spec.Rate {
		spec.Rate, about.Link, changed = l.rate, l.name, append(changed, "link")
	}
	if mib, _ := f.spoolOf(); (&task.Spec{Spool: mib}).SpoolMiB() != spec.SpoolMiB() {
		spec.Spool, changed = mib, append(changed, "spool")
	}
	if n, _ := f.threadsOf(); (&task.Spec{SourceThreads: n}).Threads() != spec.Threads() {
		spec.SourceThreads, changed = n, append(changed, "threads")
	}
	if f.rowLock != spec.Source.RowLock {
		spec.Source.RowLock, changed = f.rowLock, append(changed, "row_lock")
	}
	return spec, about, changed
}

func (f *configForm) model(p *views.Page, s *stand) views.ConfigForm {
	m := views.ConfigForm{URL: "/tasks/" + s.ID + "/config", Errors: f.errors}
	switch {
	case s.State == task.Finished:
		return m
	case !s.configurable():
		m.Why = p.T("config.form.pause")
		return m
	}
	wrong := map[string]string{}
	for _, e := range f.errors {
		wrong[e.Name] = e.Text
	}
	password := func(name string) views.Field {
		return views.Field{Name: name, Label: p.T("config.changed." + name), Hint: p.T("config.form.password_hint"), Type: "password", Autocomplete: "new-password"}
	}
	m.Passwords = []views.Field{password("source_password")}
	if s.Spec.Target.User != "" {
		m.Passwords = append(m.Passwords, password("target_password"))
	}
	m.Link, m.Spool, m.Threads = f.linkField(p, wrong["link"]), f.spoolField(p, wrong["spool"]), f.threadsField(p, wrong["threads"])
	if newConfigForm(s).link == otherLink {
		m.Link.Options = append(m.Link.Options, views.Option{Value: otherLink, Text: p.T("config.form.as_now"), Hint: p.T("config.rate_value", "N", p.Number(int64(s.Spec.Rate)))})
	}
	m.RowLock = views.Field{Name: "row_lock", Label: p.T("wizard.field.row_lock"), Hint: p.T("wizard.hint.row_lock"), Checked: f.rowLock}
	return m
}
