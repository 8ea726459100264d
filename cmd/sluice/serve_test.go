package main

import (
	"context"
	"io"
	"net"
	"testing"

	"sluice/engine"
	"sluice/store"
)

// A stop that comes while the tasks are being restored is a stop in order, too.
func TestConsoleStopsBeforeItServes(t *testing.T) {
	t.Parallel()
	st, err := store.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	p := &program{stdout: io.Discard, stderr: io.Discard, getenv: func(string) string { return "" }}
	c, err := p.newConsole(st, serveOptions{data: t.TempDir(), listen: "127.0.0.1:0"}, "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(engine.ErrStopped)
	if err := c.run(ctx); err != nil {
		t.Errorf("the stop was told as a failure: %v", err)
	}
	if conn, err := net.Dial("tcp", c.listener.Addr().String()); err == nil {
		conn.Close()
		t.Error("the port is still open")
	}
	if err := c.manager.begin("any", false); err == nil {
		t.Error("a task can still be started")
	}
}
