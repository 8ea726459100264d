package mysql

import (
	"sync"

	"sluice/engine/cdc"
)

const (
	batchBytes = 256 << 10
	// What an event costs beside its bytes.
	eventBytes = 512
)

// outlet hands events from the translator to the consumer in batches. The translator waits until a batch is taken; it
// says by flush that there is nothing more at hand, so that a lone event goes at once. A batch belongs to whoever takes
// it, and may be given back by cdc.FreeBatch.
type outlet struct {
	out  chan []cdc.Event
	quit chan struct{} // closed when nobody takes any more
	once sync.Once

	batch []cdc.Event
	size  int // of the batch, in bytes
	room  int // events that the newest batch held: the next one may have as many

	mu    sync.Mutex
	cause error
}

func newOutlet() *outlet {
	return &outlet{out: make(chan []cdc.Event), quit: make(chan struct{})}
}

// put adds an event; one larger than a batch is to be goes alone.
func (o *outlet) put(e cdc.Event) error {
	size := e.Size + eventBytes
	if o.size+size > batchBytes {
		if err := o.flush(); err != nil {
			return err
		}
	}
	if o.batch == nil {
		o.batch = cdc.NewBatch(o.room)
	}
	o.batch = append(o.batch, e)
	o.size += size
	return nil
}

// flush hands over what was put.
func (o *outlet) flush() error {
	if len(o.batch) == 0 {
		return nil
	}
	select {
	case o.out <- o.batch:
		o.room, o.batch, o.size = len(o.batch), nil, 0
		return nil
	case <-o.quit:
		return errStreamClosed
	}
}

// end says that nothing more is put, and why; what was put is still handed over.
func (o *outlet) end(cause error) {
	_ = o.flush()
	o.mu.Lock()
	o.cause = cause
	o.mu.Unlock()
	close(o.out)
}

// abandon says that nobody takes any more. Twice is fine.
func (o *outlet) abandon() { o.once.Do(func() { close(o.quit) }) }

func (o *outlet) err() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.cause
}
