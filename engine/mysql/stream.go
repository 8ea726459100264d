package mysql

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/spool"
	"sluice/engine/task"
)

// A server says at once where the log ends when it has passed over what is known, and then whenever it has had nothing to
// send for a heartbeat. MariaDB says the first only with its heartbeat too.
const (
	heartbeat      = time.Second
	mariaHeartbeat = 200 * time.Millisecond
)

// stream is one reader of the binlog.
type stream struct {
	source     *Source
	outlet     *outlet
	translator *translator
	cancel     context.CancelFunc
	done       chan struct{} // closed when the goroutines have ended
	line       heldLine
	log        *spool.Log  // between the dump and the translator; nil: none
	after      cdc.GTIDSet // what the dump was opened after

	// admitted says that the account was let in: a refusal after that is for want of a privilege.
	admitted atomic.Bool
}

// Stream opens the binlog after the given set of transactions.
func (s *Source) Stream(ctx context.Context, after cdc.GTIDSet) (engine.Stream, error) {
	const op = "opening the binlog"
	all, err := s.loadCollations(ctx)
	if err != nil {
		return nil, withOp(op, err)
	}
	if err := s.chooseServerID(ctx); err != nil {
		return nil, withOp(op, err)
	}
	st := &stream{source: s, outlet: newOutlet(), done: make(chan struct{})}
	at, byFile := after.(*cdc.Upto)
	t := newTranslator(s.server.Flavor, lookup(all), st.outlet.put)
	t.byFile = byFile
	if !byFile { // such a stream begins with the head of a file
		s.mu.Lock()
		t.least = s.low
		s.mu.Unlock()
	}
	st.translator = t
	take := newFeeder(t).feed
	if s.options.Spool != nil && !byFile { // without GTID the head of the file is read again, from the source
		if st.log, err = s.spooled(ctx, after); err != nil {
			return nil, withOp(op, err)
		}
		take = newRecorder(s.server, st.log, t.least).take
		after = st.log.Join().Set
	}
	st.after = after
	file, place := "", cdc.Position{}
	if !byFile {
		file, place = s.place(ctx, after)
	}
	stop := context.AfterFunc(ctx, st.line.cut)
	d, err := s.openDump(ctx, &st.line, s.ServerID(), st.setUp)
	if err == nil && byFile {
		err = st.startFile(ctx, d, at.At)
	} else if err == nil {
		err = d.startAfter(s.server.Flavor, after.String(), file, place)
	}
	stop()
	if err != nil {
		st.line.cut()
		if st.log != nil {
			_ = st.log.Close() // what it holds is checked when it is opened
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		err = st.classifyStart(err)
		s.yield(err)
		return nil, withOp(op, err)
	}
	wait, cancel := context.WithCancel(context.Background())
	st.cancel = cancel
	s.use(st.log)
	go st.run(wait, d, take, t)
	return st, nil
}

func (st *stream) setUp(cc *client.Conn) error {
	err := st.source.prepare(&conn{Conn: cc})
	st.admitted.Store(err == nil)
	return err
}

// classify: what ends a dump and is neither the server's answer nor the network's is an event that can't be read.
func (st *stream) classify(err error) error { return st.source.explain(st.denied(err), unreadable) }

// classifyStart: the account and TLS were tried before, and of what follows the library keeps only texts.
func (st *stream) classifyStart(err error) error { return st.source.explain(st.denied(err), lost) }

// denied tells a privilege that is missing from a sign-in that was refused.
func (st *stream) denied(err error) error {
	if err = answered(err); st.admitted.Load() {
		return admitted(err)
	}
	return err
}

// run reads the dump to its end. Whoever translates ends the outlet: this goroutine, or the one that replays what the
// spool gives.
func (st *stream) run(ctx context.Context, d *dump, take func([]byte) error, t *translator) {
	defer close(st.done)
	idle := st.outlet.flush
	var replayed sync.WaitGroup
	if st.log != nil {
		idle = func() error { st.log.Offer(); return nil }
		replayed.Go(func() { st.replay(t) })
	}
	err := d.each(take, idle)
	if ctx.Err() != nil {
		err = nil // closed by us
	}
	err = st.afterReset(ctx, st.classify(err))
	st.source.yield(err)
	err = withOp("reading the binlog", err)
	switch {
	case st.log == nil:
		st.outlet.end(err)
	case err != nil:
		st.log.End(err)
		replayed.Wait()
	}
	st.line.cut()
	if st.log != nil {
		_ = st.log.Close() // what it holds is checked when it is opened
		replayed.Wait()
	}
}

// Batches gives the events in order; it closes at the end.
func (st *stream) Batches() <-chan []cdc.Event { return st.outlet.out }

// Err says why the stream ended: nil while it runs and after Close.
func (st *stream) Err() error { return st.outlet.err() }

// Keep says what a restart may ask for: everything from low on, and from oldest on as long as there is room.
func (st *stream) Keep(low, oldest cdc.Position) {
	if st.log != nil {
		st.log.Keep(low, oldest)
	}
}

// Close ends the stream; twice is fine.
func (st *stream) Close() error {
	st.cancel()
	st.outlet.abandon()
	st.line.cut()
	if st.log != nil {
		_ = st.log.Close()
	}
	<-st.done
	return nil
}

var errStreamClosed = &task.Error{Code: "internal", Text: "the stream is closed"}
