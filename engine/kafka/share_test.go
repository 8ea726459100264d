package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

// sharing has batches produced for several partitions while their broker is busy.
type sharing struct {
	testing.TB
	c        *kafka.Client
	gathered func(int)
	release  func()
	asked    []*asked
}

// asked is a batch that was asked to be produced.
type asked struct {
	done   chan struct{}
	offset int64
	err    error
}

func hold(t testing.TB, c *kafka.Client, p engine.Partition) *sharing {
	t.Helper()
	gathered, release, err := c.Hold(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return &sharing{TB: t, c: c, gathered: gathered, release: release}
}

// produce returns when the batch waits with those before it.
func (s *sharing) produce(ctx context.Context, p engine.Partition, b *engine.Batch) {
	a := &asked{done: make(chan struct{})}
	s.asked = append(s.asked, a)
	go func() {
		defer close(a.done)
		a.offset, a.err = s.c.Produce(ctx, p, b)
	}()
	s.gathered(len(s.asked))
}

// sent lets them go, and waits for the ends of all.
func (s *sharing) sent() []*asked {
	s.release()
	for _, a := range s.asked {
		<-a.done
	}
	return s.asked
}

func (s *sharing) fine(i int, offset int64) {
	s.Helper()
	if a := s.asked[i]; a.err != nil || a.offset != offset {
		s.Errorf("batch %d is at %d, %v, want %d", i, a.offset, a.err, offset)
	}
}

func (s *sharing) failed(i int, kind engine.ProduceError, code string) {
	s.Helper()
	var f *engine.ProduceFailure
	if err := s.asked[i].err; !errors.As(err, &f) || f.Kind != kind || task.Code(err) != code {
		s.Errorf("batch %d gave %v, want kind %d and %s", i, err, kind, code)
	}
}

// watch notes which partitions the Produce requests from now on hold, each as "topic/partition" or by its number alone.
func watch(cluster *kfake.Cluster) func() []string {
	var mu sync.Mutex
	var all []string
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
		mu.Lock()
		defer mu.Unlock()
		var one []string
		for _, topic := range r.(*kmsg.ProduceRequest).Topics {
			for _, p := range topic.Partitions {
				one = append(one, fmt.Sprint(p.Partition))
			}
		}
		all = append(all, strings.Join(one, " "))
		return nil, nil, false
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(all)
		return all
	}
}

// One request, and for each partition what is true of it.
func TestSharedRequest(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) { sharedRequest(t, addr, true) })
}

func sharedRequest(t *testing.T, addr string, ids bool) {
	c := open(t, plainTarget(addr))
	first, second := newTopic(t, c, 20, nil), newTopic(t, c, 20, nil)
	small := newTopic(t, c, 1, map[string]string{"max.message.bytes": "1000"})
	id, fenced := producer(t, c), producer(t, c)
	at := func(topic string, n int) engine.Partition { return engine.Partition{Topic: topic, ID: n} }
	if ids {
		produce(t, c, at(first, 3), batch(fenced, 1, 0, "newer"))
		produce(t, c, at(first, 5), batch(id, 0, 0, "there"))
	}
	s := hold(t, c, at(first, 0))
	for n := range 20 {
		for _, topic := range []string{second, first} {
			b := batch(id, 0, 0, "there", fmt.Sprint(topic, n)) // in 5 of other bytes than before
			if topic == first && n == 3 {
				b.Producer = fenced
			}
			s.produce(t.Context(), at(topic, n), b)
		}
	}
	s.produce(t.Context(), at(small, 0), batch(id, 0, 0, strings.Repeat("x", 2000)))
	s.sent()
	for i := range 40 {
		topic, n := []string{second, first}[i%2], i/2
		switch {
		case topic == first && n == 3 && ids:
			s.failed(i, engine.ProduceFenced, "target.fenced")
		case topic == first && n == 5 && ids:
			if s.asked[i].err == nil {
				t.Error("a batch that is another one than before was taken")
			}
		default:
			s.fine(i, 0)
			values, _ := scan(t, c, at(topic, n), 0, end(t, c, at(topic, n)))
			same(t, values, "there", fmt.Sprint(topic, n))
		}
	}
	s.failed(40, engine.ProduceRefused, "target.message_too_large")

	// All again: stored once where the broker knows producers.
	s = hold(t, c, at(first, 0))
	for n := range 20 {
		s.produce(t.Context(), at(second, n), batch(id, 0, 0, "there", fmt.Sprint(second, n)))
	}
	s.sent()
	for n := range 20 {
		if want := int64(2); ids {
			s.fine(n, 0)
		} else {
			s.fine(n, want)
		}
	}
}

func TestSmallBatchesShareARequest(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 20, nil)
	id := producer(t, c)
	seen := watch(cluster)
	p := func(n int) engine.Partition { return engine.Partition{Topic: topic, ID: n} }
	produce(t, c, p(0), batch(id, 0, 0, "alone"))
	s := hold(t, c, p(0))
	for n := range 15 {
		s.produce(t.Context(), p(n+1), batch(id, 0, 0, strings.Repeat("x", 35<<10)))
	}
	produce(t, c, p(17), batch(id, 0, 0, strings.Repeat("x", 256<<10))) // waits for none
	s.sent()
	for n := range 15 {
		s.fine(n, 0)
	}
	produce(t, c, p(18), batch(id, 0, 0, "alone")) // nothing is under way any more
	want := []string{"0", "1 2 3 4 5 6 7 8 9 10 11 12 13 14", "15", "17", "18"}
	if got := seen(); !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

// A leader that changed while a batch waited is an error of that batch alone.
func TestSharedWithOneThatMoved(t *testing.T) {
	t.Parallel()
	cluster := fake(t, kfake.NumBrokers(2))
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 3, nil)
	for n := range int32(3) {
		if err := cluster.MoveTopicPartition(topic, n, 0); err != nil {
			t.Fatal(err)
		}
	}
	c.Refresh(t.Context())
	id := producer(t, c)
	s := hold(t, c, engine.Partition{Topic: topic})
	for n := range 3 {
		s.produce(t.Context(), engine.Partition{Topic: topic, ID: n}, batch(id, 0, 0, "a"))
	}
	if err := cluster.MoveTopicPartition(topic, 1, 1); err != nil {
		t.Fatal(err)
	}
	s.sent()
	s.fine(0, 0)
	s.failed(1, engine.ProduceDoubt, "target.no_leader")
	s.fine(2, 0)
	produce(t, c, engine.Partition{Topic: topic, ID: 1}, batch(id, 0, 0, "a")) // at its new leader
}

// A partition whose replicas lag holds up those that share its request once, and goes alone until it does no more.
func TestLatePartitionGoesAlone(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 3, nil)
	id := producer(t, c)
	p := func(n int) engine.Partition { return engine.Partition{Topic: topic, ID: n} }
	cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) { return produceAnswer(r, 7), nil, true })
	fails(t, c, p(0), batch(id, 0, 0, "a"), engine.ProduceDoubt, "target.failed")
	seen := watch(cluster)
	s := hold(t, c, p(1))
	s.produce(t.Context(), p(1), batch(id, 0, 0, "a"))
	produce(t, c, p(0), batch(id, 0, 0, "a")) // waits for none
	s.produce(t.Context(), p(2), batch(id, 0, 0, "a"))
	s.produce(t.Context(), p(0), batch(id, 0, 1, "b"))
	s.sent()
	if got, want := seen(), []string{"0", "0 1 2"}; !slices.Equal(got, want) {
		t.Errorf("requests %q, want %q", got, want)
	}
}

// A connection that is lost leaves a doubt of all that it carried; sent again each is there once.
func TestLossIsDoubtForAllThatShare(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 3, nil)
	id := producer(t, c)
	for _, written := range []bool{false, true} {
		s := hold(t, c, engine.Partition{Topic: topic})
		cluster.ControlKey(int16(kmsg.Produce), func(r kmsg.Request) (kmsg.Response, error, bool) {
			if written { // an answer that leaves out one of them is none
				return produceAnswer(r, 0), nil, true
			}
			return nil, errors.New("the connection ends"), true
		})
		for n := range 3 {
			s.produce(t.Context(), engine.Partition{Topic: topic, ID: n}, batch(id, 0, 0, "a"))
		}
		s.sent()
		for n := range 3 {
			if written {
				s.failed(n, engine.ProduceDoubt, "target.failed")
			} else {
				s.failed(n, engine.ProduceDoubt, "target.connection_lost")
			}
		}
	}
	s := hold(t, c, engine.Partition{Topic: topic})
	for n := range 3 {
		s.produce(t.Context(), engine.Partition{Topic: topic, ID: n}, batch(id, 0, 0, "a"))
	}
	s.sent()
	for n := range 3 {
		s.fine(n, 0)
		values, _ := scan(t, c, engine.Partition{Topic: topic, ID: n}, 0, 1)
		same(t, values, "a")
	}
}

// Who gives up while his batch waits does not have it sent, and does not end it for the others; nor does one whose batch
// is under way.
func TestGivingUpIsOnesOwn(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	topic := newTopic(t, c, 4, nil)
	id := producer(t, c)
	p := func(n int) engine.Partition { return engine.Partition{Topic: topic, ID: n} }
	s := hold(t, c, p(0))
	early, giveUp := context.WithCancel(t.Context())
	late, giveUpToo := context.WithCancel(t.Context())
	for n, ctx := range []context.Context{t.Context(), late, t.Context(), early} {
		s.produce(ctx, p(n), batch(id, 0, 0, "a"))
	}
	giveUp()
	<-s.asked[3].done
	release := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		giveUpToo()
		cluster.SleepControl(func() { <-release })
		return nil, nil, false
	})
	s.release()
	<-s.asked[1].done
	close(release)
	for _, n := range []int{0, 2} {
		<-s.asked[n].done
		s.fine(n, 0)
	}
	for _, n := range []int{1, 3} {
		if err := s.asked[n].err; !errors.Is(err, context.Canceled) {
			t.Error(n, err)
		}
		s.failed(n, engine.ProduceDoubt, "target.failed")
	}
	if there, not := end(t, c, p(1)), end(t, c, p(3)); there != 1 || not != 0 {
		t.Errorf("ends %d and %d", there, not)
	}
}

// What waited for half of its time is not sent any more: the broker would be left too little of it.
func TestWaitingHasAnEnd(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]), kafka.WithTimeout(time.Second))
	p := engine.Partition{Topic: newTopic(t, c, 1, nil)}
	id := producer(t, c)
	s := hold(t, c, p)
	seen := watch(cluster)
	began := time.Now()
	s.produce(t.Context(), p, batch(id, 0, 0, "a"))
	<-s.asked[0].done
	if took := time.Since(began); took < 500*time.Millisecond {
		t.Errorf("it waited for %s", took)
	}
	s.failed(0, engine.ProduceDoubt, "target.timeout")
	s.sent()
	produce(t, c, p, batch(id, 0, 0, "a"))
	if got := seen(); !slices.Equal(got, []string{"0"}) {
		t.Errorf("requests %q", got)
	}
}
