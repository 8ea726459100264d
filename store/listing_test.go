package store

import (
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"sluice/engine/task"
)

// TestTasks lists all tasks with what they are now, whatever was read of them before, the newest first.
func TestTasks(t *testing.T) {
	t.Parallel()
	ctx, clock := t.Context(), newClock()
	s := openAt(t, t.TempDir(), clock)
	if list, err := s.Tasks(ctx); err != nil || len(list) != 0 {
		t.Fatalf("an empty folder: %v %v", list, err)
	}
	var ids []string
	for i := range 3 {
		spec := fullSpec()
		spec.Name, spec.Rate = fmt.Sprint("task ", i), i
		if i == 2 {
			clock.forward(time.Second)
		}
		id, err := s.AddTask(ctx, "", spec, task.About{Group: fmt.Sprint("g", i)})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	slices.Sort(ids[:2])
	// look holds the list against what each task is by itself, read anew.
	look := func(step string, want ...string) map[string]task.Outline {
		t.Helper()
		list, err := s.Tasks(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got, of := []string{}, map[string]task.Outline{}
		for _, o := range list {
			got, of[o.ID] = append(got, o.ID), o
			s.parsed = map[string]*parsed{}
			fresh, err := s.Summary(ctx, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			if o.State == task.New || o.State == task.Finished {
				fresh.Last = []byte{}
			}
			if !reflect.DeepEqual(fresh.Outline, o) {
				t.Errorf("%s: listed is\n%+v\nnot\n%+v", step, o, fresh.Outline)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, not %v", step, got, want)
		}
		if _, err := s.Tasks(ctx); err != nil { // so that the next look finds what was read
			t.Fatal(err)
		}
		return of
	}
	all := []string{ids[2], ids[0], ids[1]}
	look("as they were made", all...)
	id := ids[2]
	for step, change := range map[string]func() error{
		"renamed": func() error { return s.Rename(ctx, id, "another") },
		"wanted":  func() error { return s.Want(ctx, id, true) },
		"planned": func() error { return s.StartAt(ctx, id, clock.now()) },
		"last":    func() error { return s.Last(ctx, id, []byte(`{"copied":7}`)) },
		"configured": func() error {
			spec := fullSpec()
			spec.Name, spec.Rate = "task 2", 77
			return s.Configure(ctx, id, spec, task.About{Group: "other"})
		},
	} {
		if err := change(); err != nil {
			t.Fatal(step, err)
		}
		look(step, all...)
	}
	if o := look("after all", all...)[id]; o.Name != "another" || o.Spec.Rate != 77 || o.About.Group != "other" || len(o.Last) > 0 {
		t.Errorf("%+v", o)
	}
	h, err := s.OpenTask(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.Start(ctx); err != nil {
		t.Fatal(err)
	}
	if o := look("running", all...)[id]; o.State != task.Running || string(o.Last) != `{"copied":7}` {
		t.Errorf("%+v", o)
	}
	if err := h.End(ctx, task.Finished, nil); err != nil {
		t.Fatal(err)
	}
	if o := look("finished", all...)[id]; o.State != task.Finished || len(o.Last) > 0 {
		t.Errorf("%+v", o)
	}
	if err := s.DeleteTask(ctx, id); err != nil {
		t.Fatal(err)
	}
	look("deleted", ids[0], ids[1])
}

// A task file that differs where it may is listed as it is now.
func TestTasksOfFiles(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	for _, rate := range []int{1, 2} {
		spec := fullSpec()
		spec.Rate = rate
		h, _, err := s.Task(t.Context(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if list, err := s.Tasks(t.Context()); err != nil || len(list) != 1 || list[0].Spec.Rate != rate || list[0].Name != spec.Name {
			t.Errorf("rate %d: %+v %v", rate, list, err)
		}
		if _, err := h.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := h.End(t.Context(), task.Stopped, nil); err != nil {
			t.Errorf("the row that the file has changed: %v", err)
		}
	}
}

// TestSummaries gives tasks in the order that is asked for, and leaves out what is not there.
func TestSummaries(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	s := openAt(t, t.TempDir(), newClock())
	var ids []string
	for i := range 250 {
		spec := fullSpec()
		spec.Name = fmt.Sprint("task ", i)
		id, err := s.AddTask(ctx, "", spec, task.About{})
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	for name, want := range map[string][]string{"none": nil, "one": ids[7:8], "a page": ids[100:200], "the last": ids[200:], "all": ids} {
		asked := slices.Clone(want)
		slices.Reverse(asked)
		list, err := s.Summaries(ctx, append([]string{"0000000000000000", "' OR 1"}, asked...)...)
		if err != nil || len(list) != len(want) {
			t.Errorf("%s: %d of %d, %v", name, len(list), len(want), err)
		}
		for i, sum := range list {
			if sum.ID != asked[i] || sum.Spec.Source.Host != fullSpec().Source.Host {
				t.Errorf("%s: %s at %d, not %s", name, sum.ID, i, asked[i])
			}
		}
	}
	if _, err := s.Summary(ctx, "0000000000000000"); task.Code(err) != "task.absent" {
		t.Errorf("no such task: %v", err)
	}
}
