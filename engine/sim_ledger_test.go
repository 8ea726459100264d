package engine

import (
	"fmt"
	"slices"

	"sluice/engine/cdc"
)

// The source of the simulation: a ledger of transactions in the order of the binlog. Each becomes visible later and
// enters gtid_executed later still; row locks are held until it is visible.

const (
	keysA   = 6 // table 0
	keysB   = 2 // table 1
	simKeys = keysA + keysB
	simUUID = "3e11fa47-71ca-11e1-9e33-c80aa9429562"
)

func simTable(key int) int {
	if key < keysA {
		return 0
	}
	return 1
}

func simRange(table int) (from, to int) {
	if table == 0 {
		return 0, keysA
	}
	return keysA, simKeys
}

var simIDs = [2]cdc.TableID{{Schema: "s", Name: "a"}, {Schema: "s", Name: "b"}}

type simChange struct{ old, new, val, was int } // keys, -1: none; values after and before

type simDDL uint8

const (
	noDDL simDDL = iota
	ddlAlter
	ddlTruncate
	ddlSwap // another table takes the name, as online schema changes do: older views see it as it was behind
)

type simTx struct {
	tid     string
	rows    []simChange
	ddl     simDDL
	table   int          // of the DDL
	columns int          // that the DDL left
	at      cdc.Position // its start; zero: as start says
	visible bool
	gtid    bool
	anew    bool // it is of a log that was begun anew

	xa   simXA
	xid  string
	held []simChange // of one that is prepared, or was
	of   int         // the transaction that prepared it
	over bool        // its end is in the log
}

// reset begins the log anew and fills it with as many other transactions, at the same places and under the same names.
func (s *simSource) reset() {
	for i := range s.txs {
		s.txs[i].anew = true
	}
	s.w.logf("source: its log is another one")
}

// replaceLast puts another transaction under the name of the last one, behind its place.
func (s *simSource) replaceLast() {
	i := len(s.txs) - 1
	s.txs[i].anew, s.txs[i].at = true, s.start(i)
	s.txs[i].at.Offset += 100
	s.w.logf("source: T%d is another one", i)
}

func (s *simSource) anew() bool {
	return slices.ContainsFunc(s.txs, func(t simTx) bool { return t.anew })
}

// time of the commit.
func (t *simTx) time(i int) int64 {
	if t.anew {
		return int64(i) + 1000
	}
	return int64(i)
}

type simSource struct {
	w       *world
	txs     []simTx
	cur     [simKeys]int // 0: absent
	lock    [simKeys]int // 1 + transaction
	tlock   [2]int       // 1 + DDL that is not visible yet
	mdl     [2]int       // metadata locks that chunk readers hold
	extra   [2]int       // columns that ALTERs added
	logs    []simLog     // of each server that the address led to; the last one is read
	maps    map[[2]int]*cdc.TableMap
	nextVal int
	ran     [4]bool        // writers of the script
	xids    int            // XA transactions that were prepared
	file    uint64         // without GTID: the current file, begun only when all before it was visible
	lost    []string       // transactions that a failover took
	turns   map[uint32]int // the log that the task read in each turn
}

// simPlace is the start of the n-th transaction of a log: four of them a file, where files are not of interest.
func simPlace(n int) cdc.Position {
	return cdc.Position{File: uint64(1 + n/4), Offset: uint64(4 + n%4*1000)}
}

// start and finish of a transaction in the log that is read.
func (s *simSource) start(i int) cdc.Position {
	if at := s.txs[i].at; !at.IsZero() {
		return at
	}
	return simPlace(s.log().place[i])
}

func (s *simSource) finish(i int) cdc.Position {
	p := s.start(i)
	p.Offset += 1000
	return p
}

func (s *simSource) end() cdc.Position {
	end := cdc.Position{File: 1, Offset: cdc.FirstEvent}
	if len(s.txs) > 0 {
		end = s.finish(s.log().order[len(s.txs)-1])
	}
	return later(end, cdc.Position{File: s.file, Offset: cdc.FirstEvent})
}

// flush puts the transaction into the binlog.
func (s *simSource) flush(t simTx) {
	i, server := len(s.txs), len(s.logs)
	t.tid = fmt.Sprintf("%s:%d", simServer(server-1), i+1)
	if s.w.c.maria {
		t.tid = fmt.Sprintf("0-%d-%d", server, i+1)
	}
	if s.w.c.byFile {
		t.at = s.end()
		t.tid = cdc.FileTID(t.at)
	}
	s.txs = append(s.txs, t)
	s.log().add(i)
}

// canRotate: a server waits with a new file until all of the old one is committed.
func (s *simSource) canRotate() bool {
	return s.w.c.byFile && s.end().Offset > cdc.FirstEvent && !slices.ContainsFunc(s.txs, func(t simTx) bool { return !t.visible })
}

func (s *simSource) rotate() {
	s.file = s.end().File + 1
	s.w.logf("source: file %d", s.file)
}

func (s *simSource) tid(i int) string { return s.txs[i].tid }

func (s *simSource) flavor() cdc.Flavor {
	if s.w.c.maria {
		return cdc.MariaDB
	}
	return cdc.MySQL
}

func (s *simSource) set(in func(*simTx) bool) cdc.GTIDSet {
	set, err := cdc.ParseGTIDSet(s.flavor(), "")
	if err != nil {
		panic(err)
	}
	for i := range s.txs {
		if in(&s.txs[i]) {
			if err := set.Add(s.tid(i)); err != nil {
				panic(err)
			}
		}
	}
	return set
}

// commit runs one transaction up to its flush.
func (s *simSource) commit() {
	w := s.w
	var rows []simChange
	id := len(s.txs) + 1
	for range 1 + w.pick(3) {
		k := w.pick(simKeys)
		if s.lock[k] != 0 && s.lock[k] != id || s.tlock[simTable(k)] != 0 {
			continue
		}
		s.nextVal++
		v := s.nextVal
		if s.cur[k] == 0 {
			rows = append(rows, simChange{-1, k, v, 0})
			s.cur[k], s.lock[k] = v, id
			continue
		}
		switch w.pick(4) {
		case 0:
			rows = append(rows, simChange{k, -1, 0, s.cur[k]})
			s.cur[k], s.lock[k] = 0, id
			continue
		case 1:
			from, to := simRange(simTable(k))
			if nk := from + w.pick(to-from); nk != k && s.cur[nk] == 0 && (s.lock[nk] == 0 || s.lock[nk] == id) {
				rows = append(rows, simChange{k, nk, v, s.cur[k]})
				s.cur[k], s.cur[nk] = 0, v
				s.lock[k], s.lock[nk] = id, id
				continue
			}
		}
		rows = append(rows, simChange{k, k, v, s.cur[k]})
		s.cur[k], s.lock[k] = v, id
	}
	if len(rows) > 0 {
		s.flushRows(rows)
	}
}

func (s *simSource) ddlAllowed(t int) bool {
	if s.mdl[t] != 0 || s.tlock[t] != 0 {
		return false
	}
	from, to := simRange(t)
	for k := from; k < to; k++ {
		if s.lock[k] != 0 {
			return false
		}
	}
	return true
}

func (s *simSource) ddl(t int, kind simDDL) {
	if kind == ddlTruncate {
		from, to := simRange(t)
		for k := from; k < to; k++ {
			s.cur[k] = 0
		}
	} else if kind == ddlAlter {
		s.extra[t]++
	}
	s.flush(simTx{ddl: kind, table: t, columns: s.extra[t]})
	s.tlock[t] = len(s.txs)
	s.w.logf("source: flush T%d DDL %d on table %d", len(s.txs)-1, kind, t)
}

func (s *simSource) canShow(i int) bool {
	return !s.txs[i].visible && (s.w.c.orderOff || s.log().first(i) || s.passes(s.log().previous(i)))
}

func (s *simSource) show(i int) {
	s.txs[i].visible = true
	for k := range s.lock {
		if s.lock[k] == s.lockOf(i) && s.txs[i].xa != xaPrepared {
			s.lock[k] = 0
		}
	}
	for t := range s.tlock {
		if s.tlock[t] == i+1 {
			s.tlock[t] = 0
		}
	}
	s.w.logf("source: T%d visible", i)
}

func (s *simSource) canGTID(i int) bool {
	return s.txs[i].visible && !s.txs[i].gtid && (s.w.c.orderOff || s.log().first(i) || s.txs[s.log().previous(i)].gtid)
}

// progress lets the source go on between two questions that are asked of it.
func (s *simSource) progress() {
	for range s.w.pick(3) {
		s.w.sourceStep()
	}
}

// state replays the transactions that in names, for the keys of one table.
func (s *simSource) state(in func(i int) bool, table int) (out [simKeys]int) {
	for i := range s.txs {
		if !in(i) {
			continue
		}
		t := &s.txs[i]
		if t.ddl == ddlTruncate && t.table == table {
			out = [simKeys]int{}
		}
		for _, c := range t.rows {
			if c.old >= 0 {
				out[c.old] = 0
			}
			if c.new >= 0 {
				out[c.new] = c.val
			}
		}
	}
	for k := range out {
		if simTable(k) != table {
			out[k] = 0
		}
	}
	return out
}
