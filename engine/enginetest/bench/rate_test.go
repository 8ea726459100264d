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
	span := measured
	if *runs == 0 {
		span = warm + 2*time.Second
	}
	ctx, cancel := context.WithTimeout(w.Context(), span+time.Minute)
	defer cancel()
	consumer, err := kgo.NewClient(kgo.SeedBrokers(w.k.Plain), kgo.ConsumeTopics(c.topic("sbtest1")), kgo.ConsumeResetOffset(kgo.NewOffset().AtEnd()), kgo.FetchMaxWait(10*time.Millisecond))
	if err != nil {
		w.Fatal(err)
	}
	defer consumer.Close()
	for seen := false; !seen; { // until it has found the end
		w.m.Exec(w, "INSERT INTO bench.sbtest1 (k, c) VALUES (-1, 'awake')")
		brief, enough := context.WithTimeout(ctx, 200*time.Millisecond)
		consumer.PollFetches(brief).EachRecord(func(*kgo.Record) { seen = true })
		enough()
		if ctx.Err() != nil {
			w.Fatal("the consumer sees nothing")
		}
	}
	transactions := int(span.Seconds()) * perSecond / together
	a := w.look(p)
	committed := make(chan []time.Time, 1)
	go func() { committed <- w.write(transactions, perSecond/together) }()
	arrived := make([]time.Time, 0, transactions*together)
	number := make([]int, 0, transactions*together)
	for len(arrived) < transactions*together && ctx.Err() == nil {
		fetches := consumer.PollFetches(ctx)
		now := time.Now()
		fetches.EachRecord(func(r *kgo.Record) {
			if m := stamp.FindSubmatch(r.Value); m != nil {
				n, _ := strconv.Atoi(string(m[1]))
				arrived, number = append(arrived, now), append(number, n)
			}
		})
	}
	o.between(a, w.look(p), int64(len(arrived)))
	at := <-committed
	var late []float64
	for i, n := range number {
		if time.Duration(n)*time.Second*together/time.Duration(perSecond) >= warm {
			late = append(late, float64(arrived[i].Sub(at[n]).Microseconds())/1000)
		}
	}
	if len(arrived) < transactions*together || len(late) == 0 {
		w.Fatalf("%d of %d changes came", len(arrived), transactions*together)
	}
	slices.Sort(late)
	o.P50, o.P99 = late[len(late)/2], late[len(late)*99/100]
	o.PeakMB = memoryOf(p.cmd.Process.Pid, "VmHWM")
	return o
}

// write commits transactions at an even pace, and tells when each COMMIT returned.
func (w *world) write(transactions, perSecond int) []time.Time {
	const writers = 4
	at := make([]time.Time, transactions)
	done := make(chan error, writers)
	began := time.Now()
	for writer := range writers {
		c := w.m.Conn(w, "bench")
		go func() {
			for n := writer; n < transactions; n += writers {
				due := began.Add(time.Duration(n) * time.Second / time.Duration(perSecond))
				time.Sleep(time.Until(due))
				var rows []string
				for i := range together {
					rows = append(rows, fmt.Sprintf("(-2, 'LAT%08d-%d')", n, i))
				}
				if _, err := c.Execute("INSERT INTO sbtest1 (k, c) VALUES " + strings.Join(rows, ", ")); err != nil {
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
