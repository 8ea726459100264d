package engine

import (
	"fmt"
	"slices"

	"sluice/engine/cdc"
)

// The failover of the simulation: the address leads to a replica. Its log holds the transactions in another order, but
// that of each row and each table's definition; it may lack the newest.

// simLog is the binlog of one server.
type simLog struct {
	order []int       // the transactions as they lie in it
	place map[int]int // and where each is
}

func (l *simLog) add(i int) {
	l.place[i] = len(l.order)
	l.order = append(l.order, i)
}

func (l *simLog) first(i int) bool { return l.place[i] == 0 }

func (l *simLog) previous(i int) int { return l.order[l.place[i]-1] }

func (s *simSource) log() *simLog { return &s.logs[len(s.logs)-1] }

func simServer(turn int) string { return fmt.Sprintf("%s%03d", simUUID[:len(simUUID)-3], turn) }

// place gives the end of a transaction in the log of a turn's server; ok is false if it is not in it.
func (s *simSource) place(i int, turn uint32) (end cdc.Position, ok bool) {
	if s.w.c.byFile {
		return s.finish(i), true
	}
	n, ok := s.logs[s.turns[turn]].place[i]
	end = simPlace(n)
	end.Offset += 1000
	end.Turn = turn
	return end, ok
}

// apart reports whether the order of two transactions may be another one on a replica.
func (s *simSource) apart(a, b int) bool {
	keys := func(t *simTx) (rows, tables []int) {
		if t.ddl != noDDL {
			return nil, []int{t.table}
		}
		for _, c := range t.changed() {
			for _, k := range []int{c.old, c.new} {
				if k >= 0 {
					rows, tables = append(rows, k), append(tables, simTable(k))
				}
			}
		}
		return rows, tables
	}
	x, y := &s.txs[a], &s.txs[b]
	if y.xid != "" && x.xid == y.xid {
		return false // its end comes after it
	}
	rows, tables := keys(x)
	others, otherTables := keys(y)
	in := func(list []int) func(int) bool { return func(v int) bool { return slices.Contains(list, v) } }
	if x.ddl != noDDL || y.ddl != noDDL {
		return !slices.ContainsFunc(tables, in(otherTables))
	}
	return !slices.ContainsFunc(rows, in(others))
}

// failOver moves the address to a replica that lacks the last lost transactions.
func (s *simSource) failOver(lost int) {
	keep, hide := len(s.txs)-lost, s.w.pick(3)
	for i := keep; i < len(s.txs); i++ {
		s.lost = append(s.lost, s.tid(i))
	}
	s.txs = s.txs[:keep]
	next := simLog{place: map[int]int{}}
	for i := range s.txs {
		next.add(i)
		// Numbers of a MariaDB domain rise in every log.
		for n := i; n > 0 && !s.w.c.maria && s.w.pick(2) == 1 && s.apart(next.order[n-1], i); n-- {
			next.order[n-1], next.order[n] = i, next.order[n-1]
			next.place[i], next.place[next.order[n]] = n-1, n
		}
	}
	s.logs = append(s.logs, next)
	s.cur, s.lock, s.tlock, s.extra = [simKeys]int{}, [simKeys]int{}, [2]int{}, [2]int{}
	for i := range s.txs {
		t := &s.txs[i]
		t.visible, t.gtid, t.over = true, true, false
		if t.xa == xaCommitted || t.xa == xaRolledBack {
			s.txs[t.of].over = true
		}
		if t.ddl == ddlAlter {
			s.extra[t.table]++
		}
	}
	s.hide(next.order, hide)
	for t := range 2 {
		state := s.state(func(int) bool { return true }, t)
		for k, v := range state {
			if simTable(k) == t {
				s.cur[k] = v
			}
		}
	}
	for i := range s.txs {
		if s.txs[i].open() {
			s.prepareAgain(i)
		}
	}
	s.w.logf("source: fails over to %s, order %v, lost %v", simServer(len(s.logs)-1), next.order, s.lost)
}

// hide makes up to n transactions at the end of a log ones that lie in it and are not visible yet. Those of them that
// wait for each other's locks can't be.
func (s *simSource) hide(order []int, n int) {
	for at := len(order) - 1; at >= 0 && at >= len(order)-n; at-- {
		i := order[at]
		if slices.ContainsFunc(order[at+1:], func(j int) bool { return !s.apart(i, j) }) {
			return
		}
		t := &s.txs[i]
		t.visible, t.gtid = false, false
		if t.ddl != noDDL {
			s.tlock[t.table] = i + 1
		}
		for _, c := range t.changed() {
			for _, k := range []int{c.old, c.new} {
				if k >= 0 {
					s.lock[k] = s.lockOf(i)
				}
			}
		}
	}
}

// simFailovers bounds the failovers of a history.
const simFailovers = 2

func (w *world) enableFailover() {
	saved := w.store.saved
	if !w.c.failover || w.stage != simDown || saved == nil || w.stopped != "" || len(w.src.logs) > simFailovers ||
		saved.unmovable(Server{Flavor: w.src.flavor()}) != "" {
		return
	}
	w.add(mCrash, w.bad(4), func() {
		lost := 0
		if w.c.loses && len(w.src.txs) > 0 {
			lost = w.pick(min(len(w.src.txs), 3))
		}
		w.src.failOver(lost)
	})
}
