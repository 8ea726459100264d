package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/kafka"
	"sluice/engine/mysql"
	"sluice/engine/retention"
	"sluice/engine/snapshot"
	"sluice/engine/spool"
	"sluice/engine/task"
	"sluice/store"
)

// runner joins the rooms into runs of tasks. It knows no flags and no terminal.
type runner struct {
	store  *store.Store
	fault  func(point string) // nil in production
	target []kafka.Option     // none in production
	every  time.Duration      // between looks at the source's binlog; 0 is the usual
}

// watcher is told what happens during a run, from the engine's own goroutine and, what is planned, from another: it must not
// wait.
type watcher interface {
	Progress(engine.Progress)
	Notice(engine.Notice)
	// Horizon tells how long the source keeps what the task needs of it.
	Horizon(retention.Horizon)
	// Planned tells the rows of the full copy, as the server estimates them (0: not known), and those that earlier runs
	// copied.
	Planned(estimate, copied int64)
}

// bind gives the task of the specification. One that has finished is refused.
func (r *runner) bind(ctx context.Context, spec *task.Spec) (*store.Task, task.State, error) {
	t, _, err := r.store.Task(ctx, *spec)
	if err != nil {
		return nil, "", err
	}
	s, err := t.Status(ctx)
	if err != nil {
		return nil, "", err
	}
	if s.State == task.Finished {
		return nil, s.State, s.State.Move(task.Running)
	}
	return t, s.State, nil
}

// run takes the task to its end, or until ctx is cancelled with engine.ErrStopped, and records the outcome. Servers
// that can't be reached leave the task in the state it was in.
func (r *runner) run(ctx context.Context, t *store.Task, control engine.Control, w watcher) (task.State, error) {
	spec := t.Spec()
	source, err := mysql.Open(ctx, spec.Source, mysql.Options{Spool: spoolOf(t)})
	if err != nil {
		return r.early(ctx, err)
	}
	defer source.Close()
	sink, err := kafka.Open(ctx, spec.Target, r.target...)
	if err != nil {
		return r.early(ctx, err)
	}
	defer sink.Close()
	files, err := t.Files()
	if err != nil {
		return task.Failed, err
	}
	held, err := t.Start(ctx)
	if err != nil {
		return r.early(ctx, err)
	}
	if spec.SpoolMiB() == 0 { // there may be one of before
		if err := t.DropSpool(); err != nil {
			return r.end(ctx, t, err)
		}
	}
	_ = t.Event(held, store.Info, "task.started", nil)
	planned := r.plan(held, t, w)
	notice := func(n engine.Notice) { r.record(held, t, n); w.Notice(n) }
	looking := newHorizon(source, w)
	finish := r.look(held, t, looking, notice)
	format := formatOf(spec.Format)
	err = engine.Run(held, &engine.Deps{
		Spec: &spec, Task: t.ID(), Generation: t.Generation(),
		Source: source, Sink: sink, Topics: topics{sink}, Checkpoints: t, Files: files,
		NewCodec: format.codec, Supports: format.supports, Now: time.Now,
		OnEvent: notice, Progress: looking.Progress, Fault: r.fault,
	}, control)
	planned()
	finish()
	state, err := r.end(ctx, t, err)
	if state == task.Finished {
		err = errors.Join(err, t.DropSpool())
	}
	return state, err
}

// look watches the source's binlog beside the run, until finish is called.
func (r *runner) look(ctx context.Context, t *store.Task, h *horizon, notice func(engine.Notice)) (finish func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		h.run(ctx, cmp.Or(r.every, horizonEvery), func(seen retention.Horizon) {
			if n, due := alarm(ctx, t, &seen, time.Now()); due {
				notice(n)
			}
		})
	})
	return func() { cancel(); wg.Wait() }
}

// reserve is how much of the disk a spool leaves to all else that the folder holds.
const reserve = 2 << 30

// spoolOf says where the task keeps the binlog; nil is nowhere.
func spoolOf(t *store.Task) *spool.Options {
	spec := t.Spec()
	if spec.SpoolMiB() == 0 {
		return nil
	}
	return &spool.Options{
		Dir: t.SpoolDir(), Owner: fmt.Sprintf("%s/%d", t.ID(), t.Generation()), Limit: int64(spec.SpoolMiB()) << 20, Reserve: reserve,
		Tell: func(n spool.Notice) {
			said := map[string]string{}
			for i, p := range n.Params {
				said[strconv.Itoa(i+1)] = p
			}
			_ = t.Event(context.Background(), store.Warning, n.Code, said) // a history that can't be written stops nothing
		},
	}
}

// early is the outcome of a run that ended before the task was touched.
func (r *runner) early(ctx context.Context, err error) (task.State, error) {
	if errors.Is(context.Cause(ctx), engine.ErrStopped) {
		return task.Stopped, nil
	}
	return task.Failed, err
}

// end records how the run came out, even where ctx is over.
func (r *runner) end(ctx context.Context, t *store.Task, err error) (task.State, error) {
	state := task.Finished
	switch {
	case errors.Is(err, engine.ErrStopped):
		state, err = task.Stopped, nil
	case err != nil:
		state = task.Failed
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	level, params := store.Info, map[string]string{}
	if err != nil {
		level, params["code"] = store.Error, task.Code(err)
	}
	_ = t.Event(ctx, level, "task."+string(state), params)
	if rerr := t.End(ctx, state, err); rerr != nil && err == nil {
		return task.Failed, fmt.Errorf("recording the outcome: %w", rerr)
	}
	return state, err
}

// plan tells the watcher what the full copy has before it, where that can be known, until finish is called. A server may
// take a second for estimates that it has not made lately: it is asked beside the run.
func (r *runner) plan(ctx context.Context, t *store.Task, w watcher) (finish func()) {
	spec := t.Spec()
	if !spec.Full {
		return func() {}
	}
	var copied int64
	if saved, err := t.Load(ctx); err == nil && saved != nil {
		for _, c := range saved.Chunks {
			if c.Status >= snapshot.Done { // or DONE and no longer needed
				copied += c.Rows
			}
		}
	}
	w.Planned(0, copied)
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if rows, err := estimate(ctx, &spec); err == nil { // the run tells what is wrong
			w.Planned(rows, copied)
		}
	})
	return func() { cancel(); wg.Wait() }
}

// estimate is how many rows the task's tables have, as the server estimates them.
func estimate(ctx context.Context, spec *task.Spec) (rows int64, err error) {
	source, err := mysql.Open(ctx, spec.Source, mysql.Options{Unchecked: true})
	if err != nil {
		return 0, err
	}
	defer source.Close()
	selected := map[cdc.TableID]bool{}
	schemas := map[string]bool{}
	for _, s := range spec.Tables {
		selected[cdc.TableID{Schema: s.Schema, Name: s.Name}] = true
		schemas[s.Schema] = true
	}
	for schema := range schemas {
		list, err := source.Tables(ctx, schema)
		if err != nil {
			return 0, err
		}
		for _, info := range list {
			if selected[info.TableID] {
				rows += info.Rows
			}
		}
	}
	return rows, nil
}

// warnings are the notices that a person should look at.
var warnings = map[string]bool{"target.repaired": true, "target.compacted": true, "target.partitions_added": true,
	"horizon.near": true, "target.doubles": true, "target.resent": true, "target.dead_letter": true}

// record keeps a notice in the task's history. A history that can't be written stops nothing: what matters is
// written by the engine, and fails there.
func (r *runner) record(ctx context.Context, t *store.Task, n engine.Notice) {
	params := map[string]string{}
	for i, p := range n.Params {
		params[strconv.Itoa(i+1)] = p
	}
	level := store.Info
	if warnings[n.Code] {
		level = store.Warning
	}
	if n.Retry != nil {
		level, params["code"] = store.Warning, task.Code(n.Retry.Err)
	}
	_ = t.Event(ctx, level, n.Code, params)
}
