package engine

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// ErrStopped is the cause of a run that was asked to stop: all is kept, and the task goes on when it is run again.
var ErrStopped = errors.New("the task was stopped")

// Control lets others act on a running task.
type Control struct {
	// End, once closed, ends the task at the source's position of that moment.
	End <-chan struct{}
	// UntilCaughtUp ends the task when no delay is first reached.
	UntilCaughtUp bool
	// AcceptRepeats goes on where the target deleted what tells which records it has had: some may be sent again. The
	// first take-over that succeeds makes it false: where more is deleted later, a person is asked anew. It may be nil.
	AcceptRepeats *bool
}

// lasting is what a Run keeps from one incarnation to the next.
type lasting struct {
	until      cdc.Position   // where the task ends, once that is known
	partitions map[string]int // of topics that grew, as was told
	accepted   []int64        // where the lanes' logs began when a person took repeats
}

// Run takes a task to its end, or until ctx is cancelled with ErrStopped. It begins a new task or goes on with the
// stored one, and tries again by itself where an error may pass.
func Run(ctx context.Context, d *Deps, c Control) error {
	pause, tries := time.Second, 0
	l := &lasting{partitions: map[string]int{}}
	if d.Progress != nil {
		d.Progress(Progress{Phase: PhasePrepare})
	}
	for {
		began := time.Now()
		worked := false
		err := runOnce(ctx, d, c, l, &worked)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && !waits(ctx, err):
			return context.Cause(ctx)
		case !task.Retryable(err) && !mayAppear(err, tries):
			return err
		}
		// A run that delivered for a good while earns a short pause again: where a line breaks every minute, pauses must
		// not become most of the time.
		if ran := time.Since(began); ran > time.Minute || worked && ran > 5*pause {
			pause, tries = time.Second, 0
		}
		tries++
		d.retrying(&Retry{Err: err, Pause: pause, Tries: tries})
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		pause = min(2*pause, 30*time.Second)
	}
}

// mayAppear reports whether a topic is missing that may be there in a moment: a broker that was just started does not
// know its topics until it is told of them. After half a minute it is believed.
func mayAppear(err error, tries int) bool {
	return task.Code(err) == "target.topic_absent" && tries < 5
}

// waits reports whether the error is one that a person must act on and that being cancelled did not bring about.
func waits(ctx context.Context, err error) bool {
	return task.Code(err) != "internal" && !task.Retryable(err) && !errors.Is(err, context.Cause(ctx)) && !errors.Is(err, context.Canceled)
}

// runOnce is one incarnation: take over, compare with the log, go on. worked becomes whether something was
// delivered.
func runOnce(ctx context.Context, d *Deps, c Control, l *lasting, worked *bool) error {
	s, err := d.Checkpoints.Load(ctx)
	if err != nil {
		return err
	}
	if s == nil {
		if s, err = begin(ctx, d); err != nil {
			return err
		}
	}
	if err := sameServer(ctx, d, s); err != nil {
		return err
	}
	d.fault("begun")
	if err := takeOver(ctx, d, s); err != nil {
		return err
	}
	d = d.onServer(s.Server).onTurn(s.Turn)
	if err := unproven(ctx, d, s); err != nil {
		return err
	}
	r, err := resume(d, s)
	if err != nil {
		return err
	}
	if err := r.reweigh(ctx, d.Source); err != nil {
		return err
	}
	if err := r.limitLanes(ctx, d.Topics); err != nil {
		return err
	}
	if err := r.grown(ctx, d.Topics, l.partitions); err != nil {
		return err
	}
	if err := r.cleanFiles(); err != nil {
		return err
	}
	r.cfg.repeats, r.cfg.accepted = c.AcceptRepeats != nil && *c.AcceptRepeats, l.accepted
	first, err := r.readBack(ctx, d)
	if errors.Is(err, errWentBack) {
		return runOnce(ctx, d, c, l, worked)
	}
	if err != nil {
		return err
	}
	if r.cfg.repeats {
		*c.AcceptRepeats, l.accepted = false, first
	}
	if err := r.compareSource(ctx, d, &l.until); err != nil {
		return err
	}
	err = replicate(ctx, d, r, c, &l.until)
	*worked = r.counts.Acked > 0
	return err
}

// takeOver stores a new epoch before anything is sent with it. The next epoch of the same producer fences what the
// incarnation before still has on its way. Nothing fences it where the producer is another one or there is none: then
// it is waited for.
func takeOver(ctx context.Context, d *Deps, s *Saved) error {
	id, err := d.Sink.NewProducer(ctx) // asked each time: the right may have come or gone
	if err != nil {
		return err
	}
	id, wait := succeed(s, id)
	if wait {
		if err := sleep(ctx, d.Sink.Parked()); err != nil {
			return err
		}
	}
	s.Producer, s.Epoch, s.Plain = id, s.Epoch%math.MaxInt16+1, s.Plain || id == NoProducer
	s.Runs = append(s.Runs, d.newRun())
	return d.Checkpoints.Epoch(ctx, s.Producer, s.Epoch, s.Runs[len(s.Runs)-1])
}

// succeed chooses between the stored producer and one that the target has just given, and tells whether the requests
// of the incarnation before must be waited for.
func succeed(s *Saved, fresh int64) (producer int64, wait bool) {
	switch {
	case s.Epoch == 0:
		return fresh, false // nothing was ever sent
	case fresh != NoProducer && s.Producer != NoProducer && s.Epoch < math.MaxInt16:
		return s.Producer, false
	}
	return fresh, true
}

// cleanFiles removes chunk files that no SEALED or DONE chunk names.
func (r *router) cleanFiles() error {
	names, err := r.files.List()
	if err != nil {
		return err
	}
	kept := map[string]bool{}
	for _, c := range slices.Concat(r.active, r.done) {
		name, _, _ := fileOf(c.File)
		kept[name], kept[c.File+".patch"] = true, c.Patch
	}
	return r.files.Remove(slices.DeleteFunc(names, func(n string) bool { return kept[n] })...)
}

// each runs f for 0 to n-1, at most 16 at a time. The first error ends the others, and is given.
func each(ctx context.Context, n int, f func(ctx context.Context, i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	slots := make(chan struct{}, 16)
	for i := range n {
		slots <- struct{}{}
		wg.Go(func() {
			if err := f(ctx, i); err != nil {
				cancel(err)
			}
			<-slots
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
