package engine

import (
	"context"
	"slices"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

func (s *simSource) View(context.Context) (snapshot.View, error) {
	v := &simView{s: s}
	n := 0
	for i := range s.txs {
		v.shows = append(v.shows, s.txs[i].visible)
		if s.passes(i) {
			n++
		}
	}
	v.at = cdc.Position{File: 1, Offset: 4}
	if n > 0 {
		v.at = s.finish(n - 1)
	}
	s.w.logf("view opened, shows %d transactions", n)
	s.progress() // before the metadata lock
	return v, nil
}

type simView struct {
	s     *simSource
	shows []bool
	at    cdc.Position
	held  []int // tables whose metadata locks it has
}

func (v *simView) Exact() (cdc.Position, bool) { return v.at, v.s.w.c.maria }

// errSimBusy is what a view gets that waits for one of several locks.
var errSimBusy = &task.Error{Code: "source.table_busy", Retry: true}

// Lock takes the locks of several tables while others work.
func (v *simView) Lock(_ context.Context, ids ...cdc.TableID) ([]snapshot.Locked, error) {
	s := v.s
	list := make([]snapshot.Locked, len(ids))
	for i, id := range ids {
		t := slices.Index(simIDs[:], id)
		if i > 0 {
			if s.w.locking != nil {
				s.w.locking()
			}
			if s.progress(); s.tlock[t] != 0 {
				return nil, errSimBusy
			}
		}
		v.held = append(v.held, t)
		s.mdl[t]++
	}
	for i, id := range ids {
		t := v.held[i]
		list[i] = snapshot.Locked{Table: s.def(t, s.extra[t]), Create: "CREATE TABLE " + id.Name, Now: 1}
	}
	if s.w.starting {
		s.progress()
	}
	end := s.end() // after the last lock
	for i := range list {
		list[i].End = end
	}
	s.w.logf("lock on %v, end %v", ids, end)
	return list, nil
}

func (v *simView) Rows(_ context.Context, q snapshot.Query, each func(cdc.Row) error) (int, error) {
	s := v.s
	table := slices.Index(simIDs[:], q.Table.TableID)
	// TRUNCATE is not multi-versioned: what was there before one that is finished is gone for any view.
	cut := 0
	for i := range s.txs {
		if s.txs[i].ddl == ddlTruncate && s.txs[i].table == table && s.txs[i].visible {
			cut = i
		}
	}
	behind := v.behind(table)
	rows := s.state(func(i int) bool { return i < behind && v.shows[i] && i >= cut }, table)
	n := 0
	for k, val := range rows {
		switch val = s.shown(val); {
		case val == 0:
			continue
		case q.After != nil && k <= s.keyOf(q.After[0]), q.Upto != nil && k > s.keyOf(q.Upto[0]):
			continue
		case q.Limit > 0 && n == q.Limit:
			return n, nil
		}
		n++
		s.w.logf("read k%d=%d", k, val)
		row := s.value(k, val, len(q.Table.Columns)-2)
		for _, c := range q.Weigh {
			row = append(row, cdc.Value{Kind: cdc.KindBytes, Bytes: s.weight(row[c].Bytes)})
		}
		if err := each(row); err != nil {
			return n, err
		}
	}
	return n, nil
}

// behind is how many transactions of the ledger may show: a view from before a swap lacks the last that it would show,
// because the table that has the name now was still being filled.
func (v *simView) behind(table int) int {
	swapped := false
	for i := range v.s.txs {
		t := &v.s.txs[i]
		swapped = swapped || t.ddl == ddlSwap && t.table == table && t.visible && (i >= len(v.shows) || !v.shows[i])
	}
	n := len(v.shows)
	if swapped {
		for dropped := 0; n > 0 && dropped < 2; n-- {
			if v.shows[n-1] {
				dropped++
			}
		}
	}
	return n
}

func (v *simView) Close() error {
	for _, t := range v.held {
		v.s.mdl[t]--
	}
	v.held = nil
	return nil
}
