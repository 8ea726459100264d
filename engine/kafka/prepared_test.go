package kafka_test

import (
	"strconv"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// Each batch is prepared before the one in front of it is sent, over every kind of connection.
func TestPreparedBatchesFollowEachOther(t *testing.T) {
	t.Parallel()
	k := secured(t)
	targets := map[string]task.Target{
		"plain": plainTarget(k.Plain),
		"zstd":  {Brokers: []string{k.Plain}, Compression: "zstd"},
		"tls": {Brokers: []string{k.SASLSSL}, User: k.User, Password: task.Secret(k.Password), Mechanism: "SCRAM-SHA-256",
			TLS: task.TLS{Mode: "full", CAFile: k.CAFile}},
		"1.0.2": plainTarget(servers.StartOldKafka(t, servers.Kafka10).Plain),
		"kfake": plainTarget(fake(t).ListenAddrs()[0]),
	}
	for name, target := range targets {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := open(t, target)
			p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
			id := producer(t, c)
			var want []string
			var ahead engine.Prepared
			for i := range int32(50) {
				b := batch(id, 0, i, strconv.Itoa(int(i)))
				next := c.Prepare(t.Context(), p, b)
				if ahead != nil {
					if n := end(t, c, p); n != int64(i-1) {
						t.Fatalf("%d messages are there before the %dth", n, i)
					}
					if offset, err := ahead.Produce(t.Context()); err != nil || offset != int64(i-1) {
						t.Fatalf("at %d: %v", offset, err)
					}
				}
				ahead, want = next, append(want, strconv.Itoa(int(i)))
			}
			ahead.Drop()
			values, _ := scan(t, c, p, 0, end(t, c, p))
			same(t, values, want[:49]...)
			produce(t, c, p, batch(id, 0, 49, "49"))
		})
	}
}

// An answer means what it means for any other attempt.
func TestAnswerToAPrepared(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	id := producer(t, c)
	for _, answer := range []struct {
		code int16
		kind engine.ProduceError
		told string
	}{{7, engine.ProduceDoubt, "target.failed"}, {45, engine.ProduceSequence, "target.sequence"}, {47, engine.ProduceFenced, "target.fenced"}} {
		cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			return produceAnswer(r, answer.code), nil, true
		})
		_, err := attempts["prepared"](t.Context(), c, p, batch(id, 0, 0, "a"))
		failed(t, err, answer.kind, answer.told)
	}
	produce(t, c, p, batch(id, 0, 0, "a"))
	values, _ := scan(t, c, p, 0, end(t, c, p))
	same(t, values, "a")
}

// A topic that the metadata does not know yet is looked for as by any other attempt.
func TestPreparedForANewTopic(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c, other := open(t, plainTarget(addr)), open(t, plainTarget(addr))
		id := producer(t, c)
		for range 5 {
			p := engine.Partition{Topic: newTopic(t, other, 1, nil)}
			if offset, err := c.Prepare(t.Context(), p, batch(id, 0, 0, "a")).Produce(t.Context()); err != nil || offset != 0 {
				t.Fatalf("at %d: %v", offset, err)
			}
		}
	})
}
