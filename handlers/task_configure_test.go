package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// asItIs is the form as the page of a stopped task has it.
func asItIs(change ...string) url.Values {
	form := url.Values{"source_password": {""}, "target_password": {""}, "link": {"small"}, "spool": {"8192"}, "threads": {"30"}}
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

func TestTaskConfigSave(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"new", "scheduled", "paused", "failed"} {
		s := newShelf(t)
		w := s.post("/tasks/"+id+"/config", "", asItIs("source_password", " Never-shown-3 ", "link", "large", "spool", "64", "threads", " 12 ", "row_lock", "on"))
		leads(t, w, "/tasks/"+id+"/config")
		if want := []string{"configure " + id + " source_password,link,spool,threads,row_lock", "ann: task.configure " + id}; !slices.Equal(s.acts, want) {
			t.Errorf("did %q, want %q", s.acts, want)
		}
		if s.set.Source.Password != " Never-shown-3 " || s.set.Target.Password != "" || s.set.Rate != 6000 || s.about.Link != "large" || s.set.SpoolMiB() != 64 || s.set.SourceThreads != 12 || !s.set.Source.RowLock || len(s.set.Tables) != 2 {
			t.Errorf("%s: %+v %+v", id, s.set, s.about)
		}
	}
	s := newShelf(t)
	leads(t, s.post("/tasks/paused/config", "", asItIs("target_password", "Never-shown-4", "link", "unlimited")), "/tasks/paused/config")
	if s.set.Target.Password != "Never-shown-4" || s.set.Source.Password != "" || s.set.Rate != 0 || s.set.Spool != nil || s.acts[0] != "configure paused target_password,link" {
		t.Errorf("%+v %q", s.set, s.acts)
	}
	s.fails, s.acts = &task.Error{Code: "task.wrong_state", Text: "The task is running: pause it first."}, nil // another tab was faster
	if w := s.post("/tasks/paused/config", "", asItIs("link", "large")); w.Code != http.StatusConflict || len(s.acts) > 0 {
		t.Errorf("answered %d, did %q", w.Code, s.acts)
	}
}

func TestTaskConfigRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		form  url.Values
		field string
		want  string
	}{
		"no link":                      {asItIs("link", ""), "link", "Choose a link specification"},
		"unknown link":                 {asItIs("link", "huge"), "link", "Choose a link specification"},
		"a rate that the task has not": {asItIs("link", "other"), "link", "Choose a link specification"},
		"small spool":                  {asItIs("spool", "63"), "spool", "from 64 to 16777216"},
		"no number":                    {asItIs("spool", "8 GiB"), "spool", "from 64 to 16777216"},
		"no threads":                   {asItIs("threads", "0"), "threads", "Enter -1, or a whole number"},
	} {
		s := newShelf(t)
		tt.form.Set("source_password", "Never-shown-3")
		w := s.post("/tasks/failed/config", "", tt.form)
		if doc := page(t, w, http.StatusUnprocessableEntity); !strings.Contains(doc.Find(`#error-summary a[href="#`+tt.field+`"]`).Text(), tt.want) || !strings.Contains(doc.Find("#"+tt.field+"-error").Text(), tt.want) {
			t.Errorf("%s: %s", name, doc.Find("main").Text())
		}
		if strings.Contains(w.Body.String(), "Never-shown") || len(s.acts) > 0 {
			t.Errorf("%s: the page shows a password, or did %q", name, s.acts)
		}
	}
	s := newShelf(t)
	shows(t, s.post("/tasks/failed/config", "", asItIs()), http.StatusUnprocessableEntity, "There is a problem", "Nothing was changed")
	for _, id := range []string{"behind", "starting", "pausing", "ending", "retrying"} {
		shows(t, s.post("/tasks/"+id+"/config", "", asItIs("source_password", "Never-shown-3")), http.StatusConflict, "Pause the task first", "!Never-shown", "!source_password")
	}
	shows(t, s.post("/tasks/finished/config", "", asItIs("link", "large")), http.StatusConflict, "!Pause the task first", "!source_password")
	if len(s.acts) > 0 {
		t.Errorf("did %q", s.acts)
	}
}

// A rate of a task file that is no link specification stays unless another is chosen; without a sign-in at the
// destination there is no password for it.
func TestTaskConfigOfAFile(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	at := slices.IndexFunc(s.tasks, func(k task.Summary) bool { return k.ID == "paused" })
	s.tasks[at].Spec.Rate, s.tasks[at].Spec.Target.User = 1234, ""
	s.tasks[at].Spec.SourceThreads = task.NoThreads
	shows(t, s.get("/tasks/paused/config"), http.StatusOK, `value="other" checked`, "at most 1,234 rows/s", `value="-1"`, "!target_password")
	leads(t, s.post("/tasks/paused/config", "", asItIs("link", "other", "spool", "0", "threads", "-1", "target_password", "Never-shown-4")), "/tasks/paused/config")
	if s.set.Rate != 1234 || s.set.Target.Password != "" || s.acts[0] != "configure paused spool" {
		t.Errorf("%+v %q", s.set, s.acts)
	}
}

func TestConfiguredEvent(t *testing.T) {
	t.Parallel()
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	for lang, want := range map[string]string{i18n.English: "The configuration was changed: Source password, Link specification", i18n.Chinese: "任务配置已修改：源库密码、链路规格"} {
		p := &views.Page{Locale: texts.Locale(lang)}
		if got := eventRow(p, task.Event{Code: "config.changed", Level: "info", Params: map[string]string{"1": "source_password,link"}}).Text; got != want {
			t.Errorf("%s", got)
		}
	}
}
