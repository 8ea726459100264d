package browsertest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// gate stands between browser and console, counts the live streams, and can cut them.
type gate struct {
	proxy http.Handler

	mu      sync.Mutex
	change  *sync.Cond
	streams map[*http.Request]context.CancelFunc
	most    int
	closed  bool // streams are answered 503
}

// gated is the same console by another address.
func (c *Console) gated() (*Console, *gate) {
	c.t.Helper()
	to, err := url.Parse(c.url)
	must(c.t, err)
	g := &gate{streams: map[*http.Request]context.CancelFunc{}}
	g.change = sync.NewCond(&g.mu)
	g.proxy = &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // the console compares it with the origin
	}}
	server := httptest.NewServer(g)
	c.t.Cleanup(server.Close)
	c.t.Cleanup(func() { g.cut(true) }) // the server waits for its streams
	return &Console{t: c.t, data: c.data, ticket: c.ticket, url: server.URL}, g
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/events" {
		g.proxy.ServeHTTP(w, r)
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	g.mu.Lock()
	closed := g.closed
	if !closed {
		g.streams[r] = cancel
		g.most = max(g.most, len(g.streams))
		g.change.Broadcast()
	}
	g.mu.Unlock()
	if closed {
		http.Error(w, "not now", http.StatusServiceUnavailable)
		return
	}
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.streams, r)
		g.change.Broadcast()
		_ = recover() // the proxy panics to break off an answer that has begun
	}()
	g.proxy.ServeHTTP(w, r.WithContext(ctx))
}

// cut ends all streams and says whether new ones are let through.
func (g *gate) cut(closed bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = closed
	for _, cancel := range g.streams {
		cancel()
	}
}

// wait waits until there are n streams.
func (g *gate) wait(t testing.TB, n int) {
	t.Helper()
	late := false
	over := time.AfterFunc(patience, func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		late = true
		g.change.Broadcast()
	})
	defer over.Stop()
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.streams) != n {
		if late {
			t.Fatalf("there are %d live streams, want %d", len(g.streams), n)
		}
		g.change.Wait()
	}
}
