package faults

import (
	"fmt"
	"time"
)

// end is one of the two lines that a network fault can hit.
type end int

const (
	toSource end = iota
	toBroker
)

// lines are the proxies that carry the end's traffic: all brokers, or the source.
func (w *world) lines(e end) []*proxy {
	if e == toSource {
		return []*proxy{w.line}
	}
	var out []*proxy
	for _, b := range w.brokers {
		out = append(out, b.proxy)
	}
	return out
}

// poison puts a toxic on all lines of an end.
func (w *world) poison(e end, kind, stream, attributes string) (heal func()) {
	var heals []func()
	for _, p := range w.lines(e) {
		heals = append(heals, p.poison(w.t, kind, stream, attributes))
	}
	return func() {
		for _, h := range heals {
			h()
		}
	}
}

func netReset(e end) func(*world) (time.Time, string) {
	return func(w *world) (time.Time, string) {
		heal := w.poison(e, "reset_peer", "downstream", `"timeout": 0`)
		w.stalled()
		d := w.lasting()
		w.hold(d)
		heal()
		return time.Now(), "for " + (quiet + d).String()
	}
}

func netRefuse(e end) func(*world) (time.Time, string) {
	return func(w *world) (time.Time, string) {
		var heals []func()
		for _, p := range w.lines(e) {
			heals = append(heals, p.refuse(w.t))
		}
		w.stalled()
		d := w.lasting()
		w.hold(d)
		for _, h := range heals {
			h()
		}
		return time.Now(), "for " + (quiet + d).String()
	}
}

// netSilence lets what one side sends vanish; connections stay.
func netSilence(e end) func(*world) (time.Time, string) {
	return func(w *world) (time.Time, string) {
		stream := []string{"downstream", "upstream"}[w.g.IntN(2)]
		if e == toSource {
			stream = "downstream" // what is asked of a source is asked rarely
		}
		heal := w.poison(e, "timeout", stream, `"timeout": 0`)
		w.stalled()
		d := w.lasting()
		w.hold(d)
		heal()
		return time.Now(), fmt.Sprintf("%s for %s", stream, quiet+d)
	}
}

func netLatency(e end) func(*world) (time.Time, string) {
	return func(w *world) (time.Time, string) {
		ms := 200 + w.g.IntN(800)
		heal := w.poison(e, "latency", "downstream", fmt.Sprintf(`"latency": %d, "jitter": %d`, ms, ms/4))
		w.slowed(time.Duration(ms/2) * time.Millisecond)
		w.hold(w.lasting())
		heal()
		return time.Now(), fmt.Sprintf("%d ms", ms)
	}
}

func netNarrow(e end) func(*world) (time.Time, string) {
	return func(w *world) (time.Time, string) {
		rate := 1 + w.g.IntN(4)
		stream := "downstream"
		if e == toBroker {
			stream = "upstream"
		}
		heal := w.poison(e, "bandwidth", stream, fmt.Sprintf(`"rate": %d`, rate))
		w.slowed(time.Second)
		w.hold(w.lasting())
		heal()
		return time.Now(), fmt.Sprintf("%d KB/s", rate)
	}
}

// netBroken cuts every connection after some bytes of answers: in a handshake, in the head of an answer, in a record.
func netBroken(e end) func(*world) (time.Time, string) {
	return func(w *world) (time.Time, string) {
		n := 10 + w.g.IntN(390)
		if e == toBroker {
			n = 10 + w.g.IntN(140) // more than that of an old broker is a whole conversation
		}
		heal := w.poison(e, "limit_data", "downstream", fmt.Sprintf(`"bytes": %d`, n))
		w.stalled()
		w.hold(w.lasting())
		heal()
		return time.Now(), fmt.Sprintf("after %d bytes", n)
	}
}
