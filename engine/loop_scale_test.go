package engine

import (
	"context"
	"fmt"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// crowd is a loop that has a full copy of so many small tables, and so many large chunks, before it.
func crowd(tables, chunks int) *loop {
	g := newRig(nil, tables, "fi")
	s := &Saved{Server: Server{Flavor: cdc.MySQL}, Partitions: map[string]int{"t": 1}, Lanes: []Partition{{Topic: "t"}}, SchemaSent: true, Notes: []Note{{Seq: 1, Offsets: []int64{0}}}}
	for i := range tables {
		s.Chunks = append(s.Chunks, Chunk{ID: int64(len(s.Chunks) + 1), Table: fakeID(i)})
	}
	var after *snapshot.Bound
	for i := range chunks {
		upto := &snapshot.Bound{Key: fmt.Appendf(nil, "%09d", i)}
		s.Chunks = append(s.Chunks, Chunk{ID: int64(len(s.Chunks) + 1), Table: fakeID(0), After: after, Upto: upto})
		after = upto
	}
	s.Chunks[0].After, s.Chunks[0].Upto = after, nil
	g.store.saved = s
	g.store.index()
	r, err := resume(g.deps, s)
	if err != nil {
		panic(err)
	}
	for _, t := range r.tables {
		if err := r.define(t, g.src.defs[t.id]); err != nil {
			panic(err)
		}
	}
	r.found = found{}
	return &loop{d: g.deps, r: r, acks: make(chan laneResult, 1), until: new(cdc.Position)}
}

// BenchmarkTurn is what a turn costs in which one chunk is opened, sealed, handed over, acknowledged and done, with
// few and with many before it: the cost must not grow with their number.
func BenchmarkTurn(b *testing.B) {
	for _, size := range []struct{ tables, chunks int }{{1, 10}, {100_000, 10}, {1, 10_000}, {1, 100_000}} {
		b.Run(fmt.Sprintf("%d-tables-%d-chunks", size.tables, size.chunks), func(b *testing.B) {
			l := crowd(size.tables, size.chunks)
			ctx := context.Background()
			at := cdc.Position{File: 1}
			b.ReportAllocs()
			b.ResetTimer()
			for b.Loop() {
				cs := l.r.openable(0, 1)
				if cs == nil {
					b.StopTimer()
					l = crowd(size.tables, size.chunks)
					cs = l.r.openable(0, 1)
					b.StartTimer()
				}
				c := cs[0]
				at.Offset += 100
				l.step(ctx, c, at)
			}
		})
	}
}

// step takes one chunk without rows through all its states, with a turn between each.
func (l *loop) step(ctx context.Context, c *chunk, at cdc.Position) {
	must := func(err error) {
		if err != nil {
			panic(err)
		}
	}
	o := l.r.open(c)[0]
	l.r.point = at
	l.r.lockedChunk(o, chunkLocked{high: at, end: at})
	out, err := newSealedWriter(l.r.files, o.file)
	must(err)
	must(out.finish())
	must(l.r.rowsChunk(o, &chunkRows{sum: out.sum}))
	l.readers = l.d.workers() // none but this chunk
	for range 3 {
		_, err := l.turn(ctx)
		must(err)
		l.finished()
		l.r.stalled()
	}
	must(l.r.takeNote(ctx))
	_, err = l.turn(ctx)
	must(err)
}

// TestManyTables copies more tables than fit in what a turn may look at, and follows them.
func TestManyTables(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T) {
		const tables = 20_000
		g := newRig(t, tables, "sfi")
		for i := range tables {
			g.src.fill(i, 1)
		}
		end := make(chan struct{})
		ended := g.run(t.Context(), Control{End: end})
		for range 5 {
			time.Sleep(200 * time.Millisecond)
			g.src.write(tables-1, 1, 2)
		}
		close(end)
		g.finish(ended)
		if p := g.last(); p.ChunksLeft != 0 || p.ChunksDone != tables || p.Counts.Copied < tables {
			t.Errorf("at the end: %+v", p)
		}
		g.exact(0, g.reached())
	})
}
