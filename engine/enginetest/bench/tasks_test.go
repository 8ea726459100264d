package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
	"sluice/store"
)

// tasks serves many tasks from one process: what they take while nothing happens, and how soon pages answer,
// then and while a full copy in the same process takes what the processors have.
//
//	go test ./engine/enginetest/bench -run TestScale/tasks -timeout 30m -v -bench.runs=1
func (w *world) tasks(t *testing.T, bin string) {
	stored, running, rows, span, quiet := 100, 5, 100_000, 2*time.Second, 2*time.Second
	if *runs > 0 {
		stored, running, rows, span, quiet = 1000, 50, 6_000_000, 20*time.Second, 20*time.Second
	}
	w.tables("growth", 1, rows, 3, 60)
	w.topic("silent", 1)
	w.topic("growth", 6)
	s := newServed(w, bin, stored, running)

	began := time.Now()
	p := s.serve()
	start := time.Since(began)
	w.reach(p, "silent", int64(running), 5*time.Minute) // each has sent a heartbeat
	all := time.Since(began)
	s.settle(p)
	a, woken := w.look(p), switches(p.cmd.Process.Pid)
	time.Sleep(quiet) // what is measured
	b := w.look(p)
	idle := 100 * float64(b.it-a.it) / float64(b.at.Sub(a.at))
	woken = (switches(p.cmd.Process.Pid) - woken) / int64(quiet/time.Second)
	t.Logf("%d tasks, %d of them follow a silent source: the first page after %.2f s, all follow after %.2f s; idle %.2f %% of a processor, %d context switches/s, %.0f MB",
		stored, running, start.Seconds(), all.Seconds(), idle, woken, memoryOf(p.cmd.Process.Pid, "VmRSS"))
	t.Logf("pages of an idle process: %s", s.ask(span))
	p.stop(syscall.SIGTERM)

	s.copy()
	p = s.serve()
	w.reach(p, "growth", 1000, time.Minute)
	a, had := w.look(p), w.count("growth")
	busy := s.ask(span)
	o := outcome{}
	o.between(a, w.look(p), w.count("growth")-had)
	t.Logf("pages during a full copy of %.0f rows/s: %s", o.RowsPerSecond, busy)
	if *runs > 0 && (busy.at(99) > 100*time.Millisecond || o.RowsPerSecond == 0) {
		t.Errorf("pages wait for %v", busy.at(99))
	}
	p.stop(syscall.SIGTERM)
}

// served is a data folder with many tasks, and its console.
type served struct {
	w                              *world
	bin, dir, addr, session, large string
	ids                            []string
	http                           *http.Client
}

func newServed(w *world, bin string, stored, running int) *served {
	w.Helper()
	s := &served{w: w, bin: bin, dir: filepath.Join(w.TempDir(), "data"), addr: servers.FreeAddress(w), http: &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
	w.Cleanup(s.http.CloseIdleConnections)
	s.inside(func(ctx context.Context, st *store.Store) error {
		if err := st.EnsureUser(ctx, "operator"); err != nil {
			return err
		}
		ticket, err := st.Ticket(ctx, "operator")
		if err != nil {
			return err
		}
		if s.session, err = st.SignInWithTicket(ctx, ticket); err != nil {
			return err
		}
		for i := range stored {
			id, err := st.AddTask(ctx, "", s.spec(fmt.Sprint("task ", i), "silent", false), task.About{Group: fmt.Sprint("g", i%7)})
			if err != nil {
				return err
			}
			s.ids = append(s.ids, id)
			if i < running {
				if err := st.Want(ctx, id, true); err != nil {
					return err
				}
			}
		}
		s.large, err = st.AddTask(ctx, "", s.spec("large", "growth", true), task.About{})
		return err
	})
	return s
}

func (s *served) spec(name, topic string, full bool) task.Spec {
	host, port := s.w.source()
	n, _ := strconv.Atoi(port)
	return task.Spec{Name: name, Source: task.Source{Host: host, Port: n, User: s.w.m.Account, Password: task.Secret(s.w.m.Password)},
		Target: task.Target{Brokers: []string{s.w.k.Plain}, Topic: topic}, Full: full, Incremental: true, Policy: task.PolicyKey,
		Tables: []task.Table{{Schema: "growth", Name: tableName(0)}}}
}

// inside works on the folder while no process serves it.
func (s *served) inside(do func(context.Context, *store.Store) error) {
	s.w.Helper()
	st, err := store.Open(s.dir)
	if err == nil {
		err = do(s.w.Context(), st)
		if cerr := st.Close(); err == nil {
			err = cerr
		}
	}
	if err != nil {
		s.w.Fatal(err)
	}
}

// copy has the full copy start with the next process.
func (s *served) copy() {
	s.inside(func(ctx context.Context, st *store.Store) error { return st.Want(ctx, s.large, true) })
}

// serve starts the process and waits for its first page.
func (s *served) serve() *process {
	s.w.Helper()
	cmd := exec.Command(s.bin, "serve", "--data", s.dir, "--listen", s.addr)
	cmd.Env = os.Environ()
	p := begin(s.w.T, cmd)
	s.w.until(p, time.Minute, func() error {
		_, err := s.get("/tasks")
		return err
	})
	return p
}

// settle waits until a second takes the process no more than the second before it.
func (s *served) settle(p *process) {
	pid := p.cmd.Process.Pid
	for last := time.Hour; ; {
		before := cpuOf(pid)
		time.Sleep(time.Second) // what is measured
		took := cpuOf(pid) - before
		if took >= last {
			return
		}
		last = took
	}
}

// get loads a page as the one who signed in, and gives the time to its first byte.
func (s *served) get(path string) (first time.Duration, err error) {
	began := time.Now()
	ctx := httptrace.WithClientTrace(s.w.Context(), &httptrace.ClientTrace{GotFirstResponseByte: func() { first = time.Since(began) }})
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+path, nil)
	if err != nil {
		return 0, err
	}
	r.AddCookie(&http.Cookie{Name: "sluice_session", Value: s.session})
	a, err := s.http.Do(r)
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	body, err := io.ReadAll(a.Body)
	if err == nil && (a.StatusCode != http.StatusOK || !strings.Contains(string(body), "</html>")) {
		err = fmt.Errorf("%s is answered with %s", path, a.Status)
	}
	return first, err
}

// times of pages: the list of tasks and the page of one in turns.
type times struct{ list, one []time.Duration }

func (x *times) at(percent int) time.Duration {
	of := func(all []time.Duration) time.Duration { return all[len(all)*percent/100] }
	return max(of(x.list), of(x.one))
}

func (x *times) String() string {
	of := func(all []time.Duration) string {
		ms := func(i int) float64 { return float64(all[i].Microseconds()) / 1000 }
		return fmt.Sprintf("p50 %.1f, p99 %.1f, at most %.1f ms", ms(len(all)/2), ms(len(all)*99/100), ms(len(all)-1))
	}
	return fmt.Sprintf("list %s; task %s (%d of each)", of(x.list), of(x.one), len(x.list))
}

// ask loads twenty pages a second.
func (s *served) ask(span time.Duration) *times {
	s.w.Helper()
	var x times
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	type answer struct {
		list bool
		took time.Duration
		err  error
	}
	n := int(span / (50 * time.Millisecond))
	answers := make(chan answer, n)
	for i := range n {
		<-tick.C
		go func() {
			path := "/tasks/" + s.large
			if i%2 == 0 {
				path = "/tasks"
			}
			took, err := s.get(path)
			answers <- answer{i%2 == 0, took, err}
		}()
	}
	for range n {
		a := <-answers
		if a.err != nil {
			s.w.Fatal(a.err)
		}
		if a.list {
			x.list = append(x.list, a.took)
		} else {
			x.one = append(x.one, a.took)
		}
	}
	slices.Sort(x.list)
	slices.Sort(x.one)
	return &x
}

// switches counts how often the threads of a process have gone to sleep and were woken.
func switches(pid int) (n int64) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	for _, f := range files {
		text, _ := os.ReadFile(f)
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "voluntary_ctxt_switches:"); ok {
				k, _ := strconv.ParseInt(strings.TrimSpace(rest), 10, 64)
				n += k
			}
		}
	}
	return n
}
