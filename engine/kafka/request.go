package kafka

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/createtopics"

	"sluice/engine/task"
)

const clientID = "sluice"

// refreshWait bounds how long a call waits for new metadata; the next one finds what came later.
const refreshWait = 5 * time.Second

// Brokers that a direct request can name beside those with an id.
const (
	anyBroker      = -1
	controllerNode = -2
)

// direct sends a request past the transport's caches and routing: to one broker, to any, or to the controller.
type direct struct {
	request protocol.Message
	broker  int32

	version int16
	offered bool
}

func (d *direct) ApiKey() protocol.ApiKey { return d.request.ApiKey() }

// Broker says where the transport sends the request.
func (d *direct) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if d.broker == controllerNode {
		return protocol.Broker{ID: cluster.Controller}, nil
	}
	return protocol.Broker{ID: d.broker}, nil
}

// Required takes note of the version that both sides know.
func (d *direct) Required(versions map[protocol.ApiKey]int16) bool {
	d.version, d.offered = versions[d.request.ApiKey()]
	return true
}

// RawExchange asks the broker. A broker that lacks the API would only drop the connection, so it is not asked.
func (d *direct) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !d.offered {
		return nil, kafka.UnsupportedVersion
	}
	m, err := protocol.RoundTrip(rw, d.version, 1, clientID, d.request)
	return answer{m}, err
}

// answer hides the type of a response: the transport would take metadata for the answer to a request of its own.
type answer struct{ protocol.Message }

func unwrap(m protocol.Message) protocol.Message {
	if a, ok := m.(answer); ok {
		return a.Message
	}
	return m
}

// refresh makes the transport fetch its metadata: it does so after topics were created, hence this empty answer to
// a request that never goes out.
type refresh struct{}

func (refresh) ApiKey() protocol.ApiKey                 { return protocol.CreateTopics }
func (refresh) Required(map[protocol.ApiKey]int16) bool { return true }
func (refresh) RawExchange(io.ReadWriter) (protocol.Message, error) {
	return new(createtopics.Response), nil
}

// refresh waits for metadata that is asked for from now on; they decide where the next request goes. An error shows up in
// that request.
func (c *Client) refresh(ctx context.Context) {
	late := time.NewTimer(min(refreshWait, c.timeout))
	defer late.Stop()
	select {
	case <-c.refreshes.after(c.fetchMetadata):
	case <-late.C:
	case <-ctx.Done():
	}
}

func (c *Client) fetchMetadata() {
	ctx, cancel := context.WithTimeout(context.Background(), min(refreshWait, c.timeout))
	defer cancel()
	c.transport.RoundTrip(ctx, c.addr, refresh{})
}

// refreshes has all who ask while metadata are fetched share the next fetch: all lanes of a lost connection ask at once.
type refreshes struct {
	mu      sync.Mutex
	running bool
	next    chan struct{} // closed after the next fetch; nil: nobody waits for it
}

// after gives a channel that closes after a fetch that has not begun yet.
func (r *refreshes) after(fetch func()) <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = make(chan struct{})
	}
	if !r.running {
		r.running = true
		go r.run(fetch)
	}
	return r.next
}

func (r *refreshes) run(fetch func()) {
	for {
		r.mu.Lock()
		done := r.next
		r.next = nil
		r.running = done != nil
		r.mu.Unlock()
		if done == nil {
			return
		}
		fetch()
		close(done)
	}
}

var errClosed = errors.New("the client is closed")

// transport is the library's, which would connect again after it was closed.
type transport struct {
	kafka.Transport
	closed atomic.Bool
}

func (t *transport) RoundTrip(ctx context.Context, addr net.Addr, r kafka.Request) (kafka.Response, error) {
	if t.closed.Load() {
		return nil, &task.Error{Code: "internal", Text: "the Kafka client was used after Close", Err: errClosed}
	}
	return t.Transport.RoundTrip(ctx, addr, r)
}

func (c *Client) roundTrip(ctx context.Context, m protocol.Message) (protocol.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	res, err := c.transport.RoundTrip(ctx, c.addr, m)
	return unwrap(res), err
}
