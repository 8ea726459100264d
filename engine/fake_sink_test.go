package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// fakeSink is a broker that answers after a while.
type fakeSink struct {
	mu    sync.Mutex
	logs  map[Partition]*fakeLog
	count int // partitions of every topic; 0: the topics are not there yet
	pause time.Duration
	limit int // max.message.bytes
	told  int // what Limits says that it is
	// hook is called before each request; its error is the answer, and nothing is written.
	hook  func(ctx context.Context, p Partition, b *Batch) error
	calls atomic.Int64 // under way
	// lose lets the answer to a request that was written get lost; may be nil.
	lose func() bool
	// plain: it gives no producers. late then says how long after it was given up a request is still written; nil: none is.
	plain bool
	late  func(b *Batch) time.Duration
}

func (k *fakeSink) set(hook func(ctx context.Context, p Partition, b *Batch) error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.hook = hook
}

type fakeLog struct {
	log   []Message
	start int // what lies before was deleted
	at    []time.Time
	epoch int16
	next  int32
}

func (l *fakeLog) write(b *Batch) (at int64) {
	at = int64(len(l.log))
	for _, m := range b.Messages {
		l.log = append(l.log, Message{Key: slices.Clone(m.Key), Value: slices.Clone(m.Value)})
		l.at = append(l.at, time.Now())
	}
	return at
}

func (k *fakeSink) log(p Partition) *fakeLog {
	l := k.logs[p]
	if l == nil {
		l = &fakeLog{}
		k.logs[p] = l
	}
	return l
}

func (k *fakeSink) NewProducer(context.Context) (int64, error) {
	if k.plain {
		return NoProducer, nil
	}
	return 7, nil
}

func (k *fakeSink) Parked() time.Duration { return 3 * time.Second }

func (k *fakeSink) Produce(ctx context.Context, p Partition, b *Batch) (int64, error) {
	k.calls.Add(1)
	defer k.calls.Add(-1)
	if err := sleep(ctx, k.pause); err != nil {
		return 0, &ProduceFailure{Kind: ProduceDoubt, Err: err}
	}
	k.mu.Lock()
	hook := k.hook
	k.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, p, b); err != nil {
			return 0, err
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if b.Producer == NoProducer && k.late != nil {
		if d := k.late(b); d > 0 {
			sent := &fakeLog{}
			sent.write(b)
			go func() {
				time.Sleep(d) // on the way
				k.mu.Lock()
				defer k.mu.Unlock()
				k.log(p).write(&Batch{Messages: sent.log})
			}()
			return 0, &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
		}
	}
	l := k.log(p)
	size := 61
	for _, m := range b.Messages {
		size += len(m.Key) + len(m.Value) + 12
	}
	switch {
	case b.Producer == NoProducer && (k.limit == 0 || size <= k.limit):
	case b.Producer != NoProducer && b.Epoch < l.epoch:
		return 0, &ProduceFailure{Kind: ProduceFenced, Err: errors.New("fenced")}
	case k.limit > 0 && size > k.limit:
		return 0, k.tooLarge()
	case b.Epoch > l.epoch:
		l.epoch, l.next = b.Epoch, 0
	}
	if b.Producer != NoProducer && b.Sequence != l.next {
		return 0, &ProduceFailure{Kind: ProduceSequence, Err: fmt.Errorf("sequence %d where %d comes", b.Sequence, l.next)}
	}
	l.next += int32(len(b.Messages))
	at := l.write(b)
	if k.lose != nil && k.lose() {
		return 0, &ProduceFailure{Kind: ProduceDoubt, Err: errPassing}
	}
	return at, nil
}

func (k *fakeSink) tooLarge() error {
	return &ProduceFailure{Kind: ProduceRefused, Err: &task.Error{Code: tooLarge, Text: "A message is larger than the topic takes"}}
}

func (k *fakeSink) Ends(_ context.Context, ps []Partition) (first, end []int64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range ps {
		first, end = append(first, int64(k.log(p).start)), append(end, int64(len(k.log(p).log)))
	}
	return first, end, nil
}

func (k *fakeSink) Scan(_ context.Context, p Partition, from, to int64, each func(int64, Message) error) error {
	k.mu.Lock()
	start, log := k.log(p).start, k.log(p).log[from:to]
	k.mu.Unlock()
	if from < int64(start) {
		return &task.Error{Code: "target.offset_gone", Text: "deleted", Retry: true}
	}
	for i, m := range log {
		if err := each(from+int64(i), m); err != nil {
			return err
		}
	}
	return nil
}

func (k *fakeSink) Partitions(_ context.Context, topics []string) (map[string]int, error) {
	out := map[string]int{}
	for _, t := range topics {
		if k.count > 0 {
			out[t] = k.count
		}
	}
	return out, nil
}

func (k *fakeSink) Create(_ context.Context, _ string, partitions, _ int) error {
	k.count = partitions
	return nil
}

func (k *fakeSink) Limits(_ context.Context, topics []string) (map[string]int, error) {
	out := map[string]int{}
	for _, t := range topics {
		out[t] = k.told
	}
	return out, nil
}

// records gives all records of the task, partition by partition, without heartbeats.
func (k *fakeSink) records() (out []simRecord) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.logs {
		for _, m := range l.log {
			if r := parseSim(string(m.Value)); r.op != cdc.Heartbeat.String() {
				out = append(out, r)
			}
		}
	}
	return out
}

// Prepare does nothing yet.
func (k *fakeSink) Prepare(_ context.Context, p Partition, b *Batch) Prepared {
	return &fakePrepared{produce: func(ctx context.Context) (int64, error) { return k.Produce(ctx, p, b) }}
}

// fakePrepared is a batch that waits.
type fakePrepared struct {
	produce func(ctx context.Context) (int64, error) // nil: it was used
	dropped bool
}

func (f *fakePrepared) Produce(ctx context.Context) (int64, error) {
	produce := f.produce
	f.produce = nil
	return produce(ctx)
}

func (f *fakePrepared) Drop() { f.produce, f.dropped = nil, true }
