package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"sluice/engine"
)

// maxDemoRate is more than one connection can write.
const maxDemoRate = 10_000

// lines prints for a person; a line of progress is written over by the next.
type lines struct {
	out     io.Writer
	rewrite bool

	mu   sync.Mutex
	wide int // of the line of progress that stands there
	last string
}

func newLines(out io.Writer) *lines { return &lines{out: out, rewrite: terminal(out)} }

func (l *lines) say(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.clear()
	fmt.Fprintf(l.out, format+"\n", args...)
}

// progress shows how far something is: on a terminal each time, elsewhere once for each thing.
func (l *lines) progress(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	what, _, _ := strings.Cut(line, ":")
	if !l.rewrite {
		if what != l.last {
			fmt.Fprintln(l.out, what)
		}
		l.last = what
		return
	}
	l.clear()
	fmt.Fprint(l.out, line)
	l.wide = len(line)
}

func (l *lines) clear() {
	if l.wide > 0 {
		fmt.Fprint(l.out, "\r"+strings.Repeat(" ", l.wide)+"\r")
		l.wide = 0
	}
}

// readRates reads the rates that are typed.
func readRates(in io.Reader, set func(int), say func(string, ...any)) {
	ignoreTerminalStop()
	s := bufio.NewScanner(in)
	for s.Scan() {
		text := strings.TrimSpace(s.Text())
		n, err := strconv.Atoi(text)
		switch {
		case text == "":
		case err != nil || n < 0 || n > maxDemoRate:
			say("Type a number from 0 to %d: how many transactions a second are written to the shop.", maxDemoRate)
		case n == 0:
			set(n)
			say("The writer has stopped.")
		default:
			set(n)
			say("The writer writes %d transactions a second.", n)
		}
	}
}

// endWithParent stops the demo when the process that started it has ended, as `go run` or a terminal may. One that was
// started with nohup goes on.
func endWithParent(ctx context.Context, cancel context.CancelCauseFunc) (release func()) {
	parent := os.Getppid()
	if signal.Ignored(syscall.SIGHUP) {
		return func() {}
	}
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	go func() {
		tick := time.NewTicker(250 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-hangup:
				cancel(engine.ErrStopped)
			case <-tick.C: // nothing tells of the parent's end
				if os.Getppid() != parent {
					cancel(engine.ErrStopped)
				}
			}
		}
	}()
	return func() { signal.Stop(hangup) }
}
