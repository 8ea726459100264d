package kafka

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"sync/atomic"
	"testing"

	"github.com/segmentio/kafka-go/protocol"

	"sluice/engine"
)

// TestLastByteIsHeldBack: all of a prepared request comes to the broker but the byte that makes it one, and that only with
// Produce. One that is dropped never becomes whole.
func TestLastByteIsHeldBack(t *testing.T) {
	b := &engine.Batch{Producer: 7, Epoch: 2, Sequence: 11, Messages: []engine.Message{{Key: []byte("k"), Value: bytes.Repeat([]byte("value"), 50_000)}}}
	for _, end := range []string{"produced", "dropped", "cut"} {
		t.Run(end, func(t *testing.T) {
			ours, theirs := net.Pipe()
			defer theirs.Close()
			c := &Client{timeout: DefaultTimeout}
			c.encoders.New = func() any { return new(encoder) }
			r := newPrepared(t.Context(), c, engine.Partition{Topic: "shop.orders", ID: 3}, b)
			r.Required(map[protocol.ApiKey]int16{protocol.Produce: 3})
			go func() {
				r.res, r.err = r.RawExchange(ours)
				ours.Close()
				close(r.end)
			}()

			var size [4]byte
			if _, err := io.ReadFull(theirs, size[:]); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, binary.BigEndian.Uint32(size[:]))
			if _, err := io.ReadFull(theirs, got[:len(got)-1]); err != nil {
				t.Fatal(err)
			}
			switch end {
			case "cut":
				theirs.Close()
				close(r.whole)
				if <-r.end; r.err == nil {
					t.Error("it was answered")
				}
				return
			case "dropped":
				go r.Drop()
				if n, err := theirs.Read(got[len(got)-1:]); n > 0 || err == nil {
					t.Errorf("%d bytes came after it was dropped, %v", n, err)
				}
				if <-r.end; r.sent.Load() || !errors.Is(r.err, errDropped) {
					t.Errorf("it ended with %v", r.err)
				}
				return
			}
			var produced atomic.Bool
			go func() {
				produced.Store(true)
				close(r.whole)
			}()
			if _, err := io.ReadFull(theirs, got[len(got)-1:]); err != nil || !produced.Load() {
				t.Fatalf("the last byte came before it was to: %v", err)
			}
			set := len(r.head()) - 4 + 4 + 2 + len("shop.orders") + 4 + 4
			other := appending{parts: r.parts, millis: r.millis, produceVersion: produceVersion{3}, encoder: new(encoder)}
			if err := other.encode(false, 0, int64(binary.BigEndian.Uint64(got[set+4+atFirstTime:]))); err != nil {
				t.Fatal(err)
			}
			if whole := other.encoder.request(other.head()); !bytes.Equal(whole[4:], got) {
				t.Error("a prepared request differs from another")
			}
			theirs.Close()
			if <-r.end; !r.sent.Load() || r.err == nil {
				t.Errorf("without an answer it ended with %v", r.err)
			}
		})
	}
}

// TestDroppedIsNotRead: the batch is the caller's again once its request is dropped, at whatever moment that is.
func TestDroppedIsNotRead(t *testing.T) {
	c := &Client{timeout: DefaultTimeout}
	c.encoders.New = func() any { return new(encoder) }
	for range 50 {
		b := &engine.Batch{Messages: make([]engine.Message, 5000)}
		for i := range b.Messages {
			b.Messages[i].Value = bytes.Repeat([]byte("v"), 200)
		}
		ours, theirs := net.Pipe()
		r := newPrepared(t.Context(), c, engine.Partition{Topic: "orders"}, b)
		r.Required(map[protocol.ApiKey]int16{protocol.Produce: 3})
		started := make(chan struct{})
		go func() {
			close(started)
			_, _ = r.RawExchange(ours)
			ours.Close()
		}()
		<-started
		r.Drop()
		for i := range b.Messages {
			for j := range b.Messages[i].Value {
				b.Messages[i].Value[j] = 'X'
			}
		}
		sent, _ := io.ReadAll(theirs)
		if n := bytes.Count(sent, []byte("XX")); n > 0 {
			t.Fatalf("%d times what the caller wrote after it was dropped", n)
		}
	}
}
