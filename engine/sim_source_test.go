package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// What the engine asks of the simulated source, and the events that it streams.

func (s *simSource) Server(context.Context) (Server, error) {
	return Server{Flavor: s.flavor(), ID: simServer(len(s.logs) - 1), Version: "sim"}, nil
}

func (s *simSource) Start(context.Context) (Start, error) {
	if s.w.c.maria {
		set := s.set(func(*simTx) bool { return true })
		s.passEnds()
		return Start{Set: set, End: s.end()}, nil
	}
	set, err := s.Executed(context.Background(), nil)
	s.progress()
	return Start{Set: set, End: s.end()}, err
}

func (s *simSource) End(context.Context) (cdc.Position, error) {
	s.progress()
	return s.end(), nil
}

func (s *simSource) Missing(_ context.Context, sets []cdc.GTIDSet) (string, error) {
	finished := ""
	if s.w.c.maria {
		for i := range s.txs {
			finished += "," + s.tid(i)
		}
	} else {
		finished = s.set(func(t *simTx) bool { return t.gtid }).String()
	}
	for _, set := range sets {
		if missing, err := cdc.Missing(s.flavor(), strings.TrimPrefix(finished, ","), set); missing != "" || err != nil {
			return missing, err
		}
	}
	return "", nil
}

// Holds: the newest transaction that was read stands where it did. What will be asked for lies behind the low bound.
func (s *simSource) Holds(_ context.Context, seen Seen) error {
	after := s.w.r.after()
	for i := range s.txs {
		if at := s.start(i); !s.w.c.byFile && !after.Contains(s.tid(i)) && (cdc.Position{File: at.File, Offset: at.Offset}).Before(seen.Low) {
			return fmt.Errorf("%s begins at %s, before the low bound %s", s.tid(i), at, seen.Low)
		}
	}
	for i := range s.txs {
		if at := s.start(i); at.File == seen.Last.File && at.Offset == seen.Last.Offset && s.tid(i) == seen.TID && s.txs[i].time(i) == seen.Time {
			return nil
		}
	}
	if seen.TID == "" {
		return nil
	}
	return &task.Error{Code: "source.rewritten", Text: "the log does not hold " + seen.TID}
}

func (s *simSource) Stream(context.Context, cdc.GTIDSet) (Stream, error) {
	return nil, errors.New("the simulation feeds the router itself")
}

func (s *simSource) Load(context.Context) (Load, error) { return Load{}, nil }

func (s *simSource) Names(context.Context, string) ([]string, error) { return nil, nil }

func (s *simSource) Locate(context.Context, task.From) (Located, error) {
	return Located{}, errors.New("not simulated")
}

func (s *simSource) Split(_ context.Context, t *cdc.Table, _ []int, _ int) ([]cdc.Row, error) {
	if t.TableID != simIDs[0] || s.w.c.openEnded {
		return nil, nil
	}
	if s.w.c.script != nil {
		return []cdc.Row{{s.keyValue(1, 0)}}, nil
	}
	return []cdc.Row{{s.keyValue(3, 0)}, {s.keyValue(1, 0)}, {s.keyValue(3, 1)}}, nil
}

func (s *simSource) Executed(context.Context, cdc.GTIDSet) (cdc.GTIDSet, error) {
	if s.w.c.maria {
		return nil, nil
	}
	if s.w.c.byFile {
		return &cdc.Upto{At: cdc.Position{File: s.end().File, Offset: cdc.FirstEvent}}, nil
	}
	return s.set(func(t *simTx) bool { return t.gtid }), nil
}

// Settle is asked only while nobody holds the lock.
func (s *simSource) Settle(_ context.Context, _ *cdc.Table, key cdc.Row) (bool, error) {
	if holder := s.lock[s.keyOf(key[0])]; holder != 0 {
		s.w.fail("the lock of T%d was given to another", holder-1)
	}
	s.w.logf("row %v locked", key)
	return !s.w.c.orderOff, nil
}

// weight is what the collation makes of a text: its number.
func (s *simSource) weight(text []byte) []byte {
	return text[1:]
}

func (s *simSource) Weigh(_ context.Context, texts []snapshot.Text) (snapshot.Weights, error) {
	s.progress()
	out := snapshot.Weights{}
	for _, t := range texts {
		out[t] = s.weight([]byte(t.Value))
	}
	return out, nil
}

func (s *simSource) Describe(ctx context.Context, ids []cdc.TableID, _ int) ([]snapshot.Locked, error) {
	list, err := describeEach(ctx, s, ids)
	for i := range list {
		cuts, _ := s.Split(ctx, list[i].Table, nil, 0)
		list[i].Few = cuts == nil
	}
	return list, err
}

// simRows is a rows event of one row.
type simRows struct {
	s     *simSource
	m     *cdc.TableMap
	c     simChange
	taken bool // the images are elsewhere
}

func (r *simRows) Map() *cdc.TableMap { return r.m }

func (r *simRows) Op() cdc.Op {
	switch {
	case r.c.old < 0:
		return cdc.Insert
	case r.c.new < 0:
		return cdc.Delete
	}
	return cdc.Update
}

func (r *simRows) Decode(t *cdc.Table, each func(before, after cdc.Row) error) error {
	n := len(r.m.Columns)
	if r.taken {
		r.s.w.fail("rows are decoded that are not there")
	}
	if len(t.Columns) != n {
		return fmt.Errorf("row of %d columns decoded as %d", n, len(t.Columns))
	}
	var before, after cdc.Row
	if r.c.old >= 0 {
		before = r.s.value(r.c.old, r.c.was, n-2)
	}
	if r.c.new >= 0 {
		after = r.s.value(r.c.new, r.c.val, n-2)
	}
	return each(before, after)
}

// simStream is where a run stands in the ledger.
type simStream struct {
	tx, at int // at 0: before the transaction; 1 + i: its i-th row is next
	file   uint64
	after  cdc.GTIDSet
}

// next gives the next event, or nil at the end of the ledger.
func (s *simSource) next(st *simStream) *cdc.Event {
	if st.tx >= len(s.txs) {
		if end := s.end(); st.file < end.File {
			st.file = end.File
			return &cdc.Event{Kind: cdc.EventSeen, End: end}
		}
		return nil
	}
	i := s.log().order[st.tx]
	st.file = s.start(i).File
	t := &s.txs[i]
	if st.after.Contains(s.tid(i)) {
		st.tx++
		return &cdc.Event{Kind: cdc.EventSeen, End: s.finish(i)}
	}
	ev := &cdc.Event{Pos: s.start(i), End: s.finish(i), TID: s.tid(i), Time: t.time(i)}
	switch {
	case t.ddl != noDDL:
		st.tx++
		ev.Kind, ev.Schema, ev.SQL = cdc.EventDDL, "s", "TRUNCATE TABLE "+simIDs[t.table].Name
		if t.ddl == ddlSwap {
			name := simIDs[t.table].Name
			ev.SQL = fmt.Sprintf("RENAME TABLE %s TO other, other TO %s", name, name)
		}
		if t.ddl == ddlAlter {
			ev.SQL = fmt.Sprintf("ALTER TABLE %s ADD COLUMN x%d bigint", simIDs[t.table].Name, t.columns)
		}
	case t.xa == xaCommitted, t.xa == xaRolledBack:
		st.tx++
		ev.Kind, ev.XID = cdc.EventXACommit, t.xid
		if t.xa == xaRolledBack {
			ev.Kind = cdc.EventXARollback
		}
	case st.at == 0:
		st.at = 1
		ev.Kind, ev.XA = cdc.EventBegin, t.xa != xaNone
	case st.at <= len(t.changed()):
		r := st.at - 1
		st.at++
		c := t.changed()[r]
		table := simTable(max(c.old, c.new))
		columns := 0
		for j := range i {
			if s.txs[j].ddl == ddlAlter && s.txs[j].table == table {
				columns++
			}
		}
		ev.Kind, ev.Rows, ev.Size = cdc.EventRows, &simRows{s: s, m: s.tableMap(table, columns), c: c}, 100
		ev.SafePos, ev.EventPos = s.start(i), s.start(i)
		ev.SafePos.Offset += uint64(100 + 100*r)
		ev.EventPos.Offset += uint64(200 + 100*r)
	default:
		st.tx, st.at = st.tx+1, 0
		ev.Kind = cdc.EventCommit
		if t.xa == xaPrepared {
			ev.Kind, ev.XID = cdc.EventXAPrepare, t.xid
		}
	}
	return ev
}
