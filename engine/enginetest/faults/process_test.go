package faults

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// Points of the engine at which the process can kill itself, and how often they may be passed before. The first are
// reached only while tables are copied.
var (
	copyPoints   = []string{"reading", "read", "sealing", "sealed", "row", "handing", "queued"}
	alwaysPoints = []string{"begun", "fenced", "scanning", "sent", "acked", "noted"}
	passed       = map[string]int{"reading": 700, "read": 3, "sealing": 3, "sealed": 3, "row": 1500, "handing": 4, "queued": 3,
		"begun": 1, "fenced": 1, "scanning": 10, "sent": 20, "acked": 20, "noted": 5}
)

// killPoint starts the process anew so that it kills itself at a point. One that is not reached is a kill like others.
func killPoint(w *world) (time.Time, string) {
	points := alwaysPoints
	if !w.task.Copied.Load() {
		points = append(append([]string(nil), copyPoints...), alwaysPoints...)
	}
	p := points[w.g.IntN(len(points))]
	detail := fmt.Sprintf("%s:%d", p, 1+w.g.IntN(passed[p]))
	if p == "scanning" { // after an orderly stop there is next to nothing to read back
		w.kill()
	} else {
		w.stop()
	}
	w.start(detail)
	select {
	case <-w.process.Done():
		if o := w.process.Outcome(); !o.Killed {
			w.t.Fatalf("the process ended by itself with code %d\n%s", o.Code, o.Stderr)
		}
	case <-time.After(3 * time.Second):
		w.kill()
		detail += " not reached, killed"
	}
	w.start("")
	return time.Now(), detail
}

func killRandom(w *world) (time.Time, string) {
	at := w.between(0, 1500)
	w.hold(at)
	w.kill()
	w.start("")
	return time.Now(), "after " + at.String()
}

func stopInOrder(w *world) (time.Time, string) {
	w.hold(w.between(0, 1000))
	began := time.Now()
	w.stop()
	took := time.Since(began).Round(time.Millisecond)
	w.start("")
	return time.Now(), "drained in " + took.String()
}

func pauseProcess(w *world) (time.Time, string) {
	w.process.Signal(syscall.SIGSTOP)
	w.stalled()
	d := w.lasting()
	w.hold(d)
	w.process.Signal(syscall.SIGCONT)
	return time.Now(), "for " + (quiet + d).String()
}

// stopAlone stops the process while one of its servers is silent: what waits for an answer must not hold it up.
func stopAlone(w *world) (time.Time, string) {
	e := []end{toSource, toBroker}[w.g.IntN(2)]
	heal := w.poison(e, "timeout", "downstream", `"timeout": 0`)
	w.stalled()
	began := time.Now()
	w.stop()
	took := time.Since(began).Round(time.Millisecond)
	heal()
	w.start("")
	return time.Now(), fmt.Sprintf("%s silent, stopped in %s", []string{"source", "broker"}[e], took)
}

// sleepProcess does what a laptop does whose lid is closed.
func sleepProcess(w *world) (time.Time, string) {
	const lease = 15 * time.Second
	w.process.Signal(syscall.SIGSTOP)
	w.hold(lease + 2*time.Second)
	w.process.Signal(syscall.SIGCONT)
	return time.Now(), "for " + (lease + 2*time.Second).String()
}

// takeOver freezes the process, lets another one go on with a copy of its data folder, and then wakes the first: it
// must find out that it was taken over and end.
func takeOver(w *world) (time.Time, string) {
	old := w.process
	old.Signal(syscall.SIGSTOP)
	w.stalled()
	dir := w.folder()
	if err := copyFolder(w.task.Data, dir); err != nil {
		w.t.Fatal(err)
	}
	w.task.Data = dir
	n := w.beats.next()
	began := time.Now()
	w.start("")
	for have := 0; have < n; {
		var more <-chan struct{}
		have, _, _, more = w.beats.seen()
		select {
		case <-more:
		case <-w.process.Done(): // refused while the lease of the frozen one lasts; its text says to try again
			w.failed("task.lease_held")
			w.start("")
		case <-time.After(patience):
			w.t.Fatal("no second process took over")
		}
	}
	took := time.Since(began).Round(time.Millisecond)
	old.Signal(syscall.SIGCONT)
	healed := time.Now()
	select {
	case <-old.Done():
	case <-time.After(effect):
		old.Signal(syscall.SIGQUIT)
		<-old.Done()
		w.t.Fatalf("the process that was taken over goes on\n%s", old.Outcome().Stderr)
	}
	o := old.Outcome()
	if o.Last.Error == nil {
		w.t.Fatalf("the process that was taken over ended with code %d\n%s", o.Code, o.Stderr)
	}
	return healed, fmt.Sprintf("taken over after %s, the first ended with %s", took, o.Last.Error.Code)
}

// copyFolder copies files; sockets of a living process are not for its copy.
func copyFolder(from, to string) error {
	return filepath.WalkDir(from, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case e.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		case !e.Type().IsRegular():
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), text, 0o600)
	})
}
