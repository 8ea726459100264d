package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"

	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// desk is the first two steps of the wizard, with their drafts in memory and a source and a target that answer as told.
type desk struct {
	mu      sync.Mutex
	drafts  map[string]task.Draft
	secrets map[string]map[string]task.Secret
	refuse  map[string]bool // "source", "target": the test of it fails
	fail    error           // of what the source or the target is asked
	tables  []SourceTable
	columns []SourceColumn
	topics  []Topic
	plan    int // tables that a row filter asks
	asked   []string
	text    *i18n.Locale
	echo    *echo.Echo
}

const deskDraft = "00000000000000a1"

func newDesk(t *testing.T, lang string) *desk {
	t.Helper()
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	s := &desk{drafts: map[string]task.Draft{}, secrets: map[string]map[string]task.Secret{}, refuse: map[string]bool{}, text: texts.Locale(lang), plan: 1,
		tables:  []SourceTable{{"crm", "account", 7, 16384}, {"shop", "logs", 0, 16384}, {"shop", "odd name/x", 3, 16384}, {"shop", "orders", 41200, 9 << 20}},
		columns: []SourceColumn{{"id", "bigint", true}, {"user_id", "int", false}, {"amount", "decimal(10,2)", false}},
		topics:  []Topic{{Name: "orders", Partitions: 12, Replication: 3, Known: true, RetentionMillis: 7 * 24 * 3600 * 1000, Cleanup: "delete"}, {Name: "rest", Partitions: 1, Replication: 1}}}
	checks := new(office) // the step that comes next begins one
	h := New(Deps{Tasks: noTasks{}, Checks: checks, Checker: checks, Drafts: s, Secrets: s, Prober: s, Audit: s, Now: func() time.Time { return officeNow }})
	e := echo.New()
	e.Renderer = plainRenderer{}
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		_ = c.JSON(StatusOf(task.Code(err)), map[string]string{"code": task.Code(err), "text": err.Error()})
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(PageKey, &views.Page{Locale: s.text, User: "ann", Now: officeNow, Path: c.Request().URL.RequestURI()})
			return next(c)
		}
	})
	e.POST("/tasks/new", h.WizardNew)
	g := e.Group("/tasks/new/:id", h.WizardStarted)
	g.GET("/connections", h.WizardConnections)
	g.POST("/connections", h.WizardConnectionsSave)
	g.GET("/objects", h.WizardObjects)
	g.POST("/objects", h.WizardObjectsSave)
	g.GET("/objects/data", h.WizardObjectsData)
	g.GET("/objects/edit", h.WizardObjectEdit)
	g.POST("/objects/edit", h.WizardObjectEditSave)
	s.echo = e
	return s
}

// at puts a draft there whose first step is done.
func (s *desk) at(t *testing.T, change func(*wizardBody)) {
	t.Helper()
	b := &wizardBody{V: 1, Reached: stepObjects, Spec: task.Spec{Name: "orders", Source: task.Source{Host: "host-a", Port: 3306, User: "dts"},
		Target: task.Target{Brokers: []string{"k1:9092"}, Topic: "orders"}, Schema: true, Full: true, Incremental: true, Policy: task.PolicyZero}}
	if change != nil {
		change(b)
	}
	body, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	s.drafts[deskDraft] = task.Draft{ID: deskDraft, Name: "orders", Step: stepObjects, Body: body, Version: 1, Updated: officeNow}
	s.secrets[deskDraft] = map[string]task.Secret{"source": "Kept-secret-1"}
}

func (s *desk) body(t *testing.T) *wizardBody {
	t.Helper()
	var b wizardBody
	if err := json.Unmarshal(s.drafts[deskDraft].Body, &b); err != nil {
		t.Fatal(err)
	}
	return &b
}

func (s *desk) Drafts(context.Context) ([]task.Draft, error) { return nil, nil }
func (s *desk) DeleteDraft(context.Context, string) error    { return nil }
func (s *desk) Draft(_ context.Context, id string) (task.Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := s.drafts[id]
	if !ok {
		return d, &task.Error{Code: "task.absent", Text: "There is no such task."}
	}
	return d, nil
}
func (s *desk) NewDraft(_ context.Context, d task.Draft) (task.Draft, error) {
	d.ID, d.Version, d.Updated = deskDraft, 1, officeNow
	s.drafts[d.ID] = d
	return d, nil
}
func (s *desk) SaveDraft(_ context.Context, d task.Draft) (task.Draft, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drafts[d.ID].Version != d.Version {
		return task.Draft{}, &task.Error{Code: "draft.conflict", Text: "This task was changed in another tab."}
	}
	d.Version++
	s.drafts[d.ID] = d
	return d, nil
}
func (s *desk) SetSecret(_ context.Context, subject, name string, secret task.Secret) error {
	if s.secrets[subject] == nil {
		s.secrets[subject] = map[string]task.Secret{}
	}
	if s.secrets[subject][name] = secret; secret == "" {
		delete(s.secrets[subject], name)
	}
	return nil
}
func (s *desk) Secrets(_ context.Context, subject string) (map[string]task.Secret, error) {
	return maps.Clone(s.secrets[subject]), nil
}
func (s *desk) Audit(context.Context, string, string, string, map[string]string) error { return nil }

// noTasks has none.
type noTasks struct{}

func (noTasks) Tasks(context.Context) ([]task.Outline, error)                { return nil, nil }
func (noTasks) Summaries(context.Context, ...string) ([]task.Summary, error) { return nil, nil }
func (noTasks) TableProgress(context.Context, string) ([]task.TableProgress, error) {
	return nil, nil
}
func (noTasks) History(context.Context, string, int64, int) ([]task.Event, error) { return nil, nil }

func (noTasks) Summary(context.Context, string) (task.Summary, error) {
	return task.Summary{}, &task.Error{Code: "task.absent", Text: "There is no such task."}
}

func (s *desk) reach(side string, secret task.Secret) task.Reach {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, side+" with "+secret.Reveal())
	r := task.Reach{From: netip.MustParseAddr("203.0.113.9"), Stages: []task.Stage{{Name: "tcp", Status: "passed", Took: 3 * time.Millisecond, Text: "the port answers"}}}
	if s.refuse[side] {
		r.Stages = append(r.Stages, task.Stage{Name: "auth", Status: "failed", Took: time.Microsecond, Text: side + " refuses the account", Cause: "wrong password of " + side, Fix: "```\nGRANT ALL; -- " + side + "\n```"},
			task.Stage{Name: "version", Status: "skipped", Text: "not reached"})
	}
	return r
}
func (s *desk) Source(_ context.Context, at task.Source) task.Reach {
	return s.reach("source", at.Password)
}
func (s *desk) Target(_ context.Context, at task.Target) task.Reach {
	return s.reach("target", at.Password)
}
func (s *desk) Topics(context.Context, task.Target) ([]Topic, error) { return s.topics, s.fail }
func (s *desk) Databases(context.Context, task.Source) ([]string, error) {
	var names []string
	for _, t := range s.tables {
		if len(names) == 0 || names[len(names)-1] != t.Database {
			names = append(names, t.Database)
		}
	}
	return names, s.fail
}
func (s *desk) Tables(_ context.Context, _ task.Source, database string) ([]SourceTable, error) {
	s.asked = append(s.asked, "tables of "+database)
	var list []SourceTable
	for _, t := range s.tables {
		if database == "" || t.Database == database {
			list = append(list, t)
		}
	}
	return list, s.fail
}
func (s *desk) Columns(context.Context, task.Source, string, string) ([]SourceColumn, error) {
	return s.columns, s.fail
}
func (s *desk) Estimate(_ context.Context, _ task.Source, _, _, where string) (int64, int, error) {
	s.asked = append(s.asked, where)
	return 12300, s.plan, s.fail
}

func (s *desk) url(step string) string { return wizardURL(deskDraft, step) }

func (s *desk) get(path string) *httptest.ResponseRecorder {
	path, _, _ = strings.Cut(path, "#")
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

// send posts a form; the version is that of the draft where the form has none.
func (s *desk) send(path string, form url.Values, head ...string) *httptest.ResponseRecorder {
	if form.Get("version") == "" {
		form = maps.Clone(form)
		form.Set("version", fmt.Sprint(s.drafts[deskDraft].Version))
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	return w
}

// page parses an answer, which must be a page without an untranslated key in it.
func page(t *testing.T, w *httptest.ResponseRecorder, status int) *goquery.Document {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	doc, err := goquery.NewDocumentFromReader(bytes.NewReader(w.Body.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if text := doc.Find("main").Text(); strings.Contains(text, "wizard.") || strings.Contains(text, "<no value>") {
		t.Errorf("a text is missing on the page:\n%s", text)
	}
	seen := map[string]bool{}
	doc.Find("[id]").Each(func(_ int, e *goquery.Selection) {
		id, _ := e.Attr("id")
		if seen[id] {
			t.Errorf("the id %s is there twice", id)
		}
		seen[id] = true
	})
	doc.Find("label[for]").Each(func(_ int, e *goquery.Selection) {
		if id, _ := e.Attr("for"); !seen[id] {
			t.Errorf("a label is for %s, which is not there", id)
		}
	})
	return doc
}

// errorKeys are the keys of all errors that a field can have.
func errorKeys(t *testing.T) map[string]bool {
	t.Helper()
	text, err := os.ReadFile("../views/i18n/locales/en/wizard.json")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	keys := map[string]bool{}
	for k := range all {
		if name, ok := strings.CutPrefix(k, "wizard.error."); ok {
			keys[name] = true
		}
	}
	return keys
}

// wrong is one way to fill a form wrongly.
type wrong struct {
	change url.Values
	field  string // whose error it is
	key    string // of the text
	args   []any
}

// refused posts a form that is wrong in one way and looks for the error beside its field and above the form.
func (s *desk) refused(t *testing.T, path string, form url.Values, x wrong) {
	t.Helper()
	for k, v := range x.change {
		form[k] = v
	}
	doc := page(t, s.send(path, form), http.StatusUnprocessableEntity)
	want := s.text.T("wizard.error."+x.key, x.args...)
	if got := strings.TrimSpace(doc.Find(`#error-summary a[href="#` + x.field + `"]`).Text()); got != want {
		t.Errorf("the summary says %q of %s, want %q", got, x.field, want)
	}
	if doc.Find("#"+x.field).Length() != 1 {
		t.Errorf("the summary leads to %s, which is not there", x.field)
	}
	if got := doc.Find(".field-error").Text(); !strings.Contains(got, want) {
		t.Errorf("the form says %q, want %q", got, want)
	}
	if !strings.HasPrefix(doc.Find("title").Text(), s.text.T("form.title_error", "Title", "")) {
		t.Errorf("the title %q does not tell that there is an error", doc.Find("title").Text())
	}
}
