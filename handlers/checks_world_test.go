package handlers

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// office is a console with one draft, in memory: the last two steps of the wizard with what they lean on.
type office struct {
	Runner   // what no test asks for panics
	mu       sync.Mutex
	draft    *task.Draft
	made     []task.Summary
	started  []string
	at       map[string]time.Time
	runs     []task.CheckRun
	running  bool
	asked    [][]string // the items of each precheck that was begun
	acts     []string   // what was audited
	password task.Secret
	echo     *echo.Echo
	h        *Handlers
	texts    *i18n.Catalogue
	lang     string
}

var officeNow = time.Date(2026, 11, 22, 17, 3, 11, 0, time.UTC)

const (
	draftID  = "00000000000000d1"
	goodSum  = "sum-of-host-a"
	precheck = "/tasks/new/" + draftID + "/precheck"
	confirm  = "/tasks/new/" + draftID + "/confirm"
)

func (o *office) Draft(_ context.Context, id string) (task.Draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.draft == nil || o.draft.ID != id {
		return task.Draft{}, &task.Error{Code: "task.absent", Text: "There is no such task."}
	}
	return *o.draft, nil
}
func (o *office) Drafts(context.Context) ([]task.Draft, error)                 { return nil, nil }
func (o *office) NewDraft(_ context.Context, d task.Draft) (task.Draft, error) { return d, nil }
func (o *office) DeleteDraft(context.Context, string) error                    { return nil }
func (o *office) SaveDraft(_ context.Context, d task.Draft) (task.Draft, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if d.Version != o.draft.Version {
		return d, &task.Error{Code: "draft.conflict", Text: "This task was changed in another tab."}
	}
	d.Version++
	*o.draft = d
	return d, nil
}
func (o *office) SetSecret(context.Context, string, string, task.Secret) error { return nil }
func (o *office) Secrets(context.Context, string) (map[string]task.Secret, error) {
	return map[string]task.Secret{"source": o.password}, nil
}
func (o *office) Summary(_ context.Context, id string) (task.Summary, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if at := slices.IndexFunc(o.made, func(t task.Summary) bool { return t.ID == id }); at >= 0 {
		return o.made[at], nil
	}
	return task.Summary{}, &task.Error{Code: "task.absent", Text: "There is no such task."}
}
func (o *office) Checks(context.Context, string, int) ([]task.CheckRun, error) {
	return slices.Clone(o.runs), nil
}
func (o *office) Acknowledge(_ context.Context, run int64, id, user, why string) error {
	for i := range o.runs {
		if it := item(&o.runs[i], id); o.runs[i].ID == run && it != nil {
			it.AcknowledgedBy, it.AcknowledgedWhy = user, why
		}
	}
	return nil
}
func (o *office) Sum(spec task.Spec, _ task.About) (string, error) {
	return "sum-of-" + spec.Source.Host, nil
}
func (o *office) Check(_ context.Context, _ string, _ task.Spec, _ task.About, only []string) error {
	o.asked = append(o.asked, only)
	return nil
}
func (o *office) Checking(string) bool { return o.running }
func (o *office) AddTask(_ context.Context, draft string, spec task.Spec, about task.About) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.made = append(o.made, task.Summary{Outline: task.Outline{ID: draft, Name: spec.Name, Spec: spec, About: about, State: task.New}})
	o.draft = nil
	return draft, nil
}
func (o *office) StartAt(_ context.Context, id string, at time.Time) error {
	o.at[id] = at
	return nil
}
func (o *office) Start(_ context.Context, id string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.started = append(o.started, id)
	return nil
}
func (o *office) Audit(_ context.Context, user, action, _ string, params map[string]string) error {
	o.acts = append(o.acts, user+" "+action+" "+params["item"]+params["why"])
	return nil
}
func (o *office) Status(string) (progress.Status, bool) { return progress.Status{}, false }
func (o *office) History(string) []progress.Point       { return nil }
func (o *office) Watch(...string) *progress.Watch       { return nil }

// officeTasks gives the office as Tasks: two of its interfaces have a method History.
type officeTasks struct{ *office }

func (officeTasks) Tasks(context.Context) ([]task.Outline, error)                { return nil, nil }
func (officeTasks) Summaries(context.Context, ...string) ([]task.Summary, error) { return nil, nil }
func (officeTasks) TableProgress(context.Context, string) ([]task.TableProgress, error) {
	return nil, nil
}
func (officeTasks) History(context.Context, string, int64, int) ([]task.Event, error) {
	return nil, nil
}

// newOffice has a draft that has come to a step, and the runs of its precheck.
func newOffice(t *testing.T, reached string, runs ...task.CheckRun) *office {
	t.Helper()
	spec := task.Spec{Name: "orders", Source: task.Source{Host: "host-a", Port: 3306, User: "dts"}, Target: task.Target{Brokers: []string{"k1:9092"}, Topic: "orders"},
		Schema: true, Full: true, Incremental: true, Policy: task.PolicyKey, Tables: []task.Table{{Schema: "shop", Name: "orders"}},
		New: []task.Table{{Schema: "shop", Name: "o?_*", Topic: "rest"}}, OnlineDDL: task.HideOnlineDDL}
	body, err := json.Marshal(wizardBody{V: 1, Spec: spec, Reached: reached})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{draft: &task.Draft{ID: draftID, Name: "orders", Step: reached, Body: body, Version: 3}, runs: runs, at: map[string]time.Time{}, password: "Never-shown-1", lang: i18n.English}
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	tasks := officeTasks{o}
	h := New(Deps{Tasks: tasks, Drafts: o, Checks: o, Checker: o, Maker: o, Secrets: o, Runner: o, Statuses: o, Audit: o, Now: func() time.Time { return officeNow }})
	e := echo.New()
	e.Renderer = plainRenderer{}
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		_ = c.String(StatusOf(task.Code(err)), task.Code(err)+" "+err.Error())
	}
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(PageKey, &views.Page{Locale: texts.Locale(o.lang), User: "ann", Now: officeNow, Path: c.Request().URL.RequestURI()})
			return next(c)
		}
	})
	g := e.Group("/tasks/new/:id", h.WizardStarted)
	g.GET("/precheck", h.WizardPrecheck)
	g.POST("/precheck", h.WizardPrecheckRun)
	g.POST("/precheck/acknowledge", h.WizardPrecheckAcknowledge)
	g.POST("/precheck/next", h.WizardPrecheckNext)
	g.GET("/confirm", h.WizardConfirm)
	g.POST("/confirm", h.WizardStart)
	g.GET("/file", h.WizardFile)
	e.GET("/tasks/:id/precheck", h.TaskChecks)
	o.echo, o.h, o.texts = e, h, texts
	return o
}

type plainRenderer struct{}

func (plainRenderer) Render(w io.Writer, _ string, page any, c echo.Context) error {
	return page.(templ.Component).Render(c.Request().Context(), w)
}

// get and post ask for a page; form is names and values by turns.
func (o *office) get(path string) *httptest.ResponseRecorder {
	return o.send(httptest.NewRequest(http.MethodGet, path, nil))
}

func (o *office) post(path string, form ...string) *httptest.ResponseRecorder {
	v := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		v.Add(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(v.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return o.send(r)
}

func (o *office) send(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	o.echo.ServeHTTP(w, r)
	return w
}

// shows fails unless the answer has the status, and holds the words and not those that begin with "!".
func shows(t *testing.T, w *httptest.ResponseRecorder, status int, words ...string) {
	t.Helper()
	if w.Code != status {
		t.Fatalf("status %d, want %d: %s", w.Code, status, w.Body)
	}
	for _, word := range words {
		if absent, not := strings.CutPrefix(word, "!"); not == strings.Contains(w.Body.String(), absent) && (not || word != "") {
			t.Errorf("the page has %q: %v\n%s", absent, not, w.Body)
		}
	}
}

// leads fails unless the answer leads to the address.
func leads(t *testing.T, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
		t.Fatalf("status %d to %q, want 303 to %q: %s", w.Code, w.Header().Get("Location"), to, w.Body)
	}
}

// checkRun is a run of the precheck that has ended, of the draft as it is.
func checkRun(id int64, items ...task.CheckItem) task.CheckRun {
	return task.CheckRun{ID: id, Subject: draftID, BodySum: goodSum, Began: officeNow.Add(-time.Minute), Ended: officeNow, Items: items}
}

func passedItem() task.CheckItem {
	return task.CheckItem{ID: "source.connect", Group: "source", Status: "passed", Severity: "error", Code: "connect.ok", Params: map[string]string{"Passed": "dns 1ms"}}
}

func failedItem() task.CheckItem {
	return task.CheckItem{ID: "source.privileges", Group: "source", Status: "failed", Severity: "error", Code: "privileges.missing",
		Params: map[string]string{"Missing": "REPLICATION CLIENT", "Account": "'dts'@'%'", "Grant": "GRANT REPLICATION CLIENT ON *.* TO 'dts'@'%';"}}
}

func warningItem() task.CheckItem {
	return task.CheckItem{ID: "objects.key", Group: "objects", Status: "failed", Severity: "warning", Code: "key.none", Params: map[string]string{"Tables": "shop.logs"}}
}

func acknowledgedItem() task.CheckItem {
	i := warningItem()
	i.AcknowledgedBy, i.AcknowledgedWhy = "bob", "A log without a key."
	return i
}
