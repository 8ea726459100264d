package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
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

// simFilter leaves some values out.
const simFilter = "v NOT IN (2, 5, 6, 9, 11, 12, 14, 17, 18, 20, 21, 23, 24, 27, 30)"

var simHidden = [31]bool{2: true, 5: true, 6: true, 9: true, 11: true, 12: true, 14: true, 17: true, 18: true, 20: true, 21: true, 23: true, 24: true, 27: true, 30: true}

// shown gives a value as the task sees it: 0, absent, where the filter leaves it out.
func (s *simSource) shown(val int) int {
	if s.w.c.filtered && val < len(simHidden) && simHidden[val] {
		return 0
	}
	return val
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

// hasText: table b has a text key where the history says so; its order is known by weights only, or not at all.
func (s *simSource) hasText(table int) bool {
	return s.w.c.textKey && (table == 1 || s.w.c.weighed && s.w.c.weighedBoth)
}

// def is the definition of a table with n added columns.
func (s *simSource) def(table, n int) *cdc.Table {
	t := &cdc.Table{TableID: simIDs[table], Primary: []int{0}}
	id := cdc.Column{Name: "id", Type: cdc.BigInt, Declared: "bigint"}
	if s.hasText(table) {
		id = cdc.Column{Name: "id", Type: cdc.VarChar, Declared: "varchar(20)", Length: 20, Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"}
		if !s.w.c.weighed {
			id.Collation = "utf8mb4_uca1400_as_cs"
		}
	}
	t.Columns = append(t.Columns, id, cdc.Column{Name: "v", Type: cdc.BigInt, Declared: "bigint", Nullable: true})
	for i := range n {
		t.Columns = append(t.Columns, cdc.Column{Name: fmt.Sprintf("x%d", i+1), Type: cdc.BigInt, Declared: "bigint", Nullable: true})
	}
	return t
}

func (s *simSource) tableMap(table, n int) *cdc.TableMap {
	at := [2]int{table, n}
	if m := s.maps[at]; m != nil {
		return m
	}
	def := s.def(table, n)
	m := &cdc.TableMap{TableID: def.TableID}
	for _, c := range def.Columns {
		mc := cdc.MapColumn{Type: 8, Nullable: c.Nullable}
		if c.Type == cdc.VarChar {
			mc = cdc.MapColumn{Type: 15, Meta: 80}
		}
		m.Columns = append(m.Columns, mc)
	}
	if s.w.c.fullMap {
		m.Table = def
	}
	s.maps[at] = m
	return m
}

func (s *simSource) value(key, val, n int) cdc.Row {
	row := make(cdc.Row, 2+n)
	row[0] = s.keyValue(key, val)
	row[1] = cdc.Value{Kind: cdc.KindInt, Num: int64(val)}
	return row
}

// keyValue is the key of a row with this value. Bytes of texts order the other way round than the source does, and an
// UPDATE may change the case of a key, which makes it no other key. Where keys choose partitions it does not: another
// text goes elsewhere.
func (s *simSource) keyValue(key, val int) cdc.Value {
	if s.hasText(simTable(key)) {
		first := 'z' - key
		if s.w.c.zero && val%2 == 1 {
			first += 'A' - 'a'
		}
		return cdc.Value{Kind: cdc.KindText, Bytes: fmt.Appendf(nil, "%c%d", first, key)}
	}
	return cdc.Value{Kind: cdc.KindInt, Num: int64(key)}
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

// Source

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

// Holds: the newest transaction that was read stands where it did.
func (s *simSource) Holds(_ context.Context, seen Seen) error {
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

// keyOf reads what keyValue wrote.
func (s *simSource) keyOf(v cdc.Value) int {
	if v.Kind == cdc.KindText {
		return int(v.Bytes[1] - '0')
	}
	return int(v.Num)
}

func (s *simSource) Describe(ctx context.Context, ids []cdc.TableID) ([]snapshot.Locked, error) {
	return describeEach(ctx, s, ids)
}

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
