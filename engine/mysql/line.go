package mysql

import (
	"context"
	"net"
	"sync"
	"time"
)

// streamTimeout is how long a line without even a heartbeat takes to be dead.
const streamTimeout = 10 * time.Second

// heldLine is the network connection of a dump, held so that it can be cut; nothing is dialled after that. The server ends
// the dump by itself at its next heartbeat.
type heldLine struct {
	mu     sync.Mutex
	line   net.Conn
	closed bool
}

func (h *heldLine) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	line, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		line.Close()
		return nil, net.ErrClosed
	}
	h.line = line
	return timedLine{line}, nil
}

func (h *heldLine) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.line != nil {
		h.line.Close()
	}
}

// timedLine gives the server its whole time to answer whenever something is read: what the reader waits for elsewhere
// must not count against the server. The library would set a limit three times for each event.
type timedLine struct{ net.Conn }

func (l timedLine) Read(b []byte) (int, error) {
	if err := l.SetReadDeadline(time.Now().Add(streamTimeout)); err != nil {
		return 0, err
	}
	return l.Conn.Read(b)
}
