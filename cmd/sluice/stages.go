package main

import (
	"context"

	"sluice/engine/precheck"
	"sluice/engine/task"
)

// reacher tries the way to servers for people who type in where they are. It changes nothing there.
type reacher struct{}

// Source tries the way to a source, stage by stage.
func (reacher) Source(ctx context.Context, s task.Source) task.Reach {
	a := &asker{spec: &task.Spec{Source: s, Incremental: true}}
	defer a.close()
	return precheck.TestSource(ctx, a.deps())
}

// Target tries the way to every broker of a target, stage by stage.
func (reacher) Target(ctx context.Context, t task.Target) task.Reach {
	a := &asker{spec: &task.Spec{Target: t}}
	defer a.close()
	return precheck.TestTarget(ctx, a.deps())
}
