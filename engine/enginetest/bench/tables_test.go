package bench

import (
	"errors"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/mysql"
	"sluice/engine/task"
)

// manyTables has one task of very many empty tables: how long the console's list of them takes, the precheck, and
// the start until the first change arrives.
//
//	go test ./engine/enginetest/bench -run TestScale/tables -timeout 60m -v -bench.runs=1 -bench.tables=100000
func (w *world) manyTables(t *testing.T, bin string) {
	n := 300
	if *runs > 0 {
		n = *tables
	}
	took := func(do func()) float64 {
		began := time.Now()
		do()
		return time.Since(began).Seconds()
	}
	t.Logf("%d tables were made in %.1f s", n, took(func() { w.tables("growth", n, 0, 3, 60) }))
	host, port := w.source()
	at, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mysql.Open(t.Context(), task.Source{Host: host, Port: at, User: w.m.Account, Password: task.Secret(w.m.Password)}, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, when := range []string{"first", "again"} {
		t.Logf("listed in %.2f s %s", took(func() {
			if list, err := s.Tables(t.Context(), "growth"); err != nil || len(list) != n {
				t.Fatal(len(list), err)
			}
		}), when)
	}
	var ids []cdc.TableID
	for i := range n {
		ids = append(ids, cdc.TableID{Schema: "growth", Name: tableName(i)})
	}
	t.Logf("described in %.2f s", took(func() {
		if list, err := s.Describe(t.Context(), ids, task.DefaultWorkers); err != nil || len(list) != n {
			t.Fatal(len(list), err)
		}
	}))

	run := w.wholeTask(bin, "growth", n, 1, "schema: false\nfull: true\nincremental: true")
	check := exec.Command(bin, "precheck", run.Args[2])
	check.Env = run.Env
	t.Logf("prechecked in %.2f s", took(func() {
		if text, err := check.CombinedOutput(); err != nil {
			t.Errorf("%v\n%.2000s", err, text)
		}
	}))
	w.m.Exec(t, "INSERT INTO growth."+tableName(n-1)+" VALUES (1, 'a', 'b', 'c')")
	p := begin(t, run)
	w.reach(p, "growth", 2, 20*time.Minute) // a heartbeat and the row
	first := time.Since(p.began)
	w.until(p, 20*time.Minute, func() error {
		if !strings.Contains(p.said(), `"phase":"incremental"`) {
			return errors.New("the full copy does not end")
		}
		return nil
	})
	copied := time.Since(p.began)
	w.m.Exec(t, "INSERT INTO growth."+tableName(0)+" VALUES (2, 'a', 'b', 'c')")
	w.reach(p, "growth", 3, time.Minute)
	t.Logf("the only row after %.2f s, all tables copied after %.2f s (%.2f ms a table), %.0f MB at most", first.Seconds(), copied.Seconds(), copied.Seconds()*1000/float64(n), memoryOf(p.cmd.Process.Pid, "VmHWM"))
	p.stop(syscall.SIGTERM)
	p = begin(t, restarted(run))
	began := w.count("growth")
	w.m.Exec(t, "INSERT INTO growth."+tableName(n/2)+" VALUES (3, 'a', 'b', 'c')"+strings.Repeat(", (@n := IFNULL(@n, 3) + 1, 'a', 'b', 'c')", 100))
	w.reach(p, "growth", began+100, 10*time.Minute) // there may be another heartbeat
	t.Logf("started again, a change arrives after %.2f s, %.0f MB", time.Since(p.began).Seconds(), memoryOf(p.cmd.Process.Pid, "VmHWM"))
	p.stop(syscall.SIGTERM)
}

func restarted(cmd *exec.Cmd) *exec.Cmd {
	again := exec.Command(cmd.Path, slices.Clone(cmd.Args[1:])...)
	again.Env = cmd.Env
	return again
}
