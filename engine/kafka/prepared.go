package kafka

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go/protocol"

	"sluice/engine"
)

// prepared is a produce request on a connection of its own that lacks its last byte until Produce. A broker acts upon
// whole requests alone, so none of it can be written before; but by then the broker has the rest in its memory. What
// becomes of a request that is never made whole is decided too: its connection ends, and the broker forgets it.
type prepared struct {
	appending // of one part
	client    *Client
	ctx       context.Context
	cancel    context.CancelFunc
	encoding  sync.Mutex    // the batch is read
	whole     chan struct{} // closed: the last byte may go
	sent      atomic.Bool   // it may have gone
	end       chan struct{} // closed: res and err are there
	res       protocol.Message
	err       error
}

// Prepare encodes a batch and sends what may be sent before it may be written. It does not wait for that.
func (c *Client) Prepare(ctx context.Context, p engine.Partition, b *engine.Batch) engine.Prepared {
	r := newPrepared(ctx, c, p, b)
	go func() {
		if r.res, r.err = c.transport.RoundTrip(r.ctx, c.addr, r); r.err != nil {
			r.Drop()
		}
		close(r.end)
	}()
	return r
}

func newPrepared(ctx context.Context, c *Client, p engine.Partition, b *engine.Batch) *prepared {
	r := &prepared{client: c, whole: make(chan struct{}), end: make(chan struct{})}
	r.appending = appending{parts: []*part{{Partition: p, batch: *b}}, millis: appendMillis(c.timeout), encoder: c.encoders.Get().(*encoder)}
	r.ctx, r.cancel = context.WithCancel(ctx)
	return r
}

// Broker gives the partition's leader.
func (r *prepared) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	return leaderOf(cluster, r.parts[0].Partition)
}

var errDropped = errors.New("the request was dropped before it was whole")

// RawExchange sends the request and waits for the response. The context has no deadline, for the time begins with Produce.
func (r *prepared) RawExchange(rw io.ReadWriter) (res protocol.Message, err error) {
	conn := rw.(interface{ SetDeadline(time.Time) error })
	stop := context.AfterFunc(r.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer func() {
		if !stop() && err == nil { // the connection is of no more use
			err = context.Cause(r.ctx)
		}
	}()
	if err := r.encodeOnce(); err != nil {
		return nil, err
	}
	request := r.encoder.request(r.head())
	last := len(request) - 1
	if _, err := rw.Write(request[:last]); err != nil {
		return nil, err
	}
	select {
	case <-r.whole:
	case <-r.ctx.Done():
	}
	if r.ctx.Err() != nil {
		return nil, errDropped
	}
	r.sent.Store(true)
	text, err := exchanged(rw, request[last:], nil, longestAnswer)
	if err != nil {
		return nil, err
	}
	return r.answer(text)
}

// Produce makes the request whole. One that did not come so far is sent like any other.
func (r *prepared) Produce(ctx context.Context) (int64, error) {
	c, w := r.client, r.parts[0]
	defer r.cancel()
	defer context.AfterFunc(ctx, r.cancel)()
	late := time.AfterFunc(c.timeout, r.cancel)
	close(r.whole)
	<-r.end
	inTime := late.Stop()
	switch {
	case r.err == nil:
		c.encoders.Put(r.encoder)
		return c.appended(ctx, w.Partition, r.res.(answers)[0])
	case ctx.Err() != nil:
		r.err = ctx.Err()
	case !inTime:
		r.err = context.DeadlineExceeded
	case !r.sent.Load():
		return c.Produce(ctx, w.Partition, &w.batch)
	}
	return 0, c.failure(ctx, w.Partition, r.err)
}

func (r *prepared) encodeOnce() error {
	r.encoding.Lock()
	defer r.encoding.Unlock()
	if r.ctx.Err() != nil {
		return errDropped
	}
	w := r.parts[0]
	w.bytes = room(w.batch.Messages)
	return r.encode(false, r.client.codec, time.Now().UnixMilli())
}

// Drop gives the request up. The batch is the caller's again then.
func (r *prepared) Drop() {
	r.cancel()
	r.encoding.Lock()
	defer r.encoding.Unlock()
}
