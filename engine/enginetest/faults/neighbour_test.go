package faults

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/wait"
	"sluice/engine/enginetest/workload"
	"sluice/engine/task"
	"sluice/store"
)

const (
	together  = 15 * time.Second        // the broken neighbour is watched for
	undelayed = 1500 * time.Millisecond // no beat of the other task may be later
	tries     = "SELECT count(*) FROM event WHERE code = 'task.retry' AND task = ?"
)

// TestBrokenNeighbour: two tasks in one `sluice serve`. The target of one breaks for good; the other goes on at full
// pace and is exact. The broken one says what is wrong and, once its target is mended, loses nothing either.
func TestBrokenNeighbour(t *testing.T) {
	m := servers.StartMySQL(t, servers.MariaDB1011, durable...)
	w := &world{t: t, ctx: t.Context(), source: m, brokers: append(targets["kafka-4.4"](t), targets["kafka-4.4"](t)...)}
	healthy, broken := w.brokers[0], w.brokers[1]
	o := workload.Options{Seed: 5, Rate: 100}
	if err := workload.Setup(t.Context(), m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	w.beats = startBeats(t, m)
	writing, err := workload.Start(t.Context(), m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	tables := append([]string{beatTable}, workload.Tables()...)
	dir := filepath.Join(t.TempDir(), "data")
	ids := addTasks(t, dir, m, tables, healthy, broken)
	serve := exec.Command(driver.Binary(t), "serve", "--data", dir, "--listen", "127.0.0.1:0")
	serve.Stderr = os.Stderr
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Kill(); _ = serve.Wait() })

	w.beats.watch(t, []string{healthy.addr}, topic, w.dial)
	other := &beats{wake: make(chan struct{})}
	other.watch(t, []string{broken.addr}, topic, w.dial)
	w.delivers(other, 1)
	w.delivers(w.beats, 1)

	heal := broken.refuse(t)
	w.silent(other)
	seen, worst := w.undelayed(together)
	if least := int(together / beatEvery / 2); seen < least {
		t.Errorf("the healthy task delivered %d of the beats in %s, not even %d", seen, together, least)
	}
	if worst > undelayed {
		t.Errorf("a beat of the healthy task came %s late", worst)
	}
	t.Logf("%d beats of the healthy task beside the broken one, the latest %s late", seen, worst.Round(time.Millisecond))
	if code := ask[string](t, dir, "SELECT state FROM task WHERE id = ?", ids[0]); code != "running" {
		t.Errorf("the healthy task is %s", code)
	}
	if code := ask[string](t, dir, "SELECT state FROM task WHERE id = ?", ids[1]); code != "running" {
		t.Errorf("the broken task is %s", code)
	}
	w.until("the broken task says nothing", func() bool { return ask[int](t, dir, tries, ids[1]) > 0 })
	if ask[int](t, dir, tries, ids[0]) > 0 {
		t.Error("the healthy task had to try again")
	}
	heal()
	if _, err := writing.Stop(); err != nil {
		t.Fatal(err)
	}
	w.beats.stop()
	last := w.beats.next() - 2
	w.delivers(w.beats, last)
	w.delivers(other, last)
	w.until("the full copies do not end", func() bool { return ask[int](t, dir, "SELECT count(*) FROM chunk WHERE status < 3") == 0 })
	_ = serve.Process.Signal(syscall.SIGTERM)
	if err := serve.Wait(); serve.ProcessState.ExitCode() != 3 { // stopped, all is kept
		t.Errorf("serve ended with %v", err)
	}
	for _, b := range w.brokers {
		report, _ := driver.Judge(t, m, []string{b.addr}, topic, tables, oracle.CheckOptions{OnePartition: true})
		t.Log(report)
		if !report.OK() {
			t.Fail()
		}
	}
}

// addTasks makes two tasks that run as soon as the folder is served.
func addTasks(t *testing.T, dir string, m *servers.MySQL, tables []string, targets ...*broker) (ids []string) {
	t.Helper()
	st, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	host, port, _ := net.SplitHostPort(m.Addr)
	number, _ := strconv.Atoi(port)
	for i, b := range targets {
		spec := task.Spec{Name: []string{"healthy", "broken"}[i], Schema: true, Full: true, Incremental: true, Policy: "zero",
			Source: task.Source{Host: host, Port: number, User: m.Account, Password: task.Secret(m.Password)},
			Target: task.Target{Brokers: []string{b.addr}, Topic: topic}}
		for _, name := range tables {
			spec.Tables = append(spec.Tables, task.Table{Schema: "work", Name: name})
		}
		spec.Defaults()
		id, err := st.AddTask(t.Context(), "", spec, task.About{})
		if err == nil {
			err = st.Want(t.Context(), id, true)
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	return ids
}

// delivers waits until a topic holds a beat.
func (w *world) delivers(b *beats, n int) {
	w.t.Helper()
	limit := time.After(patience)
	for {
		have, _, _, more := b.seen()
		if have >= n {
			return
		}
		select {
		case <-more:
		case <-limit:
			w.t.Fatalf("beat %d did not arrive, only %d", n, have)
		}
	}
}

// silent waits until a topic gets no beats any more.
func (w *world) silent(b *beats) {
	for {
		_, at, _, more := b.seen()
		left := quiet - time.Since(at)
		if left <= 0 {
			return
		}
		select {
		case <-more:
		case <-time.After(left):
		}
	}
}

// undelayed counts the beats that arrive for a while, and tells by how much the worst was late or missing.
func (w *world) undelayed(d time.Duration) (seen int, worst time.Duration) {
	limit := time.After(d)
	from, _, _, _ := w.beats.seen()
	for {
		n, at, late, more := w.beats.seen()
		worst = max(worst, late, time.Since(at))
		select {
		case <-more:
		case <-limit:
			return n - from, worst
		}
	}
}

// until waits for what only the database tells.
func (w *world) until(otherwise string, is func() bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 3*time.Minute)
	defer cancel()
	err := wait.Until(ctx, func() error {
		if !is() {
			return errors.New(otherwise)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// ask reads one value of the database of a folder that another process uses.
func ask[T any](t *testing.T, dir, query string, args ...any) (v T) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "sluice.db")+"?_pragma=busy_timeout(10000)&mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.QueryRow(query, args...).Scan(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
