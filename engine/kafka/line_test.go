package kafka_test

import (
	"context"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine"
	"sluice/engine/kafka"
)

// lines counts the connections that a broker takes.
type lines struct {
	mu      sync.Mutex
	changed *sync.Cond
	made    int
	open    map[net.Conn]bool
}

type countedListener struct {
	net.Listener
	all *lines
}

type countedConn struct {
	net.Conn
	all *lines
}

func (l countedListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.all.mu.Lock()
	defer l.all.mu.Unlock()
	c := countedConn{conn, l.all}
	l.all.made++
	l.all.open[c] = true
	return c, nil
}

func (c countedConn) Close() error {
	c.all.mu.Lock()
	defer c.all.mu.Unlock()
	delete(c.all.open, c)
	c.all.changed.Broadcast()
	return c.Conn.Close()
}

func (l *lines) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.made
}

// gone waits until all have ended.
func (l *lines) gone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.open) > 0 {
		l.changed.Wait()
	}
}

// cut ends all.
func (l *lines) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		c.(countedConn).Conn.Close()
	}
}

func countedBroker(t *testing.T) (*kfake.Cluster, *lines) {
	l := &lines{open: map[net.Conn]bool{}}
	l.changed = sync.NewCond(&l.mu)
	return fake(t, kfake.ListenFn(func(network, addr string) (net.Listener, error) {
		in, err := net.Listen(network, addr)
		return countedListener{in, l}, err
	})), l
}

// One batch after the other goes over one connection; it is left when nobody has used it for long, and with the client.
func TestLineIsUsedAgain(t *testing.T) {
	t.Parallel()
	cluster, lines := countedBroker(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	id := producer(t, c)
	produce(t, c, p, batch(id, 0, 0, "a"))
	made := lines.count()
	for i := range int32(20) {
		produce(t, c, p, batch(id, 0, 1+i, "a"))
	}
	if n := lines.count(); n != made {
		t.Errorf("%d connections were made, then %d", made, n)
	}
	c.LinesAreOld()
	produce(t, c, p, batch(id, 0, 21, "a"))
	if n := lines.count(); n != made+1 {
		t.Errorf("%d connections were made, and %d after one was old", made, n)
	}
	c.Close()
	lines.gone()
}

// A broker that goes down ends all connections: after the first error none of them is tried again.
func TestOneLineIsLostForAll(t *testing.T) {
	t.Parallel()
	cluster, lines := countedBroker(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 3, nil)
	id := producer(t, c)
	var together, done sync.WaitGroup
	together.Add(3)
	asked := 0
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		if asked++; asked <= 3 {
			cluster.SleepControl(func() { together.Done(); together.Wait() })
		}
		return nil, nil, false
	})
	for n := range 3 {
		done.Go(func() {
			if _, err := c.Produce(t.Context(), engine.Partition{Topic: topic, ID: n}, batch(id, 0, 0, "a")); err != nil {
				t.Error(err)
			}
		})
	}
	done.Wait()
	lines.cut()
	p := engine.Partition{Topic: topic}
	fails(t, c, p, batch(id, 0, 1, "b"), engine.ProduceDoubt, "target.connection_lost")
	produce(t, c, p, batch(id, 0, 1, "b"))
	values, _ := scan(t, c, p, 0, end(t, c, p))
	same(t, values, "a", "b")
}

// Who gives up while the connection is being made does not take it away.
func TestLineThatComesLate(t *testing.T) {
	t.Parallel()
	cluster, lines := countedBroker(t)
	held := make(chan struct{}, 1)
	dialling, release := make(chan struct{}), make(chan struct{})
	c := open(t, plainTarget(cluster.ListenAddrs()[0]), kafka.WithTrace(func(net.Addr) {
		select {
		case <-held:
			close(dialling)
			<-release
		default:
		}
	}, func() {}))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	id := producer(t, c)
	lines.cut() // also what it may be lent
	fails(t, c, p, batch(id, 0, 0, "a"), engine.ProduceDoubt, "target.connection_lost")
	held <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-dialling; cancel() }()
	_, err := c.Produce(ctx, p, batch(id, 0, 0, "a"))
	failed(t, err, engine.ProduceDoubt, "")
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	close(release)
	produce(t, c, p, batch(id, 0, 0, "a"))
	c.Close()
	lines.gone()
}

// A request that is under way when the client is closed is answered, and its connection ends with it.
func TestLineEndsWithItsRequest(t *testing.T) {
	t.Parallel()
	cluster, lines := countedBroker(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	id := producer(t, c)
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.Close()
		return nil, nil, false
	})
	produce(t, c, p, batch(id, 0, 0, "a"))
	lines.gone()
}
