package main

import (
	"context"
	"fmt"
	"strings"

	"sluice/engine"
	"sluice/engine/progress"
	"sluice/engine/task"
	"sluice/handlers"
)

// What a person does with a task: each is a button of the console.

// Start starts a task, goes on with it, or tries it again.
func (m *manager) Start(ctx context.Context, id string) error {
	t, err := m.runner.store.Summary(ctx, id)
	if err != nil {
		return err
	}
	return m.start(ctx, t, false)
}

// Repeat goes on with a task whose topic no longer tells what was sent, with leave to send some of it again.
func (m *manager) Repeat(ctx context.Context, id string) error {
	t, err := m.runner.store.Summary(ctx, id)
	if err != nil {
		return err
	}
	if t.State != task.Failed || t.Failure == nil || t.Failure.Code != "target.expired" {
		return wrongState("The task has not stopped with target.expired.")
	}
	return m.start(ctx, t, true)
}

func (m *manager) start(ctx context.Context, t task.Summary, repeats bool) error {
	if err := t.State.Move(task.Running); err != nil {
		return err
	}
	m.mu.Lock()
	_, runs := m.runs[t.ID]
	m.mu.Unlock()
	if runs {
		return wrongState("The task is running already.")
	}
	if err := m.runner.store.Want(ctx, t.ID, true); err != nil {
		return err
	}
	return m.begin(t.ID, repeats)
}

func wrongState(text string) *task.Error {
	return &task.Error{Code: "task.wrong_state", Text: text, Hint: "Look at its state now: another person or tab may have been faster."}
}

// Pause stops a task and keeps all; it returns when the task has stopped.
func (m *manager) Pause(ctx context.Context, id string) error {
	m.mu.Lock()
	run := m.runs[id]
	m.mu.Unlock()
	if run == nil {
		return wrongState("The task is not running.")
	}
	if err := m.runner.store.Want(ctx, id, false); err != nil {
		return err
	}
	run.cancel(engine.ErrStopped)
	select {
	case <-run.over:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// End ends a task where the source stands now; the task works on until all up to there is delivered.
func (m *manager) End(ctx context.Context, id string) error {
	t, err := m.runner.store.Summary(ctx, id)
	if err != nil {
		return err
	}
	m.mu.Lock()
	run := m.runs[id]
	m.mu.Unlock()
	switch {
	case !t.Spec.Incremental:
		return &task.Error{Code: "task.ends_itself", Text: "A task without the incremental phase ends by itself.",
			Hint: "Wait for it. Ending it by hand would leave the data incomplete; pause it if it must stop for a while."}
	case run == nil:
		return wrongState("The task is not running.")
	}
	if err := m.runner.store.Ending(ctx, id); err != nil {
		return err
	}
	run.end.ask()
	m.hub.Update(id, false, func(s *progress.Status) { s.Ending = true })
	return nil
}

// Delete removes a task that does not run, or a draft.
func (m *manager) Delete(ctx context.Context, id string) error {
	m.mu.Lock()
	run := m.runs[id]
	m.mu.Unlock()
	if run != nil {
		return wrongState("The task is running: pause it first.")
	}
	if _, err := m.runner.store.Draft(ctx, id); err == nil {
		return m.runner.store.DeleteDraft(ctx, id)
	}
	m.hub.Remove(id)
	return m.runner.store.DeleteTask(ctx, id)
}

// Configure changes what may change of a task that does not run; no start comes between. The history tells what, not how.
func (m *manager) Configure(ctx context.Context, id string, spec task.Spec, about task.About, changed []string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.runs[id] != nil {
		return wrongState("The task is running: pause it first.")
	}
	if err := m.runner.store.Configure(ctx, id, spec, about); err != nil {
		return err
	}
	t, err := m.runner.store.OpenTask(ctx, id)
	if err != nil {
		return err
	}
	m.runner.record(ctx, t, engine.Notice{Code: "config.changed", Params: []string{strings.Join(changed, ",")}})
	return nil
}

// Clone makes a draft with the specification and the passwords of a task.
func (m *manager) Clone(ctx context.Context, id string) (string, error) {
	t, err := m.runner.store.Summary(ctx, id)
	if err != nil {
		return "", err
	}
	t.Spec.Name, t.About.TermsAccepted = t.Name, ""
	body, err := handlers.DraftBody(t.Spec, t.About)
	if err != nil {
		return "", fmt.Errorf("writing the draft: %w", err)
	}
	d, err := m.runner.store.NewDraft(ctx, task.Draft{Name: t.Name, Step: "connections", Body: body})
	if err != nil {
		return "", err
	}
	kept, err := m.runner.store.Secrets(ctx, id)
	if err != nil {
		return "", err
	}
	for name, secret := range kept {
		if err := m.runner.store.SetSecret(ctx, d.ID, name, secret); err != nil {
			return "", err
		}
	}
	return d.ID, nil
}
