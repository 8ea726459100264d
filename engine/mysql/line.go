package mysql

import (
	"context"
	"net"
	"sync"
	"time"
)

// heldLine is the network connection of a dump, held so that it can be cut. Nothing is dialled after that: the library
// would connect once more to kill the dump, which the server ends by itself at its next heartbeat.
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
	return line, nil
}

// extend gives the server its whole time to answer again.
func (h *heldLine) extend() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.line != nil {
		h.line.SetReadDeadline(time.Now().Add(streamTimeout))
	}
}

func (h *heldLine) cut() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.line != nil {
		h.line.Close()
	}
}
