package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"

	"sluice/engine/precheck"
	"sluice/engine/task"
	"sluice/store"
)

// scripted is a checker whose runs a test plays: each gives its steps over a channel.
type scripted struct {
	*checker
	st   *store.Store
	runs chan *played
}

// played is one run: report tells items, and over ends it.
type played struct {
	ctx    context.Context
	only   []string
	report func([]precheck.Item)
	over   chan error
}

const subject = "00000000000000d1"

func newScripted(t *testing.T) *scripted {
	t.Helper()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := newChecker(st, "", []byte("key"), slog.New(slog.DiscardHandler))
	s := &scripted{c, st, make(chan *played, 4)}
	c.run = func(ctx context.Context, _ string, _ *task.Spec, _ task.About, report func([]precheck.Item), only []string) error {
		r := &played{ctx, only, report, make(chan error)}
		s.runs <- r
		select {
		case err := <-r.over:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	t.Cleanup(func() { c.close(); st.Close() })
	return s
}

func hostSpec(host string) task.Spec {
	return task.Spec{Source: task.Source{Host: host, Password: "p"}}
}

func (s *scripted) check(t *testing.T, host string, only ...string) {
	t.Helper()
	if err := s.Check(t.Context(), subject, hostSpec(host), task.About{}, only); err != nil {
		t.Fatal(err)
	}
}

// end ends a run and waits until it is kept.
func (s *scripted) end(r *played, err error) {
	s.mu.Lock()
	over := s.active[subject].over
	s.mu.Unlock()
	r.over <- err
	<-over
}

func (s *scripted) newest(t *testing.T) task.CheckRun {
	t.Helper()
	runs, err := s.st.Checks(t.Context(), subject, 1)
	if err != nil || len(runs) == 0 {
		t.Fatal(runs, err)
	}
	return runs[0]
}

func checked(id string, status precheck.Status, observed string) precheck.Item {
	return precheck.Item{ID: id, Group: "objects", Status: status, Severity: precheck.Warning, Code: "key.none", Observed: observed}
}

func statuses(r task.CheckRun) (out []string) {
	for _, i := range r.Items {
		out = append(out, i.ID+" "+i.Status+" "+i.AcknowledgedBy)
	}
	return out
}

func TestCheckerKeepsItemsAsTheyCome(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	s.check(t, "a")
	r := <-s.runs
	if !s.Checking(subject) {
		t.Error("it is not under way")
	}
	r.report([]precheck.Item{checked("a", precheck.Passed, ""), checked("b", precheck.Running, ""), checked("c", precheck.Waiting, "")})
	if got, want := statuses(s.newest(t)), []string{"a passed ", "b running ", "c waiting "}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	if run := s.newest(t); run.Passed() || !run.Ended.IsZero() {
		t.Error("it has passed before its end")
	}
	s.check(t, "a") // a second click
	if len(s.runs) > 0 {
		t.Error("the same began twice")
	}
	r.report([]precheck.Item{checked("a", precheck.Passed, ""), checked("b", precheck.Passed, ""), checked("c", precheck.Passed, "")})
	s.end(r, nil)
	if run := s.newest(t); !run.Passed() || s.Checking(subject) {
		t.Errorf("at its end: %+v", run)
	}
}

func TestCheckerLooksAgainAtSomeItems(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	s.check(t, "a")
	r := <-s.runs
	r.report([]precheck.Item{checked("a", precheck.Failed, "1"), checked("b", precheck.Failed, "1"), checked("c", precheck.Passed, "")})
	s.end(r, nil)
	for _, id := range []string{"a", "b"} {
		if err := s.st.Acknowledge(t.Context(), s.newest(t).ID, id, "ann", "why"); err != nil {
			t.Fatal(err)
		}
	}
	s.check(t, "a", "b")
	r = <-s.runs
	if !slices.Equal(r.only, []string{"b"}) {
		t.Errorf("looks at %v", r.only)
	}
	r.report([]precheck.Item{checked("b", precheck.Failed, "2")})
	s.end(r, nil)
	// What was found of b is another thing now; a was not looked at.
	if got, want := statuses(s.newest(t)), []string{"a failed ann", "b failed ", "c passed "}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
	s.check(t, "a")
	r = <-s.runs
	r.report([]precheck.Item{checked("a", precheck.Failed, "1"), checked("b", precheck.Failed, "2"), checked("c", precheck.Passed, "")})
	s.end(r, nil)
	if got, want := statuses(s.newest(t)), []string{"a failed ann", "b failed ", "c passed "}; !slices.Equal(got, want) {
		t.Errorf("kept %q, want %q", got, want)
	}
}

func TestCheckerRunsAllOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	s := newScripted(t)
	s.check(t, "a")
	first := <-s.runs
	first.report([]precheck.Item{checked("a", precheck.Running, "")})
	s.check(t, "b", "a") // ends the first
	r := <-s.runs
	if first.ctx.Err() == nil {
		t.Error("the older one goes on")
	}
	if len(r.only) > 0 {
		t.Errorf("looks at %v alone", r.only)
	}
	runs, err := s.st.Checks(t.Context(), subject, 2)
	if err != nil || len(runs) != 2 || runs[1].Passed() || runs[1].Ended.IsZero() {
		t.Errorf("%+v %v", runs, err)
	}
	s.end(r, nil)
}

func TestCheckerThatBreaksOffDoesNotPass(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*scripted, *played){
		"error": func(s *scripted, r *played) { s.end(r, errors.New("broken")) },
		"close": func(s *scripted, _ *played) { s.close() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScripted(t)
			s.check(t, "a")
			r := <-s.runs
			r.report([]precheck.Item{checked("a", precheck.Passed, ""), checked("b", precheck.Waiting, "")})
			end(s, r)
			if run := s.newest(t); run.Passed() || run.Ended.IsZero() {
				t.Errorf("%+v", run)
			}
		})
	}
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		s := newScripted(t)
		s.run = func(context.Context, string, *task.Spec, task.About, func([]precheck.Item), []string) error {
			panic("oh")
		}
		s.check(t, "a")
		s.wg.Wait()
		if run := s.newest(t); run.Passed() || run.Ended.IsZero() {
			t.Errorf("%+v", run)
		}
	})
}

func TestSumOfAllThatIsChecked(t *testing.T) {
	t.Parallel()
	c := newChecker(nil, "", []byte("key"), nil)
	base, about := task.Spec{Name: "n", Source: task.Source{Host: "a", Password: "p"}, Target: task.Target{User: "u", Password: "q"}, Tables: []task.Table{{Schema: "s", Name: "t"}}}, task.About{Group: "g"}
	sum := func(change func(*task.Spec, *task.About)) string {
		s, a := base, about
		s.Tables = slices.Clone(base.Tables)
		change(&s, &a)
		out, err := c.Sum(s, a)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	was := sum(func(*task.Spec, *task.About) {})
	for name, tc := range map[string]struct {
		change func(*task.Spec, *task.About)
		same   bool
	}{
		"name":             {func(s *task.Spec, _ *task.About) { s.Name = "m" }, true},
		"link":             {func(s *task.Spec, a *task.About) { s.Rate, a.Link = 2000, "small" }, true},
		"defaults":         {func(s *task.Spec, _ *task.About) { s.Defaults() }, true},
		"group":            {func(_ *task.Spec, a *task.About) { a.Group = "h" }, true},
		"host":             {func(s *task.Spec, _ *task.About) { s.Source.Host = "b" }, false},
		"source password":  {func(s *task.Spec, _ *task.About) { s.Source.Password = "r" }, false},
		"target password":  {func(s *task.Spec, _ *task.About) { s.Target.Password = "r" }, false},
		"passwords change": {func(s *task.Spec, _ *task.About) { s.Source.Password, s.Target.Password = "q", "p" }, false},
		"filter":           {func(s *task.Spec, _ *task.About) { s.Tables[0].Where = "a = 1" }, false},
		"Kafka version":    {func(_ *task.Spec, a *task.About) { a.KafkaVersion = "3.9" }, false},
	} {
		if same := sum(tc.change) == was; same != tc.same {
			t.Errorf("%s: the same sum is %v", name, same)
		}
	}
}
