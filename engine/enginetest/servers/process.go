package servers

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"sluice/engine/enginetest/wait"
)

// startWait bounds a start on a busy machine; a healthy one needs seconds.
const startWait = 2 * time.Minute

// stopWait is how long an orderly stop may take before the process is killed.
const stopWait = 30 * time.Second

// process is one server program in a folder of its own.
type process struct {
	name  string
	dir   string
	argv  []string
	env   []string
	ready func(context.Context) error

	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
}

// start runs the program and waits until ready succeeds.
func (p *process) start() error {
	log, err := os.OpenFile(p.logFile(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(p.argv[0], p.argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = p.dir, append(os.Environ(), p.env...), log, log
	cmd.SysProcAttr = dieWithParent()
	if err := spawn(cmd); err != nil {
		return fmt.Errorf("start %s: %w", p.name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startWait)
	defer cancel()
	done := make(chan struct{})
	go func() { cmd.Wait(); close(done); cancel() }()
	p.cmd, p.done = cmd, done

	err = wait.Until(ctx, func() error { return p.ready(ctx) })
	if err == nil {
		return nil
	}
	select {
	case <-done:
		return fmt.Errorf("%s ended while starting (%v)\n%s", p.name, cmd.ProcessState, p.logTail())
	default:
		p.kill()
		return fmt.Errorf("%s not ready after %v: %w\n%s", p.name, startWait, err, p.logTail())
	}
}

func (p *process) kill() {
	if p.cmd != nil {
		p.cmd.Process.Kill()
		<-p.done
	}
}

func (p *process) stop() error {
	if p.cmd == nil {
		return nil
	}
	p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return nil
	case <-time.After(stopWait):
		p.kill()
		return fmt.Errorf("%s did not stop within %v and was killed\n%s", p.name, stopWait, p.logTail())
	}
}

// freeze stops the process without ending it: its ports stay open and nothing answers. thaw lets it go on.
func (p *process) freeze() error {
	if err := p.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	// The signal is on its way for a moment, in which the program may still answer.
	ctx, cancel := context.WithTimeout(context.Background(), stopWait)
	defer cancel()
	return wait.Until(ctx, func() error {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
		if err != nil || strings.Contains(string(stat), ") T ") { // without /proc there is nothing to see
			return nil
		}
		return fmt.Errorf("%s does not stand still", p.name)
	})
}

func (p *process) thaw() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// discard ends the process the fast way and removes its folder.
func (p *process) discard() {
	p.kill()
	os.RemoveAll(p.dir)
}

func (p *process) logFile() string { return filepath.Join(p.dir, "server.log") }

func (p *process) logTail() string {
	text, _ := os.ReadFile(p.logFile())
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	if len(lines) > 40 {
		lines = lines[len(lines)-40:]
	}
	return "end of the server log:\n" + strings.Join(lines, "\n")
}

var spawner = sync.OnceValue(func() chan func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

// spawn starts cmd from one thread that never ends: the kernel sends the
// parent-death signal when the starting thread, not the process, goes away.
func spawn(cmd *exec.Cmd) error {
	err := make(chan error)
	spawner() <- func() { err <- cmd.Start() }
	return <-err
}

const dirPrefix = "sluice-test-"

// newDir makes a folder with a short path, as a socket's path holds at most 107 bytes.
func newDir() (string, error) {
	sweep()
	return os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
}

// sweep removes folders of test binaries that were killed before they could.
var sweep = sync.OnceFunc(func() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		if n, err := strconv.Atoi(pid); err == nil && errors.Is(syscall.Kill(n, 0), syscall.ESRCH) {
			os.RemoveAll(dir)
		}
	}
})

// freePort picks below the range of the kernel's own choice, so that no
// outgoing connection takes the port while its server is down.
func freePort() (int, error) {
	for range 100 {
		port := 12000 + rand.IntN(20000)
		l, err := net.Listen("tcp", address(port))
		if err == nil {
			l.Close()
			return port, nil
		}
	}
	return 0, errors.New("no free port found")
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
