package shop

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
)

// Writer keeps the shop busy: orders come, are paid, sent and forgotten, so that the tables keep their size.
type Writer struct {
	Connect func() (*client.Conn, error) // to the shop's database
	Trouble func(error)                  // hears once what goes wrong until it is over; the writer tries again

	mu      sync.Mutex // held while a transaction is written
	rate    atomic.Int64
	changed chan struct{}
	written atomic.Int64
}

// NewWriter makes a writer of so many transactions a second; 0 waits for another rate.
func NewWriter(rate int, connect func() (*client.Conn, error), trouble func(error)) *Writer {
	w := &Writer{Connect: connect, Trouble: trouble, changed: make(chan struct{}, 1)}
	w.rate.Store(int64(rate))
	return w
}

// SetRate changes how many transactions a second are written. With 0 none is written any more when it returns.
func (w *Writer) SetRate(rate int) {
	w.mu.Lock()
	w.rate.Store(int64(rate))
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default: // it will look
	}
}

// Written is how many transactions have been written.
func (w *Writer) Written() int64 { return w.written.Load() }

// Run writes until ctx is over.
func (w *Writer) Run(ctx context.Context) {
	told := int64(-1) // the number of transactions when trouble was last told
	for ctx.Err() == nil {
		if err := w.session(ctx); err != nil && ctx.Err() == nil {
			if told != w.Written() {
				told = w.Written()
				w.Trouble(err)
			}
			select {
			case <-ctx.Done():
			case <-time.After(time.Second):
			}
		}
	}
}

// session writes over one connection until it fails.
func (w *Writer) session(ctx context.Context) error {
	c, err := w.Connect()
	if err != nil {
		return err
	}
	defer c.Close()
	for _, sql := range []string{"SET NAMES utf8mb4", "SET time_zone = '+00:00'"} {
		if _, err := c.Execute(sql); err != nil {
			return err
		}
	}
	s, err := newSession(c)
	if err != nil {
		return err
	}
	next := time.Now()
	for w.wait(ctx, &next) {
		if err := w.write(s); err != nil {
			return fmt.Errorf("writing to the shop: %w", err)
		}
	}
	return nil
}

// write writes one transaction, unless the writer was stopped meanwhile.
func (w *Writer) write(s *session) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rate.Load() == 0 {
		return nil
	}
	if err := s.transaction(); err != nil {
		return err
	}
	w.written.Add(1)
	return nil
}

// wait returns when the next transaction is due; false where ctx is over.
func (w *Writer) wait(ctx context.Context, next *time.Time) bool {
	for {
		var due <-chan time.Time // never, at rate 0
		if rate := w.rate.Load(); rate > 0 {
			left := time.Until(*next)
			if left <= 0 {
				*next = next.Add(time.Second / time.Duration(rate))
				if left < -time.Second { // what a slow server or a pause kept back is not made up for
					*next = time.Now()
				}
				return ctx.Err() == nil
			}
			due = time.After(min(left, time.Second))
		}
		select {
		case <-ctx.Done():
			return false
		case <-w.changed:
			*next = time.Now()
		case <-due:
		}
	}
}

// session is a connection and where the tables stand.
type session struct {
	c    *client.Conn
	r    *rand.Rand
	next map[string]int // the id of the next row
	low  map[string]int // the oldest row
}

func newSession(c *client.Conn) (*session, error) {
	s := &session{c: c, next: map[string]int{}, low: map[string]int{}}
	seed := uint64(0)
	for _, t := range []string{"customers", "orders"} {
		r, err := c.Execute("SELECT COALESCE(MIN(id), 1), COALESCE(MAX(id), 0) + 1 FROM " + t)
		if err != nil {
			return nil, err
		}
		low, err := r.GetInt(0, 0)
		if err != nil {
			return nil, err
		}
		next, err := r.GetInt(0, 1)
		if err != nil {
			return nil, err
		}
		s.low[t], s.next[t] = int(low), int(next)
		seed = seed<<32 + uint64(next)
	}
	s.r = rand.New(rand.NewPCG(3, seed))
	return s, nil
}
