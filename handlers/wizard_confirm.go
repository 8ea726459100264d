package handlers

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
)

// link is a link specification: how many rows a second the incremental phase sends at most.
type link struct {
	name string // as it is kept; empty is unlimited
	rate int
}

// links are those of DTS, and none.
var links = []link{{"small", 2000}, {"medium", 5000}, {"large", 6000}, {"xlarge", 7000}, {"2xlarge", 11000}, {"", 0}}

const unlimited = "unlimited" // the empty link, in a form

// WizardConfirm is the last step: what will happen, and the rules to accept.
func (h *Handlers) WizardConfirm(c echo.Context) error {
	d, b, s, err := h.precheckStep(c)
	switch {
	case err != nil:
		return err
	case !b.reaches(stepConfirm):
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, b.Reached))
	case s.condition() != checksPassed:
		return c.Redirect(http.StatusSeeOther, wizardURL(d.ID, stepPrecheck)) // it says why
	}
	p := pageOf(c)
	return showConfirm(c, frame(d, b, stepConfirm), b, s, newConfirmForm(p, b), http.StatusOK)
}

func showConfirm(c echo.Context, w views.WizardFrame, b *wizardBody, s inspected, f confirmForm, status int) error {
	p := pageOf(c)
	p.Title, p.Failed = p.T("wizard.step.confirm"), len(f.errors) > 0
	document, err := b.Spec.Document()
	if err != nil {
		return err
	}
	m := f.model(p)
	m.Frame, m.URL, m.FileURL = w, wizardURL(w.ID, stepConfirm), wizardURL(w.ID, "file")
	m.Sections, m.Assessment, m.Terms = confirmSections(p, w.ID, b, s), assessment(p, s), terms(p, &b.Spec)
	if len(b.Spec.Tables) <= maxDocumentTables {
		m.Document = document
	}
	return render(c, status, views.WizardConfirmPage(p, m))
}

// maxDocumentTables is how many tables a task file may have to be shown on the page itself.
const maxDocumentTables = 200

// WizardFile gives the draft as a task file, without passwords.
func (h *Handlers) WizardFile(c echo.Context) error {
	_, b, err := h.loadWizard(c)
	if err != nil {
		return err
	}
	text, err := b.Spec.Document()
	if err != nil {
		return err
	}
	c.Response().Header().Set(echo.HeaderContentDisposition, `attachment; filename="task.yaml"`)
	return c.Blob(http.StatusOK, "application/yaml; charset=utf-8", []byte(text))
}

// confirmSections sum up the other steps, each with the way back to it.
func confirmSections(p *views.Page, id string, b *wizardBody, s inspected) []views.ConfirmSection {
	connections, objects := wizardURL(id, stepConnections), wizardURL(id, stepObjects)
	precheck := []views.Fact{{Name: p.T("confirm.result"), Value: p.T("precheck.verdict.passed", "At", p.Time(s.runs[0].Ended))}, {Name: p.T("precheck.counters"), Value: counts(p, s.runs[0].Items)}}
	for i := range s.runs[0].Items {
		if it := &s.runs[0].Items[i]; it.AcknowledgedBy != "" {
			precheck = append(precheck, views.Fact{Name: itemTexts(p, it).name, Value: p.T("checks.acknowledged_by", "User", it.AcknowledgedBy) + "\n" + it.AcknowledgedWhy})
		}
	}
	return []views.ConfirmSection{
		{ID: "task", Title: p.T("confirm.task"), URL: connections, Facts: []views.Fact{{Name: p.T("confirm.name"), Value: b.Spec.Name}}},
		{ID: "source", Title: p.T("config.source"), URL: connections, Facts: sourceFacts(p, &b.Spec.Source, b.About)},
		{ID: "target", Title: p.T("config.target"), URL: connections, Facts: targetFacts(p, &b.Spec.Target, b.About)},
		{ID: "plan", Title: p.T("config.task"), URL: objects, Facts: append(planFacts(p, &b.Spec), views.Fact{Name: p.T("confirm.tables"), Value: tableNames(&b.Spec)})},
		{ID: "precheck", Title: p.T("wizard.step.precheck"), URL: wizardURL(id, stepPrecheck), Facts: precheck},
	}
}

// tableNames are the first of the selected tables.
func tableNames(spec *task.Spec) string {
	const most = 10
	var names []string
	for i, t := range spec.Tables {
		if i == most {
			return strings.Join(names, ", ") + ", … (+" + strconv.Itoa(len(spec.Tables)-most) + ")"
		}
		names = append(names, t.Schema+"."+t.Name)
	}
	return strings.Join(names, ", ")
}

// assessed are the checks that say what load the task will be.
var assessed = []string{"source.load", "source.retention", "objects.key", "objects.key_type", "target.disk_estimate", "task.spool"}

func assessment(p *views.Page, s inspected) []views.Fact {
	var out []views.Fact
	for _, id := range assessed {
		if i := item(&s.runs[0], id); i != nil && i.Status != "skipped" {
			t := itemTexts(p, i)
			out = append(out, views.Fact{Name: t.name, Value: dash(t.observed), Bad: i.Status == "failed" && i.Severity == "warning"})
		}
	}
	return out
}

// terms are the rules of the task that is put together.
func terms(p *views.Page, spec *task.Spec) []string {
	out := []string{p.T("confirm.term.load"), p.T("confirm.term.offpeak"), p.T("confirm.term.keyless")}
	switch {
	case spec.Incremental:
		out = append(out, p.T("confirm.term.by_hand"))
	case spec.Full:
		out = append(out, p.T("confirm.term.self_end"), p.T("confirm.term.no_writes"))
	default:
		out = append(out, p.T("confirm.term.self_end"))
	}
	return out
}

// confirmForm is what the person chose in the last step.
type confirmForm struct {
	link, spool, threads, start, at, zone string
	terms                                 bool
	when                                  time.Time // zero: now
	errors                                []views.FieldError
}

// startChoice is when a draft's task is to start, as it was filled in.
type startChoice struct {
	Later    bool   `json:"later,omitempty"`
	At, Zone string // as the form has them
}

// newConfirmForm is what the draft holds. It proposes two in the morning for a start in off-peak hours.
func newConfirmForm(p *views.Page, b *wizardBody) confirmForm {
	f := confirmForm{link: cmp.Or(b.About.Link, unlimited), spool: strconv.Itoa(b.Spec.SpoolMiB()), threads: strconv.Itoa(b.Spec.Threads()), start: "now", zone: usualZone(p)}
	if at, err := time.LoadLocation(f.zone); err == nil {
		now := p.Now.In(at)
		night := time.Date(now.Year(), now.Month(), now.Day(), 2, 0, 0, 0, at)
		if !night.After(now) {
			night = night.AddDate(0, 0, 1)
		}
		f.at = night.Format(localTime)
	}
	if b.Start != nil {
		f.at, f.zone = b.Start.At, b.Start.Zone
		if b.Start.Later {
			f.start = "later"
		}
	}
	return f
}

// keep puts the choices into the draft, right or wrong; the acceptance of the terms is for the start alone.
func (f *confirmForm) keep(b *wizardBody) {
	if l, ok := f.linkOf(); ok {
		b.About.Link, b.Spec.Rate = l.name, l.rate
	}
	if n, ok := f.spoolOf(); ok {
		b.Spec.Spool = n
	}
	if n, ok := f.threadsOf(); ok {
		b.Spec.SourceThreads = n
	}
	b.Start = &startChoice{Later: f.start == "later", At: f.at, Zone: f.zone}
}

const (
	localTime = "2006-01-02T15:04" // of an input of the type datetime-local
	latest    = 366 * 24 * time.Hour
)

// readConfirmForm takes what was sent and checks it.
func readConfirmForm(c echo.Context) confirmForm {
	p := pageOf(c)
	f := confirmForm{link: c.FormValue("link"), spool: strings.TrimSpace(c.FormValue("spool")), threads: strings.TrimSpace(c.FormValue("threads")), start: c.FormValue("start"), at: c.FormValue("at"), zone: c.FormValue("zone"), terms: c.FormValue("terms") != ""}
	f.readLimits(p)
	switch f.start {
	case "now":
	case "later":
		f.readTime(p)
	default:
		f.fail("start", p.T("confirm.start_missing"))
	}
	if !f.terms {
		f.fail("terms", p.T("confirm.terms_missing"))
	}
	return f
}

func (f *confirmForm) fail(name, text string) {
	f.errors = append(f.errors, views.FieldError{Name: name, Text: text})
}

func (f *confirmForm) readTime(p *views.Page) {
	at, err := time.LoadLocation(f.zone)
	if err != nil || f.zone == "" || f.zone == "Local" {
		f.fail("zone", p.T("confirm.zone_unknown"))
		return
	}
	when, err := time.ParseInLocation(localTime, f.at, at)
	if err != nil {
		when, err = time.ParseInLocation(localTime+":05", f.at, at) // some browsers send seconds
	}
	switch {
	case err != nil:
		f.fail("at", p.T("confirm.at_wrong"))
	case !when.After(p.Now):
		f.fail("at", p.T("confirm.at_past"))
	case when.Sub(p.Now) > latest:
		f.fail("at", p.T("confirm.at_far"))
	default:
		f.when = when
	}
}

// linkOf gives the chosen link specification.
func (f *confirmForm) linkOf() (link, bool) {
	for _, l := range links {
		if cmp.Or(l.name, unlimited) == f.link {
			return l, true
		}
	}
	return link{}, false
}

// spoolOf gives the most MiB of binlog that are kept; an empty field, as the default does, leaves it to the program.
func (f *confirmForm) spoolOf() (mib *int, ok bool) {
	if f.spool == "" {
		return nil, true
	}
	n, err := strconv.Atoi(f.spool)
	if err != nil {
		return nil, false
	}
	if !allows(&task.Spec{Spool: &n}, "spool") {
		return nil, false
	}
	if n == task.DefaultSpool {
		return nil, true
	}
	return &n, true
}

// threadsOf gives how many threads may run at the source before the full copy spares it; an empty field, as the default
// does, leaves it to the program.
func (f *confirmForm) threadsOf() (threads int, ok bool) {
	if f.threads == "" {
		return 0, true
	}
	n, err := strconv.Atoi(f.threads)
	if err != nil || n == 0 || !allows(&task.Spec{SourceThreads: n}, "source_threads") {
		return 0, false
	}
	if n == task.DefaultThreads {
		return 0, true
	}
	return n, true
}

// allows tells that a task file may have what the specification holds in a field.
func allows(spec *task.Spec, field string) bool {
	return !slices.ContainsFunc(spec.Problems(), func(p task.Problem) bool { return p.Field == field })
}

func (f *confirmForm) model(p *views.Page) *views.WizardConfirm {
	wrong := map[string]string{}
	for _, e := range f.errors {
		wrong[e.Name] = e.Text
	}
	m := &views.WizardConfirm{Errors: f.errors, Link: f.linkField(p, wrong["link"]), Spool: f.spoolField(p, wrong["spool"]), Threads: f.threadsField(p, wrong["threads"]),
		Start: views.Field{Name: "start", Label: p.T("confirm.start"), Value: f.start, Error: wrong["start"],
			Options: []views.Option{{Value: "now", Text: p.T("confirm.start_now")}, {Value: "later", Text: p.T("confirm.start_later"), Hint: p.T("confirm.start_later_hint")}}},
		At:     views.Field{Name: "at", Label: p.T("confirm.at"), Type: "datetime-local", Value: f.at, Error: wrong["at"]},
		Zone:   views.Field{Name: "zone", Label: p.T("confirm.zone"), Value: f.zone, Options: zoneOptions(p.Now), Error: wrong["zone"]},
		Accept: views.Field{Name: "terms", Label: p.T("confirm.accept"), Checked: f.terms, Error: wrong["terms"]},
	}
	return m
}

// linkField is the choice of a link specification.
func (f *confirmForm) linkField(p *views.Page, wrong string) views.Field {
	out := views.Field{Name: "link", Label: p.T("confirm.link"), Hint: p.T("confirm.link_hint"), Value: f.link, Error: wrong}
	for _, l := range links {
		o := views.Option{Value: cmp.Or(l.name, unlimited), Text: p.T("confirm.link." + cmp.Or(l.name, unlimited)), Hint: p.T("confirm.link_none")}
		if l.rate > 0 {
			o.Hint = p.T("config.rate_value", "N", p.Number(int64(l.rate)))
		}
		out.Options = append(out.Options, o)
	}
	return out
}

// spoolField is the limit of the spool.
func (f *confirmForm) spoolField(p *views.Page, wrong string) views.Field {
	return views.Field{Name: "spool", Label: p.T("confirm.spool"), Hint: p.T("confirm.spool_hint", "Default", task.DefaultSpool), Value: f.spool, InputMode: "numeric", Error: wrong}
}

// threadsField is the limit of what may run at the source beside the full copy.
func (f *confirmForm) threadsField(p *views.Page, wrong string) views.Field {
	return views.Field{Name: "threads", Label: p.T("confirm.threads"), Hint: p.T("confirm.threads_hint", "Default", task.DefaultThreads), Value: f.threads, Error: wrong}
}

// readLimits takes what may change later too.
func (f *confirmForm) readLimits(p *views.Page) {
	if _, ok := f.linkOf(); !ok {
		f.fail("link", p.T("confirm.link_missing"))
	}
	if _, ok := f.spoolOf(); !ok {
		f.fail("spool", p.T("confirm.spool_wrong"))
	}
	if _, ok := f.threadsOf(); !ok {
		f.fail("threads", p.T("confirm.threads_wrong"))
	}
}
