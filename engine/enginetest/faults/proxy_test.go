package faults

import (
	"context"
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"

	"sluice/engine/enginetest/servers"
)

// proxy stands between sluice and one server.
type proxy struct {
	*toxiproxy.Proxy
	addr   string
	toxics int // put on so far; each has a name of its own
}

// newProxy listens on a port of its own; upstream may be given later by to.
func newProxy(t testing.TB, name string) *proxy {
	t.Helper()
	addr := servers.FreeAddress(t)
	zerolog.SetGlobalLevel(zerolog.Disabled)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	return &proxy{Proxy: toxiproxy.NewProxy(server, name, addr, ""), addr: addr}
}

// to starts to forward.
func (p *proxy) to(t testing.TB, upstream string) {
	t.Helper()
	p.Upstream = upstream
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
}

// poison puts a toxic on the answers of the server (downstream) or on what it is asked (upstream), for connections
// that are there and for new ones.
func (p *proxy) poison(t testing.TB, kind, stream, attributes string) (heal func()) {
	t.Helper()
	p.toxics++
	name := fmt.Sprint(kind, p.toxics)
	_, err := p.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name": %q, "type": %q, "stream": %q, "attributes": {%s}}`, name, kind, stream, attributes)))
	if err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		if err := p.Toxics.RemoveToxic(context.Background(), name); err != nil {
			t.Fatal(err)
		}
	}
}

// refuse closes the port and all connections.
func (p *proxy) refuse(t testing.TB) (heal func()) {
	p.Stop()
	return func() {
		t.Helper()
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
	}
}
