package engine

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// rig is a task between the fakes.
type rig struct {
	t     *testing.T
	src   *fakeSource
	sink  *fakeSink
	store *fakeStore
	files *fakeFiles
	deps  *Deps

	mu       sync.Mutex
	progress []Progress
	notices  []Notice
	told     []time.Time // of the notices
}

func newRig(t *testing.T, tables int, phases string) *rig {
	g := &rig{t: t, src: newFakeSource(tables), sink: &fakeSink{logs: map[Partition]*fakeLog{}, count: 1, pause: time.Millisecond}, store: &fakeStore{}}
	w := &world{simSide: &simSide{}}
	g.files = &fakeFiles{simFiles: simFiles{w: w, files: map[string]*simFile{}}}
	spec := &task.Spec{Name: "rig", Target: task.Target{Topic: "t"}, Policy: task.PolicyKey}
	for _, p := range phases {
		spec.Schema, spec.Full, spec.Incremental = spec.Schema || p == 's', spec.Full || p == 'f', spec.Incremental || p == 'i'
	}
	for i := range tables {
		id := fakeID(i)
		spec.Tables = append(spec.Tables, task.Table{Schema: id.Schema, Name: id.Name})
	}
	g.deps = &Deps{Spec: spec, Task: "0123456789abcdef", Source: g.src, Sink: g.sink, Topics: g.sink, Checkpoints: g.store, Files: g.files,
		NewCodec: func(string) Codec { return simCodec{} }, Supports: func(*cdc.Column) error { return nil }, Now: time.Now,
		OnEvent: func(n Notice) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.notices, g.told = append(g.notices, n), append(g.told, time.Now())
		},
		Progress: func(p Progress) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.progress = append(g.progress, p)
		}}
	return g
}

// run runs the task in the background; the channel gives its end.
func (g *rig) run(ctx context.Context, c Control) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, g.deps, c) }()
	return ended
}

// finish waits for a good end.
func (g *rig) finish(ended <-chan error) {
	g.t.Helper()
	if err := <-ended; err != nil {
		g.t.Fatalf("the run ended with %v", err)
	}
	if p := g.last(); p.Phase != PhaseFinished {
		g.t.Errorf("the last progress says %s", p.Phase)
	}
}

func (g *rig) last() Progress {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.progress[len(g.progress)-1]
}

// writer commits a transaction each period of the clock until ctx ends: updates of old rows, and new ones.
func (g *rig) writer(ctx context.Context, each time.Duration) (done <-chan struct{}) {
	over := make(chan struct{})
	go func() {
		defer close(over)
		for i := int64(0); sleep(ctx, each) == nil; i++ {
			g.src.write(int(i)%len(g.src.defs), 1+i%37, 1000+i)
		}
	}()
	return over
}

// reached gives how many transactions of the source the task came to.
func (g *rig) reached() int {
	n := g.store.saved.Notes
	return int(n[len(n)-1].X.Offset-4) / 1000
}

// exact checks the target against the source as it was after so many transactions: with a full copy each row once
// from it and each later change once; without, each change after the first since transactions once.
func (g *rig) exact(since, txs int) {
	g.t.Helper()
	seen := map[string]bool{}
	got := map[string]map[string]string{}
	changes := 0
	for _, r := range g.sink.records() {
		if seen[r.id] {
			g.t.Errorf("record %s stands twice", r.id)
		}
		seen[r.id] = true
		if r.op == cdc.DDL.String() {
			continue
		}
		rows := got[r.table]
		if rows == nil {
			rows = map[string]string{}
			got[r.table] = rows
		}
		switch old, there := rows[r.new]; {
		case r.op == cdc.Init.String() && there, r.op == cdc.Insert.String() && there, r.op == cdc.Update.String() && !there && g.deps.Spec.Full:
			g.t.Errorf("%s of %s%s = %s where %q was", r.op, r.table, r.new, r.val, old)
		}
		if r.op != cdc.Init.String() {
			changes++
		}
		rows[r.new] = r.val
	}
	if !g.deps.Spec.Full {
		want := 0
		for _, tx := range g.src.txs[min(since, txs):txs] {
			want += len(tx.rows)
		}
		if changes != want {
			g.t.Errorf("%d changes where the source made %d", changes, want)
		}
		return
	}
	for id := range g.src.defs {
		want := g.src.at(id, txs)
		rows := got[id.String()+"."]
		if len(rows) != len(want) {
			g.t.Errorf("%s: %d rows where the source had %d", id, len(rows), len(want))
		}
		for k, v := range want {
			if have := rows[fmt.Sprintf("k%d", k)]; have != fmt.Sprint(v) {
				g.t.Fatalf("%s: row %d is %q where the source had %d", id, k, have, v)
			}
		}
	}
}
