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
	o.made = []task.Summary{{ID: draftID, Name: "orders", Spec: task.Spec{Source: task.Source{Host: "host-a"}}}}
	if got := look(); !strings.Contains(got, "1 item failed") {
		t.Errorf("of a newer run, by the task: %s", got)
	}
}
