package engine

import (
	"context"
	"fmt"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// A task goes on at another server after a failover. The two logs hold the same transactions in another order and at
// other places; only the order of the changes of a row is the same. So every position bears the turn of its server, all
// of the new one lie behind all of the old, and what was handled of the old log is told by sets of transactions: those
// before L, those that a chunk's rows hold, those that the restart's scan found in the topics.

// sameServer binds the task to the server that the address leads to.
func sameServer(ctx context.Context, d *Deps, s *Saved) error {
	now, err := d.Source.Server(ctx)
	if err != nil {
		return err
	}
	if now.ID == s.Server.ID {
		s.Server = now
		return nil
	}
	if why := s.unmovable(now); why != "" {
		return &task.Error{Code: "source.other_server", Op: "connecting to the source",
			Text: fmt.Sprintf("the source is server %s, the task read %s, and it can't go on at another one: %s", now.ID, s.Server.ID, why),
			Hint: "Point the task at the server it read. If that is lost, start a new task with a full copy."}
	}
	d.note("source.moved", s.Server.ID, now.ID)
	s.move(now)
	return d.Checkpoints.Move(ctx, s)
}

// unmovable says why the task can't go on at another server; it is empty if it can.
func (s *Saved) unmovable(now Server) string {
	if now.Flavor != s.Server.Flavor {
		return "it is " + string(now.Flavor)
	}
	last := s.Notes[len(s.Notes)-1]
	if set, err := cdc.ParseGTIDSet(s.Server.Flavor, last.Set); err != nil {
		return err.Error()
	} else if _, byFile := set.(*cdc.Upto); byFile {
		return "without GTID nothing tells which transactions of it were handled"
	}
	if last.L.Before(s.begun(s.Turn + 1)) {
		return "it had not yet passed the point where it began"
	}
	return ""
}

// begun is the place in earlier servers' logs that a note must have passed if the task is to go on from it at the server
// of the turn: what lies before it is told from what comes after by nothing but its place.
func (s *Saved) begun(turn uint32) (p cdc.Position) {
	take := func(at cdc.Position) {
		if at.Turn < turn {
			p = later(p, at)
		}
	}
	take(s.End)
	take(s.Skip)
	for _, v := range s.Schemas {
		if v.How == schema.HowBaseline && v.Table.Version == 1 || v.How == schema.HowLater {
			take(v.At)
		}
	}
	return p
}

// move takes the server. Definitions from statements behind L come again with these.
func (s *Saved) move(now Server) {
	low := s.Notes[len(s.Notes)-1].L
	var held []schema.Version
	for _, v := range s.Schemas {
		if !low.Before(v.At) {
			held = append(held, v)
		}
	}
	s.Server, s.Schemas = now, held
	s.Turn++
}

// behind is what was handled of an earlier server's log and has not come again yet.
type behind struct {
	sets []cdc.GTIDSet
	seen cdc.GTIDSet // all that was received
}

func (b *behind) none() bool { return len(b.sets) == 0 }

// brought reports whether all of a set that was waited for came again.
func (b *behind) brought(set cdc.GTIDSet) bool { return b.none() || b.seen.Includes(set) }

func (b *behind) add(tid string) {
	if len(b.sets) > 0 {
		_ = b.seen.Add(tid)
	}
}

// look forgets the sets that came again.
func (b *behind) look() {
	for n := len(b.sets); n > 0 && b.seen.Includes(b.sets[n-1]); n-- {
		b.sets = b.sets[:n-1]
	}
}

// wait makes a set one that has to come again.
func (r *router) wait(set cdc.GTIDSet) {
	if r.behind.none() {
		r.behind.seen = r.set.Clone()
	}
	r.behind.sets = append(r.behind.sets, set)
}

// loadMoved prepares a chunk whose H is of an earlier server.
func (r *router) loadMoved(c *chunk) error {
	if c.H.Turn == r.saved.Turn || c.Status != snapshot.Sealed && c.Status != snapshot.Done {
		return nil
	}
	var err error
	if c.holds, err = cdc.ParseGTIDSet(r.flavor, c.HSet); err == nil {
		r.wait(c.holds)
	}
	return err
}

// holds reports whether all transactions that an earlier server's chunk holds lie before the note's L.
func (n *Note) holds(flavor cdc.Flavor, c *Chunk) bool {
	if c.H.Turn == n.L.Turn {
		return true
	}
	held, err1 := cdc.ParseGTIDSet(flavor, c.HSet)
	before, err2 := cdc.ParseGTIDSet(flavor, n.Set)
	return err1 == nil && err2 == nil && before.Includes(held)
}

// enter looks whether the transaction is the one that L lies inside of at an earlier server: its first rows were passed
// there.
func (r *router) enter() {
	if r.base.Turn != r.tx.start.Turn && r.base.Row > 0 && r.tx.tid == r.inside {
		r.tx.passed, r.entered = r.base.Row, r.tx.start.At(r.base.Row)
		r.point = later(r.point, r.entered)
	}
}

// torn reports whether a low bound lies before the rest of the transaction that L lies inside of at an earlier server,
// or that has not come again yet. Till then L stays, as nothing else tells how much of it was passed.
func (r *router) torn(low cdc.Position) bool {
	return r.base.Turn != r.saved.Turn && r.base.Row > 0 && (r.entered.IsZero() || low.Before(r.entered))
}

// insideOf gives the transaction that the low bound lies inside of.
func (r *router) insideOf(low cdc.Position) string {
	switch {
	case low.Row == 0:
		return ""
	case low == r.base:
		return r.inside
	case r.tx != nil && r.tx.start == low.Start():
		return r.tx.tid
	}
	for _, f := range r.recent {
		if f.start == low.Start() {
			return f.tid
		}
	}
	return ""
}

// before reports whether a record that the scan found is of a transaction before L, and keeps how far the others reach.
// What a record says of its position does not tell of which server it is.
func (r *router) before(id string, at cdc.Position) bool {
	tid := TransactionOf(id)
	if r.saved.Turn > 0 {
		if r.set.Contains(tid) {
			return true
		}
	} else if !r.base.Start().Before(at) {
		return true
	}
	_ = r.found.tids.Add(tid)
	if r.saved.Turn == 0 {
		r.found.upto = later(r.found.upto, at)
	}
	return false
}

// caughtUp reports whether the stream has brought all that the scan found, and at another server all that was handled.
func (r *router) caughtUp() bool { return !r.point.Before(r.found.upto) && r.behind.none() }

// scannedAll ends the scan. At another server what it found has to come again before anything is compared.
func (r *router) scannedAll() {
	if r.saved.Turn > 0 && r.found.unmet {
		r.wait(r.found.tids)
	}
}

// handled gives all that the source must have: what was sent, the transaction that was sent in part, and what the rows
// of chunks hold.
func (r *router) handled() ([]cdc.GTIDSet, error) {
	sets := []cdc.GTIDSet{r.set, r.found.tids}
	if r.inside != "" {
		part := noTransactions(r.flavor)
		if err := part.Add(r.inside); err != nil {
			return nil, err
		}
		sets = append(sets, part)
	}
	for _, list := range [][]*chunk{r.active, r.done} {
		for _, c := range list {
			set, err := cdc.ParseGTIDSet(r.flavor, c.HSet)
			if err != nil {
				return nil, err
			}
			sets = append(sets, set)
		}
	}
	return sets, nil
}

// compareSource makes sure that the source has all that was sent. A transaction is in the log before it is finished, and
// a replica may still be applying, so that what is missing gets time.
func (r *router) compareSource(ctx context.Context, d *Deps, until *cdc.Position) error {
	r.scannedAll()
	if err := r.sameLog(ctx, d); err != nil || r.byFile {
		return err
	}
	sets, err := r.handled()
	if err != nil {
		return err
	}
	for deadline := d.Now().Add(visibleWithin); r.noted.Seq > 1; {
		missing, err := d.Source.Missing(ctx, sets)
		if err != nil {
			return err
		}
		if missing == "" {
			break
		}
		if d.Now().After(deadline) {
			return lost(missing)
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
	if r.saved.Turn == 0 {
		return nil
	}
	end, err := d.Source.End(ctx)
	if err != nil {
		return err
	}
	r.openFrom = end
	if !until.IsZero() && until.Turn < r.saved.Turn {
		*until = end
	}
	return nil
}

func lost(tid string) error {
	return &task.Error{Code: "source.lost", Op: "comparing the source with what was sent",
		Text: fmt.Sprintf("the source does not have transaction %s, which was already sent", tid),
		Hint: "It lost it, in a crash with sync_binlog=0 or a failover to a replica that had not received it. If a replica is still applying, start the task again later; else start a new task with a full copy."}
}

func noTransactions(flavor cdc.Flavor) cdc.GTIDSet {
	set, _ := cdc.ParseGTIDSet(flavor, "") // readable in every flavor
	return set
}
