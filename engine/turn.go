package engine

import (
	"context"
	"sync"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// onTurn gives the dependencies with the positions of the source's turn.
func (d *Deps) onTurn(turn uint32) *Deps {
	if turn == 0 {
		return d
	}
	own := *d
	own.Source = &turned{d.Source, turn}
	return &own
}

// turned is a source that was moved to: its positions bear its turn.
type turned struct {
	Source
	turn uint32
}

func (s *turned) at(p cdc.Position) cdc.Position {
	if !p.IsZero() {
		p.Turn = s.turn
	}
	return p
}

func (s *turned) Start(ctx context.Context) (Start, error) {
	start, err := s.Source.Start(ctx)
	start.End = s.at(start.End)
	return start, err
}

func (s *turned) End(ctx context.Context) (cdc.Position, error) {
	p, err := s.Source.End(ctx)
	return s.at(p), err
}

func (s *turned) Locate(ctx context.Context, from task.From) (Located, error) {
	l, err := s.Source.Locate(ctx, from)
	l.Skip = s.at(l.Skip)
	return l, err
}

func (s *turned) Describe(ctx context.Context, ids []cdc.TableID, connections int) ([]snapshot.Locked, error) {
	list, err := s.Source.Describe(ctx, ids, connections)
	for i := range list {
		list[i].End = s.at(list[i].End)
	}
	return list, err
}

func (s *turned) View(ctx context.Context) (snapshot.View, error) {
	v, err := s.Source.View(ctx)
	if err != nil {
		return nil, err
	}
	return &turnedView{v, s}, nil
}

type turnedView struct {
	snapshot.View
	s *turned
}

func (v *turnedView) Exact() (cdc.Position, bool) {
	p, ok := v.View.Exact()
	return v.s.at(p), ok
}

func (v *turnedView) Lock(ctx context.Context, ids ...cdc.TableID) ([]snapshot.Locked, error) {
	list, err := v.View.Lock(ctx, ids...)
	for i := range list {
		list[i].End = v.s.at(list[i].End)
	}
	return list, err
}

// Stream gives a stream whose batches one goroutine passes on.
func (s *turned) Stream(ctx context.Context, after cdc.GTIDSet) (Stream, error) {
	in, err := s.Source.Stream(ctx, after)
	if err != nil {
		return nil, err
	}
	st := &turnedStream{Stream: in, out: make(chan []cdc.Event), closed: make(chan struct{}), turn: s.turn}
	go st.pass(s)
	return st, nil
}

type turnedStream struct {
	Stream
	out    chan []cdc.Event
	closed chan struct{}
	once   sync.Once
	turn   uint32
}

func (st *turnedStream) pass(s *turned) {
	defer close(st.out)
	for b := range st.Stream.Batches() {
		for i := range b {
			s.mark(&b[i])
		}
		select {
		case st.out <- b:
		case <-st.closed:
			return
		}
	}
}

// mark puts the turn into the positions of an event.
func (s *turned) mark(ev *cdc.Event) {
	for _, p := range []*cdc.Position{&ev.Pos, &ev.End, &ev.EventPos, &ev.SafePos} {
		*p = s.at(*p)
	}
}

func (st *turnedStream) Batches() <-chan []cdc.Event { return st.out }

// Keep passes on what is of this server; a low bound at an earlier one holds all of this log.
func (st *turnedStream) Keep(low, oldest cdc.Position) {
	for _, p := range []*cdc.Position{&low, &oldest} {
		if p.Turn != st.turn {
			*p = cdc.Position{}
		}
		p.Turn = 0
	}
	st.Stream.Keep(low, oldest)
}

func (st *turnedStream) Close() error {
	st.once.Do(func() { close(st.closed) })
	return st.Stream.Close()
}
