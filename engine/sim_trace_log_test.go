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
			p := &s.b.parts[0]
			p.cut(len(p.log) - 1)
			s.store.cut(0, len(p.log), s.r.lanes[0].acked)
			s.crash("and the log of the first loses it")
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
}
