package kafka_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

func TestResendIsStoredOnce(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		id := producer(t, c)
		produce(t, c, p, batch(id, 0, 0, "a", "b"))
		second := produce(t, c, p, batch(id, 0, 2, "c"))
		if again := produce(t, c, p, batch(id, 0, 2, "c")); again != second || second != 2 {
			t.Fatalf("offsets %d and %d, want 2", second, again)
		}
		values, offsets := scan(t, c, p, 0, end(t, c, p))
		same(t, values, "a", "b", "c")
		if offsets[0] != 0 || offsets[2] != 2 {
			t.Fatalf("offsets %v", offsets)
		}
	})
}

func TestGapIsASequenceError(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		id := producer(t, c)
		produce(t, c, p, batch(id, 0, 0, "a"))
		fails(t, c, p, batch(id, 0, 5, "f"), engine.ProduceSequence, "target.sequence")
		if n := end(t, c, p); n != 1 {
			t.Fatalf("end %d after a refused batch", n)
		}
	})
}

func TestNewerEpochFencesTheOlder(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		old, next := open(t, plainTarget(addr)), open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, old, 1, nil)}
		id := producer(t, old)
		produce(t, old, p, batch(id, 0, 0, "a"))
		produce(t, next, p, batch(id, 1, 0, "fence"))
		fails(t, old, p, batch(id, 0, 1, "late"), engine.ProduceFenced, "target.fenced")
		produce(t, next, p, batch(id, 1, 1, "b"))
		values, _ := scan(t, next, p, 0, end(t, next, p))
		same(t, values, "a", "fence", "b")
	})
}

// A batch is refused, and says why, where sending it again would not help.
func TestRefusedBatches(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		id := producer(t, c)
		small := engine.Partition{Topic: newTopic(t, c, 1, map[string]string{"max.message.bytes": "1000"})}
		fails(t, c, small, batch(id, 0, 0, strings.Repeat("x", 2000)), engine.ProduceRefused, "target.message_too_large")
		fails(t, c, small, batch(id, 0, 0), engine.ProduceRefused, "internal")
		produce(t, c, small, batch(id, 0, 0, "small")) // the refused one took no sequence number
	})
}

func TestCompactedTopicRefusesMessagesWithoutKey(t *testing.T) {
	t.Parallel()
	c := open(t, plainTarget(servers.SharedKafka(t).Plain))
	p := engine.Partition{Topic: newTopic(t, c, 1, map[string]string{"cleanup.policy": "compact"})}
	b := &engine.Batch{Producer: producer(t, c), Messages: []engine.Message{{Value: []byte("no key")}}}
	fails(t, c, p, b, engine.ProduceRefused, "target.record_refused")
}

// A topic or partition that is absent may only not be known yet: doubt, with the code of what to do if it stays so.
func TestAbsentTopicIsDoubtWithACode(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr), kafka.WithTimeout(2*time.Second))
		id := producer(t, c)
		there := newTopic(t, c, 1, nil)
		for _, p := range []engine.Partition{{Topic: "not-there"}, {Topic: there, ID: 1}} {
			fails(t, c, p, batch(id, 0, 0, "a"), engine.ProduceDoubt, "target.topic_absent")
			if _, _, err := c.Ends(t.Context(), []engine.Partition{p}); task.Code(err) != "target.topic_absent" {
				t.Fatal(err)
			}
			err := c.Scan(t.Context(), p, 0, 1, func(int64, engine.Message) error { return nil })
			if task.Code(err) != "target.topic_absent" {
				t.Fatal(err)
			}
		}
	})
}

// A topic made by somebody else is found at once, not when the cached metadata ends.
func TestNewTopicIsFoundAtOnce(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c, other := open(t, plainTarget(addr)), open(t, plainTarget(addr))
		id := producer(t, c)
		for range 20 {
			p := engine.Partition{Topic: newTopic(t, other, 1, nil)}
			produce(t, c, p, batch(id, 0, 0, "a"))
		}
	})
}

// After a change of leaders the first attempt finds the old one; the resend goes to the new one.
func TestLeaderChangeIsFollowed(t *testing.T) {
	t.Parallel()
	cluster := fake(t, kfake.NumBrokers(3))
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 1, nil)
	p := engine.Partition{Topic: topic}
	id := producer(t, c)
	sequence := int32(0)
	for round := range int32(9) {
		if err := cluster.MoveTopicPartition(topic, 0, round%3); err != nil {
			t.Fatal(err)
		}
		b := batch(id, 0, sequence, "x")
		_, err := c.Produce(t.Context(), p, b)
		if err != nil {
			var f *engine.ProduceFailure
			if !errors.As(err, &f) || f.Kind != engine.ProduceDoubt || task.Code(err) != "target.no_leader" {
				t.Fatal(err)
			}
			produce(t, c, p, b)
		}
		sequence++
		if err := cluster.MoveTopicPartition(topic, 0, (round+1)%3); err != nil {
			t.Fatal(err)
		}
		if n := end(t, c, p); n != int64(sequence) {
			t.Fatalf("end %d after %d", n, sequence)
		}
		if values, _ := scan(t, c, p, 0, int64(sequence)); len(values) != int(sequence) {
			t.Fatal(values)
		}
	}
}

// What a broker answers decides what is known of the batch.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	for code, want := range map[int16]engine.ProduceError{
		3: engine.ProduceDoubt, 5: engine.ProduceDoubt, 6: engine.ProduceDoubt, 7: engine.ProduceDoubt, 9: engine.ProduceDoubt,
		13: engine.ProduceDoubt, 19: engine.ProduceDoubt, 20: engine.ProduceDoubt, -1: engine.ProduceDoubt, 56: engine.ProduceDoubt,
		2: engine.ProduceDoubt, 74: engine.ProduceDoubt, 89: engine.ProduceDoubt,
		45: engine.ProduceSequence, 46: engine.ProduceSequence, 47: engine.ProduceFenced, 90: engine.ProduceFenced,
		59: engine.ProduceExpired, 49: engine.ProduceExpired,
		10: engine.ProduceRefused, 17: engine.ProduceRefused, 18: engine.ProduceRefused, 29: engine.ProduceRefused, 31: engine.ProduceRefused,
		32: engine.ProduceRefused, 35: engine.ProduceRefused, 43: engine.ProduceRefused, 44: engine.ProduceRefused, 53: engine.ProduceRefused,
		76: engine.ProduceRefused, 87: engine.ProduceRefused,
	} {
		t.Run(strconv.Itoa(int(code)), func(t *testing.T) {
			t.Parallel()
			cluster := fake(t)
			target := plainTarget(cluster.ListenAddrs()[0])
			c := open(t, target)
			p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
			id := producer(t, c)
			cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
				return produceAnswer(r, code), nil, true
			})
			_, err := c.Produce(t.Context(), p, batch(id, 0, 0, "a"))
			var f *engine.ProduceFailure
			var e *task.Error
			if !errors.As(err, &f) || f.Kind != want || !errors.As(err, &e) {
				t.Fatalf("error %d gave %v", code, err)
			}
			if want == engine.ProduceDoubt && !e.Retry || want == engine.ProduceRefused && e.Retry {
				t.Fatalf("error %d: retry is %v", code, e.Retry)
			}
			if (code == 29 || code == 31 || code == 53) && !strings.Contains(e.Hint, "kafka-acls.sh --bootstrap-server "+target.Brokers[0]+" --add --allow-principal User:ANONYMOUS") {
				t.Fatalf("error %d: hint %q", code, e.Hint)
			}
			// Nothing was written, and the producer can go on.
			if offset := produce(t, c, p, batch(id, 0, 0, "a")); offset != 0 {
				t.Fatal(offset)
			}
		})
	}
}

func produceAnswer(r kmsg.Request, code int16) kmsg.Response {
	req := r.(*kmsg.ProduceRequest)
	res := req.ResponseKind().(*kmsg.ProduceResponse)
	p := kmsg.NewProduceResponseTopicPartition()
	p.ErrorCode, p.BaseOffset = code, -1
	t := kmsg.NewProduceResponseTopic()
	t.Topic, t.Partitions = req.Topics[0].Topic, append(t.Partitions, p)
	res.Topics = append(res.Topics, t)
	return res
}

// A duplicate that the broker knows without its offset.
func TestDuplicateWithoutOffset(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) { return produceAnswer(r, 0), nil, true })
	fails(t, c, p, batch(producer(t, c), 0, 0, "a"), engine.ProduceSequence, "target.sequence")
}

// Timeouts and lost connections are doubt; sent again, the batch is there once.
func TestSilenceAndLossAreDoubt(t *testing.T) {
	t.Parallel()
	for name, attempt := range attempts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := fake(t)
			c := open(t, plainTarget(cluster.ListenAddrs()[0]), kafka.WithTimeout(time.Second))
			p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
			id := producer(t, c)
			cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				return nil, errors.New("the connection ends"), true
			})
			_, err := attempt(t.Context(), c, p, batch(id, 0, 0, "a"))
			failed(t, err, engine.ProduceDoubt, "target.connection_lost")
			release := make(chan struct{})
			cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				cluster.SleepControl(func() { <-release })
				return nil, nil, false // written late
			})
			_, err = attempt(t.Context(), c, p, batch(id, 0, 0, "a"))
			failed(t, err, engine.ProduceDoubt, "target.timeout")
			close(release)
			produce(t, c, p, batch(id, 0, 0, "a"))
			produce(t, c, p, batch(id, 0, 1, "b"))
			values, _ := scan(t, c, p, 0, end(t, c, p))
			same(t, values, "a", "b")
		})
	}
}

// attempts are the ways to make one.
var attempts = map[string]func(context.Context, *kafka.Client, engine.Partition, *engine.Batch) (int64, error){
	"produced": func(ctx context.Context, c *kafka.Client, p engine.Partition, b *engine.Batch) (int64, error) {
		return c.Produce(ctx, p, b)
	},
	"prepared": func(ctx context.Context, c *kafka.Client, p engine.Partition, b *engine.Batch) (int64, error) {
		return c.Prepare(context.WithoutCancel(ctx), p, b).Produce(ctx)
	},
}

// The caller's end of patience is doubt too.
func TestCancelIsDoubt(t *testing.T) {
	t.Parallel()
	for name, attempt := range attempts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cluster := fake(t)
			c := open(t, plainTarget(cluster.ListenAddrs()[0]))
			p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
			id := producer(t, c)
			ctx, cancel := context.WithCancel(t.Context())
			release := make(chan struct{})
			cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
				cancel()
				cluster.SleepControl(func() { <-release })
				return nil, nil, false
			})
			_, err := attempt(ctx, c, p, batch(id, 0, 0, "a"))
			close(release)
			var f *engine.ProduceFailure
			if !errors.As(err, &f) || f.Kind != engine.ProduceDoubt || !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
		})
	}
}

// The first producer id may have to wait for its coordinator.
func TestNewProducerWaitsForTheCoordinator(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	for _, code := range []int16{14, 16, 15} {
		cluster.ControlKey(int16(kmsg.InitProducerID), func(r kmsg.Request) (kmsg.Response, error, bool) {
			res := r.ResponseKind().(*kmsg.InitProducerIDResponse)
			res.ErrorCode = code
			return res, nil, true
		})
		if a, b := producer(t, c), producer(t, c); a == b || a < 0 {
			t.Fatal(a, b)
		}
	}
}

// The broker remembers a few batches: an older one sent again is not written, and the log must be asked.
func TestResendOfAnOldBatch(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
		id := producer(t, c)
		for i := range int32(8) {
			produce(t, c, p, batch(id, 0, i, strconv.Itoa(int(i))))
		}
		fails(t, c, p, batch(id, 0, 0, "0"), engine.ProduceSequence, "target.sequence")
		if n := end(t, c, p); n != 8 {
			t.Fatalf("end %d", n)
		}
		if offset := produce(t, c, p, batch(id, 0, 7, "7")); offset != 7 {
			t.Fatalf("the newest is at %d", offset)
		}
	})
}

func TestClosedClientDoesNotConnectAgain(t *testing.T) {
	t.Parallel()
	c := open(t, plainTarget(fake(t).ListenAddrs()[0]))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	id := producer(t, c)
	c.Close()
	fails(t, c, p, batch(id, 0, 0, "a"), engine.ProduceRefused, "internal")
	if _, _, err := c.Ends(t.Context(), []engine.Partition{p}); task.Code(err) != "internal" {
		t.Fatal(err)
	}
	if _, err := c.Topics(t.Context()); task.Code(err) != "internal" {
		t.Fatal(err)
	}
}
