package handlers

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

var shelfNow = time.Date(2026, 11, 22, 17, 3, 11, 0, time.UTC)

// shelf is a console with tasks in every condition, in memory, at a moment that does not move.
type shelf struct {
	tasks []task.Summary
	hub   *progress.Hub
	page  *MessagePage
	asked MessageQuery
	flash *views.Flash
	fails error // what the next action comes to
	acts  []string
	set   task.Spec // what was configured last, with its passwords
	about task.About
	lang  string
	echo  *echo.Echo
}

// shelfTasks and shelfDrafts are its sides for two interfaces; what no page asks for is left out.
type (
	shelfTasks  struct{ s *shelf }
	shelfDrafts struct {
		drafts
		s *shelf
	}
	drafts = Drafts
)

func (k shelfTasks) Tasks(context.Context) (out []task.Outline, _ error) {
	for _, t := range k.s.tasks {
		out = append(out, t.Outline)
	}
	return out, nil
}

func (k shelfTasks) Summaries(ctx context.Context, ids ...string) (out []task.Summary, _ error) {
	for _, id := range ids {
		if t, err := k.Summary(ctx, id); err == nil {
			out = append(out, t)
		}
	}
	return out, nil
}

func (k shelfTasks) Summary(_ context.Context, id string) (task.Summary, error) {
	for _, t := range k.s.tasks {
		if t.ID == id {
			return t, nil
		}
	}
	return task.Summary{}, &task.Error{Code: "task.absent", Text: "There is no such task."}
}

func (shelfTasks) TableProgress(context.Context, string) ([]task.TableProgress, error) {
	return []task.TableProgress{{Schema: "shop", Name: "orders", Chunks: 8, Done: 3, Working: 2, Rows: 41200}}, nil
}

// History is 130 events, of which the newest but one is a failure.
func (shelfTasks) History(_ context.Context, _ string, before int64, limit int) ([]task.Event, error) {
	var out []task.Event
	for id := int64(130); id > 0 && len(out) < limit; id-- {
		if before > 0 && id >= before {
			continue
		}
		e := task.Event{ID: id, At: shelfNow.Add(time.Duration(id-130) * time.Second), Level: "info", Code: "source.definition_read", Params: map[string]string{"1": fmt.Sprintf("shop.t%d", id)}}
		if id == 129 {
			e.Level, e.Code, e.Params = "error", "task.failed", map[string]string{"code": "source.binlog_purged"}
		}
		out = append(out, e)
	}
	return out, nil
}

func (k shelfDrafts) Drafts(context.Context) ([]task.Draft, error) {
	d, err := k.Draft(context.Background(), "draft")
	return []task.Draft{d}, err
}

func (shelfDrafts) Draft(_ context.Context, id string) (task.Draft, error) {
	if id != "draft" {
		return task.Draft{}, &task.Error{Code: "task.absent", Text: "There is no such task."}
	}
	return task.Draft{ID: id, Name: "half-configured", Step: "objects", Body: []byte(`{"v":1,"about":{"group":"Beijing"}}`), Updated: shelfNow}, nil
}

func (s *shelf) act(name, id string) error {
	if s.fails == nil {
		s.acts = append(s.acts, name+" "+id)
	}
	return s.fails
}

func (s *shelf) Start(_ context.Context, id string) error  { return s.act("start", id) }
func (s *shelf) Repeat(_ context.Context, id string) error { return s.act("repeat", id) }
func (s *shelf) Pause(_ context.Context, id string) error  { return s.act("pause", id) }
func (s *shelf) End(_ context.Context, id string) error    { return s.act("end", id) }
func (s *shelf) Delete(_ context.Context, id string) error { return s.act("delete", id) }
func (s *shelf) Clone(_ context.Context, id string) (string, error) {
	return "draft", s.act("clone", id)
}

func (s *shelf) Configure(_ context.Context, id string, spec task.Spec, about task.About, changed []string) error {
	s.set, s.about = spec, about
	return s.act("configure", id+" "+strings.Join(changed, ","))
}

func (s *shelf) Audit(_ context.Context, user, action, subject string, _ map[string]string) error {
	s.acts = append(s.acts, user+": "+action+" "+subject)
	return nil
}

func (s *shelf) Read(_ context.Context, _ string, q MessageQuery) (*MessagePage, error) {
	s.asked = q
	return s.page, s.fails
}

// add puts a task on the shelf; measured is nil for one that no process works on.
func (s *shelf) add(id string, state task.State, last string, measured func(*progress.Status)) *task.Summary {
	spec := task.Spec{Name: id, Source: task.Source{Host: "db.example", Port: 3306, User: "dts", Password: "Never-shown-1"},
		Target: task.Target{Brokers: []string{"kafka.example:9092"}, User: "writer", Password: "Never-shown-2", Topic: "orders"}, Schema: true, Full: true, Incremental: true,
		Policy: task.PolicyKey, Rate: 2000, Tables: []task.Table{{Schema: "shop", Name: "orders", Where: "region = 'cn'", Exclude: []string{"note"}}, {Schema: "shop", Name: "customers", ToName: "clients"}}}
	s.tasks = append(s.tasks, task.Summary{Outline: task.Outline{ID: id, Name: "task " + id, State: state, Wanted: state == task.Running, Spec: spec, About: task.About{Group: "Hangzhou"},
		Last: []byte(last), Created: shelfNow.Add(-time.Hour), Updated: shelfNow}})
	if measured != nil {
		s.hub.Update(id, true, func(p *progress.Status) {
			p.State, p.Phase, p.Position, p.Low = task.Running, "incremental", "mysql-bin.000231:4711", "mysql-bin.000231:4000"
			p.Log, p.Set = "mysql-bin", "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-99812,8a94f357-aab4-11df-86ab-c80aa9429563:1-7"
			p.Copied, p.Inserts, p.Acked, p.AckedBytes = 88000, 1234, 89234, 91234567
			measured(p)
		})
	}
	return &s.tasks[len(s.tasks)-1]
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{hub: progress.NewHub(func() time.Time { return shelfNow }), lang: i18n.English}
	s.add("new", task.New, "", nil)
	s.add("scheduled", task.New, "", nil).StartAt = shelfNow.Add(9 * time.Hour)
	s.add("starting", task.Running, "", nil)
	s.hub.Update("starting", false, func(p *progress.Status) { p.State = task.Running })
	s.add("full", task.Running, "", func(p *progress.Status) { p.Phase, p.Copied, p.Inserts, p.Estimate = "full", 40000, 0, 88000 })
	s.add("caught-up", task.Running, "", func(p *progress.Status) { p.Known, p.NoDelay, p.Delay = true, true, time.Second })
	behind := s.add("behind", task.Running, "", func(p *progress.Status) { p.Known, p.Delay, p.DeadLetters = true, 75*time.Second, 1234 })
	behind.Spec.From, behind.Spec.DeadLetterTopic = &task.From{Position: "mysql-bin.000078:4"}, "orders-dead"
	behind.Spec.OnlineDDL, behind.Spec.New = task.HideOnlineDDL, []task.Table{{Schema: "shop", Name: "*"}, {Schema: "logs", Name: "log_20??", ToSchema: "old", Topic: "logs", Policy: task.PolicyZero}}
	s.add("unknown", task.Running, "", func(*progress.Status) {})
	s.add("retrying", task.Running, "", func(p *progress.Status) {
		p.Trying = &progress.Attempt{Failure: task.Error{Code: "source.access_denied", Text: "the server refused", Hint: "Check it.", Err: errors.New("Error 1045 (28000): Access denied for user 'dts'")}, Next: shelfNow.Add(7200 * time.Millisecond), Tries: 4}
	})
	s.add("ending", task.Running, "", func(p *progress.Status) { p.Ending, p.Known, p.NoDelay = true, true, true })
	s.add("pausing", task.Running, "", func(*progress.Status) {}).Wanted = false
	s.add("self", task.Running, "", func(p *progress.Status) { p.Phase, p.Estimate = "full", 100000 }).Spec.Incremental = false
	s.add("paused", task.Stopped, `{"phase":"full","copied":40000,"estimate":88000,"position":"4711@231","low":"4000@231","measured":"2026-11-22T16:00:00Z"}`, nil)
	s.add("failed", task.Failed, `{"phase":"incremental","copied":88000,"inserts":12}`, nil).Failure = &task.Error{Code: "source.binlog_purged", Text: "The binlog is gone <now>", Hint: "None.", Err: errors.New("ERROR 1236 (HY000): Could not find first log file name")}
	s.add("expired", task.Failed, `{"phase":"incremental","copied":88000,"inserts":12}`, nil).Failure = &task.Error{Code: "target.expired", Text: "partition 0 of topic orders begins at offset 812", Hint: "None."}
	s.add("finished", task.Finished, `{"phase":"finished","copied":88000,"inserts":1234,"acked":89234,"acked_bytes":91234567,"low":"mysql-bin.000231:4711","log":"mysql-bin","set":"0-1-5"}`, nil)
	s.add("full-spool", task.Running, "", func(p *progress.Status) {
		p.Phase, p.Copied, p.Estimate = "full", 40000, 88000
		h := &p.Horizon
		h.Looked, h.Oldest, h.Needs, h.Kept, h.Deadline = shelfNow, "mysql-bin.000201", "mysql-bin.000209:4711", 24*time.Hour, shelfNow.Add(5*time.Hour)
		h.Spooled, h.Limit, h.Full = 64<<20, 64<<20, true
	})
	kept := func(id string, state task.State, left time.Duration) {
		s.add(id, state, `{"phase":"incremental","copied":88000,"horizon":{"looked":"2026-11-22T15:00:00Z","oldest":"mysql-bin.000201","needs":"mysql-bin.000231:4000","kept":86400000000000,"deadline":"`+shelfNow.Add(left).Format(time.RFC3339)+`","spooled":1048576,"limit":8589934592}}`, nil)
	}
	kept("paused-kept", task.Stopped, 20*time.Hour)
	kept("paused-urgent", task.Stopped, time.Hour)
	kept("failed-late", task.Failed, -time.Hour)
	s.echo = s.routes(t)
	return s
}

func (s *shelf) routes(t *testing.T) *echo.Echo {
	t.Helper()
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := New(Deps{Tasks: shelfTasks{s}, Drafts: shelfDrafts{s: s}, Runner: s, Statuses: s.hub, Audit: s, Messages: s, Now: func() time.Time { return shelfNow }})
	e := echo.New()
	e.Renderer = plainRenderer{}
	e.HTTPErrorHandler = func(err error, c echo.Context) { _ = c.String(StatusOf(task.Code(err)), task.Code(err)) }
	e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Set(PageKey, &views.Page{Locale: texts.Locale(s.lang), User: "ann", CSRF: "token", Now: shelfNow, Path: c.Request().URL.RequestURI(), Flash: s.flash})
			return next(c)
		}
	})
	for path, get := range map[string]echo.HandlerFunc{"": h.TaskShow, "/tables": h.TaskTables, "/messages": h.TaskMessages, "/events": h.TaskEvents, "/config": h.TaskConfig, "/end": h.TaskEndForm, "/delete": h.TaskDeleteForm, "/repeat": h.TaskRepeatForm} {
		e.GET("/tasks/:id"+path, get)
	}
	for path, post := range map[string]echo.HandlerFunc{"/config": h.TaskConfigSave, "/start": h.TaskStart, "/pause": h.TaskPause, "/clone": h.TaskClone, "/end": h.TaskEnd, "/delete": h.TaskDelete, "/repeat": h.TaskRepeat} {
		e.POST("/tasks/:id"+path, post)
	}
	e.GET("/tasks", h.TaskList)
	return e
}

func (s *shelf) get(path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func (s *shelf) post(path, referer string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if referer != "" {
		r.Header.Set("Referer", referer)
	}
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	return w
}
