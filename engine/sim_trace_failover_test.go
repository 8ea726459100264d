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
	}
}
