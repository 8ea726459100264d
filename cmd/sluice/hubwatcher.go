package main

import (
	"cmp"
	"context"
	"encoding/json"
	"sync"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/progress"
	"sluice/engine/retention"
	"sluice/engine/task"
)

// hubWatcher carries what a run tells to the hub, and keeps the newest for when the task does not run.
type hubWatcher struct {
	m     *manager
	id    string
	mu    sync.Mutex
	saved time.Time
	total int64 // estimated rows
	prior int64 // copied by earlier runs
	// before is what was kept of earlier runs: a person sees what the task has done, and not the process.
	before progress.Status
}

const saveEvery = 10 * time.Second

func (w *hubWatcher) Planned(estimate, copied int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.total, w.prior = estimate, copied
}

func (w *hubWatcher) Notice(n engine.Notice) {
	if n.Retry != nil {
		w.m.retrying(w.id, n.Retry)
	}
}

func (w *hubWatcher) Progress(p engine.Progress) {
	w.mu.Lock()
	total, prior := w.total, w.prior
	due := time.Since(w.saved) > saveEvery
	if due {
		w.saved = time.Now()
	}
	w.mu.Unlock()
	w.m.hub.Update(w.id, true, func(s *progress.Status) {
		c, b := p.Counts, w.before
		s.State, s.Trying, s.Phase, s.Waiting, s.Held = task.Running, attempt(p.Trying), string(p.Phase), p.Waiting, p.Bytes
		s.Copied, s.Inserts, s.Updates, s.Deletes, s.DDLs = prior+c.Copied, b.Inserts+c.Inserts, b.Updates+c.Updates, b.Deletes+c.Deletes, b.DDLs+c.DDLs
		s.DeadLetters = b.DeadLetters + c.DeadLetters
		s.Plain, s.Resent, s.Doubled = p.Plain, p.Doubles.Resent, p.Doubles.Found
		s.Acked, s.AckedBytes, s.Estimate, s.ChunksLeft = b.Acked+c.Acked, b.AckedBytes+c.AckedBytes, cmp.Or(total, b.Estimate), p.ChunksLeft
		s.Delay, s.Known, s.NoDelay = p.Delay, p.Known, p.NoDelay
		s.Position, s.Low = where(p.Position, p.Log), where(p.Low, p.Log)
		s.Log, s.Set = p.Log, p.Set
	})
	if due {
		w.m.wg.Go(func() { w.save(context.Background()) }) // the engine must not wait for the disk
	}
}

func (w *hubWatcher) Horizon(h retention.Horizon) {
	w.m.hub.Update(w.id, false, func(s *progress.Status) { s.Horizon = h })
}

// where writes a position as its source does; one that was never set is empty.
func where(p cdc.Position, log string) string {
	if p.IsZero() {
		return ""
	}
	return p.In(log)
}

func (w *hubWatcher) save(ctx context.Context) {
	s, ok := w.m.hub.Status(w.id)
	if !ok || s.Measured.IsZero() {
		return
	}
	data, err := json.Marshal(s)
	if err == nil {
		err = w.m.runner.store.Last(ctx, w.id, data)
	}
	if err != nil {
		w.m.log.Error("the progress of a task could not be kept", "task", w.id, "error", err)
	}
}
