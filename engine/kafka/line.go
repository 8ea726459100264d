package kafka

import (
	"context"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

const (
	lineIdle  = 30 * time.Second // the transport closes connections that nobody has used for as long
	linesHeld = 2 * underway     // of a broker, between two requests; what is more the transport gets back
)

// line is a connection to a broker that was borrowed from the transport. Who sends a request on it writes it and waits for
// the answer by itself; the transport would have a goroutine of the connection do both, which is two more changes of
// goroutines, and as many clocks that are set and stopped, on the way of each change.
type line struct {
	conn deadlined
	back chan error // ends the loan; the transport closes the connection where it is an error
	used time.Time
	produceVersion
}

type deadlined interface {
	io.ReadWriter
	SetDeadline(time.Time) error
}

// borrowing asks the transport for a connection. Nothing is sent, and it lasts as long as the loan.
type borrowing struct {
	broker int32
	lent   chan *line
	produceVersion
}

// Broker gives the one that is asked for.
func (b *borrowing) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: b.broker}, nil
}

// RawExchange lends the connection.
func (b *borrowing) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	l := &line{conn: rw.(deadlined), produceVersion: b.produceVersion, back: make(chan error, 1)}
	b.lent <- l
	return answers(nil), <-l.back
}

// borrow waits for a connection until ctx ends.
func (c *Client) borrow(ctx context.Context, broker int32) (*line, error) {
	b := &borrowing{broker: broker, lent: make(chan *line, 1)}
	failed := make(chan error, 1)
	go func() {
		_, err := c.transport.RoundTrip(context.WithoutCancel(ctx), c.addr, b) // it has a limit for connecting
		failed <- err
	}()
	select {
	case l := <-b.lent:
		return l, nil
	case err := <-failed:
		return nil, err
	case <-ctx.Done():
		go func() {
			select {
			case l := <-b.lent:
				l.back <- nil
			case <-failed:
			}
		}()
		return nil, ctx.Err()
	}
}

// exchange sends a request to a broker and waits for its answer, until then or the end of ctx.
func (c *Client) exchange(ctx context.Context, until time.Time, broker int32, a *appending) (answers, error) {
	q := c.queue(broker)
	l, err := c.line(ctx, until, q, broker)
	if err != nil {
		return nil, err
	}
	res, err := l.exchange(ctx, until, a)
	if err != nil {
		l.back <- err
		q.giveBack(err) // the others are as old
		return nil, err
	}
	q.keep(l, &c.transport.closed)
	return res, nil
}

// line gives a connection that is at hand, or borrows one.
func (c *Client) line(ctx context.Context, until time.Time, q *queue, broker int32) (*line, error) {
	for l := q.held(); l != nil; l = q.held() {
		if time.Since(l.used) < lineIdle {
			return l, nil
		}
		l.back <- os.ErrDeadlineExceeded // the broker may be about to close it
	}
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	return c.borrow(ctx, broker)
}

// held takes the line that was used last, nil if there is none.
func (q *queue) held() *line {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := len(q.lines) - 1
	if n < 0 {
		return nil
	}
	l := q.lines[n]
	q.lines = q.lines[:n]
	return l
}

// keep has a line at hand for the next request.
func (q *queue) keep(l *line, closed *atomic.Bool) {
	l.used = time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.lines) == linesHeld || closed.Load() {
		l.back <- nil
		return
	}
	q.lines = append(q.lines, l)
}

// giveBack ends the loan of all lines that are at hand.
func (q *queue) giveBack(why error) {
	for l := q.held(); l != nil; l = q.held() {
		l.back <- why
	}
}

// exchange sends a request and waits for its answer, until then or the end of ctx.
func (l *line) exchange(ctx context.Context, until time.Time, a *appending) (answers, error) {
	if err := l.conn.SetDeadline(until); err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = l.conn.SetDeadline(time.Unix(1, 0)) })
	a.produceVersion = l.produceVersion
	res, err := a.exchange(l.conn)
	if !stop() { // the line is of no more use
		return nil, ctx.Err()
	}
	return res, err
}
