package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"sluice/engine/task"
)

// The lease is for copies of the folder, where the lock cannot help.
const (
	leaseTime  = 15 * time.Second
	renewEvery = 5 * time.Second
)

// lease is one run's hold on its task.
type lease struct {
	owner string
	stop  context.CancelFunc
	done  chan struct{} // closed when the renewal has ended
}

// mayTake says whether the lease is free. One that was written under the lock that this process now holds belongs
// to a process that is gone, and one that lasts longer than a lease to another time: the clock was set back since.
func (s *Store) mayTake(row *taskRow) error {
	left := time.UnixMilli(row.Until).Sub(s.now())
	if row.Owner == "" || left <= 0 || left > leaseTime || strings.HasPrefix(row.Owner, s.place+"/") {
		return nil
	}
	return &task.Error{Code: "task.lease_held", Retry: true,
		Text: fmt.Sprintf("Another process works on the task %q, or did until a moment ago; its lease ends in %s.", row.Name, left.Round(time.Second)),
		Hint: "Is this folder a copy, or used by two machines? End the other process: two would write the same records. Then try again."}
}

// keepLease renews until the run ends; the context it gives ends with the lease.
func (t *Task) keepLease(ctx context.Context) context.Context {
	run, lose := context.WithCancelCause(ctx)
	renew, stop := context.WithCancel(context.WithoutCancel(ctx))
	t.lease.stop = stop
	ticks, free := t.store.ticks(renewEvery)
	go func(l *lease) {
		defer close(l.done)
		defer free()
		for {
			select {
			case <-renew.Done():
				lose(context.Canceled)
				return
			case <-ticks:
				if err := t.renew(renew, l); task.Code(err) == "task.lease_lost" {
					lose(err)
				}
			}
		}
	}(t.lease)
	return run
}

// renew lengthens the lease. Any error but a lost lease may pass before it runs out.
func (t *Task) renew(ctx context.Context, l *lease) error {
	return t.writeAs(ctx, l, lazy, "renewing the lease", func(tx *sqlx.Tx) error {
		_, err := tx.ExecContext(ctx, "UPDATE task SET lease_until = ? WHERE id = ?",
			t.store.now().Add(leaseTime).UnixMilli(), t.row.ID)
		return err
	})
}

// write is Store.write under the lease: the transaction is IMMEDIATE, so what its first statement finds holds until
// it ends.
func (t *Task) write(ctx context.Context, d durability, op string, do func(*sqlx.Tx) error) error {
	if t.lease == nil {
		return fmt.Errorf("%s: task %s is not started", op, t.spec.Name)
	}
	return t.writeAs(ctx, t.lease, d, op, do)
}

// writeAs holds the lease by its owner alone: one that has run out and that nobody took is still this run's, so that a
// clock that is set forward, a machine that slept or a disk that stood still end nothing.
func (t *Task) writeAs(ctx context.Context, l *lease, d durability, op string, do func(*sqlx.Tx) error) error {
	return t.store.write(ctx, d, op, func(tx *sqlx.Tx) error {
		var held int
		err := tx.GetContext(ctx, &held, "SELECT count(*) FROM task WHERE id = ? AND lease_owner = ?", t.row.ID, l.owner)
		if err != nil {
			return err
		}
		if held == 0 {
			return &task.Error{Code: "task.lease_lost", Op: op, Retry: true,
				Text: fmt.Sprintf("Another process took the lease of the task %q.", t.spec.Name),
				Hint: "Two machines use this folder, and this one stood still for more than 15 seconds. The task stopped writing here and tries again by itself; end one of the two."}
		}
		return do(tx)
	})
}
