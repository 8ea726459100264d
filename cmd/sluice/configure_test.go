package main

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/store"
)

// A task that runs is left alone; of one that is stopped the history tells what was changed, and no password.
func TestConfigure(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	spec := task.Spec{Name: "shop", Source: task.Source{Host: "db", User: "u", Password: "Never-shown-1"}}
	spec.Defaults()
	id, err := st.AddTask(t.Context(), "", spec, task.About{})
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	m := newManager(&runner{store: st}, progress.NewHub(time.Now), slog.New(slog.NewTextHandler(&log, nil)))
	spec.Source.Password, spec.Rate = "Never-shown-2", 2000
	changed := []string{"source_password", "link"}
	m.runs[id] = &managed{}
	err = m.Configure(t.Context(), id, spec, task.About{}, changed)
	if task.Code(err) != "task.wrong_state" || !strings.Contains(err.Error(), "pause it first") {
		t.Errorf("a running task: %v", err)
	}
	delete(m.runs, id)
	if err := m.Configure(t.Context(), id, spec, task.About{Link: "small"}, changed); err != nil {
		t.Fatal(err)
	}
	kept, err := st.Secrets(t.Context(), id)
	if err != nil || kept["source"].Reveal() != "Never-shown-2" {
		t.Errorf("the password was not kept: %v", err)
	}
	events, err := st.History(t.Context(), id, 0, 10)
	if err != nil || len(events) != 1 || events[0].Code != "config.changed" || events[0].Params["1"] != "source_password,link" {
		t.Errorf("%v %v", events, err)
	}
	if all := fmt.Sprint(events) + log.String(); strings.Contains(all, "Never-shown") {
		t.Error("a password is told")
	}
}
