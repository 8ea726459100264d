package engine

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// found is what a restart's scan read from the target and what the stream has not brought again yet. An identity is
// kept only if it can come again: a change after L, a DDL after L, a row of a chunk that is SEALED.
type found struct {
	lanes  []map[string]awaited // by lane and identity
	other  error                // a record came again from another place
	from   []int64              // offsets that the scan began at
	tails  []uint32             // of the messages before the newest note's ends, as the log holds them; 0: absent
	seen   []placed             // the newest message of this task that the scan has seen in each lane
	note   int64                // the note they are of
	upto   cdc.Position         // all of it lies before this point
	tids   cdc.GTIDSet          // its transactions
	unmet  bool                 // not all was passed yet
	sealed map[int64]bool       // the chunks that will be handed over again
	runs   map[string]bool      // the incarnations of this data folder
	chunks map[int64]bool       // the chunks whose rows may be in a topic
	twice  []int64              // offsets of a lane at which a record stands again
}

// awaited is a record that has to come again.
type awaited struct {
	at  cdc.Position // in the source's log, as the record tells it
	met bool
}

// placed is a message by its place.
type placed struct {
	offset int64
	sum    uint32
}

func (f *found) any(lane int) bool { return f.unmet && len(f.lanes[lane]) > 0 }

// meet reports whether the lane's log holds the identity, and notes that it came again, from the place at. A record does
// not tell of which server its place is, so that places compare only where there was but one.
func (f *found) meet(lane int, id []byte, at cdc.Position) bool {
	m := f.lanes[lane]
	v, ok := m[string(id)]
	if !ok {
		return false
	}
	if at.Turn == 0 && !at.IsZero() && at != v.at && f.other == nil {
		f.other = &task.Error{Code: "source.rewritten", Op: "comparing the binlog with what was sent",
			Text: fmt.Sprintf("record %s was read at %s, and now at %s", id, v.at, at),
			Hint: "The source's binlog was reset or replaced. Start a new task with a full copy."}
	}
	v.met = true
	m[string(id)] = v
	return true
}

// forget takes a row that lies before L out of what is waited for.
func (r *router) forget(c *change) {
	if !r.found.unmet {
		return
	}
	for lane := range r.found.lanes {
		for _, half := range []byte{0, '-', '+'} {
			r.found.meet(lane, r.streamIdentity('s', c.tx.tid, c.row, half), c.pos)
		}
	}
}

// scanStart gives the note to scan from: the older of the newest note with X <= L and the notes at which the SEALED
// chunks were opened. On an idle source X stands still while rows of chunks are acknowledged, so the first alone
// would pass over them.
func scanStart(s *Saved, low cdc.Position) Note {
	limit := s.Notes[len(s.Notes)-1].Seq
	for _, c := range s.Chunks {
		if c.Status == snapshot.Sealed {
			limit = min(limit, c.Note)
		}
	}
	if !s.SchemaSent {
		limit = s.Notes[0].Seq
	}
	best := s.Notes[0]
	for _, n := range s.Notes {
		if n.Seq <= limit && s.covered(n.X, low) {
			best = n
		}
	}
	return best
}

// covered reports whether all that was read up to a note's X lies before a low bound. If that is of a later server, it
// says nothing of the log that the note is of: there it is the bound that was stored last for it.
func (s *Saved) covered(x, low cdc.Position) bool {
	if x.Turn < low.Turn {
		low = cdc.Position{}
		for _, n := range s.Notes {
			if n.L.Turn <= x.Turn {
				low = later(low, n.L)
			}
		}
	}
	return !low.Before(x)
}

// scanned takes one message that the scan read from the lane.
func (r *router) scanned(lane int, offset int64, value []byte) error {
	if offset == r.noted.Ends[lane]-1 {
		r.found.tails[lane] = sumOf(value)
	}
	id, at, ok := r.codec.Identity(value)
	if !ok || !strings.HasPrefix(id, r.cfg.prefix) {
		return nil
	}
	rest := id[len(r.cfg.prefix):]
	if r.noted.Seq == 1 && r.found.seen[lane].sum == 0 && !strings.HasPrefix(rest, "f/") {
		p := r.lanes[lane].part
		return recreated("reading back "+p.String(), fmt.Sprintf("in partition %d of topic %s a message of this task stands at offset %d without the mark that it begins with", p.ID, p.Topic, offset))
	}
	r.found.seen[lane] = placed{offset, sumOf(value)}
	switch {
	case strings.HasPrefix(rest, "f/"):
		return r.fenced(lane, offset, rest)
	case offset < r.found.from[lane]:
		return nil
	case strings.HasPrefix(rest, "d0/"):
		if r.saved.SchemaSent {
			return nil
		}
	case rest[0] == 'c':
		again, err := r.rowOf(lane, offset, rest)
		if !again {
			return err
		}
	default:
		if r.before(id, at) {
			return nil
		}
	}
	if _, twice := r.found.lanes[lane][id]; twice {
		if r.saved.Plain {
			r.found.twice = append(r.found.twice, offset)
			return nil
		}
		return &task.Error{Code: "target.doubled", Op: "reading back " + r.lanes[lane].part.Topic,
			Text: fmt.Sprintf("record %s stands twice in partition %d", id, r.lanes[lane].part.ID),
			Hint: "Another process wrote this task's records, or the topic was put together from copies. Start a new task into a new topic."}
	}
	r.found.lanes[lane][id] = awaited{at: at}
	r.found.unmet = true
	return nil
}

// rowOf reports whether a row is of a chunk that will be handed over again. A chunk is stored as SEALED before a row of
// it is sent, so that rows of another one tell of a data folder that went on without this one.
func (r *router) rowOf(lane int, offset int64, rest string) (again bool, err error) {
	id, _, _ := strings.Cut(rest[1:], "/")
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return false, nil
	}
	if !r.found.chunks[n] {
		return false, r.foreign(lane, offset, fmt.Sprintf("rows of chunk %d, which this data folder has not read", n))
	}
	return r.found.sealed[n], nil
}

// fenced looks at a fence that the scan meets. Every incarnation of this folder is stored before its fence is sent, so
// one with an unknown name is of a copy of the folder: it has taken the task over, wherever it is now.
func (r *router) fenced(lane int, offset int64, rest string) error {
	epoch, run, _ := strings.Cut(rest[len("f/"):], "/")
	if run == "" || r.found.runs[run] { // fences had no names at first
		return nil
	}
	return r.foreign(lane, offset, fmt.Sprintf("the mark of take-over %s by a process that worked with another copy of this data folder", epoch))
}

func (r *router) foreign(lane int, offset int64, what string) error {
	p := r.lanes[lane].part
	return &task.Error{Code: "data.copied", Op: "reading back " + p.String(),
		Text: fmt.Sprintf("offset %d of partition %d of topic %s holds %s", offset, p.ID, p.Topic, what),
		Hint: "Two copies of the data folder were used. Go on with the one that ran last and delete this one. If it is lost, or also ends with this error, start a new task into a new topic."}
}

// passed ends the time in which records are compared with what the scan found. Whatever was not met then shows that
// the source no longer brings what it brought before.
func (r *router) passed() error {
	r.behind.look()
	r.stretched()
	if r.found.other != nil {
		return r.found.other
	}
	if !r.found.unmet || !r.caughtUp() {
		return nil
	}
	for _, c := range r.active {
		if c.resumed && !c.released {
			return nil
		}
	}
	for lane, m := range r.found.lanes {
		for id, v := range m {
			if !v.met {
				return &task.Error{Code: "source.lost", Op: "going on from " + r.told(r.base),
					Text: fmt.Sprintf("record %s in partition %d of %s was not read from the source again", id, r.lanes[lane].part.ID, r.lanes[lane].part.Topic),
					Hint: "The source lost transactions that were already sent (a crash with sync_binlog=0, or a restore). Start a new task with a full copy."}
			}
		}
	}
	r.found = found{}
	return nil
}
