package handlers

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// startNow is a form that starts the task.
func startNow() []string {
	return []string{"do", "start", "version", "3", "link", "large", "start", "now", "terms", "on"}
}

func TestWizardConfirmShowsEverything(t *testing.T) {
	t.Parallel()
	o := newOffice(t, stepConfirm, checkRun(2, passedItem(), acknowledgedItem()))
	shows(t, o.get(confirm), http.StatusOK, "host-a", "k1:9092", "shop.orders", "shop.o?_* (topic rest)", "As one ALTER TABLE", "Acknowledged by bob", "A log without a key.", "at most 2,000 rows/s", "at most 11,000 rows/s", "Unlimited",
		"Full data migration is not capped", "nothing to buy", "does not end by itself", "!ends by itself when", "below 30%", `name="terms"`, `value="2026-11-23T02:00"`, "Asia/Shanghai (UTC+08:00)",
		"{env: SLUICE_SOURCE_PASSWORD}", "!Never-shown", `href="`+wizardURL(draftID, stepConnections)+`"`, `href="`+wizardURL(draftID, stepObjects)+`"`)
	o.lang = i18n.Chinese
	shows(t, o.get(confirm), http.StatusOK, "确认配置", "链路规格", "每秒最多 2,000 行", "30% 以下", "手动结束迁移任务")
}

func TestWizardFile(t *testing.T) {
	t.Parallel()
	w := newOffice(t, stepConfirm).get("/tasks/new/" + draftID + "/file")
	shows(t, w, http.StatusOK, "host: host-a", "new_tables:", "online_ddl: hide", "!Never-shown")
	if got := w.Header().Get("Content-Disposition"); got != `attachment; filename="task.yaml"` {
		t.Errorf("Content-Disposition %q", got)
	}
}

func TestWizardConfirmIsNotReachedEarly(t *testing.T) {
	t.Parallel()
	early := newOffice(t, stepPrecheck, checkRun(2, passedItem()))
	leads(t, early.get(confirm), precheck)
	leads(t, early.post(confirm, startNow()...), precheck)
	failed := newOffice(t, stepConfirm, checkRun(2, failedItem()))
	leads(t, failed.get(confirm), precheck)
	leads(t, failed.post(confirm, startNow()...), precheck)
	if len(early.made)+len(failed.made) > 0 {
		t.Error("a task was made")
	}
}

func TestWizardStart(t *testing.T) {
	t.Parallel()
	o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
	leads(t, o.post(confirm, startNow()...), "/tasks/"+draftID)
	if len(o.made) != 1 || len(o.started) != 1 || o.started[0] != draftID {
		t.Fatalf("made %v, started %v", o.made, o.started)
	}
	made := o.made[0]
	if made.Spec.Rate != 6000 || made.About.Link != "large" || made.About.TermsAccepted != "ann 2026-11-22T17:03:11Z" || made.Spec.Source.Password != "Never-shown-1" {
		t.Errorf("made %+v", made)
	}
	leads(t, o.post(confirm, startNow()...), "/tasks/"+draftID)
	leads(t, o.get(confirm), "/tasks/"+draftID)
	if len(o.made) != 1 || len(o.started) != 1 {
		t.Errorf("sent twice: made %v, started %v", o.made, o.started)
	}
}

func TestTwoClicksAtOnceMakeOneTask(t *testing.T) {
	t.Parallel()
	o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if w := o.post(confirm, startNow()...); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/tasks/"+draftID {
				t.Errorf("status %d: %s", w.Code, w.Body)
			}
		})
	}
	wg.Wait()
	if len(o.made) != 1 || len(o.started) != 1 {
		t.Errorf("made %v, started %v", o.made, o.started)
	}
}

func TestWizardStartLater(t *testing.T) {
	t.Parallel()
	o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
	leads(t, o.post(confirm, "do", "start", "version", "3", "link", "unlimited", "start", "later", "at", "2026-11-24T02:30", "zone", "Asia/Shanghai", "terms", "on"), "/tasks/"+draftID)
	if want := time.Date(2026, 11, 23, 18, 30, 0, 0, time.UTC); !o.at[draftID].Equal(want) || len(o.started) != 0 {
		t.Errorf("starts at %v, want %v; started %v", o.at[draftID], want, o.started)
	}
	if m := o.made[0]; m.Spec.Rate != 0 || m.About.Link != "" {
		t.Errorf("made %+v", m)
	}
}

func TestWizardStartRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		form  []string
		words []string
	}{
		"nothing filled in": {[]string{"version", "3"}, []string{"Choose a link specification", "Choose when the task starts", "Accept the load assessment and terms", `href="#terms"`, "<title>Error:"}},
		"missing terms":     {[]string{"version", "3", "link", "small", "start", "now"}, []string{"Accept the load assessment and terms", `value="small" checked`, "!Choose a link", "!Choose when"}},
		"unknown link":      {[]string{"link", "huge", "start", "now", "terms", "on"}, []string{"Choose a link specification"}},
		"time of no form":   {[]string{"link", "small", "start", "later", "at", "tomorrow", "zone", "UTC", "terms", "on"}, []string{"Enter a date and time", `value="tomorrow"`, `value="later" checked`}},
		"time that is past": {[]string{"link", "small", "start", "later", "at", "2026-11-22T17:03", "zone", "UTC", "terms", "on"}, []string{"The time is past"}},
		"time too far":      {[]string{"link", "small", "start", "later", "at", "2036-11-22T17:03", "zone", "UTC", "terms", "on"}, []string{"within one year"}},
		"unknown zone":      {[]string{"link", "small", "start", "later", "at", "2026-11-24T02:00", "zone", "Mars/Base", "terms", "on"}, []string{"Choose a time zone"}},
		"zone of a file":    {[]string{"link", "small", "start", "later", "at", "2026-11-24T02:00", "zone", "../etc/passwd", "terms", "on"}, []string{"Choose a time zone"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
			shows(t, o.post(confirm, append([]string{"do", "start"}, tc.form...)...), http.StatusUnprocessableEntity, append(tc.words, "There is a problem")...)
			if len(o.made) > 0 {
				t.Error("a task was made")
			}
		})
	}
	t.Run("changed in another tab", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
		form := startNow()
		form[3] = "2"
		shows(t, o.post(confirm, form...), http.StatusConflict, `id="wizard-conflict"`, `value="large" checked`)
		if len(o.made) > 0 {
			t.Error("a task was made")
		}
	})
}

func TestWizardConfirmIsKept(t *testing.T) {
	t.Parallel()
	for do, to := range map[string]string{"back": precheck, "leave": "/tasks", "save": confirm} {
		t.Run(do, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
			leads(t, o.post(confirm, "do", do, "version", "3", "link", "xlarge", "start", "later", "at", "2026-12-24T03:15", "zone", "Asia/Tokyo", "terms", "on"), to)
			if len(o.made) > 0 {
				t.Error("a task was made")
			}
			shows(t, o.get(confirm), http.StatusOK, `value="xlarge" checked`, `value="later" checked`, `value="2026-12-24T03:15"`, `<option value="Asia/Tokyo" selected`, "!name=\"terms\" value=\"on\" checked")
		})
	}
}

func TestTermsFollowTheKindOfMigration(t *testing.T) {
	t.Parallel()
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := &views.Page{Locale: texts.Locale(i18n.English)}
	for name, tc := range map[string]struct {
		spec task.Spec
		want string
	}{
		"incremental": {task.Spec{Full: true, Incremental: true}, "does not end by itself"},
		"full":        {task.Spec{Full: true}, "do not write new data"},
		"schema":      {task.Spec{Schema: true}, "ends by itself"},
	} {
		if got := strings.Join(terms(p, &tc.spec), "\n"); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// The limit of the spool is a number that a task file may have; left as it is, the task has none of its own.
func TestWizardSpool(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]int{"0": 0, "64": 64, " 4096 ": 4096, "8192": -1, "": -1} {
		o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
		shows(t, o.get(confirm), http.StatusOK, `name="spool"`, `value="8192"`)
		leads(t, o.post(confirm, append(startNow(), "spool", sent)...), "/tasks/"+draftID)
		if len(o.made) != 1 {
			t.Fatalf("%q: made %v", sent, o.made)
		}
		if got := o.made[0].Spec.Spool; (got == nil) != (want < 0) || got != nil && *got != want {
			t.Errorf("%q: %v, want %d", sent, got, want)
		}
	}
	for _, sent := range []string{"63", "-1", "16777217", "8 GiB", "1.5"} {
		o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
		shows(t, o.post(confirm, append(startNow(), "spool", sent)...), http.StatusUnprocessableEntity, `href="#spool"`, `value="`+sent+`"`, "from 64 to 16777216")
		if len(o.made) > 0 {
			t.Errorf("%q: a task was made", sent)
		}
	}
}

// So is the limit of the threads at the source.
func TestWizardThreads(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]int{"-1": task.NoThreads, "1": 1, " 400 ": 400, "30": 0, "": 0} {
		o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
		shows(t, o.get(confirm), http.StatusOK, `name="threads"`, `value="30"`)
		leads(t, o.post(confirm, append(startNow(), "threads", sent)...), "/tasks/"+draftID)
		if len(o.made) != 1 || o.made[0].Spec.SourceThreads != want {
			t.Errorf("%q: made %+v, want %d", sent, o.made, want)
		}
	}
	for _, sent := range []string{"0", "-2", "30 threads", "1.5", "99999999999999999999"} {
		o := newOffice(t, stepConfirm, checkRun(2, passedItem()))
		shows(t, o.post(confirm, append(startNow(), "threads", sent)...), http.StatusUnprocessableEntity, `href="#threads"`, `value="`+sent+`"`, "Enter -1, or a whole number of threads from 1")
		if len(o.made) > 0 {
			t.Errorf("%q: a task was made", sent)
		}
	}
}
