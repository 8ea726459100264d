package faults

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

const (
	topic    = "hurt"
	quiet    = 600 * time.Millisecond // without a beat: the task does not deliver
	effect   = time.Minute            // for a fault to be felt
	patience = 2 * time.Minute        // for the task to deliver again
	draining = 10 * time.Second       // for an orderly stop
)

// broker is one broker and the proxy that it advertises.
type broker struct {
	*servers.Kafka
	*proxy
}

// world is a source, a target, a task between them and all that can be done to them.
type world struct {
	t       testing.TB
	ctx     context.Context
	g       *rand.Rand
	short   bool
	source  *servers.MySQL
	line    *proxy // to the source
	brokers []*broker
	plain   bool // the brokers have no producer ids
	task    *driver.Task
	process *driver.Process
	beats   *beats
	writing *workload.Run
	mounted bool // the data folder is a small disk of its own
	copies  int
	back    time.Time // when a fault was survived that is healed only later; zero: not such a one
}

// dial reaches a broker past its proxy.
func (w *world) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	for _, b := range w.brokers {
		if b.addr == addr {
			addr = b.Plain
		}
	}
	return (&net.Dialer{Timeout: 2 * time.Second}).DialContext(ctx, network, addr)
}

// seeds are the brokers' addresses as sluice knows them.
func (w *world) seeds() (out []string) {
	for _, b := range w.brokers {
		out = append(out, b.addr)
	}
	return out
}

func (w *world) start(fault string) {
	w.t.Helper()
	var err error
	if w.process, err = w.task.Start(fault); err != nil {
		w.t.Fatal(err)
	}
}

// stop ends the process in order, and at once: it has to have drained and stored within ten seconds.
func (w *world) stop() {
	w.t.Helper()
	began := time.Now()
	w.process.Signal(syscall.SIGTERM)
	w.ended(draining)
	if o := w.process.Outcome(); o.Code != 3 {
		w.t.Fatalf("SIGTERM: exit code %d after %s, not 3\n%s", o.Code, time.Since(began), o.Stderr)
	}
}

func (w *world) kill() {
	w.t.Helper()
	w.process.Signal(syscall.SIGKILL)
	w.ended(draining)
}

// ended waits for the end of the process.
func (w *world) ended(limit time.Duration) {
	w.t.Helper()
	select {
	case <-w.process.Done():
	case <-time.After(limit):
		w.process.Signal(syscall.SIGQUIT) // prints its goroutines
		<-w.process.Done()
		w.t.Fatalf("the process did not end within %s\n%s", limit, w.process.Outcome().Stderr)
	}
}

// failed waits until the process has stopped with one of the codes.
func (w *world) failed(codes ...string) string {
	w.t.Helper()
	w.ended(effect)
	o := w.process.Outcome()
	if o.Last.Error == nil || !slices.Contains(codes, o.Last.Error.Code) {
		w.t.Fatalf("the process ended with code %d, not with one of %v\n%s", o.Code, codes, o.Stderr)
	}
	return o.Last.Error.Code
}

// hold lets a fault last.
func (w *world) hold(d time.Duration) {
	select {
	case <-time.After(d):
	case <-w.ctx.Done():
		w.t.Fatal(w.ctx.Err())
	}
}

// between draws a duration of milliseconds.
func (w *world) between(from, to int) time.Duration {
	return time.Duration(from+w.g.IntN(to-from+1)) * time.Millisecond
}

// lasting draws how long a fault is held once it is felt: mostly a moment, in the long form now and then so long that
// what waits for an answer gives up.
func (w *world) lasting() time.Duration {
	switch {
	case w.short:
		return w.between(0, 500)
	case w.g.IntN(12) == 0:
		return w.between(11_000, 13_000)
	}
	return w.between(0, 1500)
}

// stalled waits until nothing was delivered for a while.
func (w *world) stalled() {
	w.t.Helper()
	began := time.Now()
	for {
		_, at, _, more := w.beats.seen()
		if at.Before(began) {
			at = began
		}
		left := quiet - time.Since(at)
		if left <= 0 {
			return
		}
		select {
		case <-more:
		case <-time.After(left):
		case <-w.ctx.Done():
			w.t.Fatal(w.ctx.Err())
		}
		if time.Since(began) > effect {
			w.t.Fatalf("the fault had no effect within %s: beats still arrive", effect)
		}
	}
}

// slowed waits until a beat comes so late, or none comes.
func (w *world) slowed(by time.Duration) {
	w.t.Helper()
	began := time.Now()
	w.beats.latest(true)
	for {
		_, at, _, more := w.beats.seen()
		late := w.beats.latest(false)
		if late >= by || time.Since(at) >= max(by, quiet) {
			return
		}
		select {
		case <-more:
		case <-time.After(by):
		case <-w.ctx.Done():
			w.t.Fatal(w.ctx.Err())
		}
		if time.Since(began) > effect {
			w.t.Fatalf("the fault had no effect within %s: beats are %s late", effect, late)
		}
	}
}

// says waits until the process gives one of the codes, beyond those in before, or has stopped delivering.
func (w *world) says(before map[string]int, codes ...string) {
	w.t.Helper()
	limit := time.After(effect)
	for {
		said, more := w.process.Said()
		for _, c := range codes {
			if said[c] > before[c] {
				return
			}
		}
		select {
		case <-more:
		case <-w.process.Done():
			return
		case <-limit:
			w.t.Fatalf("the process did not say any of %v within %s", codes, effect)
		}
	}
}

// recovered waits until beat n is delivered and gives the moment. A task that stops instead has not survived.
func (w *world) recovered(n int) time.Time {
	w.t.Helper()
	limit := time.After(patience)
	for {
		have, at, _, more := w.beats.seen()
		if have >= n {
			return at
		}
		select {
		case <-more:
		case <-w.process.Done():
			o := w.process.Outcome()
			w.t.Fatalf("the task stopped by itself with code %d\n%s", o.Code, o.Stderr)
		case <-limit:
			said, _ := w.process.Said()
			w.process.Signal(syscall.SIGQUIT)
			<-w.process.Done()
			w.t.Fatalf("no delivery within %s; beat %d of %d; it said %v; last %+v\n%s", patience, have, n, said, w.process.Last(), w.process.Outcome().Stderr)
		}
	}
}

// said gives the codes that the process added since before.
func (w *world) said(p *driver.Process, before map[string]int) []string {
	if p != w.process {
		before = nil
	}
	now, _ := w.process.Said()
	out := []string{}
	for _, c := range slices.Sorted(maps.Keys(now)) {
		if now[c] > before[c] {
			out = append(out, c)
		}
	}
	return out
}

// phase is where the task is.
func (w *world) phase() string {
	if w.task.Copied.Load() {
		return "incremental"
	}
	return "full"
}

// folder is a place for another copy of the data folder, on the same disk.
func (w *world) folder() string {
	w.copies++
	return filepath.Join(filepath.Dir(w.task.Data), fmt.Sprint("copy", w.copies))
}
