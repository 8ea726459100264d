package store

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// childRole makes the test binary a second process on the data folder of childDir.
const (
	childRole = "SLUICE_STORE_CHILD"
	childDir  = "SLUICE_STORE_DIR"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		child(role, os.Getenv(childDir))
		return
	}
	goleak.VerifyTestMain(m)
}

// child works until it is killed and says on its output what has been done.
func child(role, dir string) {
	s, err := Open(dir)
	check(err)
	fmt.Println("open")
	if role == "seal" {
		h, _, err := s.Task(context.Background(), fullSpec())
		check(err)
		_, err = h.Start(context.Background())
		check(err)
		check(h.Begin(context.Background(), &engine.Saved{Task: h.ID(), Generation: 1}))
		for id := int64(1); ; id++ {
			check(h.Seal(context.Background(), []engine.Chunk{{ID: id, Status: snapshot.Sealed, Rows: id * 10}}, []engine.Chunk{{ID: id + 1}}))
			fmt.Println(id)
		}
	}
	select {}
}

func check(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

// process is a child and the lines that it prints.
type process struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startChild(t *testing.T, role, dir string) *process {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childRole+"="+role, childDir+"="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{cmd, bufio.NewScanner(out)}
	t.Cleanup(p.kill)
	return p
}

func (p *process) next(t *testing.T) string {
	t.Helper()
	if !p.lines.Scan() || strings.HasPrefix(p.lines.Text(), "error") {
		t.Fatalf("the child ended: %s %v", p.lines.Text(), p.lines.Err())
	}
	return p.lines.Text()
}

// kill is kill -9; it returns when the process is gone.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
}

// clock stands still until it is moved; its ticks are sent by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
	c  chan time.Time
}

func newClock() *clock {
	return &clock{at: time.Date(2025, 6, 1, 12, 0, 0, 0, time.UTC), c: make(chan time.Time)}
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func (c *clock) ticks(time.Duration) (<-chan time.Time, func()) { return c.c, func() {} }

func openAt(t *testing.T, dir string, c *clock) *Store {
	t.Helper()
	s, err := open(dir, c.now, c.ticks)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// started gives a task that has been started in a new folder.
func started(t *testing.T, s *Store) (*Task, context.Context) {
	t.Helper()
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	run, err := h.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.End(context.Background(), task.Stopped, nil) })
	return h, run
}

func begun(t *testing.T, s *Store) (*Task, context.Context) {
	t.Helper()
	h, run := started(t, s)
	begin(t, h)
	return h, run
}

// begin stores the least that a start can be.
func begin(t *testing.T, h *Task) {
	t.Helper()
	if err := h.Begin(t.Context(), &engine.Saved{Task: h.ID(), Generation: 1, Lanes: []engine.Partition{{Topic: "shop", ID: 0}}}); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t *testing.T, err error, code string, retry bool) {
	t.Helper()
	if task.Code(err) != code || task.Retryable(err) != retry {
		t.Fatalf("got %v (retry %v), want %s (retry %v)", err, task.Retryable(err), code, retry)
	}
}

func fullSpec() task.Spec {
	s := task.Spec{
		Name:   "shop",
		Source: task.Source{Host: "db", User: "reader", Password: "hunter-source"},
		Target: task.Target{Brokers: []string{"kafka"}, User: "writer", Password: "hunter-target", Topic: "shop"},
		Schema: true, Full: true, Incremental: true,
		Tables: []task.Table{{Schema: "shop", Name: "orders"}, {Schema: "shop", Name: "items", Exclude: []string{"note"}}},
	}
	s.Defaults()
	return s
}

var orders = cdc.TableID{Schema: "shop", Name: "orders"}
