package precheck

import (
	"context"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"sluice/engine/task"
)

// connectTarget leaves the error of a broker that is too old to targetVersion.
func connectTarget(ctx context.Context, f *facts) finding {
	var ok []string
	var bad *finding
	for _, addr := range f.addresses() {
		w, _ := f.reachTarget(ctx, addr)
		found := w.finding()
		if found.status == Failed && bad == nil {
			bad = &found
		}
		ok = append(ok, addr+" ("+w.times()+")")
	}
	if bad != nil {
		return *bad
	}
	return passed("connect.ok", "Passed", list(ok))
}

// addresses gives the brokers as given, with the default port.
func (f *facts) addresses() []string {
	var out []string
	for _, b := range f.Spec.Target.Brokers {
		for _, addr := range strings.FieldsFunc(b, func(r rune) bool { return r == ',' || r == ' ' }) {
			if _, _, err := net.SplitHostPort(addr); err != nil {
				addr = net.JoinHostPort(strings.Trim(addr, "[]"), "9092")
			}
			out = append(out, addr)
		}
	}
	return out
}

// reachTarget opens a broker, stage by stage. The first that opens is the target of later checks.
func (f *facts) reachTarget(ctx context.Context, addr string) (*way, *Trace) {
	w, t := &way{of: addr}, new(Trace)
	host, _, _ := net.SplitHostPort(addr)
	w.resolve(ctx, "target", host)
	if w.broken {
		w.opening(time.Now(), t, false, nil, nil)
		return w, t
	}
	at := f.Spec.Target
	at.Brokers = []string{addr}
	began := time.Now()
	target, err := f.OpenTarget(ctx, at, t)
	if strings.HasPrefix(task.Code(err), "target.version") {
		f.tooOld, err = err, nil
	}
	w.opening(began, t, encrypted(at.TLS), err, refused)
	switch {
	case target == nil:
	case f.target == nil:
		f.target = target
	default:
		target.Close() // it was only to be reached
	}
	return w, t
}

// TestTarget tries the way to every broker that is given, and to every one that they advertise.
func TestTarget(ctx context.Context, d *Deps) task.Reach {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	f := &facts{Deps: d}
	var r task.Reach
	for _, addr := range f.addresses() {
		w, t := f.reachTarget(ctx, addr)
		r.Stages = append(r.Stages, w.stages...)
		if !r.From.IsValid() {
			r.From = t.from
		}
	}
	w := new(way)
	w.broken = f.target == nil && f.tooOld == nil
	var brokers []Broker
	w.try("metadata", func() finding {
		if f.tooOld != nil {
			return refused(f.tooOld)
		}
		var err error
		if brokers, err = f.target.Brokers(ctx); err != nil {
			return refused(err)
		}
		return passed("stage.metadata", "Count", strconv.Itoa(len(brokers)))
	})
	if w.broken {
		w.add("listener", 0, finding{})
	}
	for _, l := range f.listen(ctx, brokers) {
		w.of, w.broken = strconv.Itoa(l.ID)+" "+l.Addr, false // one that can't be reached says nothing of the others
		w.add("listener", l.took, l.finding)
	}
	r.Stages = append(r.Stages, w.stages...)
	return r
}

// listened is what came of reaching a broker where it says that it is.
type listened struct {
	Broker
	finding
	took time.Duration
}

// listen tries all brokers at once: those behind a wall each take their time.
func (f *facts) listen(ctx context.Context, brokers []Broker) []listened {
	out := make([]listened, len(brokers))
	var all sync.WaitGroup
	for i, b := range brokers {
		all.Go(func() {
			began := time.Now()
			out[i] = listened{b, f.listener(ctx, b), time.Since(began)}
		})
	}
	all.Wait()
	return out
}

func (f *facts) listener(ctx context.Context, b Broker) finding {
	at := f.Spec.Target
	at.Brokers = []string{b.Addr}
	target, err := f.OpenTarget(ctx, at, new(Trace))
	if err != nil {
		found := refused(err)
		found.code = "listeners.unreachable"
		found.params["Broker"], found.params["Address"] = strconv.Itoa(b.ID), b.Addr
		return found
	}
	target.Close()
	return passed("listeners.ok", "Listeners", strconv.Itoa(b.ID)+" "+b.Addr)
}

// listeners refuses a cluster of which a broker can't be reached where it says that it is.
func listeners(ctx context.Context, f *facts) finding {
	brokers, err := f.target.Brokers(ctx)
	if err != nil {
		return refused(err)
	}
	var ok []string
	var bad *finding
	for _, l := range f.listen(ctx, brokers) {
		ok = append(ok, strconv.Itoa(l.ID)+" "+l.Addr)
		if l.status == Failed && bad == nil {
			bad = &l.finding
		}
	}
	if bad != nil {
		return *bad
	}
	return passed("listeners.ok", "Listeners", list(ok))
}

// targetVersion holds the version that was chosen against what the broker answers.
func targetVersion(ctx context.Context, f *facts) finding {
	switch {
	case f.tooOld != nil:
		return refused(f.tooOld)
	case f.target == nil:
		return skipped("skipped.target")
	}
	from, to, err := f.target.Version(ctx)
	if err != nil {
		return refused(err)
	}
	params := []string{"Range", span(from, to), "Chosen", f.KafkaVersion}
	if f.KafkaVersion != "" && !between(from, f.KafkaVersion, to) {
		return failed("target_version.other", params...)
	}
	if withoutProducers(to) {
		return failed("target_version.plain", params...).as(Warning)
	}
	return passed("target_version.ok", params...)
}

// withoutProducers reports whether a Kafka of at most this version knows no producer ids.
func withoutProducers(to string) bool { return to != "" && minor(to) < minor("0.11") }

// span writes a range of versions, in no language.
func span(from, to string) string {
	switch {
	case to == "":
		return from + "+"
	case from == to:
		return from
	case from == "":
		return "≤ " + to
	}
	return from + " – " + to
}

// between compares the first two numbers of versions; an end that is empty is open.
func between(from, v, to string) bool {
	return (from == "" || minor(from) <= minor(v)) && (to == "" || minor(v) <= minor(to))
}

// minor makes a number that grows with the version: 2.8.1 is 2008.
func minor(v string) int {
	words := strings.SplitN(v, ".", 3)
	a, _ := strconv.Atoi(words[0])
	b := 0
	if len(words) > 1 {
		b, _ = strconv.Atoi(words[1])
	}
	return 1000*a + b
}
