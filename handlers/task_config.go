package handlers

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// TaskConfig shows how a task is configured. A specification read from the store holds no secrets.
func (h *Handlers) TaskConfig(c echo.Context) error {
	p, s, head, err := h.stand(c, "config")
	if err != nil {
		return err
	}
	document, err := json.MarshalIndent(s.Spec, "", "  ")
	if err != nil {
		return err
	}
	return render(c, http.StatusOK, views.TaskConfigPage(p, &views.TaskConfig{Head: head, Document: string(document), Sections: []views.Section{
		{Title: p.T("config.source"), Facts: sourceFacts(p, &s.Spec.Source, s.About)},
		{Title: p.T("config.target"), Facts: targetFacts(p, &s.Spec.Target, s.About)},
		{Title: p.T("config.task"), Facts: s.taskFacts(p)},
	}}))
}

func sourceFacts(p *views.Page, src *task.Source, about task.About) []views.Fact {
	out := []views.Fact{
		{Name: p.T("config.host"), Value: src.Host},
		{Name: p.T("config.port"), Value: strconv.Itoa(src.Port)},
		{Name: p.T("config.user"), Value: src.User},
		{Name: p.T("config.password"), Value: p.T("config.kept")},
		{Name: p.T("config.encryption"), Value: p.T("config.tls." + firstOf(src.TLS.Mode, "off"))},
	}
	if about.InstanceID != "" {
		out = append([]views.Fact{{Name: p.T("config.instance"), Value: about.InstanceID}}, out...)
	}
	if about.Group != "" {
		out = append([]views.Fact{{Name: p.T("task.group"), Value: about.Group}}, out...)
	}
	return out
}

func targetFacts(p *views.Page, t *task.Target, about task.About) []views.Fact {
	out := []views.Fact{
		{Name: p.T("config.brokers"), Value: strings.Join(t.Brokers, ", ")},
		{Name: p.T("config.version"), Value: firstOf(about.KafkaVersion, p.T("config.auto"))},
		{Name: p.T("tables.topic"), Value: dash(t.Topic)},
		{Name: p.T("config.encryption"), Value: p.T("config.tls." + firstOf(t.TLS.Mode, "off"))},
	}
	if t.User != "" {
		out = append(out, views.Fact{Name: p.T("config.user"), Value: t.User + " · " + firstOf(t.Mechanism, "SCRAM-SHA-256")},
			views.Fact{Name: p.T("config.password"), Value: p.T("config.kept")})
	}
	return out
}

func (s *stand) taskFacts(p *views.Page) []views.Fact {
	var phases []string
	for name, on := range map[string]bool{"schema": s.Spec.Schema, "full": s.Spec.Full, "incremental": s.Spec.Incremental} {
		if on {
			phases = append(phases, name)
		}
	}
	var kinds []string
	for _, name := range []string{"schema", "full", "incremental"} {
		for _, on := range phases {
			if on == name {
				kinds = append(kinds, p.T("config.kind."+name))
			}
		}
	}
	rate := p.T("config.unlimited")
	if s.Spec.Rate > 0 {
		rate = p.T("config.rate_value", "N", p.Number(int64(s.Spec.Rate)))
	}
	out := []views.Fact{
		{Name: p.T("config.kinds"), Value: strings.Join(kinds, ", ")},
		{Name: p.T("config.policy"), Value: p.T("config.policy." + firstOf(string(s.Spec.Policy), string(task.PolicyKey)))},
		{Name: p.T("config.objects"), Value: p.N("show.tables", int64(len(s.Spec.Tables)))},
		{Name: p.T("config.rate"), Value: rate},
		{Name: p.T("config.created"), Value: p.Time(s.Created)},
	}
	return out
}

// TaskChecks shows the last precheck of a task, and when the earlier ones were.
func (h *Handlers) TaskChecks(c echo.Context) error {
	p, s, head, err := h.stand(c, "precheck")
	if err != nil {
		return err
	}
	runs, err := h.Checks.Checks(c.Request().Context(), s.ID, 20)
	if err != nil {
		return err
	}
	m := &views.TaskChecks{Head: head}
	for i := range runs {
		if i > 0 {
			m.Other = append(m.Other, runSummary(p, &runs[i]))
			continue
		}
		m.Summary = runSummary(p, &runs[i])
		for _, item := range runs[i].Items {
			m.Items = append(m.Items, checkRow(p, item))
		}
	}
	return render(c, http.StatusOK, views.TaskChecksPage(p, m))
}

func runSummary(p *views.Page, r *task.CheckRun) string {
	n := map[string]int{}
	for _, i := range r.Items {
		n[i.Status+i.Severity]++
		n[i.Status]++
	}
	return p.T("checks.summary", "At", p.Time(r.Began), "Passed", n["passed"], "Failed", n["failed"]-n["failedwarning"]-n["failedinfo"], "Warnings", n["failedwarning"]+n["failedinfo"], "Skipped", n["skipped"])
}

// checkRow renders the outcome of one check; its texts are those of the precheck's catalogue where they are there.
func checkRow(p *views.Page, i task.CheckItem) views.CheckRow {
	r := views.CheckRow{ID: i.ID, Name: i.ID, Tone: "ok", Word: p.T("checks.state." + i.Status)}
	if key := "check." + i.ID + ".name"; p.Has(key) {
		r.Name = p.T(key)
	}
	switch {
	case i.Status == "failed" && i.Severity == "error":
		r.Tone, r.Open = "bad", true
	case i.Status == "failed":
		r.Tone, r.Word, r.Open = "warn", p.T("checks.state.warning"), true
	case i.Status == "skipped":
		r.Tone = "idle"
	}
	for _, f := range []views.Fact{{Name: p.T("checks.observed"), Value: i.Observed}, {Name: p.T("checks.expected"), Value: i.Expected},
		{Name: p.T("checks.cause"), Value: i.Cause}, {Name: p.T("checks.fix"), Value: i.Fix, Code: true}} {
		if f.Value != "" {
			r.Facts = append(r.Facts, f)
		}
	}
	if i.Took > 0 {
		r.Facts = append(r.Facts, views.Fact{Name: p.T("checks.took"), Value: strconv.FormatInt(i.Took.Round(time.Millisecond).Milliseconds(), 10) + " ms"})
	}
	if i.AcknowledgedBy != "" {
		r.Facts = append(r.Facts, views.Fact{Name: p.T("checks.acknowledged"), Value: i.AcknowledgedBy + ": " + i.AcknowledgedWhy})
	}
	return r
}
