package workload

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
)

const connectTimeout = 10 * time.Second

// Run is a workload that is being written.
type Run struct {
	cancel context.CancelFunc
	left   func() error // what is prepared and was never ended
	done   sync.WaitGroup
	over   <-chan struct{} // closed at Stop and when it ended by itself

	mu        sync.Mutex
	committed int
	defined   int
	more      chan struct{} // closed when one of both has grown
	stats     Stats
	err       error
}

// Start begins to write to tables that Setup made and returns when all writers are connected. The run ends with Stop,
// with ctx, or by itself at the first error that is no deadlock, lock timeout, duplicate key or effect of a DDL.
func Start(ctx context.Context, addr, user, password string, o Options) (*Run, error) {
	o = o.filled()
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{cancel: cancel, over: ctx.Done(), more: make(chan struct{}), left: func() error { return nil }}
	if o.XA && !o.Reconnect {
		r.left = func() error { return prepared(addr, user, password, o.Schema) }
	}
	workers := o.Writers
	if !o.NoDDL {
		workers++
	}
	var sessions []*session
	var loops []func(context.Context) (Stats, error)
	for i := range workers {
		c, err := connect(ctx, addr, user, password, o.Schema)
		if err != nil {
			cancel()
			for _, s := range sessions {
				s.c.Close()
			}
			return nil, err
		}
		s := &session{o: o, c: c, g: rand.New(rand.NewPCG(o.Seed+1, uint64(i))), number: i, run: r}
		s.connect = func(ctx context.Context) (*client.Conn, error) { return connect(ctx, addr, user, password, o.Schema) }
		loop := s.write
		if i == o.Writers {
			loop = s.define
		}
		sessions, loops = append(sessions, s), append(loops, loop)
	}
	for i, loop := range loops {
		r.done.Go(func() {
			// Closed only after the last statement: a server finishes what a lost client asked for, after Stop.
			defer func() { sessions[i].c.Close() }()
			stats, err := loop(ctx)
			r.mu.Lock()
			defer r.mu.Unlock()
			r.stats.add(stats)
			if err != nil && ctx.Err() == nil {
				r.err = errors.Join(r.err, err)
				cancel()
			}
		})
	}
	return r, nil
}

// Committed is how many transactions were committed so far.
func (r *Run) Committed() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.committed
}

func (r *Run) count(what *int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*what++
	close(r.more)
	r.more = make(chan struct{})
}

// Until waits until so many transactions were committed and so many DDL statements were run, as long as the run lasts.
func (r *Run) Until(ctx context.Context, transactions, statements int) error {
	for {
		r.mu.Lock()
		so, more := r.committed >= transactions && r.defined >= statements, r.more
		r.mu.Unlock()
		if so {
			return nil
		}
		select {
		case <-more:
		case <-r.over:
			return errors.New("the workload has ended")
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Stop lets all writers end their transaction, waits for them and says what they did. It may be called again.
func (r *Run) Stop() (Stats, error) {
	r.cancel()
	r.done.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = r.left()
	}
	if r.err != nil {
		return r.stats, fmt.Errorf("workload: %w", r.err)
	}
	return r.stats, nil
}
