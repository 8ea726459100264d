package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"sluice/engine/task"
)

// ending is closed once somebody asks the task to end.
type ending struct {
	asked chan struct{}
	once  sync.Once
}

func newEnding() *ending { return &ending{asked: make(chan struct{})} }

func (e *ending) ask() { e.once.Do(func() { close(e.asked) }) }

// desk is where other processes ask the running one: a socket in the data folder, which the folder's lock makes ours.
// A question is "end NAME"; the answers are "ending" and, when the run is over, the task's state.
type desk struct {
	l    net.Listener
	name string
	end  *ending
	over chan struct{}
	out  task.State // read after over is closed
	wg   sync.WaitGroup
}

func listen(dir, name string, end *ending) (*desk, error) {
	path, err := socketPath(dir)
	if err != nil {
		return nil, err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err // left by a killed process
	}
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	d := &desk{l: l, name: name, end: end, over: make(chan struct{})}
	d.wg.Go(d.serve)
	return d, os.Chmod(path, 0o600)
}

// socketPath is absolute, or relative where that is shorter: the system allows about 100 bytes.
func socketPath(dir string) (string, error) {
	path, err := filepath.Abs(filepath.Join(dir, "control.sock"))
	if err != nil {
		return "", err
	}
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && len(rel) < len(path) {
			path = rel
		}
	}
	return path, nil
}

func (d *desk) serve() {
	for {
		c, err := d.l.Accept()
		if err != nil {
			return
		}
		d.wg.Go(func() { d.answer(c) })
	}
}

func (d *desk) answer(c net.Conn) {
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(time.Second)) // the end of the run waits for this
	question, err := bufio.NewReader(c).ReadString('\n')
	if err != nil {
		return
	}
	if question != "end "+d.name+"\n" {
		fmt.Fprintf(c, "this process runs the task %q\n", d.name)
		return
	}
	d.end.ask()
	fmt.Fprintln(c, "ending")
	<-d.over
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	fmt.Fprintln(c, d.out)
}

// close tells those who wait how the run came out.
func (d *desk) close(state task.State) {
	if d == nil {
		return
	}
	d.out = state
	close(d.over)
	d.l.Close()
	d.wg.Wait()
}

// askEnd asks the process that holds the folder to end the task, and waits for it.
func (p *program) askEnd(ctx context.Context, dir, name string, locked error) int {
	path, err := socketPath(dir)
	if err != nil {
		tell(p.stderr, err)
		return exitFailed
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		tell(p.stderr, locked)
		return exitOf(locked)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	fmt.Fprintf(c, "end %s\n", name)
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		switch answer := lines.Text(); {
		case answer == "ending":
			fmt.Fprintln(p.stderr, "The running process ends the task; waiting for it.")
		case strings.HasPrefix(answer, "this process"):
			fmt.Fprintln(p.stderr, "error: "+answer)
			return exitRefused
		default:
			fmt.Fprintf(p.stderr, "The task is %s.\n", answer)
			return exitOfState(task.State(answer))
		}
	}
	if ctx.Err() != nil {
		return exitStopped
	}
	fmt.Fprintln(p.stderr, "error: the running process ended without an answer; start it again with --end")
	return exitFailed
}
