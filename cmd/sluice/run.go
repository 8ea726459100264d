package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"sluice/engine"
	"sluice/engine/task"
	"sluice/store"
)

const runHelp = `usage: sluice run TASKFILE [options]

Runs the task that the file describes (docs/task-file.md), or goes on with it where
it was stopped. SIGINT or SIGTERM stop it and keep all; a second one ends the
process at once, which is safe as well. A task with the incremental phase runs
until it is ended.
`

type runOptions struct {
	data      string
	until     string
	end, json bool
	repeats   bool
	workers   int
}

func (p *program) runTask(ctx context.Context, args []string) int {
	f := p.flags("run", runHelp)
	var o runOptions
	f.StringVar(&o.data, "data", "./data", "`DIR` with the progress of the task (default ./data)")
	f.StringVar(&o.until, "until", "", "`caught-up`: end the task when it is first without delay")
	f.BoolVar(&o.end, "end", false, "end the task where the source stands now; tells the process that runs it, if one does")
	f.BoolVar(&o.repeats, "accept-repeats", false, "go on after target.expired: changes of the last moments before the stop may be sent twice")
	f.IntVar(&o.workers, "workers", 0, "`N` chunks read at once in the full copy, instead of the task file's")
	f.BoolVar(&o.json, "json", false, "progress as one JSON object a second on standard output")
	words, code, ok := f.parse(args, 1)
	switch {
	case !ok:
		return code
	case o.until != "" && o.until != "caught-up":
		return f.wrong("--until knows only caught-up, not %q", o.until)
	case o.workers < 0 || o.workers > 64:
		return f.wrong("--workers must be 1 to 64")
	}
	spec, err := task.LoadFile(words[0], p.getenv)
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	if o.workers > 0 {
		spec.Workers = o.workers
	}
	return p.drive(ctx, spec, o)
}

// drive runs the task in this process, or asks the process that does to end it.
func (p *program) drive(ctx context.Context, spec *task.Spec, o runOptions) int {
	ctx, release := stopOnSignal(ctx)
	defer release()
	st, err := store.Open(o.data)
	if err != nil && o.end && task.Code(err) == "data.locked" {
		return p.askEnd(ctx, o.data, spec.Name, err)
	}
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	defer st.Close()
	r := &runner{store: st, fault: faultPoints(p.getenv), target: targetOptions(p.getenv)}
	t, state, err := r.bind(ctx, spec)
	if err == nil && o.end && state == task.New {
		err = &task.Error{Code: "task.not_started", Text: fmt.Sprintf("the task %q has not started, so there is nothing to end", spec.Name),
			Hint: "Run it without --end, or look at the name in the task file and at --data."}
	}
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	end := newEnding()
	if o.end {
		end.ask()
	}
	desk, err := listen(o.data, spec.Name, end)
	if err != nil {
		fmt.Fprintf(p.stderr, "warning: --end will not reach this process: %v\n", err)
	}
	show := p.newDisplay(o.json)
	control := engine.Control{End: end.asked, UntilCaughtUp: o.until != "", AcceptRepeats: &o.repeats}
	for {
		state, err = r.run(ctx, t, control, show)
		if task.Code(err) != "task.lease_lost" || ctx.Err() != nil {
			break
		}
		// The process slept longer than the lease lasts. Nobody else can use this folder meanwhile, so it goes on; had
		// a copy of the folder been used, it would find that out before it sends anything.
		show.Notice(engine.Notice{Code: "task.retry", Params: []string{err.Error(), "0s"}, Retry: &engine.Retry{Err: err, Tries: 1}})
		if t, state, err = r.bind(ctx, spec); err != nil {
			break
		}
	}
	show.close(state, err)
	desk.close(state)
	return p.outcome(state, err)
}

func (p *program) outcome(state task.State, err error) int {
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	return exitOfState(state)
}

// stopOnSignal cancels with ErrStopped at the first SIGINT or SIGTERM; the second acts as if nobody listened.
func stopOnSignal(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
			signal.Stop(signals)
			cancel(engine.ErrStopped)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { signal.Stop(signals); cancel(nil) }
}
