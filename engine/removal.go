package engine

import (
	"errors"
	"sync"
)

// removal removes files beside the loop: a disk may take a quarter of a millisecond for a megabyte that it gives back, and
// nothing would be handed over meanwhile. What a process leaves when it dies is removed by the next one.
type removal struct {
	files Files
	wg    sync.WaitGroup
	mu    sync.Mutex
	err   error // of removals that are over, not told yet
}

// remove begins to remove files, and gives the error of those before.
func (r *removal) remove(names ...string) error {
	if len(names) > 0 {
		r.wg.Go(func() {
			err := r.files.Remove(names...)
			r.mu.Lock()
			r.err = errors.Join(r.err, err)
			r.mu.Unlock()
		})
	}
	return r.failed()
}

// wait waits until all are removed.
func (r *removal) wait() error {
	r.wg.Wait()
	return r.failed()
}

func (r *removal) failed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.err
	r.err = nil
	return err
}
