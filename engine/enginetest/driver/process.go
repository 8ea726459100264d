package driver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
)

// Process is one run of a task's process.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	out  Outcome
	line string

	mu   sync.Mutex
	last Progress
	said map[string]int // how often each code was given as the reason of another try
	told []string       // the notices, each with its parameters
	wake chan struct{}  // closed when a line was read
}

// Start runs the process beside the test; fault names a point at which it kills itself.
func (x *Task) Start(fault string, args ...string) (*Process, error) { return x.start(fault, "", args) }

func (x *Task) start(fault, phase string, args []string) (*Process, error) {
	cmd := x.Command(append([]string{"--json"}, args...)...)
	cmd.Env = append(cmd.Env, "SLUICE_FAULT="+fault)
	errs := new(bytes.Buffer)
	cmd.Stderr = errs
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, done: make(chan struct{}), said: map[string]int{}, wake: make(chan struct{})}
	x.started = append(x.started, p)
	go func() {
		lines := bufio.NewScanner(out)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			p.line = lines.Text()
			p.hear(lines.Bytes())
			last := p.Last()
			if last.Phase == "incremental" || last.Phase == "finished" {
				x.Copied.Store(true)
			}
			if phase != "" && last.Phase == phase {
				p.Signal(syscall.SIGTERM)
			}
		}
		var exit *exec.ExitError
		killed := errors.As(cmd.Wait(), &exit) && exit.ExitCode() == -1
		p.out = Outcome{Killed: killed, Code: cmd.ProcessState.ExitCode(), Stderr: errs.String(), Last: p.Last()}
		close(p.done)
	}()
	return p, nil
}

// hear takes one line of --json.
func (p *Process) hear(line []byte) {
	var said Progress
	if json.Unmarshal(line, &said) != nil || said.Phase == "" {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = said
	for _, n := range said.Notices {
		p.told = append(p.told, strings.Join(append([]string{n.Code}, n.Params...), " "))
		if n.Code == "task.retry" && len(n.Params) > 0 {
			p.said[codeOf(n.Params[0])]++
		}
	}
	if said.Error != nil {
		p.said[said.Error.Code]++
	}
	close(p.wake)
	p.wake = make(chan struct{})
}

// codeOf takes the code from the end of an error's text.
func codeOf(text string) string {
	b := []byte(text)
	from, to := bytes.LastIndexByte(b, '['), bytes.LastIndexByte(b, ']')
	if from < 0 || to < from {
		return "internal"
	}
	return text[from+1 : to]
}

// Last is the newest line.
func (p *Process) Last() Progress {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.last
}

// Said counts the codes that the process gave so far, as reasons of another try and as its end. The channel closes
// when it says more.
func (p *Process) Said() (map[string]int, <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	out := map[string]int{}
	for code, n := range p.said {
		out[code] = n
	}
	return out, p.wake
}

// Told gives the notices so far, each with its parameters.
func (p *Process) Told() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.told)
}

// PID is the process's id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done closes when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits for its end, which a process that is still there when ctx ends is given.
func (p *Process) Wait(ctx context.Context) (Outcome, error) {
	select {
	case <-p.Done():
		return p.out, nil
	case <-ctx.Done():
		p.Signal(syscall.SIGKILL)
		<-p.Done()
		return p.out, fmt.Errorf("%w; standard error: %s; last: %s", ctx.Err(), p.out.Stderr, p.line)
	}
}

// Outcome is how it ended, once Done is closed.
func (p *Process) Outcome() Outcome { return p.out }

// Signal sends a signal to the process; one that has ended does not mind.
func (p *Process) Signal(s os.Signal) { _ = p.cmd.Process.Signal(s) }
