package engine

import (
	"slices"
	"testing"

	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// TestTraces are histories that wrong restarts lose or double; they come from the design of the restart.
func TestTraces(t *testing.T) {
	for _, maria := range []bool{false, true} {
		one := simConfig{maria: maria, zero: true, parts: 1}
		t.Run("a queued change behind a later one of another table", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.set(keysA)
				s.up()
				b := s.openTable(1, func() {})
				s.seal(b)
				s.must(s.r.hand(b, 1<<20))
				a := s.openTable(0, func() {})
				s.set(0)     // queued behind chunk a: it lies after H
				s.set(keysA) // sent at once
				s.route()
				s.send(0, 100)
				s.answer()
				s.must(s.r.takeNote(s.ctx))
				s.seal(a)
				s.crash("before the queued change is sent")
			})
		})
		t.Run("the newest record is of a chunk", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				s.set(1)
				s.route()
				a := s.openTable(0, func() {})
				s.seal(a)
				s.must(s.r.hand(a, 1<<20))
				s.must(s.r.takeNote(s.ctx))
				s.send(0, 1)
				s.answer()
				s.crash("with nothing of the stream after the note")
			})
		})
		t.Run("between the chunk's file and SEALED", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				s.openTable(0, func() { s.set(0) })
				s.route()
				s.crash("the file is on disk, SEALED is not stored")
				s.set(0)
			})
		})
		t.Run("between SEALED and the first row", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				a := s.openTable(0, func() {})
				s.set(0)
				s.route()
				s.seal(a)
				s.crash("nothing was handed over")
			})
			if n := countStatus(s.store.saved, snapshot.Gone) + countStatus(s.store.saved, snapshot.Done); n != len(s.store.saved.Chunks) {
				t.Errorf("%d of %d chunks are done", n, len(s.store.saved.Chunks))
			}
		})
		t.Run("half of the rows acknowledged in some partitions", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, parts: 6})
			s.play(func() {
				for k := range keysA {
					s.set(k)
				}
				s.up()
				a := s.openTable(0, func() {})
				s.seal(a)
				s.must(s.r.hand(a, 1<<20))
				sent := 0
				for i, l := range s.r.lanes {
					if n := len(l.queue) - l.head; n > 0 && sent < 3 {
						s.send(i, (n+1)/2)
						sent++
					}
				}
				s.answer()
				s.set(2)
				s.route()
				s.crash("with the rest unsent")
			})
		})
		t.Run("a chunk is done while the stored low bound lies before its H", func(t *testing.T) {
			c := one
			c.keepNotes = 0
			s := newScript(t, c)
			s.play(func() {
				s.set(0)
				s.set(keysA)
				s.up()
				s.openTable(1, func() {})
				s.set(0) // the rows show it
				a := s.copied(0)
				s.note()
				s.note()
				for _, c := range s.r.done {
					if slices.Contains(s.r.outdated(), c) {
						s.must(s.r.expire(s.ctx, []*chunk{a}))
					}
				}
				s.crash("the change comes again")
			})
		})
		t.Run("a statement behind a chunk that was not handed over", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				a := s.openTable(0, func() {})
				s.seal(a)
				s.alter(0, ddlAlter)
				s.route()
			})
		})
		t.Run("a statement between the metadata locks of one view", func(t *testing.T) {
			for _, kind := range []simDDL{ddlSwap, ddlTruncate, ddlAlter} {
				both := one
				both.openEnded, both.together = true, 2
				s := newScript(t, both)
				s.play(func() {
					s.set(0)
					s.set(keysA)
					s.up()
					first := slices.Index(simIDs[:], s.r.fresh[len(s.r.fresh)-1].Table) // the other is locked after it
					s.locking = func() { s.alter(1-first, kind) }
					cs := s.openBoth()
					s.locking = nil
					for _, c := range cs {
						if c.sealable(s.r.point) && !c.redefinable(s.r.point) {
							s.seal(c)
							s.must(s.r.hand(c, 1<<20))
						}
					}
					s.route()
				})
			}
		})
		t.Run("a statement between a chunk's view and its metadata lock", func(t *testing.T) {
			for _, kind := range []simDDL{ddlSwap, ddlTruncate, ddlAlter} {
				s := newScript(t, one)
				s.play(func() {
					s.set(0)
					s.set(1)
					s.up()
					s.viewed = func() { s.alter(0, kind) }
					a := s.openTable(0, func() {})
					s.viewed = nil
					if a.sealable(s.r.point) {
						s.seal(a)
						s.must(s.r.hand(a, 1<<20))
					}
					s.route()
				})
			}
		})
		t.Run("a copy of the data folder has sent a chunk that this one has read", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.set(keysA)
				s.up()
				s.copied(0)
				s.note()
				s.copyFolder()
				s.seal(s.openTable(1, func() {}))
				s.crash("before its rows are sent")
				s.set(keysA)
				s.turnTo()
				s.up()
				s.copied(1)
				s.turnTo()
				for range 3 { // again, where it ends by itself
					if s.stage != simRunning && s.stopped == "" {
						s.ready()
					}
				}
				if s.stopped != "data.copied" {
					t.Errorf("it goes on: %q", s.stopped)
				}
			})
		})
		t.Run("the log was begun anew and holds as many transactions", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				s.copied(0)
				s.copied(1)
				s.set(0)
				s.route()
				s.flush()
				s.note()
				s.crash("while it knows all of the log")
				s.src.reset()
				s.ready()
				if s.stopped != "source.rewritten" {
					t.Errorf("it goes on: %q", s.stopped)
				}
			})
		})
		t.Run("the end of the log behind the note is another one", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				s.copied(0)
				s.copied(1)
				s.note()
				s.set(0)
				s.route()
				s.flush()
				s.crash("before the next note")
				s.src.replaceLast()
				s.ready()
				s.skip()
				s.events(2)
				if err := s.r.passed(); task.Code(err) != "source.rewritten" {
					t.Errorf("it goes on: %v", err)
				} else {
					s.end(err)
				}
			})
		})
		t.Run("a note inside a transaction whose first rows were passed before", func(t *testing.T) {
			s := newScript(t, one)
			s.play(func() {
				s.set(0)
				s.up()
				s.copied(0)
				s.copied(1)
				s.note()
				s.set(0, 1, 2)
				s.events(3)
				s.flush()
				s.note()
				s.crash("after two of three rows")
				s.ready()
				s.skip()
				s.events(2)
				s.note()
				s.crash("where the first row was passed again")
			})
		})
	}
}

func countStatus(s *Saved, status snapshot.Status) (n int) {
	for _, c := range s.Chunks {
		if c.Status == status {
			n++
		}
	}
	return n
}
