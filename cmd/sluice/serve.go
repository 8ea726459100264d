package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"sluice/engine"
	"sluice/engine/dts"
	"sluice/engine/progress"
	"sluice/handlers"
	"sluice/store"
	"sluice/web"
)

const serveHelp = `usage: sluice serve [options]

Serves the console and runs its tasks. At the first start it prints a link that
works once, to make the first user. Tasks that ran when the process ended go on.
SIGINT or SIGTERM stop the tasks and keep all.
`

type serveOptions struct {
	data, listen, cert, key string
}

func (p *program) serve(ctx context.Context, args []string) int {
	f := p.flags("serve", serveHelp)
	var o serveOptions
	f.StringVar(&o.data, "data", "./data", "`DIR` with the tasks and their progress (default ./data)")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`ADDR` of the console (default 127.0.0.1:8080)")
	f.StringVar(&o.cert, "tls-cert", "", "`FILE` with the certificate, for HTTPS")
	f.StringVar(&o.key, "tls-key", "", "`FILE` with the key of the certificate")
	_, code, ok := f.parse(args, 0)
	switch {
	case !ok:
		return code
	case (o.cert == "") != (o.key == ""):
		return f.wrong("--tls-cert and --tls-key belong together")
	}
	ctx, release := stopOnSignal(ctx)
	defer release()
	st, err := store.Open(o.data)
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	defer st.Close()
	c, err := p.newConsole(st, o, "")
	if err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	if err := c.setupLink(ctx); err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	if err := c.run(ctx); err != nil {
		tell(p.stderr, err)
		return exitOf(err)
	}
	return exitStopped
}

// console is the web server and the tasks behind it.
type console struct {
	p        *program
	store    *store.Store
	manager  *manager
	checker  *checker
	server   *web.Server
	listener net.Listener
	url      string // without a slash at its end
}

// newConsole listens, so that a port that is taken is told before anything starts. demo names what a demo stands on.
func (p *program) newConsole(st *store.Store, o serveOptions, demo string) (*console, error) {
	key, err := st.Key("tokens of forms")
	if err != nil {
		return nil, err
	}
	c := &console{p: p, store: st}
	if c.listener, err = net.Listen("tcp", o.listen); err != nil {
		return nil, fmt.Errorf("listening on %s: %w", o.listen, err)
	}
	c.url = "http://" + c.listener.Addr().String()
	if o.cert != "" {
		pair, err := tls.LoadX509KeyPair(o.cert, o.key)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("reading the certificate: %w", err), c.listener.Close())
		}
		c.listener = tls.NewListener(c.listener, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
		c.url = "https://" + c.listener.Addr().String()
	}
	open := !loopback(c.listener.Addr())
	if open && o.cert == "" {
		fmt.Fprintln(p.stderr, "warning: the console listens without encryption on an address that other machines can reach")
	}
	log := slog.New(slog.NewTextHandler(p.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	hub := progress.NewHub(time.Now)
	c.manager = newManager(&runner{store: st, fault: faultPoints(p.getenv), target: targetOptions(p.getenv)}, hub, log)
	sums, err := st.Key("sums of prechecks")
	if err != nil {
		return nil, errors.Join(err, c.listener.Close())
	}
	c.checker = newChecker(st, o.data, sums, log)
	c.server, err = web.New(web.Options{
		Handlers: handlers.Deps{Tasks: st, Drafts: st, Checks: st, Checker: c.checker, Maker: st, Secrets: st, Prober: prober{}, Runner: c.manager, Statuses: hub, Accounts: st, Audit: st, Messages: topicReader{st}, Schema: dts.Schema()},
		Sessions: st, Key: key, Demo: demo, Open: open, Log: log, Now: time.Now,
	})
	if err != nil {
		return nil, errors.Join(err, c.listener.Close())
	}
	return c, nil
}

func loopback(a net.Addr) bool {
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// setupLink prints how to make the first user, where there is none.
func (c *console) setupLink(ctx context.Context) error {
	has, err := c.store.HasUsers(ctx)
	if err != nil {
		return err
	}
	if has {
		fmt.Fprintf(c.p.stdout, "The console is at %s\n", c.url)
		return nil
	}
	ticket, err := c.store.Ticket(ctx, "")
	if err != nil {
		return err
	}
	fmt.Fprintf(c.p.stdout, "The console is at %s\nMake the first user with this link; it works once, for a day:\n\n  %s/setup?ticket=%s\n\n", c.url, c.url, ticket)
	return nil
}

// run serves until ctx is over, then stops the tasks.
func (c *console) run(ctx context.Context) error {
	err := c.manager.restore(ctx)
	if err == nil {
		err = c.server.Serve(ctx, c.listener)
	} else {
		err = errors.Join(err, c.listener.Close())
	}
	c.checker.close()
	c.manager.close()
	if errors.Is(context.Cause(ctx), engine.ErrStopped) {
		return nil
	}
	return err
}
