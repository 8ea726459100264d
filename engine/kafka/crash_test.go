package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
)

// The broker is killed again and again under a producer that sends a batch again until it is acknowledged: each
// message is in the log once, in order, at the offset that was acknowledged. Two of the twelve prepare each batch while the
// one before it is in flight.
func TestBrokerCrashesUnderProducers(t *testing.T) {
	t.Parallel()
	k := servers.StartKafka(t)
	c := open(t, plainTarget(k.Plain), kafka.WithTimeout(10*time.Second))
	const partitions, size = 12, 20 // enough that they share requests
	topic := newTopic(t, c, partitions, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()

	var lanes sync.WaitGroup
	var mu sync.Mutex
	doubts := 0
	progress := make(chan struct{}, 1<<20)
	stop := make(chan struct{})
	acked := make([]int32, partitions)
	for i := range partitions {
		lanes.Go(func() {
			p := engine.Partition{Topic: topic, ID: i}
			id, err := c.NewProducer(ctx)
			if err != nil {
				t.Error(err)
				return
			}
			numbered := func(sequence int32) *engine.Batch {
				b := &engine.Batch{Producer: id, Sequence: sequence}
				for j := range int32(size) {
					b.Messages = append(b.Messages, engine.Message{Value: fmt.Appendf(nil, "%d", sequence+j)})
				}
				return b
			}
			var ahead engine.Prepared
			next := numbered(0)
			for sequence := int32(0); ; sequence += size {
				select {
				case <-stop:
					return
				default:
				}
				b := next
				attempt := func() (int64, error) { return c.Produce(ctx, p, b) }
				if ahead != nil {
					prepared := ahead
					attempt = func() (int64, error) { return prepared.Produce(ctx) }
				}
				next = numbered(sequence + size)
				if i >= partitions-2 {
					ahead = c.Prepare(ctx, p, next)
				}
				for {
					offset, err := attempt()
					attempt = func() (int64, error) { return c.Produce(ctx, p, b) }
					if err == nil {
						if offset != int64(sequence) {
							t.Errorf("partition %d: sequence %d at offset %d", i, sequence, offset)
							return
						}
						acked[i] = sequence + size
						progress <- struct{}{}
						break
					}
					var f *engine.ProduceFailure
					if !errors.As(err, &f) || f.Kind != engine.ProduceDoubt || ctx.Err() != nil {
						t.Errorf("partition %d: %v", i, err)
						return
					}
					mu.Lock()
					doubts++
					mu.Unlock()
					select { // the pace of the lane
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond):
					}
				}
			}
		})
	}
	for range 3 {
		for range 400 {
			select {
			case <-progress:
			case <-ctx.Done():
				t.Fatal("no progress")
			}
		}
		k.Kill9(t)
		k.Restart(t)
		for len(progress) > 0 {
			<-progress
		}
	}
	for range 100 {
		<-progress
	}
	close(stop)
	lanes.Wait()
	if doubts == 0 {
		t.Error("no request was in doubt: the test shows nothing")
	}
	for i := range partitions {
		p := engine.Partition{Topic: topic, ID: i}
		if n := end(t, c, p); n != int64(acked[i]) {
			t.Errorf("partition %d ends at %d, %d are acknowledged", i, n, acked[i])
		}
		for n, r := range consume(t, k.Plain, p, int64(acked[i])) {
			if string(r.Value) != fmt.Sprint(n) || r.Offset != int64(n) {
				t.Fatalf("partition %d: message %d is %q at %d", i, n, r.Value, r.Offset)
			}
		}
	}
	t.Logf("%v acknowledged, %d attempts in doubt", acked, doubts)
}
