package engine

import (
	"context"
	"fmt"
	"time"

	"sluice/engine/cdc"
)

// fakeRows is a rows event of one row.
type fakeRows struct {
	m *cdc.TableMap
	c fakeChange
}

func (r *fakeRows) Map() *cdc.TableMap { return r.m }

func (r *fakeRows) Op() cdc.Op {
	if r.c.before == 0 {
		return cdc.Insert
	}
	return cdc.Update
}

func (r *fakeRows) Decode(_ *cdc.Table, each func(before, after cdc.Row) error) error {
	return each(fakeRow(r.c.key, r.c.before), fakeRow(r.c.key, r.c.after))
}

func (r *fakeRows) Take() []byte { return nil }

func (r *fakeRows) Put([]byte) {}

type fakeStream struct {
	src    *fakeSource
	out    chan []cdc.Event
	cancel context.CancelFunc
	done   chan struct{}
	err    error
}

func (s *fakeSource) Stream(ctx context.Context, after cdc.GTIDSet) (Stream, error) {
	if err := s.ask(ctx, "stream"); err != nil {
		return nil, err
	}
	s.mu.Lock()
	for i := range s.txs {
		if !after.Contains(s.tid(i)) && fakeAt(i).Before(s.kept) {
			s.mu.Unlock()
			return nil, fmt.Errorf("transaction %d is asked for, and was let go of: it lies before %s", i, s.kept)
		}
	}
	s.mu.Unlock()
	reading, cancel := context.WithCancel(context.Background())
	st := &fakeStream{src: s, out: make(chan []cdc.Event), cancel: cancel, done: make(chan struct{})}
	go func() {
		defer close(st.done)
		defer close(st.out)
		st.err = s.serve(reading, st.out, after)
	}()
	return st, nil
}

// serve sends the log until the stream is closed or the hook lets it fail.
func (s *fakeSource) serve(ctx context.Context, out chan<- []cdc.Event, after cdc.GTIDSet) error {
	for at := 0; ; {
		if err := s.ask(ctx, "read"); ctx.Err() != nil {
			return nil
		} else if err != nil {
			return err
		}
		s.mu.Lock()
		moved := s.moved
		var batch []cdc.Event
		for ; at < len(s.txs) && len(batch) < 512; at++ {
			batch = s.events(batch, at, after)
		}
		if batch == nil {
			batch = []cdc.Event{{Kind: cdc.EventSeen, End: fakeAt(at)}}
		}
		s.mu.Unlock()
		select {
		case out <- batch:
		case <-ctx.Done():
			return nil
		}
		s.mu.Lock()
		more := at < len(s.txs)
		s.mu.Unlock()
		if more {
			continue
		}
		select {
		case <-moved:
		case <-time.After(200 * time.Millisecond): // a heartbeat
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *fakeSource) events(batch []cdc.Event, i int, after cdc.GTIDSet) []cdc.Event {
	if after.Contains(s.tid(i)) {
		return append(batch, cdc.Event{Kind: cdc.EventSeen, End: fakeAt(i + 1)})
	}
	ev := cdc.Event{Kind: cdc.EventBegin, Pos: fakeAt(i), End: fakeAt(i + 1), TID: s.tid(i), Time: int64(i)}
	batch = append(batch, ev)
	for j, c := range s.txs[i].rows {
		ev.Kind, ev.Rows, ev.EventPos, ev.SafePos = cdc.EventRows, &fakeRows{s.maps[s.txs[i].table.TableID], c}, ev.Pos, ev.Pos
		ev.SafePos.Offset += uint64(100 + j)
		ev.EventPos.Offset += uint64(101 + j)
		batch = append(batch, ev)
	}
	ev.Kind, ev.Rows = cdc.EventCommit, nil
	return append(batch, ev)
}

func (st *fakeStream) Batches() <-chan []cdc.Event { return st.out }
func (st *fakeStream) Err() error                  { return st.err }

// Keep lets the source refuse what lies before the oldest note; it never moves back.
func (st *fakeStream) Keep(low, oldest cdc.Position) {
	st.src.mu.Lock()
	defer st.src.mu.Unlock()
	if low.Before(oldest) {
		panic("the oldest note is newer than the newest")
	}
	if st.src.kept.Before(oldest.Start()) {
		st.src.kept = oldest.Start()
	}
}

func (st *fakeStream) Close() error {
	st.cancel()
	<-st.done
	return nil
}
