package mysql

import (
	"errors"
	"testing"

	"sluice/engine/cdc"
)

// TestOutlet: batches are bounded, nothing is lost or out of order, and what was put before the end is handed over.
func TestOutlet(t *testing.T) {
	t.Parallel()
	o := newOutlet()
	const n = 5000
	cause := errors.New("gone")
	go func() {
		for i := range n {
			if err := o.put(cdc.Event{Time: int64(i), Size: i * 7919 % (batchBytes + 1000)}); err != nil {
				t.Error(err)
			}
			if i%1000 == 999 {
				if err := o.flush(); err != nil {
					t.Error(err)
				}
			}
		}
		_ = o.put(cdc.Event{Time: n})
		o.end(cause)
	}()
	next := int64(0)
	for batch := range o.out {
		total := 0
		for _, e := range batch {
			if e.Time != next {
				t.Fatalf("event %d, want %d", e.Time, next)
			}
			next++
			total += e.Size + eventBytes
		}
		if len(batch) > 1 && total > batchBytes {
			t.Fatalf("a batch of %d bytes", total)
		}
	}
	if next != n+1 || o.err() != cause {
		t.Errorf("%d events, %v", next, o.err())
	}
}

// TestOutletAbandon frees a waiting translator, at its end too.
func TestOutletAbandon(t *testing.T) {
	t.Parallel()
	o := newOutlet()
	if err := o.put(cdc.Event{Size: 2 * batchBytes}); err != nil {
		t.Fatal("an event that is larger than a batch must pass alone")
	}
	freed := make(chan error)
	go func() {
		freed <- o.put(cdc.Event{Size: 1})
		o.end(nil)
	}()
	o.abandon()
	o.abandon()
	if err := <-freed; !errors.Is(err, errStreamClosed) {
		t.Errorf("put after nobody takes any more: %v", err)
	}
	for range o.out {
	}
}
