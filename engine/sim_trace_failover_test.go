package engine

import "testing"

// failOver moves the address to a replica, whose log holds each transaction as far ahead as may be; the newest hidden
// ones are not visible in it.
func (s *script) failOver(lost, hidden int) {
	s.choices = append(make([]uint16, s.at), uint16(hidden))
	for range 100 {
		s.choices = append(s.choices, 1)
	}
	s.src.failOver(lost)
	s.choices = nil
}

// TestTracesFailover are histories in which the address comes to lead to a replica.
func TestTracesFailover(t *testing.T) {
	for _, maria := range []bool{false, true} {
		t.Run("another server brings others before the transaction that L lies inside of", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, zero: true, parts: 1, failover: true, loses: true})
			s.play(func() {
				s.set(0)
				s.up()
				s.copied(0)
				s.copied(1)
				s.note()
				s.set(0, 1)
				s.set(2)
				s.events(2)
				s.flush()
				s.note()
				s.crash("after one of two rows")
				s.failOver(0, 0)
				s.ready()
				s.skip()
				if !s.c.maria {
					s.events(3)
				}
				s.flush()
				s.note()
				s.crash("before the transaction comes")
			})
		})
		if !maria { // there the numbers of a domain rise in every log
			t.Run("a second kill while what another server brings before the transaction that L lies inside of is not sent", func(t *testing.T) {
				s := &script{world: newWorld(simConfig{zero: true, parts: 1, failover: true, queueItems: 100}), t: t} // without a full copy
				s.play(func() {
					s.set(0)
					s.up()
					s.set(1, 2)
					s.set(3)
					s.events(2)
					s.flush()
					s.note()
					s.crash("after one of two rows")
					s.failOver(0, 0)
					s.ready()
					s.route()
					s.note()
					s.crash("before the other transaction is sent")
				})
			})
			t.Run("a second kill while what another server brings before an XA transaction that was prepared before L is not sent", func(t *testing.T) {
				s := &script{world: newWorld(simConfig{zero: true, parts: 1, failover: true, queueItems: 100}), t: t} // without a full copy
				s.play(func() {
					s.set(0)
					s.up()
					prepared := s.prepare(1)
					s.route()
					s.note()
					s.set(2)
					s.crash("before the change that comes next")
					s.failOver(0, 0)
					s.ready()
					s.route() // first that change, which is new, then what was prepared, again
					if s.r.stretch != nil {
						t.Fatal("the log is still read again")
					}
					s.note()
					s.crash("before the change is sent")
					s.src.finishXA(prepared, xaCommitted)
				})
			})
		}
		t.Run("another server lacks the transaction that L lies inside of", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, zero: true, parts: 1, failover: true, loses: true})
			s.play(func() {
				s.set(0)
				s.up()
				s.copied(0)
				s.copied(1)
				s.note()
				s.set(0, 1)
				s.events(2)
				s.flush()
				s.note()
				s.crash("after one of two rows")
				s.failOver(1, 0)
				s.ready()
				if s.stopped != "source.lost" {
					t.Errorf("it goes on: %q", s.stopped)
				}
			})
		})
		t.Run("changes wait behind a chunk that another server has brought all of", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, zero: true, parts: 1, failover: true})
			s.play(func() {
				s.set(0)
				s.set(keysA)
				s.up()
				s.copied(1)
				s.note()
				s.seal(s.openTable(0, func() {}))
				s.set(0)     // behind the chunk
				s.set(keysA) // sent, and found in the topic
				s.route()
				s.flush()
				s.crash("before the chunk's rows are sent")
				s.failOver(0, 0)
				s.ready()
				s.r.cfg.queueChunk = 1
				s.skip()
				c := s.r.active[0]
				for !s.r.stalled() { // by what waits behind the chunk, as that drains
					s.events(1)
				}
				if !s.r.handable(c) {
					t.Error("the chunk waits for more than its rows hold")
				}
			})
		})
		t.Run("another server brings changes behind a chunk before what its rows hold", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, zero: true, parts: 1, failover: true})
			s.play(func() {
				s.set(0)
				s.set(1)
				s.up()
				s.copied(1)
				s.note()
				s.set(0)
				s.route()
				s.seal(s.openTable(0, func() {}))
				s.set(1)
				s.route()
				s.crash("before the chunk's rows are sent")
				s.failOver(0, 0)
				s.ready()
				s.r.cfg.queueChunk = 1
			})
		})
		t.Run("a chunk is done at another server while the stored low bound lies before what its rows hold", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, parts: 2, failover: true})
			s.play(func() {
				s.set(0)
				s.set(keysA)
				s.set(keysA + 1)
				s.up()
				s.copied(1)
				s.note()
				s.set(keysA)
				s.set(keysA + 1)
				s.set(0)
				s.route()
				s.seal(s.openTable(0, func() {}))
				s.crash("before the chunk's rows are sent")
				s.src.failOver(0)
				s.ready()
				s.route() // of table b one waits in each lane
				held := len(s.r.lanes[0].queue) + len(s.r.lanes[1].queue)
				c := s.r.active[0]
				s.must(s.r.hand(c, 1<<20))
				for i, l := range s.r.lanes {
					if l.entries[len(l.entries)-1].chunk == c {
						s.send(i, 1<<10)
					}
				}
				s.answer()
				if held != 2 || !c.finished() {
					t.Fatalf("%d changes waited, the chunk's rows: %d", held, c.unacked)
				}
				s.must(s.r.finish(s.ctx, []*chunk{c}))
				s.note()
				s.must(s.r.expire(s.ctx, s.r.outdated()))
				s.crash("what its rows hold comes again")
			})
		})
		t.Run("another server has not made visible yet what was handled", func(t *testing.T) {
			s := newScript(t, simConfig{maria: maria, zero: true, parts: 1, failover: true, loses: true})
			s.play(func() {
				s.set(0)
				s.up()
				s.copied(1)
				s.set(1) // of the chunk that is still to be read
				s.route()
				s.note()
				s.crash("before table a is read")
				s.failOver(0, 1)
				s.ready()
				if s.stage == simRunning && s.r.openable(s.r.cfg.now(), 3) != nil {
					s.openTable(0, func() {})
				}
			})
		})
		for _, began := range []bool{false, true} {
			name := "a log loses its end before a failover, and the note that is left had not passed where the task began"
			if began {
				name = "a log loses its end before a failover, and a note that is left had passed where the task began"
			}
			t.Run(name, func(t *testing.T) {
				c := simConfig{maria: maria, parts: 1, failover: true, unclean: true, keepNotes: 1000, keepBytes: 1000, queueItems: 100}
				s := &script{world: newWorld(c), t: t} // without a full copy
				s.play(func() {
					s.set(0)
					s.src.flush(simTx{rows: []simChange{{-1, 1, 77, 0}}, visible: true}) // not in the set that the task begins with
					s.ready()
					s.note()
					s.route()
					if began {
						s.note()
					}
					for _, key := range []int{2, 3} {
						s.set(key)
						s.route()
						s.flush()
					}
					s.note()
					s.loses(1, "the second change")
					s.failOver(0, 0)
					s.ready()
					if goesOn := s.stopped == ""; goesOn != began || !goesOn && s.stopped != "target.truncated" {
						t.Errorf("it goes on: %v, stopped %q", goesOn, s.stopped)
					}
				})
			})
		}
		t.Run("a second kill while the low bound at another server lies before what the first one's scan found", func(t *testing.T) {
			s := &script{world: newWorld(simConfig{maria: maria, parts: 2, failover: true, queueItems: 100}), t: t} // without a full copy
			s.play(func() {
				s.set(0)
				s.up()
				s.set(5, 4) // a row for each partition
				s.route()
				s.send(0, 1)
				s.answer()
				s.note()
				s.crash("with one of the two rows sent")
				s.failOver(0, 0)
				s.ready()
				s.route()
				s.note()
				s.set(5)
				s.route()
				s.note() // the older ones are deleted
				s.crash("before the other row is sent")
			})
		})
	}
}
