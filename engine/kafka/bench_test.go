package kafka_test

import (
	"bytes"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// Batches of 4,000 messages of 200 bytes, acks=all, one partition, one request in flight: records/s is what counts.
func BenchmarkProduce(b *testing.B) {
	for _, broker := range []struct {
		name string
		addr func() string
	}{
		{"kfake", func() string { return fake(b).ListenAddrs()[0] }},
		{"kafka", func() string { return servers.SharedKafka(b).Plain }},
	} {
		for _, codec := range []string{"none", "lz4", "zstd"} {
			b.Run(broker.name+"/"+codec, func(b *testing.B) {
				target := plainTarget(broker.addr())
				target.Compression = codec
				c := open(b, target)
				p := engine.Partition{Topic: newTopic(b, c, 1, nil)}
				batch := &engine.Batch{Producer: producer(b, c)}
				for i := range 4000 {
					batch.Messages = append(batch.Messages, engine.Message{Key: fmt.Appendf(nil, "k%09d", i), Value: bytes.Repeat([]byte{byte(i)}, 190)})
				}
				b.SetBytes(4000 * 200)
				b.ReportAllocs()
				for b.Loop() {
					produce(b, c, p, batch)
					batch.Sequence += 4000
				}
				b.ReportMetric(4000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
			})
		}
	}
}

// As many lanes as partitions, each with batches of 25 messages of 400 bytes, one in flight: what one batch takes of the
// time of all.
func BenchmarkProduceManyPartitions(b *testing.B) {
	for _, lanes := range []int{1, 6, 100, 1000} {
		b.Run(fmt.Sprint(lanes), func(b *testing.B) {
			c := open(b, plainTarget(servers.SharedKafka(b).Plain))
			topic, id := newTopic(b, c, lanes, nil), producer(b, c)
			var messages []engine.Message
			for i := range 25 {
				messages = append(messages, engine.Message{Key: fmt.Appendf(nil, "k%09d", i), Value: bytes.Repeat([]byte{byte(i)}, 390)})
			}
			sequences := make([]int32, lanes)
			round := func(n int) {
				var left atomic.Int64
				left.Store(int64(n))
				var wg sync.WaitGroup
				for lane := range lanes {
					wg.Go(func() {
						for left.Add(-1) >= 0 {
							produce(b, c, engine.Partition{Topic: topic, ID: lane}, &engine.Batch{Producer: id, Sequence: sequences[lane], Messages: messages})
							sequences[lane] += 25
						}
					})
				}
				wg.Wait()
			}
			round(4 * lanes) // the broker's first batch of a partition makes its files
			b.ReportAllocs()
			b.ResetTimer()
			round(b.N)
		})
	}
}

// Reading the same back.
func BenchmarkScan(b *testing.B) {
	for _, codec := range []string{"none", "lz4", "zstd"} {
		b.Run(codec, func(b *testing.B) {
			target := plainTarget(servers.SharedKafka(b).Plain)
			target.Compression = codec
			c := open(b, target)
			p := engine.Partition{Topic: newTopic(b, c, 1, nil)}
			batch := &engine.Batch{Producer: producer(b, c)}
			for i := range 4000 {
				batch.Messages = append(batch.Messages, engine.Message{Key: fmt.Appendf(nil, "k%09d", i), Value: bytes.Repeat([]byte{byte(i)}, 190)})
			}
			const batches = 50
			for range batches {
				produce(b, c, p, batch)
				batch.Sequence += 4000
			}
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				err := c.Scan(b.Context(), p, 0, batches*4000, func(int64, engine.Message) error { n++; return nil })
				if err != nil || n != batches*4000 {
					b.Fatal(n, err)
				}
			}
			b.ReportMetric(batches*4000*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
