package mysql

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/spool"
	"sluice/engine/task"
)

// recorder puts the events of a dump into a spool as they come. It runs in the reader's goroutine, and parses no more
// of them than it takes to know where transactions begin and end.
type recorder struct {
	log    *spool.Log
	head   replication.EventHeader // of the event that is being taken
	marks  *translator             // of the events that open and end transactions, alone
	begun  cdc.Event               // the transaction that marks said begins
	joined spool.Mark
	name   string // base name of the source's files
}

func newRecorder(server engine.Server, log *spool.Log, least cdc.Position) *recorder {
	r := &recorder{log: log, name: server.Log}
	r.marks = newTranslator(server.Flavor, nil, func(e cdc.Event) error {
		if e.Kind == cdc.EventBegin {
			r.begun = e
		}
		return nil
	})
	r.joined = log.Join()
	if r.marks.least = least; least.Before(r.joined.At) {
		r.marks.least = r.joined.At
	}
	return r
}

// take takes the next event of the dump. What the spool has already is left out: a dump
// begins with the head of a file. The events that only name the file are, too: positions say it, and those events have
// a checksum or not as it suits the server.
func (r *recorder) take(raw []byte) error {
	if err := readHead(&r.head, raw); err != nil {
		return err
	}
	entry, err := r.entry(raw)
	if err != nil {
		return err
	}
	if r.head.EventType == replication.ROTATE_EVENT && r.head.Flags&replication.LOG_EVENT_ARTIFICIAL_F != 0 {
		if entry.End.Offset == cdc.FirstEvent {
			return nil
		}
		entry.Passing = true // a dump that was opened inside a file: what lies before is known
	}
	if at := r.joined.At; entry.End.Before(at) || entry.End == at && !entry.Passing {
		if entry.TID != "" && !r.joined.Set.Contains(entry.TID) { // the log passed this place without it
			return rewritten(fmt.Sprintf("the source sent transaction %s, which lies before %s; up to there the binlog was received without it", entry.TID, at.In(r.name)))
		}
		if !entry.Format || checksumKind(raw) == checksumKind(r.joined.Format) {
			return nil
		}
		entry.End = at // what follows is sent in another form than what the spool has of this file
	}
	return r.log.Put(entry)
}

// checksumKind is the byte of a format description that says what events end with.
func checksumKind(format []byte) byte {
	if len(format) <= replication.BinlogChecksumLength {
		return 0
	}
	return format[len(format)-replication.BinlogChecksumLength-1]
}

func (r *recorder) entry(raw []byte) (spool.Entry, error) {
	t := r.marks
	before := t.outside()
	r.begun = cdc.Event{}
	start := t.advance(&r.head)
	entry := spool.Entry{Raw: raw}
	switch r.head.EventType {
	case replication.HEARTBEAT_EVENT, replication.HEARTBEAT_LOG_EVENT_V2:
		entry.Passing = true
	case replication.FORMAT_DESCRIPTION_EVENT:
		entry.Format = true
		if err := t.learn(raw); err != nil {
			return entry, err
		}
	case replication.TRANSACTION_PAYLOAD_EVENT: // a whole one but for its GTID
		t.announced, t.inside = false, false
	case replication.ROTATE_EVENT, replication.GTID_EVENT, replication.ANONYMOUS_GTID_EVENT, replication.GTID_TAGGED_LOG_EVENT,
		replication.MARIADB_GTID_EVENT, replication.QUERY_EVENT, replication.MARIADB_QUERY_COMPRESSED_EVENT,
		replication.XID_EVENT, replication.XA_PREPARE_LOG_EVENT:
		if err := t.event(&r.head, t.body(raw), start); err != nil {
			return entry, err
		}
	}
	entry.End, entry.Whole = t.end, t.outside()
	if before && !entry.Whole {
		begun := r.begun
		if t.announced {
			begun = t.next
		}
		entry.TID, entry.Time = begun.TID, begun.Time
	}
	return entry, nil
}

// replay translates what the spool gives until the dump has ended and all of it was given.
func (st *stream) replay(t *translator) {
	f := newFeeder(t)
	for {
		entries, err := st.log.Next()
		if err == nil {
			err = st.translate(f, entries)
		}
		if err == nil {
			err = st.outlet.flush()
		}
		switch {
		case err == nil:
			continue
		case errors.Is(err, spool.ErrClosed), errors.Is(err, errStreamClosed):
			err = nil
		case !errors.Is(err, io.EOF):
			err = withOp("reading the binlog", st.classify(err))
		}
		st.outlet.end(err)
		st.line.cut() // of a dump that still runs, if it was not what ended
		return
	}
}

func (st *stream) translate(f *feeder, entries []spool.Entry) error {
	t := f.t
	for i := range entries {
		e := &entries[i]
		if e.From != nil {
			t.end = *e.From
		}
		if e.End.File != t.end.File {
			t.end = cdc.Position{File: e.End.File, Offset: 4} // behind the magic number
		}
		var err error
		if e.Format && !endsAt(e.Raw, e.End) { // it lies elsewhere: it only says how to read on from here
			t.end = e.End
			err = f.elsewhere(e.Raw)
		} else {
			err = f.feed(e.Raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// endsAt reports whether an event's head says that it ends there, in the 32 bits that it has.
func endsAt(raw []byte, end cdc.Position) bool {
	const logPos = 13
	return len(raw) >= replication.EventHeaderSize && binary.LittleEndian.Uint32(raw[logPos:]) == uint32(end.Offset)
}

// spooled opens the spool that the options ask for, ready to go on after the set.
func (s *Source) spooled(ctx context.Context, after cdc.GTIDSet) (*spool.Log, error) {
	o := *s.options.Spool
	o.Flavor, o.Owner = s.server.Flavor, o.Owner+" "+s.server.ID
	o.Holds = func(m spool.Mark) (bool, error) { return s.stillHas(ctx, m) }
	return spool.Open(o, after)
}

// finishWithin is how long a transaction may take that is in the binlog and not finished yet.
const (
	finishWithin = time.Minute
	askAgain     = 200 * time.Millisecond // whether it is
)

// stillHas reports whether the source has what a spool holds. It may have lost the end of its binlog, of which the spool
// must give nothing then: what of that was sent already, the engine asks for itself.
func (s *Source) stillHas(ctx context.Context, m spool.Mark) (bool, error) {
	if m.Last.Time != 0 {
		err := s.Holds(ctx, engine.Seen{At: m.At, Last: m.Last.At, TID: m.Last.TID, Time: m.Last.Time})
		if code := task.Code(err); code == "source.lost" || code == "source.rewritten" {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	for deadline := time.Now().Add(finishWithin); ; {
		missing, err := s.Missing(ctx, []cdc.GTIDSet{m.Set})
		if err != nil || missing == "" || time.Now().After(deadline) {
			return missing == "", err
		}
		select {
		case <-time.After(askAgain):
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// use makes the spool of the newest stream the one that Held tells of.
func (s *Source) use(log *spool.Log) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = log
}

// Held says what the spool holds for a task with the low bound; ok is false without one.
func (s *Source) Held(low cdc.Position) (h spool.Held, ok bool) {
	s.mu.Lock()
	log := s.log
	s.mu.Unlock()
	if log == nil {
		return h, false
	}
	return log.Held(low), true
}
