package precheck

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"sluice/engine/task"
)

// Stage is one step on the way to a server.
type Stage = task.Stage

// Trace is told by a room how far its first connection came. Its methods may be called at the same time.
type Trace struct {
	mu                sync.Mutex
	dialed, encrypted time.Time
	from              netip.Addr
}

// Dialed notes that the port answered.
func (t *Trace) Dialed(local net.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dialed.IsZero() {
		t.dialed = time.Now()
		if at, err := netip.ParseAddrPort(local.String()); err == nil {
			t.from = at.Addr().Unmap()
		}
	}
}

// Encrypted notes that the TLS handshake came to its end.
func (t *Trace) Encrypted() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.encrypted.IsZero() {
		t.encrypted = time.Now()
	}
}

// way is the list of stages on the way to one address. After one that failed the rest is skipped.
type way struct {
	of     string
	stages []Stage
	broken bool
}

func (w *way) add(name string, took time.Duration, found finding) {
	if w.broken {
		found, took = skipped("skipped.stage"), 0
	}
	w.broken = w.broken || found.status == Failed
	s := Stage{Name: name, Of: w.of, Took: took, Status: string(found.status), Code: found.code, Params: found.params, Err: found.err}
	s.Text, s.Cause, s.Fix = found.sentences()
	w.stages = append(w.stages, s)
}

// try runs a stage unless one before it failed.
func (w *way) try(name string, do func() finding) {
	began := time.Now()
	var found finding
	if !w.broken {
		found = do()
	}
	w.add(name, time.Since(began), found)
}

// resolve is the stage dns.
func (w *way) resolve(ctx context.Context, room, host string) {
	w.try("dns", func() finding {
		addrs, err := net.DefaultResolver.LookupHost(ctx, host)
		if err != nil {
			return refused(&task.Error{Code: room + ".host_unknown", Text: fmt.Sprintf("the host name %q cannot be resolved", host), Hint: "Check the host name.", Err: err})
		}
		return passed("stage.dns", "Addresses", list(addrs))
	})
}

// opening makes the stages tcp, tls and auth out of a connection's trace and its error.
func (w *way) opening(began time.Time, t *Trace, encrypted bool, err error, explain func(error) finding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at := t.blamed(err, encrypted)
	step := func(name string, reached time.Time, applies bool) {
		switch {
		case name == at:
			w.add(name, time.Since(began), explain(err))
		case !applies:
			w.add(name, 0, skipped("skipped.tls"))
		case reached.IsZero():
			w.add(name, 0, skipped("skipped.stage"))
		default:
			w.add(name, reached.Sub(began), passed("stage."+name))
			began = reached
		}
	}
	step("tcp", t.dialed, true)
	step("tls", t.encrypted, encrypted)
	step("auth", time.Now(), true)
}

// blamed tells the stage at which a connection failed. A server that lets nobody in from here says so before TLS.
func (t *Trace) blamed(err error, encrypted bool) string {
	_, what, _ := strings.Cut(task.Code(err), ".")
	switch {
	case err == nil:
		return ""
	case strings.HasPrefix(what, "tls") || what == "ca_file":
		return "tls"
	case t.dialed.IsZero():
		return "tcp"
	case encrypted && t.encrypted.IsZero() && (what == "connection_lost" || what == "timeout"):
		return "tls"
	}
	return "auth"
}

// failure gives the stage that failed.
func (w *way) failure() *Stage {
	i := slices.IndexFunc(w.stages, func(s Stage) bool { return s.Status == string(Failed) })
	if i < 0 {
		return nil
	}
	return &w.stages[i]
}

// times tells what the stages took that passed.
func (w *way) times() string {
	var words []string
	for _, s := range w.stages {
		if s.Status == string(Passed) {
			words = append(words, fmt.Sprintf("%s %s", s.Name, s.Took.Round(10*time.Microsecond)))
		}
	}
	return strings.Join(words, ", ")
}

// finding is that of the stage that failed, with those that passed in the parameter Passed; or passes itself.
func (w *way) finding() finding {
	if s := w.failure(); s != nil {
		f := finding{code: s.Code, params: map[string]string{}, status: Failed, err: s.Err}
		for k, v := range s.Params {
			f.params[k] = v
		}
		f.params["Stage"], f.params["Passed"], f.params["Of"] = s.Name, w.times(), s.Of
		return f
	}
	return passed("connect.ok", "Passed", w.times())
}
