package handlers

import (
	"strings"
	"testing"
	"time"

	"sluice/engine/task"
	"sluice/views"
	"sluice/views/i18n"
)

// A part that is empty by now is sent to a page that was loaded while it was not.
func TestLiveEmptiesParts(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := New(Deps{Tasks: shelfTasks{s}, Statuses: s.hub, Now: func() time.Time { return shelfNow }})
	f := &follower{h: h, p: &views.Page{Locale: texts.Locale(i18n.English), Now: shelfNow}, topics: []string{"end:finished"}, sent: map[string]string{}}
	sent := ""
	for range 2 {
		if err := f.send(t.Context(), nil, func(html string) error { sent += html; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Count(sent, `data-target="end-act"></live-part>`) != 1 {
		t.Errorf("the words of a task that was ending are not taken away, once: %s", sent)
	}
}

// A list is told of the tasks on its page alone: at first of those that may have changed since it was loaded, and then of
// those that have.
func TestLiveList(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	texts, err := i18n.Load()
	if err != nil {
		t.Fatal(err)
	}
	h := New(Deps{Tasks: shelfTasks{s}, Statuses: s.hub, Now: func() time.Time { return shelfNow.Add(2 * time.Minute) }})
	f := &follower{h: h, p: &views.Page{Locale: texts.Locale(i18n.English)}, topics: []string{"list:caught-up.paused.gone.full", "list:", "list"}, sent: map[string]string{}}
	look := func(changed ...string) string {
		var rows []string
		if err := f.send(t.Context(), changed, func(html string) error {
			for _, part := range strings.Split(html, `data-target="status-`)[1:] {
				id, _, _ := strings.Cut(part, `"`)
				rows = append(rows, id)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		return strings.Join(rows, " ")
	}
	if got := look(); got != "caught-up full" {
		t.Errorf("at first of %q", got)
	}
	if got := look("behind", "full"); got != "" {
		t.Errorf("nothing of the page has changed, but it is told of %q", got)
	}
	if got := look("behind", "gone", "paused"); got != "paused" {
		t.Errorf("then of %q", got)
	}
}

// TestLiveChecks follows a precheck from its first item to its end.
func TestLiveChecks(t *testing.T) {
	t.Parallel()
	waiting := failedItem()
	waiting.Status = "waiting"
	run := checkRun(1, passedItem(), waiting)
	run.Ended = time.Time{}
	o := newOffice(t, stepPrecheck, run)
	o.running = true
	f := &follower{h: o.h, p: &views.Page{Locale: o.texts.Locale(i18n.English), Now: officeNow}, topics: []string{"check:" + draftID}, sent: map[string]string{}}
	var last string
	look := func() string {
		last = ""
		if err := f.send(t.Context(), []string{}, func(html string) error { last = html; return nil }); err != nil {
			t.Fatal(err)
		}
		return last
	}
	if got := look(); !strings.Contains(got, "1 of 2 items are done.") || !strings.Contains(got, `data-target="check-list"`) {
		t.Errorf("while it runs: %s", got)
	}
	if got := look(); got != "" {
		t.Errorf("nothing has changed, but sent is: %s", got)
	}
	o.runs[0].Items[1].Status = "passed"
	if got := look(); !strings.Contains(got, "2 of 2 items are done.") {
		t.Errorf("after an item: %s", got)
	}
	o.runs[0].Ended, o.running = officeNow, false
	if got := look(); !strings.Contains(got, "Precheck passed") || !strings.Contains(got, `data-target="check-next"`) || strings.Contains(got, "disabled") {
		t.Errorf("at its end: %s", got)
	}
	o.draft = nil // so that another look at it would fail
	if got := look(); got != "" {
		t.Errorf("after its end: %s", got)
	}
	o.runs = append([]task.CheckRun{checkRun(2, failedItem())}, o.runs...)
	o.made = []task.Summary{{Outline: task.Outline{ID: draftID, Name: "orders", Spec: task.Spec{Source: task.Source{Host: "host-a"}}}}}
	if got := look(); !strings.Contains(got, "1 item failed") {
		t.Errorf("of a newer run, by the task: %s", got)
	}
}
