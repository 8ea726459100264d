package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"sluice/cmd/sluice/demo"
	"sluice/engine"
	"sluice/engine/task"
	"sluice/store"
)

const demoHelp = `usage: sluice demo [options]

Starts all that it takes to try the console: a MariaDB with a shop that is written
to, a demo broker in this process that speaks Kafka's protocol, and the console. It
prints a link that signs you in. A MariaDB of this machine is used if there is one;
else Debian or Ubuntu packages of one are fetched into the cache. Nothing is
installed, no root is needed, and all of it listens on the loopback address only.

SIGINT or SIGTERM stop everything and keep all; the same command goes on.
`

// demoUser signs in by link alone.
const demoUser = "demo"

type demoOptions struct {
	data, listen, source string
	rate                 int
	reset                bool
}

func (p *program) demo(ctx context.Context, args []string) int {
	f := p.flags("demo", demoHelp)
	var o demoOptions
	f.StringVar(&o.data, "data", "", "`DIR` for what the demo keeps (default: demo below the cache folder)")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "`ADDR` of the console (default 127.0.0.1:8080); a port that is taken gives way to the next")
	f.StringVar(&o.source, "source", "", "make the shop on a MySQL or MariaDB of yours; `SOURCE` is USER:PASSWORD@HOST:PORT")
	f.IntVar(&o.rate, "rate", 50, "`N` transactions a second are written to the shop (default 50); 0 writes none")
	f.BoolVar(&o.reset, "reset", false, "begin anew: remove what the demo kept")
	if _, code, ok := f.parse(args, 0); !ok {
		return code
	}
	if o.rate < 0 || o.rate > maxDemoRate {
		return f.wrong("--rate is 0 to %d", maxDemoRate)
	}
	if o.source != "" {
		if _, _, _, _, err := demo.ParseSource(o.source); err != nil {
			return f.wrong("--source: %v", err)
		}
	}
	listen, err := demoListen(o.listen)
	if err != nil {
		return f.wrong("--listen: %v", err)
	}
	o.listen = listen
	ctx, release := stopOnSignal(ctx)
	defer release()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer endWithParent(ctx, cancel)()
	err = p.runDemo(ctx, cancel, o)
	if errors.Is(context.Cause(ctx), engine.ErrStopped) {
		return exitStopped
	}
	if err != nil {
		tell(p.stderr, err)
	}
	return exitOf(err)
}

// runDemo works until ctx is over.
func (p *program) runDemo(ctx context.Context, cancel context.CancelCauseFunc, o demoOptions) error {
	cache, err := demoCache(p.getenv)
	if err != nil {
		return err
	}
	if o.data == "" {
		o.data = filepath.Join(cache, "demo")
	}
	folder, err := demo.OpenFolder(o.data)
	if err != nil {
		return err
	}
	st, err := demoStore(folder, o.reset)
	if err != nil {
		return err
	}
	defer p.closing(st.Close)
	out := newLines(p.stdout)
	d, err := demo.Start(ctx, folder, demo.Options{Cache: cache, Source: o.source, Rate: o.rate, Say: out.say, Progress: out.progress})
	if err != nil {
		return err
	}
	defer p.closing(d.Close)
	c, err := p.demoConsole(ctx, st, o, d, out)
	if err != nil {
		return err
	}
	go readRates(os.Stdin, d.SetRate, out.say)
	go watchSource(ctx, d, cancel)
	if err := c.run(ctx); err != nil {
		return err
	}
	if cause := context.Cause(ctx); !errors.Is(cause, engine.ErrStopped) {
		return cause
	}
	out.say("Stopping. The same command goes on from here.")
	return nil
}

// closing tells what went wrong while something was closed; it has an end all the same.
func (p *program) closing(end func() error) {
	if err := end(); err != nil {
		tell(p.stderr, err)
	}
}

// watchSource ends the demo where its MariaDB has ended.
func watchSource(ctx context.Context, d *demo.Demo, cancel context.CancelCauseFunc) {
	select {
	case <-d.Died():
		if ctx.Err() == nil {
			cancel(d.Why())
		}
	case <-ctx.Done():
	}
}

// demoCache is the folder that the tests' servers are kept in, too.
func demoCache(getenv func(string) string) (string, error) {
	if dir := getenv("SLUICE_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", &task.Error{Code: "demo.cache", Text: "There is no folder for caches", Err: err, Hint: "Set HOME, or name a folder with SLUICE_CACHE."}
	}
	return filepath.Join(dir, "sluice"), nil
}

// demoStore opens the console's store, which also keeps a second demo off the folder.
func demoStore(f *demo.Folder, reset bool) (*store.Store, error) {
	st, err := store.Open(f.ConsoleDir())
	if !reset {
		return st, err
	}
	if task.Code(err) == "data.locked" {
		return nil, err
	}
	if err == nil {
		if err := st.Close(); err != nil {
			return nil, err
		}
	}
	if err := f.Reset(); err != nil {
		return nil, err
	}
	return store.Open(f.ConsoleDir())
}
