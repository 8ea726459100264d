package kafka_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// parker passes requests to a broker and answers back. A Produce request that comes while it is armed is held, with its
// client gone or not, until it is let go.
type parker struct {
	upstream string
	armed    atomic.Bool
	held     chan struct{} // closed when it holds one
	release  chan struct{} // close it to let it go
	answered chan int16    // the error code that the broker then gives
}

func park(t testing.TB) (*parker, string) {
	p := &parker{upstream: servers.FreeAddress(t), held: make(chan struct{}), release: make(chan struct{}), answered: make(chan int16, 1)}
	l := listener(t, servers.FreeAddress(t))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p, l.Addr().String()
}

func (p *parker) serve(client net.Conn) {
	defer client.Close()
	broker, err := net.Dial("tcp", p.upstream)
	if err != nil {
		return
	}
	defer broker.Close()
	for {
		request, err := frame(client)
		if err != nil || len(request) < 6 {
			return
		}
		parked := binary.BigEndian.Uint16(request[4:]) == 0 && p.armed.CompareAndSwap(true, false)
		if parked {
			close(p.held)
			<-p.release
		}
		if _, err := broker.Write(request); err != nil {
			return
		}
		answer, err := frame(broker)
		if err != nil {
			return
		}
		if parked {
			// Size, correlation, one topic's name, one partition's number, its error.
			name := int(binary.BigEndian.Uint16(answer[12:]))
			p.answered <- int16(binary.BigEndian.Uint16(answer[14+name+8:]))
		}
		if _, err := client.Write(answer); err != nil {
			return
		}
	}
}

// frame reads one message with the length before it.
func frame(r io.Reader) ([]byte, error) {
	size := make([]byte, 4)
	if _, err := io.ReadFull(r, size); err != nil {
		return nil, err
	}
	b := append(size, make([]byte, binary.BigEndian.Uint32(size))...)
	_, err := io.ReadFull(r, b[4:])
	return b, err
}

// TestParkedRequestIsFenced: a request of the incarnation before comes to the broker only after the next epoch has
// written to the partition: it is refused, also by the first brokers with producer ids, and also if its sequence is
// the one that was next.
func TestParkedRequestIsFenced(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(o ...servers.KafkaOption) *servers.Kafka{
		"1.0.2": func(o ...servers.KafkaOption) *servers.Kafka { return servers.StartOldKafka(t, servers.Kafka10, o...) },
		"4.4":   func(o ...servers.KafkaOption) *servers.Kafka { return servers.StartKafka(t, o...) },
	} {
		t.Run(name, func(t *testing.T) {
			p, front := park(t)
			k := start(servers.KafkaListen(p.upstream), servers.KafkaAdvertise(front))
			old, heir := open(t, plainTarget(k.Plain)), open(t, plainTarget(k.Plain))
			part := engine.Partition{Topic: newTopic(t, old, 1, nil)}
			id := producer(t, old)
			produce(t, old, part, batch(id, 1, 0, "a"))
			p.armed.Store(true)
			late := make(chan error, 1)
			go func() { _, err := old.Produce(t.Context(), part, batch(id, 1, 1, "late")); late <- err }()
			<-p.held
			produce(t, heir, part, batch(id, 2, 0, "fence"))
			close(p.release)
			var f *engine.ProduceFailure
			if err := <-late; !errors.As(err, &f) || f.Kind != engine.ProduceFenced {
				t.Errorf("the parked request: %v", err)
			}
			if code := <-p.answered; code != 47 && code != 90 {
				t.Errorf("the broker answered with %d", code)
			}
			produce(t, heir, part, batch(id, 2, 1, "b"))
			values, _ := scan(t, heir, part, 0, end(t, heir, part))
			same(t, values, "a", "fence", "b")
		})
	}
}
