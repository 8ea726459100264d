package engine

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// XA transactions of the simulation: one is prepared, holds its locks, and is committed or rolled back later, or never.
// On MariaDB the binlog has the commit before anybody sees it, and what comes behind it may be seen earlier.

type simXA uint8

const (
	xaNone simXA = iota
	xaPrepared
	xaCommitted
	xaRolledBack
	xaOnePhase
)

func simXID(n int) string { return fmt.Sprintf("X'%02x',X'',1", n) }

// open reports whether the transaction is prepared and its end is not in the log.
func (t *simTx) open() bool { return t.xa == xaPrepared && !t.over }

// changed gives the rows that the transaction holds or gives free.
func (t *simTx) changed() []simChange {
	if t.held != nil {
		return t.held
	}
	return t.rows
}

// flushRows ends a writer's transaction: by a commit, in one phase, or by XA PREPARE.
func (s *simSource) flushRows(rows []simChange) {
	t := simTx{rows: rows}
	if s.w.c.xa {
		switch s.w.pick(3) {
		case 0:
			s.xids++
			t = simTx{xa: xaPrepared, held: rows, xid: simXID(s.xids)}
		case 1:
			t.xa = xaOnePhase
		}
	}
	s.flush(t)
	s.w.logf("source: flush T%d %v xa %d", len(s.txs)-1, rows, t.xa)
}

// prepareOther prepares a transaction that changes no selected table.
func (s *simSource) prepareOther() {
	s.xids++
	s.flush(simTx{xa: xaPrepared, held: []simChange{}, xid: simXID(s.xids)})
	s.w.logf("source: flush T%d, prepared elsewhere", len(s.txs)-1)
}

// finishXA ends a prepared transaction.
func (s *simSource) finishXA(i int, how simXA) {
	p := &s.txs[i]
	p.over = true
	t := simTx{xa: how, xid: p.xid, held: p.held, of: i}
	if how == xaCommitted {
		t.rows = p.held
	} else {
		for _, c := range slices.Backward(p.held) {
			if c.new >= 0 {
				s.cur[c.new] = 0
			}
			if c.old >= 0 {
				s.cur[c.old] = c.was
			}
		}
	}
	s.flush(t)
	s.w.logf("source: flush T%d, end %d of T%d", len(s.txs)-1, how, i)
}

func (w *world) enableXA() {
	if w.c.xa && len(w.src.txs) < w.c.maxTx {
		w.add(mSource, w.bad(1), w.src.prepareOther)
	}
	for i := range w.src.txs {
		if t := &w.src.txs[i]; t.open() && t.visible {
			w.add(mSource, w.bad(4), func() { w.src.finishXA(i, xaCommitted) })
			w.add(mSource, w.bad(1), func() { w.src.finishXA(i, xaRolledBack) })
		}
	}
}

// passes reports whether what lies behind a transaction may be seen.
func (s *simSource) passes(i int) bool {
	t := &s.txs[i]
	return t.visible || s.w.c.maria && t.xa == xaCommitted && (s.log().first(i) || s.passes(s.log().previous(i)))
}

// passEnds lets the ends of XA transactions be seen that the log has: the start of a task waits for these.
func (s *simSource) passEnds() {
	ends := func(i int) bool { t := &s.txs[i]; return (t.xa == xaCommitted || t.xa == xaRolledBack) && !t.visible }
	for last := len(s.txs) - 1; last >= 0; last-- {
		if !ends(last) {
			continue
		}
		for i := range last + 1 {
			if s.canShow(i) {
				s.show(i)
			}
		}
		return
	}
}

// lockOf names the holder of the transaction's locks: the one that prepared it.
func (s *simSource) lockOf(i int) int {
	if t := &s.txs[i]; t.xa == xaCommitted || t.xa == xaRolledBack {
		return t.of + 1
	}
	return i + 1
}

// prepareAgain puts what a prepared transaction changed on top of what is committed.
func (s *simSource) prepareAgain(i int) {
	for _, c := range s.txs[i].held {
		if c.old >= 0 {
			s.cur[c.old], s.lock[c.old] = 0, i+1
		}
		if c.new >= 0 {
			s.cur[c.new], s.lock[c.new] = c.val, i+1
		}
	}
}

// Prepared names a transaction until its end is visible.
func (s *simSource) Prepared(context.Context) (xids []string, known bool, err error) {
	done := map[string]bool{}
	for i := range s.txs {
		if t := &s.txs[i]; (t.xa == xaCommitted || t.xa == xaRolledBack) && t.visible {
			done[t.xid] = true
		}
	}
	for i := range s.txs {
		if t := &s.txs[i]; t.xa == xaPrepared && !done[t.xid] {
			xids = append(xids, t.xid)
		}
	}
	return xids, true, nil
}

// preparedEarly reports whether a transaction was prepared before the start of the task and committed after it.
func (w *world) preparedEarly() bool {
	for i := range w.src.txs {
		if t := &w.src.txs[i]; t.xa == xaCommitted && w.inStart(t.of) && !w.skipped(i) {
			return true
		}
	}
	return false
}

// skipped reports whether the task was not asked to send a transaction.
func (w *world) skipped(i int) bool {
	saved := w.store.saved
	return w.inStart(i) || !w.after(i, later(saved.Skip, saved.End))
}

// routeNext routes one event.
func (w *world) routeNext() {
	r := w.r
	if w.pending == nil {
		w.pending = w.src.next(&w.stream)
		w.turned.mark(w.pending)
	}
	ev, err := r.next(w.pending)
	w.must(err)
	w.logf("router: event %d at %v", ev.Kind, ev.Pos)
	err = r.route(w.ctx, ev)
	if err == errUnweighed {
		want := r.wanted(r.ahead([]cdc.Event{*w.pending}))
		w.must(want.Ask(w.ctx, w.src))
		r.weights = want
		err = r.route(w.ctx, ev)
	}
	if task.Code(err) == "source.xa_before_start" {
		w.end(err)
		return
	}
	w.must(err)
	if r.routed() {
		w.pending = nil
	}
}

func (r *simRows) images() []byte { return fmt.Appendf(nil, "%v", r.c) }

func (r *simRows) Take() []byte {
	r.taken = true
	return r.images()
}

func (r *simRows) Put(images []byte) {
	if !bytes.Equal(images, r.images()) {
		r.s.w.fail("images of %v came back as %q", r.c, images)
	}
	r.taken = false
}
