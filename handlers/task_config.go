package handlers

import (
	"cmp"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

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
	return showConfig(c, p, &s, head, newConfigForm(&s), http.StatusOK)
}

func showConfig(c echo.Context, p *views.Page, s *stand, head views.TaskHead, f configForm, status int) error {
	document, err := json.MarshalIndent(s.Spec, "", "  ")
	if err != nil {
		return err
	}
	p.Failed = status != http.StatusOK
	return render(c, status, views.TaskConfigPage(p, &views.TaskConfig{Head: head, Document: string(document), Form: f.model(p, s), Sections: []views.Section{
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
		{Name: p.T("config.encryption"), Value: p.T("config.tls." + cmp.Or(src.TLS.Mode, "off"))},
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
		{Name: p.T("config.version"), Value: cmp.Or(about.KafkaVersion, p.T("config.auto"))},
		{Name: p.T("tables.topic"), Value: dash(t.Topic)},
		{Name: p.T("config.encryption"), Value: p.T("config.tls." + cmp.Or(t.TLS.Mode, "off"))},
	}
	if t.User != "" {
		out = append(out, views.Fact{Name: p.T("config.kafka_user"), Value: t.User + " · " + cmp.Or(t.Mechanism, "SCRAM-SHA-256")},
			views.Fact{Name: p.T("config.kafka_password"), Value: p.T("config.kept")})
	}
	return out
}

func (s *stand) taskFacts(p *views.Page) []views.Fact {
	rate := p.T("config.unlimited")
	if s.Spec.Rate > 0 {
		rate = p.T("config.rate_value", "N", p.Number(int64(s.Spec.Rate)))
	}
	spool := p.T("config.spool_none")
	if n := s.Spec.SpoolMiB(); n > 0 {
		spool = p.T("config.spool_value", "N", p.Number(int64(n)))
	}
	threads := p.T("config.unlimited")
	if n := s.Spec.Threads(); n > 0 {
		threads = p.Number(int64(n))
	}
	return append(planFacts(p, &s.Spec), views.Fact{Name: p.T("config.rate"), Value: rate}, views.Fact{Name: p.T("config.spool"), Value: spool},
		views.Fact{Name: p.T("config.threads"), Value: threads}, views.Fact{Name: p.T("config.created"), Value: p.Time(s.Created)})
}

// planFacts are what travels and how.
func planFacts(p *views.Page, spec *task.Spec) []views.Fact {
	var kinds []string
	for _, k := range []struct {
		name string
		on   bool
	}{{"schema", spec.Schema}, {"full", spec.Full}, {"incremental", spec.Incremental}} {
		if k.on {
			kinds = append(kinds, p.T("config.kind."+k.name))
		}
	}
	out := []views.Fact{
		{Name: p.T("config.kinds"), Value: strings.Join(kinds, p.T("config.and"))},
		{Name: p.T("config.policy"), Value: p.T("config.policy." + cmp.Or(string(spec.Policy), string(task.PolicyKey)))},
		{Name: p.T("config.format"), Value: p.T("wizard.option.format." + string(cmp.Or(spec.Format, task.DTSAvro)))},
		{Name: p.T("config.objects"), Value: p.N("show.tables", int64(len(spec.Tables)))},
	}
	if spec.DDLTopic != "" {
		out = append(out, views.Fact{Name: p.T("config.ddl_topic"), Value: spec.DDLTopic})
	}
	if spec.DeadLetterTopic != "" {
		out = append(out, views.Fact{Name: p.T("config.dead_letter_topic"), Value: spec.DeadLetterTopic})
	}
	if spec.OnlineDDL == task.HideOnlineDDL {
		out = append(out, views.Fact{Name: p.T("config.online_ddl"), Value: p.T("config.online_ddl.hide")})
	}
	out = append(out, newTablesFact(p, spec)...)
	if f := spec.From; f != nil { // as it was typed: file:offset, a set of the source, a time
		out = append(out, views.Fact{Name: p.T("config.from"), Value: cmp.Or(f.Position, f.GTID, f.Time), Code: true})
	}
	return out
}
