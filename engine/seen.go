package engine

import (
	"context"

	"sluice/engine/cdc"
)

// A set of transactions does not tell a log that was begun anew: RESET MASTER lets the server count from 1 again, and so
// does a disk that was put back to an older copy, from where that stood. The same numbers are then other transactions.
// So a note has the newest one that was read, by its place and time, and before a task goes on it must stand there.

// Seen is how far a source's log was read.
type Seen struct {
	At    cdc.Position `json:"at"`              // nothing behind it was read
	Last  cdc.Position `json:"last,omitzero"`   // where the newest transaction begins; zero: none was read
	TID   string       `json:"tid,omitempty"`   // that transaction
	Time  int64        `json:"time,omitempty"`  // and its commit time, microseconds since 1970
	Begun int64        `json:"begun,omitempty"` // without one: when At's file was begun, seconds since 1970; 0: not known
	Low   cdc.Position `json:"-"`               // no transaction that is asked for next begins before it
}

// look takes a transaction of the stream.
func (s *Seen) look(ev *cdc.Event) {
	if s.Last.Before(ev.Pos) {
		*s = Seen{At: ev.Pos, Last: ev.Pos, TID: ev.TID, Time: ev.Time}
	}
}

// reached gives it with the point that all was read up to.
func (s Seen) reached(p cdc.Position) Seen {
	if p.Turn != s.At.Turn {
		return Seen{At: p.Start()} // nothing was read of this server's log yet
	}
	s.At = later(s.At, p.Start())
	return s
}

// sameLog makes sure that the source's log is the one that was read, as far as that can be seen there: where the place
// was purged, the sets alone tell.
func (r *router) sameLog(ctx context.Context, d *Deps) error {
	if r.seen.At.IsZero() || r.seen.At.Turn != r.saved.Turn {
		return nil // the note is older than this mark, or of another server's log
	}
	seen := r.seen
	if low := r.noted.from(); low.Turn == r.saved.Turn {
		seen.Low = cdc.Position{File: low.File, Offset: low.Offset}
	}
	return d.Source.Holds(ctx, seen)
}
