package engine

import (
	"context"
	"slices"
	"testing"

	"sluice/engine/snapshot"
)

// script plays a history step by step, as a trace of the design tells it.
type script struct {
	*world
	t      *testing.T
	viewed func() // happens after each view; may be nil
}

func (s *script) reader() snapshot.Reader {
	if s.viewed != nil {
		return between{s.turned, s.viewed}
	}
	return s.turned
}

func newScript(t *testing.T, c simConfig) *script {
	c.full, c.limit, c.queueItems = true, 100, 100
	return &script{world: newWorld(c), t: t}
}

// play runs the steps and then, without more faults, to the end; the oracle judges what the topics hold.
func (s *script) play(steps func()) {
	s.t.Helper()
	defer func() {
		if r := recover(); r != nil {
			s.t.Fatalf("%v", r)
		}
	}()
	steps()
	if msg := s.run(0); msg != "" {
		s.t.Fatalf("%s\n%+v", msg, s.b.parts)
	}
}

// set commits rows in one transaction; it is visible and in gtid_executed at once.
func (s *script) set(keys ...int) {
	s.src.flush(simTx{rows: s.changes(keys), visible: true, gtid: true})
}

func (s *script) changes(keys []int) (rows []simChange) {
	src := s.src
	for _, key := range keys {
		src.nextVal++
		c := simChange{-1, key, src.nextVal, src.cur[key]}
		if src.cur[key] != 0 {
			c.old = key
		}
		src.cur[key] = src.nextVal
		rows = append(rows, c)
	}
	return rows
}

// prepare changes rows in an XA transaction that is prepared, and gives it; XA PREPARE is in gtid_executed at once.
func (s *script) prepare(keys ...int) (tx int) {
	tx = len(s.src.txs)
	s.src.xids++
	s.src.flush(simTx{xa: xaPrepared, xid: simXID(s.src.xids), held: s.changes(keys), visible: true, gtid: true})
	for _, key := range keys {
		s.src.lock[key] = tx + 1
	}
	return tx
}

// alter is a statement that is finished at once.
func (s *script) alter(table int, kind simDDL) {
	s.src.ddl(table, kind)
	i := len(s.src.txs) - 1
	s.src.show(i)
	s.src.txs[i].gtid = true
}

// up starts the engine, takes it through its fences and routes what the binlog held already.
func (s *script) up() {
	s.ready()
	s.route()
}

// ready starts the engine and takes it through its fences.
func (s *script) ready() {
	s.start()
	s.answer()
	if s.stage == simFencing {
		s.scan()
	}
	if s.stage == simComparing {
		s.compare()
	}
}

// answer lets the broker take all requests and the engine hear of it.
func (s *script) answer() {
	for len(s.b.net) > 0 {
		s.b.deliver(0)
	}
	for p := range s.b.parts {
		s.b.parts[p].hw = len(s.b.parts[p].log)
	}
	for len(s.b.resp) > 0 {
		s.response(0)
	}
	if s.r == nil {
		return
	}
	for i, l := range s.r.lanes {
		if l.flight != nil && l.flight.plain != nil && s.reqs[i] == 0 {
			s.plainStep(i)
			s.answer()
		}
	}
}

func (s *script) route() {
	for s.stream.tx < len(s.src.txs) {
		s.events(1)
	}
	s.must(s.r.passed())
}

// events routes the next n events.
func (s *script) events(n int) {
	for range n {
		ev := s.src.next(&s.stream)
		s.turned.mark(ev)
		s.must(s.r.route(s.ctx, ev))
	}
}

// skip routes over what lies before L.
func (s *script) skip() {
	for s.stream.tx < len(s.src.txs) && s.stream.after.Contains(s.src.tid(s.src.log().order[s.stream.tx])) {
		s.events(1)
	}
}

// copied reads the table's chunk, sends its rows and waits for them.
func (s *script) copied(table int) *chunk {
	c := s.openTable(table, func() {})
	s.route()
	s.seal(c)
	s.must(s.r.hand(c, 1<<20))
	s.flush()
	s.must(s.r.finish(s.ctx, []*chunk{c}))
	return c
}

// flush sends all that is in the lanes and waits for it.
func (s *script) flush() {
	for i, l := range s.r.lanes {
		if l.head < len(l.queue) {
			s.send(i, 1<<10)
		}
	}
	s.answer()
}

func (s *script) note() { s.must(s.r.takeNote(s.ctx)) }

// between is a source where something happens between a view and the metadata lock.
type between struct {
	snapshot.Reader
	do func()
}

func (b between) View(ctx context.Context) (snapshot.View, error) {
	v, err := b.Reader.View(ctx)
	b.do()
	return v, err
}

// openBoth opens the chunks of both tables, which are read through one view, and gives them with their results.
func (s *script) openBoth() []*chunk {
	cs := s.r.openable(s.r.cfg.now(), 3)
	os := s.r.open(cs...)
	if len(os) != 2 {
		s.t.Fatalf("%d chunks are opened together", len(os))
	}
	w := &worker{os: os, src: s.reader(), files: s.files, codec: simCodec{}, ids: s.counters, born: s.r.cfg.now}
	for {
		l, rows, err := w.step(s.ctx)
		s.must(err)
		for i, o := range os {
			if l != nil {
				s.r.lockedChunk(o, *l)
			}
			if rows != nil {
				s.must(s.r.rowsChunk(o, rows[i]))
			}
		}
		if rows != nil {
			return cs
		}
	}
}

// openTable opens the table's chunk and lets its worker go up to its result, which stays in the mail.
func (s *script) openTable(table int, locked func()) *chunk {
	for _, c := range slices.Backward(s.r.fresh) {
		if c.table.id != simIDs[table] {
			continue
		}
		os := s.r.open(c)
		w := &worker{os: os, src: s.reader(), files: s.files, codec: simCodec{}, ids: s.counters, born: s.r.cfg.now}
		for {
			l, rows, err := w.step(s.ctx)
			s.must(err)
			if l != nil {
				s.r.lockedChunk(os[0], *l)
				locked()
			}
			if rows != nil {
				s.must(s.r.rowsChunk(os[0], rows[0]))
				return c
			}
		}
	}
	s.t.Fatal("the table has no chunk to open")
	return nil
}

func (s *script) seal(c *chunk) {
	if !c.sealable(s.r.point) {
		s.t.Fatalf("chunk %d can't be sealed at %v", c.ID, s.r.point)
	}
	s.must(s.r.seal(s.ctx, c))
}

// send puts up to n records of a lane on the way.
func (s *script) send(lane, n int) {
	s.post(lane, s.r.take(s.r.lanes[lane], n))
}
