package bench

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	measured = 20 * time.Second
	warm     = 5 * time.Second // at the beginning, which does not count
	together = 10              // rows a transaction
)

var stamp = regexp.MustCompile(`LAT(\d{8})`)

// rate follows a source that changes so many rows a second, and takes the time from the return of COMMIT to the
// hand of a consumer.
func (w *world) rate(c contestant, perSecond int) (o outcome) {
	p, first := w.prime(c, 1)
	defer p.stop(syscall.SIGTERM)
	o.Start, o.IdleMB = first, memoryOf(p.cmd.Process.Pid, "VmRSS")
	span := spanOf()
	ctx, cancel := context.WithTimeout(w.Context(), span+time.Minute)
	defer cancel()
	consumer := w.consumer(ctx, c.topic(followed), func() { w.m.Exec(w, "INSERT INTO bench."+followed+" (k, c) VALUES (-1, 'awake')") })
	defer consumer.Close()
	transactions := int(span.Seconds()) * perSecond / together
	a := w.look(p)
	committed := make(chan []time.Time, 1)
	go func() { committed <- w.write(transactions, perSecond/together) }()
	arrived := w.arrivals(ctx, consumer, transactions)
	o.between(a, w.look(p), int64(len(arrived)))
	o.late(w, <-committed, arrived, perSecond)
	o.PeakMB = memoryOf(p.cmd.Process.Pid, "VmHWM")
	return o
}

// spanOf is how long changes are made.
func spanOf() time.Duration {
	if *runs == 0 {
		return warm + 2*time.Second
	}
	return measured
}

// arrival is when a stamped record came to the consumer's hand.
type arrival struct {
	transaction int
	at          time.Time
}

// consumer reads a topic from its end, which it has found once it sees what awake brings. It waits for records as Kafka's
// own does by default.
func (w *world) consumer(ctx context.Context, topic string, awake func()) *kgo.Client {
	c, err := kgo.NewClient(kgo.SeedBrokers(w.k.Plain), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(500*time.Millisecond))
	if err != nil {
		w.Fatal(err)
	}
	for seen := false; !seen; {
		awake()
		brief, enough := context.WithTimeout(ctx, 200*time.Millisecond)
		c.PollFetches(brief).EachRecord(func(*kgo.Record) { seen = true })
		enough()
		if ctx.Err() != nil {
			w.Fatal("the consumer sees nothing")
		}
	}
	return c
}

func (w *world) arrivals(ctx context.Context, c *kgo.Client, transactions int) []arrival {
	all := make([]arrival, 0, transactions*together)
	for len(all) < transactions*together && ctx.Err() == nil {
		fetches := c.PollFetches(ctx)
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			if m := stamp.FindSubmatch(r.Value); m != nil {
				n, _ := strconv.Atoi(string(m[1]))
				all = append(all, arrival{n, now})
			}
		})
	}
	if len(all) < transactions*together {
		w.Fatalf("%d of %d changes came", len(all), transactions*together)
	}
	return all
}

// late takes the times from when each transaction was given away to the arrival of its rows.
func (o *outcome) late(w *world, given []time.Time, arrived []arrival, perSecond int) {
	var late []float64
	for _, r := range arrived {
		if time.Duration(r.transaction)*time.Second*together/time.Duration(perSecond) >= warm {
			late = append(late, float64(r.at.Sub(given[r.transaction]).Microseconds())/1000)
		}
	}
	if len(late) == 0 {
		w.Fatal("no change came after the beginning")
	}
	slices.Sort(late)
	o.P50, o.P99 = late[len(late)/2], late[len(late)*99/100]
}

// carry is what broker and consumer alone take: a producer writes ten records of the usual size at a time, at the pace of
// the contest of that rate.
func (w *world) carry(perSecond int) (o outcome) {
	w.topic("limit", 1)
	producer, err := kgo.NewClient(kgo.SeedBrokers(w.k.Plain), kgo.DefaultProduceTopic("limit"), kgo.ManualFlushing(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	if err != nil {
		w.Fatal(err)
	}
	defer producer.Close()
	produce := func(text string) {
		for range together {
			producer.Produce(w.Context(), &kgo.Record{Value: append([]byte(text), make([]byte, 450)...)}, nil)
		}
		if err := producer.Flush(w.Context()); err != nil {
			w.Error(err)
		}
	}
	span := spanOf()
	ctx, cancel := context.WithTimeout(w.Context(), span+time.Minute)
	defer cancel()
	consumer := w.consumer(ctx, "limit", func() { produce("awake") })
	defer consumer.Close()
	transactions := int(span.Seconds()) * perSecond / together
	given := make(chan []time.Time, 1)
	go func() {
		at, began := make([]time.Time, transactions), time.Now()
		for n := range at {
			due(began, n, perSecond/together)
			at[n] = time.Now()
			produce(fmt.Sprintf("LAT%08d", n))
		}
		given <- at
	}()
	arrived := w.arrivals(ctx, consumer, transactions)
	o = outcome{Contest: fmt.Sprintf("carry-%d", perSecond), Contestant: "alone", Rows: int64(len(arrived))}
	o.late(w, <-given, arrived, perSecond)
	return o
}

// due waits for the moment of the nth of so many a second.
func due(began time.Time, n, perSecond int) {
	time.Sleep(time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))))
}

// write commits transactions at an even pace, and tells when each COMMIT returned.
func (w *world) write(transactions, perSecond int) []time.Time {
	const writers = 4
	at := make([]time.Time, transactions)
	done := make(chan error, writers)
	began := time.Now()
	for writer := range writers {
		c := w.m.Conn(w, "bench")
		defer c.Close()
		go func() {
			for n := writer; n < transactions; n += writers {
				due(began, n, perSecond)
				var rows []string
				for i := range together {
					rows = append(rows, fmt.Sprintf("(-2, 'LAT%08d-%d')", n, i))
				}
				if _, err := c.Execute("INSERT INTO " + followed + " (k, c) VALUES " + strings.Join(rows, ", ")); err != nil {
					done <- err
					return
				}
				at[n] = time.Now()
			}
			done <- nil
		}()
	}
	for range writers {
		if err := <-done; err != nil {
			w.Error(err)
		}
	}
	return at
}
