package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// The servers of the loop's tests: they work at once and in order, unless a test lets them wait or fail. All waiting
// is by the clock of testing/synctest, so that a loop that spins stops the clock and the test.

const fakeUUID = simUUID

// fakeTx is one transaction of the source's log: what it left of each key it touched.
type fakeTx struct {
	table *cdc.Table
	rows  []fakeChange
}

type fakeChange struct{ key, before, after int64 } // 0: no such row

type fakeSource struct {
	mu    sync.Mutex
	defs  map[cdc.TableID]*cdc.Table
	maps  map[cdc.TableID]*cdc.TableMap
	state map[cdc.TableID]map[int64]int64
	txs   []fakeTx
	moved chan struct{} // closed with the next commit
	vals  int64
	lower bool

	// hook is called before each question; it may wait, and its error is the answer.
	hook        func(ctx context.Context, what string) error
	views, most int
	load        Load
	kept        cdc.Position // what lies before it was said not to be asked for again
	calls       atomic.Int64 // under way
	hidden      atomic.Int64 // newest transactions that hang in their commit
}

func newFakeSource(tables int) *fakeSource {
	s := &fakeSource{defs: map[cdc.TableID]*cdc.Table{}, maps: map[cdc.TableID]*cdc.TableMap{},
		state: map[cdc.TableID]map[int64]int64{}, moved: make(chan struct{})}
	for i := range tables {
		t := &cdc.Table{TableID: fakeID(i), Primary: []int{0}, Columns: []cdc.Column{
			{Name: "id", Type: cdc.BigInt, Declared: "bigint"}, {Name: "v", Type: cdc.BigInt, Declared: "bigint", Nullable: true}}}
		s.defs[t.TableID], s.state[t.TableID] = t, map[int64]int64{}
		s.maps[t.TableID] = &cdc.TableMap{TableID: t.TableID, Columns: []cdc.MapColumn{{Type: 8}, {Type: 8, Nullable: true}}}
	}
	return s
}

func fakeID(i int) cdc.TableID { return cdc.TableID{Schema: "s", Name: fmt.Sprintf("t%d", i)} }

func fakeAt(tx int) cdc.Position { return cdc.Position{File: 1, Offset: uint64(4 + 1000*tx)} }

func (s *fakeSource) tid(tx int) string { return fmt.Sprintf("%s:%d", fakeUUID, tx+1) }

// fill puts rows in that were there before the log began.
func (s *fakeSource) fill(table, rows int) {
	for k := range rows {
		s.vals++
		s.state[fakeID(table)][int64(k+1)] = s.vals
	}
}

// write commits one transaction that inserts or updates the keys.
func (s *fakeSource) write(table int, keys ...int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := fakeID(table)
	tx := fakeTx{table: s.defs[id]}
	for _, k := range keys {
		s.vals++
		tx.rows = append(tx.rows, fakeChange{k, s.state[id][k], s.vals})
		s.state[id][k] = s.vals
	}
	s.txs = append(s.txs, tx)
	close(s.moved)
	s.moved = make(chan struct{})
}

// open gives how many views are open.
func (s *fakeSource) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.views
}

func (s *fakeSource) let(hook func(ctx context.Context, what string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hook = hook
}

func (s *fakeSource) ask(ctx context.Context, what string) error {
	s.calls.Add(1)
	defer s.calls.Add(-1)
	s.mu.Lock()
	hook := s.hook
	s.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, what); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// count gives how many transactions the log holds.
func (s *fakeSource) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.txs)
}

func (s *fakeSource) set(n int) cdc.GTIDSet {
	text := ""
	if n > 0 {
		text = fmt.Sprintf("%s:1-%d", fakeUUID, n)
	}
	set, err := cdc.ParseGTIDSet(cdc.MySQL, text)
	if err != nil {
		panic(err)
	}
	return set
}

func (s *fakeSource) Server(ctx context.Context) (Server, error) {
	return Server{Flavor: cdc.MySQL, ID: fakeUUID, Version: "8.0.33", LowerNames: s.lower}, s.ask(ctx, "server")
}

func (s *fakeSource) Start(ctx context.Context) (Start, error) {
	err := s.ask(ctx, "start")
	s.mu.Lock()
	defer s.mu.Unlock()
	return Start{Set: s.set(len(s.txs)), End: fakeAt(len(s.txs))}, err
}

func (s *fakeSource) End(ctx context.Context) (cdc.Position, error) {
	err := s.ask(ctx, "end")
	return fakeAt(s.count()), err
}

func (s *fakeSource) Load(ctx context.Context) (Load, error) {
	err := s.ask(ctx, "load")
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.load, err
}

func (s *fakeSource) Names(context.Context, string) ([]string, error) { return nil, nil }

func (s *fakeSource) Locate(context.Context, task.From) (Located, error) {
	return Located{Set: s.set(0)}, nil
}

func (s *fakeSource) Weigh(context.Context, []snapshot.Text) (snapshot.Weights, error) {
	return nil, errors.New("the table's key is a number")
}

func (s *fakeSource) Split(context.Context, *cdc.Table, []int, int) ([]cdc.Row, error) {
	return nil, nil
}

func (s *fakeSource) Executed(ctx context.Context, _ cdc.GTIDSet) (cdc.GTIDSet, error) {
	err := s.ask(ctx, "executed")
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set(len(s.txs) - int(s.hidden.Load())), err
}

func (s *fakeSource) Prepared(context.Context) ([]string, bool, error) { return nil, true, nil }

func (s *fakeSource) Settle(context.Context, *cdc.Table, cdc.Row) (bool, error) { return false, nil }

func (s *fakeSource) Missing(ctx context.Context, _ []cdc.GTIDSet) (string, error) {
	return "", s.ask(ctx, "missing")
}

func (s *fakeSource) Holds(ctx context.Context, _ Seen) error { return s.ask(ctx, "holds") }

func (s *fakeSource) Describe(ctx context.Context, ids []cdc.TableID, _ int) ([]snapshot.Locked, error) {
	list, err := describeEach(ctx, s, ids)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range list {
		list[i].Few = len(s.state[ids[i]]) <= 2000
	}
	return list, err
}

// describeEach locks and reads one table after the other.
func describeEach(ctx context.Context, src snapshot.Reader, ids []cdc.TableID) (list []snapshot.Locked, err error) {
	for _, id := range ids {
		v, err := src.View(ctx)
		if err != nil {
			return nil, err
		}
		l, err := v.Lock(ctx, id)
		if err = errors.Join(err, v.Close()); err != nil {
			return nil, err
		}
		list = append(list, l...)
	}
	return list, nil
}

func (s *fakeSource) View(ctx context.Context) (snapshot.View, error) {
	if err := s.ask(ctx, "view"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.views++
	s.most = max(s.most, s.views)
	return &fakeView{s: s, shows: len(s.txs)}, nil
}

// at gives the table's rows as they were after so many transactions.
func (s *fakeSource) at(id cdc.TableID, txs int) map[int64]int64 {
	out := maps.Clone(s.state[id])
	for i := len(s.txs) - 1; i >= txs; i-- {
		if s.txs[i].table.TableID != id {
			continue
		}
		for _, c := range slices.Backward(s.txs[i].rows) {
			if c.before == 0 {
				delete(out, c.key)
			} else {
				out[c.key] = c.before
			}
		}
	}
	return out
}

type fakeView struct {
	s      *fakeSource
	shows  int
	closed bool
}

func (v *fakeView) Exact() (cdc.Position, bool) { return cdc.Position{}, false }

func (v *fakeView) Lock(ctx context.Context, ids ...cdc.TableID) (list []snapshot.Locked, err error) {
	if err := v.s.ask(ctx, "lock"); err != nil {
		return nil, err
	}
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	for _, id := range ids {
		def := v.s.defs[id]
		if def == nil {
			return nil, &task.Error{Code: "source.table_missing", Text: "there is no table " + id.String()}
		}
		t := *def
		list = append(list, snapshot.Locked{End: fakeAt(len(v.s.txs)), Table: &t, Create: "CREATE TABLE " + id.Name, Now: 1})
	}
	return list, nil
}

func (v *fakeView) Rows(ctx context.Context, q snapshot.Query, each func(cdc.Row) error) (int, error) {
	if err := v.s.ask(ctx, "rows"); err != nil {
		return 0, err
	}
	v.s.mu.Lock()
	rows := v.s.at(q.Table.TableID, v.shows)
	v.s.mu.Unlock()
	n := 0
	for _, k := range slices.Sorted(maps.Keys(rows)) {
		if q.After != nil && k <= q.After[0].Num || q.Upto != nil && k > q.Upto[0].Num {
			continue
		}
		if q.Limit > 0 && n == q.Limit {
			break
		}
		n++
		if err := each(fakeRow(k, rows[k])); err != nil {
			return n, err
		}
	}
	return n, nil
}

func (v *fakeView) Close() error {
	v.s.mu.Lock()
	defer v.s.mu.Unlock()
	if !v.closed {
		v.closed = true
		v.s.views--
	}
	return nil
}

func fakeRow(key, val int64) cdc.Row {
	if val == 0 {
		return nil
	}
	return cdc.Row{{Kind: cdc.KindInt, Num: key}, {Kind: cdc.KindInt, Num: val}}
}
