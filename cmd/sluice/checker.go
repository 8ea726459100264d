package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sluice/engine/precheck"
	"sluice/engine/task"
	"sluice/store"
)

// checkWithin bounds one precheck: a server that answers nothing must not hold it for ever.
const checkWithin = 10 * time.Minute

// checker runs prechecks of drafts and tasks beside the requests that ask for them, one a subject at a time. Each
// item is kept as soon as it is done.
type checker struct {
	store *store.Store
	key   []byte // of the sums
	log   *slog.Logger
	run   precheckRun

	mu     sync.Mutex
	active map[string]*checking
	closed bool
	wg     sync.WaitGroup
}

// precheckRun does checks of a specification, those in only and their grounds or all, and reports them each time that
// one of them changes.
type precheckRun func(ctx context.Context, subject string, spec *task.Spec, about task.About, report func([]precheck.Item), only []string) error

// checking is a precheck under way.
type checking struct {
	sum    string
	cancel context.CancelCauseFunc
	over   chan struct{}
}

func newChecker(st *store.Store, data string, key []byte, log *slog.Logger) *checker {
	return &checker{store: st, key: key, log: log, active: map[string]*checking{}, run: func(ctx context.Context, subject string, spec *task.Spec, about task.About, report func([]precheck.Item), only []string) error {
		a := &asker{spec: spec, data: data, kafkaVersion: about.KafkaVersion, sharing: sharing(st.Tasks, subject, spec.Target)}
		if about.TermsAccepted != "" {
			a.terms = &about.TermsAccepted
		}
		defer a.close()
		_, err := precheck.Run(ctx, a.deps(), report, only...)
		return err
	}}
}

// Sum is of all that a precheck looks at, the passwords included. A precheck counts for what has its sum.
func (c *checker) Sum(spec task.Spec, about task.About) (string, error) {
	spec = filled(spec)
	spec.Name, spec.Rate, spec.Workers = "", 0, 0
	text, err := json.Marshal(struct {
		Spec  task.Spec
		Kafka string
	}{spec, about.KafkaVersion})
	if err != nil {
		return "", fmt.Errorf("summing a specification: %w", err)
	}
	m := hmac.New(sha256.New, c.key)
	m.Write(text)
	m.Write([]byte("\x00" + spec.Source.Password.Reveal() + "\x00" + spec.Target.Password.Reveal()))
	return hex.EncodeToString(m.Sum(nil)[:16]), nil
}

// filled gives a specification with its defaults: a task has them, its draft need not.
func filled(spec task.Spec) task.Spec {
	spec.Target.Brokers = slices.Clone(spec.Target.Brokers)
	spec.Defaults()
	return spec
}

// Checking reports whether a precheck of the subject is under way.
func (c *checker) Checking(subject string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active[subject] != nil
}

var errCheckAnew = errors.New("another precheck has begun")

// Check begins a precheck and returns at once. One of the same that is under way is left alone, one of another
// specification ends. only names items of the last run to look at again; the others stay as that run left them.
func (c *checker) Check(ctx context.Context, subject string, spec task.Spec, about task.About, only []string) error {
	sum, err := c.Sum(spec, about)
	if err != nil {
		return err
	}
	spec = filled(spec)
	for {
		c.mu.Lock()
		under := c.active[subject]
		if c.closed || under != nil && under.sum == sum {
			c.mu.Unlock()
			return nil
		}
		if under == nil {
			err := c.begin(ctx, subject, sum, spec, about, only)
			c.mu.Unlock()
			return err
		}
		c.mu.Unlock()
		under.cancel(errCheckAnew)
		select {
		case <-under.over:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// begin is called with the lock held.
func (c *checker) begin(ctx context.Context, subject, sum string, spec task.Spec, about task.About, only []string) error {
	before, err := c.store.Checks(ctx, subject, 1)
	if err != nil {
		return err
	}
	r := &recheck{checker: c, subject: subject, only: only}
	if len(before) > 0 {
		r.last = before[0].Items
	}
	if len(before) == 0 || before[0].BodySum != sum || !complete(&before[0]) {
		r.only = nil // the others do not hold
	}
	if r.id, err = c.store.BeginCheck(ctx, subject, sum); err != nil {
		return err
	}
	work, cancel := context.WithCancelCause(context.Background())
	active := &checking{sum: sum, cancel: cancel, over: make(chan struct{})}
	c.active[subject] = active
	c.wg.Go(func() {
		defer cancel(nil)
		r.work(work, &spec, about)
		c.mu.Lock()
		delete(c.active, subject)
		c.mu.Unlock()
		close(active.over)
	})
	return nil
}

// complete reports whether a run came to its end with every item.
func complete(r *task.CheckRun) bool {
	return !r.Ended.IsZero() && len(r.Items) > 0 && !slices.ContainsFunc(r.Items, func(i task.CheckItem) bool { return i.Status == "waiting" || i.Status == "running" })
}

// close ends all prechecks and waits.
func (c *checker) close() {
	c.mu.Lock()
	c.closed = true
	for _, a := range c.active {
		a.cancel(errCheckAnew)
	}
	c.mu.Unlock()
	c.wg.Wait()
}

// recheck is one run, which may take over what the last one found.
type recheck struct {
	*checker
	subject string
	id      int64
	last    []task.CheckItem
	only    []string
	now     []task.CheckItem // the newest
}

func (r *recheck) work(ctx context.Context, spec *task.Spec, about task.About) {
	ctx, cancel := context.WithTimeout(ctx, checkWithin)
	defer cancel()
	if err := r.guarded(ctx, spec, about); err != nil && !errors.Is(err, errCheckAnew) {
		r.log.Error("a precheck broke off", "run", r.id, "error", err)
	}
	// A run that broke off ends with items that wait, so that it can't pass.
	r.save(context.WithoutCancel(ctx), true)
}

// guarded turns a panic of a check into an error: it must not end the tasks of the process.
func (r *recheck) guarded(ctx context.Context, spec *task.Spec, about task.About) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("a check panicked: %v", p)
		}
	}()
	return r.run(ctx, r.subject, spec, about, func(items []precheck.Item) {
		r.now = r.merge(items)
		r.save(ctx, false)
	}, r.only)
}

func (r *recheck) save(ctx context.Context, over bool) {
	if err := r.store.SaveCheck(ctx, r.id, r.now, over); err != nil && ctx.Err() == nil {
		r.log.Error("a precheck could not be kept", "run", r.id, "error", err)
	}
}

// merge makes the items to keep: those that were not looked at stay as they were, and a warning that was acknowledged
// stays so as long as the same is found.
func (r *recheck) merge(items []precheck.Item) []task.CheckItem {
	var out []task.CheckItem
	if len(r.only) > 0 {
		out = slices.Clone(r.last)
	}
	find := func(in []task.CheckItem, id string) int {
		return slices.IndexFunc(in, func(i task.CheckItem) bool { return i.ID == id })
	}
	for _, it := range items {
		fresh := checkItem(it)
		if at := find(r.last, it.ID); at >= 0 && sameFinding(&r.last[at], &fresh) {
			fresh.AcknowledgedBy, fresh.AcknowledgedWhy = r.last[at].AcknowledgedBy, r.last[at].AcknowledgedWhy
		}
		if at := find(out, it.ID); at >= 0 {
			out[at] = fresh
		} else {
			out = append(out, fresh)
		}
	}
	return out
}

func sameFinding(a, b *task.CheckItem) bool {
	return a.Status == b.Status && a.Severity == b.Severity && a.Code == b.Code && a.Observed == b.Observed
}

func checkItem(i precheck.Item) task.CheckItem {
	return task.CheckItem{ID: i.ID, Group: i.Group, Status: string(i.Status), Severity: string(i.Severity), Code: i.Code, Params: i.Params,
		Observed: i.Observed, Expected: i.Expected, Cause: i.Cause, Fix: i.Fix, Took: i.Took}
}
