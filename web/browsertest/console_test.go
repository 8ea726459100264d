package browsertest

import (
	"bufio"
	"bytes"
	"context"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/store"
)

// userName is who signs in by the ticket of a console.
const userName = "operator"

// Console is `sluice serve` as a process, on a data folder of its own.
type Console struct {
	t      testing.TB
	data   string
	ticket string // signs userName in, once; empty: the console has no user yet
	setup  string // the path of the printed link, where there is no user
	url    string
	cmd    *exec.Cmd
	errs   lockedBuffer
}

// lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newConsole fills a data folder and serves it. With seed nil it has no user.
func newConsole(t testing.TB, seed func(context.Context, *store.Store)) *Console {
	t.Helper()
	c := &Console{t: t, data: filepath.Join(t.TempDir(), "data")}
	if seed != nil {
		c.fill(seed)
	}
	c.start("127.0.0.1:0")
	t.Cleanup(c.stop)
	return c
}

func (c *Console) fill(seed func(context.Context, *store.Store)) {
	c.t.Helper()
	ctx := context.Background()
	st, err := store.Open(c.data)
	must(c.t, err)
	must(c.t, st.EnsureUser(ctx, userName))
	c.ticket, err = st.Ticket(ctx, userName)
	must(c.t, err)
	seed(ctx, st)
	must(c.t, st.Close())
}

// start runs the process until it has told its address.
func (c *Console) start(listen string) {
	c.t.Helper()
	c.cmd = exec.Command(driver.Binary(c.t), "serve", "--data", c.data, "--listen", listen)
	c.cmd.Stderr = &c.errs
	out, err := c.cmd.StdoutPipe()
	must(c.t, err)
	must(c.t, c.cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		line := lines.Text()
		if at, ok := strings.CutPrefix(line, "The console is at "); ok {
			c.url = at
			if c.ticket != "" {
				return
			}
		}
		if i := strings.Index(line, "/setup?ticket="); i >= 0 {
			c.setup = line[i:]
			return
		}
	}
	c.t.Fatalf("sluice serve ended without an address: %s", c.errs.String())
}

// stop ends the process as an operator would.
func (c *Console) stop() {
	if c.cmd == nil {
		return
	}
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	over := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(over) }()
	select {
	case <-over:
	case <-time.After(30 * time.Second):
		_ = c.cmd.Process.Kill()
		c.t.Errorf("sluice serve did not end within 30 s of SIGTERM: %s", c.errs.String())
		<-over
	}
	c.cmd = nil
}

// restart ends the process and starts it on the same folder and port.
func (c *Console) restart() {
	c.t.Helper()
	at, err := url.Parse(c.url)
	must(c.t, err)
	c.stop()
	c.start(at.Host)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
