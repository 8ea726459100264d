package main

import (
	"context"
	"sync"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/mysql"
	"sluice/engine/retention"
	"sluice/engine/spool"
	"sluice/store"
)

// horizonEvery is how often a running task compares what it needs of the source's binlog with what is there.
const horizonEvery = 30 * time.Second

// horizon watches the source's binlog beside a run. What the engine says of where it stands passes through it.
type horizon struct {
	watcher
	source *mysql.Source
	watch  retention.Watch
	looked uint32        // turn of the server that watch has looked at
	stands chan struct{} // closed when it is first known where the task stands

	mu   sync.Mutex
	low  retention.Need
	turn uint32 // of the server that is read
	once sync.Once
}

func newHorizon(source *mysql.Source, w watcher) *horizon {
	return &horizon{watcher: w, source: source, watch: retention.Watch{Source: askedSource{source}, Now: time.Now}, stands: make(chan struct{})}
}

func (h *horizon) Progress(p engine.Progress) {
	if !p.Need.IsZero() {
		h.mu.Lock()
		h.low, h.turn = retention.Need{At: p.Need, Log: p.Log}, p.Position.Turn
		h.mu.Unlock()
		h.once.Do(func() { close(h.stands) })
	}
	h.watcher.Progress(p)
}

func (h *horizon) look(ctx context.Context) (retention.Horizon, error) {
	var held spool.Held
	h.mu.Lock()
	turn := h.turn
	h.mu.Unlock()
	if turn != h.looked { // another server, whose files are others
		h.watch, h.looked = retention.Watch{Source: h.watch.Source, Now: h.watch.Now}, turn
	}
	seen, err := h.watch.Look(ctx, func() retention.Need {
		h.mu.Lock()
		n := h.low
		h.mu.Unlock()
		n, held = needed(n, turn, h.source.Held)
		return n
	})
	seen.Spooled, seen.Limit, seen.Full = held.Bytes, held.Limit, held.Full
	return seen, err
}

// needed is what the task needs of the server of this turn, by its low bound and by what the spool holds, which knows of
// that server's log alone and of no turns.
func needed(n retention.Need, turn uint32, holds func(low cdc.Position) (spool.Held, bool)) (retention.Need, spool.Held) {
	if n.At.Turn != turn {
		n.At = cdc.Position{} // where that is in this server's log is not known
	}
	n.At.Turn = 0
	held, ok := holds(n.At)
	if ok {
		n.At = held.Needs
	}
	if n.At.IsZero() {
		return retention.Need{}, held
	}
	n.At.Turn = turn
	return n, held
}

// run looks until ctx is over. A source that can't be asked is looked at the next time; the run itself says what is wrong.
func (h *horizon) run(ctx context.Context, every time.Duration, told func(retention.Horizon)) {
	select {
	case <-h.stands:
	case <-ctx.Done():
		return
	}
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		if seen, err := h.look(ctx); err == nil && !seen.Looked.IsZero() {
			h.watcher.Horizon(seen)
			told(seen)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// alarm gives what is to be told of the horizon: once when it becomes urgent, and once when that is over.
func alarm(ctx context.Context, t *store.Task, h *retention.Horizon, now time.Time) (engine.Notice, bool) {
	last, err := t.Newest(ctx, "horizon.near", "horizon.over")
	if err != nil {
		return engine.Notice{}, false // what can't be read now is told at the next look
	}
	at := ""
	if !h.Deadline.IsZero() {
		at = h.Deadline.UTC().Format(time.RFC3339)
	}
	switch urgent, told := h.Urgent(now), last == "horizon.near"; {
	case urgent && !told:
		return engine.Notice{Code: "horizon.near", Params: []string{h.Needs, h.Oldest, at}}, true
	case !urgent && told:
		return engine.Notice{Code: "horizon.over"}, true
	}
	return engine.Notice{}, false
}
