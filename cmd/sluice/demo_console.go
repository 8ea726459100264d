package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"

	"sluice/cmd/sluice/demo"
	"sluice/engine/task"
	"sluice/handlers"
	"sluice/store"
)

// demoListen checks that an address is one of this machine alone, and writes it with numbers.
func demoListen(addr string) (string, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", err
	}
	if host == "localhost" || host == "" {
		host = "127.0.0.1"
	}
	if ip, err := netip.ParseAddr(host); err != nil || !ip.IsLoopback() {
		return "", errors.New("the demo listens on the loopback address only, like 127.0.0.1:8080")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return "", fmt.Errorf("%q is no port", port)
	}
	return net.JoinHostPort(host, port), nil
}

// demoConsole makes the console with its user and the prepared task, and says how to come in.
func (p *program) demoConsole(ctx context.Context, st *store.Store, o demoOptions, d *demo.Demo, out *lines) (*console, error) {
	if err := st.EnsureUser(ctx, demoUser); err != nil {
		return nil, err
	}
	if err := d.Prepare(func(s task.Spec) error { return prepareDraft(ctx, st, s) }); err != nil {
		return nil, err
	}
	host, digits, err := net.SplitHostPort(o.listen)
	if err != nil {
		return nil, err
	}
	wanted, err := strconv.Atoi(digits)
	if err != nil {
		return nil, err
	}
	port, err := demo.FreePort(host, wanted)
	if err != nil {
		return nil, err
	}
	if port != wanted {
		out.say("Port %d is taken by another program: the console is on %d.", wanted, port)
	}
	c, err := p.newConsole(st, serveOptions{listen: net.JoinHostPort(host, strconv.Itoa(port))}, d.Label)
	if err != nil {
		return nil, err
	}
	ticket, err := st.Ticket(ctx, demoUser)
	if err != nil {
		return nil, errors.Join(err, c.listener.Close())
	}
	out.say("%s", welcome(c.url+"/signin?ticket="+ticket, o, d))
	return c, nil
}

// prepareDraft keeps a task for the wizard, with what the demo's servers need.
func prepareDraft(ctx context.Context, st *store.Store, s task.Spec) error {
	body, err := handlers.DraftBody(s, task.About{InstanceType: "self"})
	if err != nil {
		return err
	}
	d, err := st.NewDraft(ctx, task.Draft{Name: s.Name, Step: "connections", Body: body, Owner: demoUser})
	if err != nil {
		return err
	}
	return st.SetSecret(ctx, d.ID, "source", s.Source.Password)
}

func welcome(link string, o demoOptions, d *demo.Demo) string {
	s := d.Source
	return fmt.Sprintf(`Running: %s.

Open this link. It signs you in once:

  %s

A task named %q is prepared: go on with it. For a task of your own, type

  source  host %s  port %d  account %s  password %s
  target  %s (the demo broker)

The shop is written to with %d transactions a second. Type another number and Enter
to change that; 0 stops the writer. Ctrl-C stops everything.
`, d.Label, link, d.Spec().Name, s.Host, s.Port, s.User, s.Password.Reveal(), d.Broker, o.rate)
}
