package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"sluice/engine"
	"sluice/engine/progress"
	"sluice/engine/task"
)

// manager runs many tasks in one process, each on its own: one that fails harms no other.
type manager struct {
	runner *runner
	hub    *progress.Hub
	log    *slog.Logger

	mu     sync.Mutex
	runs   map[string]*managed
	closed bool
	wg     sync.WaitGroup
	stop   chan struct{} // closed by close
}

// managed is a task that a goroutine works on.
type managed struct {
	cancel  context.CancelCauseFunc
	end     *ending
	repeats *bool // see engine.Control
	over    chan struct{}
}

func newManager(r *runner, hub *progress.Hub, log *slog.Logger) *manager {
	return &manager{runner: r, hub: hub, log: log, runs: map[string]*managed{}, stop: make(chan struct{})}
}

// restore goes on with the tasks that ran, and starts those whose time comes.
func (m *manager) restore(ctx context.Context) error {
	tasks, err := m.runner.store.Tasks(ctx)
	if err != nil {
		return err
	}
	for _, t := range tasks {
		switch {
		case t.Wanted && (t.State == task.New || t.State == task.Running || t.State == task.Stopped):
			err = m.begin(t.ID, false)
		case t.State == task.Running: // the process ended while the task was being paused
			m.wg.Go(func() { m.stopped(t.ID) })
		}
		if err != nil {
			m.log.Error("a task could not be restored", "task", t.ID, "error", err)
		}
	}
	m.wg.Go(m.clock)
	return nil
}

// clock starts tasks at the time that was set for them.
func (m *manager) clock() {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	var warned time.Time
	for {
		select {
		case <-m.stop:
			return
		case now := <-tick.C:
			if err := m.startDue(context.Background(), now); err != nil {
				m.log.Error("tasks with a time to start could not be started", "error", err)
			}
			if now.Sub(warned) >= horizonEvery {
				warned = now
				if err := m.warn(context.Background(), now); err != nil {
					m.log.Error("the deadlines of tasks could not be looked at", "error", err)
				}
			}
		}
	}
}

func (m *manager) startDue(ctx context.Context, now time.Time) error {
	due, err := m.runner.store.Due(ctx, now)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range due {
		errs = append(errs, m.Start(ctx, id))
	}
	return errors.Join(errs...)
}

// warn tells of tasks whose deadline comes near while nobody looks at their source: they are paused, have failed, or can't
// reach it. A task that looks tells by itself.
func (m *manager) warn(ctx context.Context, now time.Time) error {
	tasks, err := m.runner.store.Tasks(ctx)
	if err != nil {
		return err
	}
	var errs []error
	for _, t := range tasks {
		var s progress.Status
		if live, ok := m.hub.Status(t.ID); ok {
			s = live
		} else if json.Unmarshal(t.Last, &s) != nil {
			continue // nothing, or of an older version
		}
		if t.State == task.Finished || s.Horizon.Looked.IsZero() || now.Sub(s.Horizon.Looked) < 2*horizonEvery {
			continue
		}
		kept, err := m.runner.store.OpenTask(ctx, t.ID)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if n, due := alarm(ctx, kept, &s.Horizon, now); due {
			m.runner.record(ctx, kept, n)
		}
	}
	return errors.Join(errs...)
}

// begin makes the goroutine of a task. repeats is leave to send again what the topic no longer tells of.
func (m *manager) begin(id string, repeats bool) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return wrongState("The server is stopping.")
	}
	if m.runs[id] != nil {
		return wrongState("The task is running already.")
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	run := &managed{cancel: cancel, end: newEnding(), repeats: &repeats, over: make(chan struct{})}
	m.runs[id] = run
	m.hub.Update(id, false, func(s *progress.Status) { *s = progress.Status{State: task.Running, Started: time.Now()} })
	m.wg.Go(func() {
		defer cancel(nil)
		m.work(ctx, id, run)
		m.mu.Lock()
		delete(m.runs, id)
		m.mu.Unlock()
		m.hub.Rest(id)
		close(run.over)
	})
	return nil
}

// work runs a task until it has ended, failed or was stopped. Servers that cannot be reached are tried again.
func (m *manager) work(ctx context.Context, id string, run *managed) {
	pause := time.Second
	for tries := 1; ; tries++ {
		err := m.once(ctx, id, run)
		if err == nil || ctx.Err() != nil {
			return
		}
		if !task.Retryable(err) {
			m.fail(id, err)
			return
		}
		m.retrying(id, &engine.Retry{Err: err, Pause: pause, Tries: tries})
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// retrying shows what a task is trying again after.
func (m *manager) retrying(id string, r *engine.Retry) {
	m.hub.Update(id, false, func(s *progress.Status) { s.Trying = attempt(r) })
}

func attempt(r *engine.Retry) *progress.Attempt {
	if r == nil {
		return nil
	}
	again := &progress.Attempt{Failure: task.Error{Code: "internal", Text: r.Err.Error()}, Next: time.Now().Add(r.Pause), Tries: r.Tries}
	var e *task.Error
	if errors.As(r.Err, &e) {
		again.Failure = *e
	}
	return again
}

// once is one run; a panic in it is that task's failure alone.
func (m *manager) once(ctx context.Context, id string, run *managed) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the task's work broke off: %v", p)
			m.log.Error("a task panicked", "task", id, "panic", p)
		}
	}()
	t, err := m.runner.store.OpenTask(ctx, id)
	if err != nil {
		return err
	}
	sum, err := m.runner.store.Summary(ctx, id)
	if err != nil {
		return err
	}
	w := &hubWatcher{m: m, id: id}
	_ = json.Unmarshal(sum.Last, &w.before) // nothing, or of an older version: then it is counted from here
	m.hub.Update(id, false, func(s *progress.Status) {
		b := w.before
		s.Inserts, s.Updates, s.Deletes, s.DDLs, s.Acked, s.AckedBytes, s.LastChange = b.Inserts, b.Updates, b.Deletes, b.DDLs, b.Acked, b.AckedBytes, b.LastChange
		s.Plain, s.Resent, s.Doubled, s.Horizon = b.Plain, b.Resent, b.Doubled, b.Horizon
	})
	_, err = m.runner.run(ctx, t, engine.Control{End: run.end.asked, AcceptRepeats: run.repeats}, w)
	w.save(context.WithoutCancel(ctx))
	return err
}

// fail sees to it that a failure is kept, also one from before the task was touched.
func (m *manager) fail(id string, cause error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err := func() error {
		if err := m.runner.store.Want(ctx, id, false); err != nil {
			return err
		}
		return m.settle(ctx, id, task.Failed, cause)
	}()
	if err != nil {
		m.log.Error("a task failed, and that could not be kept", "task", id, "failure", cause, "error", err)
	}
}

// stopped records that a task has stopped; the lease of the process that worked on it has to run out first.
func (m *manager) stopped(id string) {
	for {
		err := m.settle(context.Background(), id, task.Stopped, nil)
		if err != nil && !task.Retryable(err) {
			m.log.Error("a task could not be restored", "task", id, "error", err)
		}
		if err == nil || !task.Retryable(err) {
			return
		}
		select {
		case <-m.stop:
			return
		case <-time.After(time.Second):
		}
	}
}

// settle keeps the state of a task that nobody works on.
func (m *manager) settle(ctx context.Context, id string, state task.State, cause error) error {
	t, err := m.runner.store.OpenTask(ctx, id)
	if err != nil {
		return err
	}
	s, err := t.Status(ctx)
	if err != nil || s.State == state {
		return err
	}
	if _, err := t.Start(ctx); err != nil {
		return err
	}
	return t.End(ctx, state, cause)
}

// close stops all tasks and waits; they go on at the next start.
func (m *manager) close() {
	m.mu.Lock()
	if !m.closed {
		m.closed = true
		close(m.stop)
	}
	runs := slices.Collect(maps.Values(m.runs))
	m.mu.Unlock()
	for _, r := range runs {
		r.cancel(engine.ErrStopped)
	}
	m.wg.Wait()
}
