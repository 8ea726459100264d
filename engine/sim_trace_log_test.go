package engine

import "testing"

// TestTracesOfTheLog are histories in which the target's log loses its beginning or its end.
func TestTracesOfTheLog(t *testing.T) {
	one := simConfig{zero: true, parts: 1}
	// inDoubt dies while the broker has a record that was not acknowledged, nor shown to consumers yet.
	inDoubt := func(s *script) {
		s.set(0)
		s.up()
		s.copied(0)
		s.copied(1)
		s.note()
		s.set(0)
		s.route()
		s.send(0, 1)
		s.b.deliver(0)
		s.crash("before the broker answers")
	}
	t.Run("retention deletes a record between the look and the scan", func(t *testing.T) {
		c := one
		c.ages, c.slowISR = true, true
		s := newScript(t, c)
		s.play(func() {
			inDoubt(s)
			p := &s.b.parts[0]
			p.start = p.hw // all that was noted is deleted before
			s.start()      // it looks, and sends its fence
			p.hw, p.start = len(p.log), len(p.log)
			s.answer()
			s.scan()
			if s.stage == simDown && s.stopped == "" {
				s.start()
			}
			if s.stopped != "target.expired" {
				t.Errorf("it goes on: %q", s.stopped)
			}
		})
	})
	t.Run("retention deletes a record while it is looked for in doubt", func(t *testing.T) {
		c := one
		c.ages, c.plain = true, true
		s := newScript(t, c)
		s.play(func() {
			s.set(0)
			s.up()
			s.copied(0)
			s.copied(1)
			s.note()
			s.set(0)
			s.route()
			s.send(0, 1)
			s.b.deliver(0)
			s.timeout(0)
			s.plainStep(0) // waits
			s.plainStep(0) // writes a mark
			s.b.deliver(0)
			s.b.parts[0].start = s.b.parts[0].hw - 1
			s.response(1)
			s.plainStep(0) // reads up to it
			if s.stage == simDown && s.stopped == "" {
				s.start()
			}
			if s.stopped != "target.expired" {
				t.Errorf("it goes on: %q", s.stopped)
			}
		})
	})
	t.Run("a log loses so much that the note before the one to go back to is gone", func(t *testing.T) {
		c := one
		c.unclean, c.zero, c.parts, c.keepNotes = true, false, 2, 1
		s := newScript(t, c)
		s.play(func() {
			s.set(0)
			s.set(1)
			s.up()
			s.copied(0)
			s.copied(1)
			s.note()
			s.set(0)
			s.set(1)
			s.route()
			s.send(1, 1) // the second change
			s.answer()
			s.note() // the first holds its low bound back
			s.flush()
			s.note()
			s.set(1)
			s.route()
			s.flush()
			s.note()
			s.loses(1, "the first change")
			for range 2 {
				if s.stage != simRunning && s.stopped == "" {
					s.ready()
				}
			}
			if s.stopped != "target.truncated" {
				t.Errorf("it goes on: %q", s.stopped)
			}
		})
	})
	t.Run("the oldest note that is kept had read on from the one that is scanned from", func(t *testing.T) {
		c := one
		c.keepNotes, c.keepBytes = 1, 1000
		s := newScript(t, c)
		s.play(func() {
			s.set(0)
			s.up()
			s.openTable(0, func() {})
			s.set(keysA)
			s.route()
			s.note() // the chunk holds its low bound back
			s.crash("before the chunk is sealed")
			s.ready()
			s.note()
			s.openTable(0, func() {})
			for range 3 {
				s.set(keysA)
				s.route()
				s.note()
			}
			s.copied(1)
			s.crash("after a chunk was stored as done")
		})
	})
	t.Run("a log loses rows that no note knows of", func(t *testing.T) {
		c := one
		c.unclean = true
		s := newScript(t, c)
		s.play(func() {
			s.set(0)
			s.up()
			s.copied(1)
			s.note()
			s.copied(0)
			s.loses(1, "after a chunk was stored as done")
		})
	})
	t.Run("a log loses the rows of a chunk that was noted as done", func(t *testing.T) {
		c := one
		c.unclean, c.keepNotes = true, 1000
		s := newScript(t, c)
		s.play(func() {
			s.set(0)
			s.up()
			s.copied(1)
			s.note()
			s.copied(0)
			s.note()
			s.loses(1, "the row")
		})
	})
	t.Run("a log loses what a take-over found in it, before all of that came again", func(t *testing.T) {
		c := one
		c.unclean, c.keepNotes = true, 1000
		s := newScript(t, c)
		s.play(func() {
			s.set(0)
			s.up()
			s.copied(0)
			s.copied(1)
			s.note()
			s.set(0)
			s.set(0)
			s.route()
			s.flush()
			s.crash("with both changes sent and not noted")
			s.ready()
			s.events(3) // the first change, which is passed
			s.note()
			s.loses(3, "both changes and the fence")
		})
	})
	t.Run("a chunk is handed over again from before the note that it was opened at", func(t *testing.T) {
		c := one
		c.unclean, c.keepNotes = true, 1000
		s := newScript(t, c)
		s.play(func() {
			s.set(0, 1, keysA)
			s.up()
			s.copied(1)
			s.note()
			for range 3 {
				s.set(keysA)
				s.route()
				s.flush()
				s.note()
			}
			a := s.openTable(0, func() {})
			s.seal(a)
			s.must(s.r.hand(a, 1<<20))
			s.send(0, 1)
			s.answer()
			s.loses(4, "the row and three changes")
			s.ready()
			if s.stage != simRunning {
				s.ready()
			}
			if n := s.store.saved.Notes; n[len(n)-1].Seq >= a.Note {
				t.Fatalf("it is at note %d, the chunk was opened at note %d", n[len(n)-1].Seq, a.Note)
			}
			s.route()
			s.flush()
			s.note()
			a = s.r.active[0]
			s.must(s.r.hand(a, 1<<20))
			s.must(s.r.passed())
			for s.r.noted.Seq < 5 { // as many notes again, while rows are sent
				s.send(0, 1)
				s.answer()
				s.note()
			}
			s.crash("with some of the rows noted")
		})
	})
}

// loses kills the process, and takes the newest messages from the first lane's log.
func (s *script) loses(n int, why string) {
	p := &s.b.parts[0]
	p.cut(len(p.log) - n)
	s.store.cut(0, len(p.log), s.r.lanes[0].acked)
	s.crash("and the log loses its end: " + why)
}
