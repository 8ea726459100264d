package faults

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/engine/enginetest/servers"
)

const (
	beatTable = "t_beat"
	beatEvery = 50 * time.Millisecond
)

// beats writes a rising number into one row of the source, past all proxies, and sees it arrive in the topic. So it
// knows at any moment whether the task delivers, and how late.
type beats struct {
	mu      sync.Mutex
	written []time.Time // by number from 1: when it was committed
	arrived int         // the highest number in the topic
	at      time.Time   // when it came
	late    time.Duration
	worst   time.Duration // the latest since it was asked for anew
	in      int32         // the partition
	wake    chan struct{} // closed when more has arrived
	stop    func()        // ends the writing
}

func startBeats(t testing.TB, m *servers.MySQL) *beats {
	t.Helper()
	m.Exec(t, "CREATE TABLE work."+beatTable+" (id INT PRIMARY KEY, word VARCHAR(40) NOT NULL)", "INSERT INTO work."+beatTable+" VALUES (1, 'beat-000000000')")
	b := &beats{wake: make(chan struct{}), written: []time.Time{time.Now()}, at: time.Now()}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() { b.write(ctx, m) })
	b.stop = func() { cancel(); done.Wait() }
	t.Cleanup(b.stop)
	return b
}

// write goes on over the death and return of the source. A beat whose answer was lost is written again.
func (b *beats) write(ctx context.Context, m *servers.MySQL) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	var c *client.Conn
	defer func() {
		if c != nil {
			c.Close()
		}
	}()
	for n := 1; ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var err error
		if c == nil {
			c, err = client.ConnectWithContext(ctx, m.Addr, m.RootUser, m.RootPassword, "work", 5*time.Second)
		}
		if err == nil {
			_, err = c.Execute(fmt.Sprintf("UPDATE "+beatTable+" SET word='beat-%09d' WHERE id=1", n))
		}
		if err != nil {
			if c != nil {
				c.Close()
			}
			c = nil
			continue
		}
		b.mu.Lock()
		b.written = append(b.written, time.Now())
		b.mu.Unlock()
		n++
	}
}

// watch reads the topic as it grows; dial finds the broker behind the address that it advertises.
func (b *beats) watch(t testing.TB, seeds []string, topic string, dial func(ctx context.Context, network, addr string) (net.Conn, error)) {
	t.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(seeds...), kgo.Dialer(dial), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxWait(200*time.Millisecond), kgo.MetadataMinAge(100*time.Millisecond), kgo.MetadataMaxAge(time.Second), kgo.DisableFetchSessions(),
		kgo.RetryBackoffFn(func(int) time.Duration { return 50 * time.Millisecond }), kgo.RequestTimeoutOverhead(2*time.Second), kgo.UnknownTopicRetries(-1))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { b.see(r) })
		}
	})
	t.Cleanup(func() { cancel(); done.Wait(); c.Close() })
}

var beatWord = regexp.MustCompile(`beat-(\d{9})`)

func (b *beats) see(r *kgo.Record) {
	highest := -1
	for _, m := range beatWord.FindAllSubmatch(r.Value, -1) {
		n, _ := strconv.Atoi(string(m[1]))
		highest = max(highest, n)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if highest < b.arrived || highest < 0 {
		return
	}
	b.arrived, b.at, b.in = highest, time.Now(), r.Partition
	if highest < len(b.written) { // else it is quicker here than the answer was at the writer
		b.late = b.at.Sub(b.written[highest])
		b.worst = max(b.worst, b.late)
	}
	close(b.wake)
	b.wake = make(chan struct{})
}

// next is the number of the first beat that is written from now on, at most one is under way.
func (b *beats) next() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.written) + 1
}

// seen tells the highest number in the topic, when it came and how late it was. The channel closes when more comes.
func (b *beats) seen() (n int, at time.Time, late time.Duration, more <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.arrived, b.at, b.late, b.wake
}

// latest tells how late the latest beat was since it was told anew: of those that come in one batch the last is hardly
// late at all.
func (b *beats) latest(anew bool) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	if anew {
		b.worst = 0
	}
	return b.worst
}

// partition is where the beats arrive.
func (b *beats) partition() int32 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.in
}
