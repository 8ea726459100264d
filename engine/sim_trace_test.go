package engine

import (
	"slices"
	"testing"

	"sluice/engine/snapshot"
)

// script plays a history step by step, as a trace of the design tells it.
type script struct {
	*world
	t *testing.T
}

func newScript(t *testing.T, c simConfig) *script {
	c.full, c.limit, c.queueItems = true, 100, 100
	return &script{newWorld(c), t}
}

// play runs the steps and then, without more faults, to the end; the oracle judges what the topics hold.
func (s *script) play(steps func()) {
	s.t.Helper()
	defer func() {
		if r := recover(); r != nil {
			s.t.Fatalf("%v", r)
		}
	}()
	steps()
	if msg := s.run(0); msg != "" {
		s.t.Fatalf("%s\n%+v", msg, s.b.parts)
	}
}

// set commits one row; it is visible and in gtid_executed at once.
func (s *script) set(key int) {
	src := s.src
	src.nextVal++
	c := simChange{-1, key, src.nextVal, src.cur[key]}
	if src.cur[key] != 0 {
		c.old = key
	}
	src.cur[key] = src.nextVal
	src.flush(simTx{rows: []simChange{c}, visible: true, gtid: true})
}

// up starts the engine, takes it through its fences and routes what the binlog held already.
func (s *script) up() {
	s.start()
	s.answer()
	s.scan()
	s.compare()
	s.route()
}

// answer lets the broker take all requests and the engine hear of it.
func (s *script) answer() {
	for len(s.b.net) > 0 {
		s.b.deliver(0)
	}
	for p := range s.b.parts {
		s.b.parts[p].hw = len(s.b.parts[p].log)
	}
	for len(s.b.resp) > 0 {
		s.response(0)
	}
}

func (s *script) route() {
	for s.stream.tx < len(s.src.txs) {
		s.must(s.r.route(s.ctx, s.src.next(&s.stream)))
	}
	s.must(s.r.passed())
}

// openTable opens the table's chunk and lets its worker go up to its result, which stays in the mail.
func (s *script) openTable(table int, locked func()) *chunk {
	for _, c := range slices.Backward(s.r.fresh) {
		if c.table.id != simIDs[table] {
			continue
		}
		o := s.r.open(c)
		w := &worker{o: o, src: s.src, files: s.files, codec: simCodec{}, ids: s.counters, born: s.r.cfg.now}
		for {
			l, rows, err := w.step(s.ctx)
			s.must(err)
			if l != nil {
				s.r.lockedChunk(o, *l)
				locked()
			}
			if rows != nil {
				s.must(s.r.rowsChunk(o, rows))
				return c
			}
		}
	}
	s.t.Fatal("the table has no chunk to open")
	return nil
}

func (s *script) seal(c *chunk) {
	if !c.sealable(s.r.point) {
		s.t.Fatalf("chunk %d can't be sealed at %v", c.ID, s.r.point)
	}
	s.must(s.r.seal(s.ctx, c))
}

// send puts up to n records of a lane on the way.
func (s *script) send(lane, n int) {
	f := s.r.take(s.r.lanes[lane], n)
	s.reqs[lane] = s.b.send(lane, f.batch)
}

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
