package faults

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

// failover is a primary, its replica and a task whose address leads to the primary.
type failover struct {
	t                testing.TB
	ctx              context.Context
	primary, replica *servers.MySQL
	line             *proxy
	kafka            *servers.Kafka
	task             *driver.Task
	process          *driver.Process
	tables           []string
	moved            bool // the process said so
}

// The replica applies in parallel and commits in another order than its primary did.
var replicaOptions = map[servers.Kind][]string{
	servers.MySQL80:     {"replica_parallel_workers=4", "replica_preserve_commit_order=OFF"},
	servers.MariaDB1011: {"log_slave_updates=ON", "slave_parallel_threads=4"},
}

func newFailover(t testing.TB, kind servers.Kind, topic string) *failover {
	f := &failover{t: t, ctx: t.Context(), line: newProxy(t, "source"), kafka: servers.SharedKafka(t)}
	f.primary, f.replica = servers.StartMySQL(t, kind), servers.StartMySQL(t, kind, replicaOptions[kind]...)
	host, port, err := net.SplitHostPort(f.primary.Addr)
	if err != nil {
		t.Fatal(err)
	}
	follow := fmt.Sprintf("CHANGE REPLICATION SOURCE TO SOURCE_HOST='%s', SOURCE_PORT=%s, SOURCE_USER='%s', SOURCE_PASSWORD='%s', SOURCE_AUTO_POSITION=1, GET_SOURCE_PUBLIC_KEY=1",
		host, port, f.primary.RootUser, f.primary.RootPassword)
	if kind == servers.MariaDB1011 {
		follow = fmt.Sprintf("CHANGE MASTER TO MASTER_HOST='%s', MASTER_PORT=%s, MASTER_USER='%s', MASTER_PASSWORD='%s', MASTER_USE_GTID=slave_pos",
			host, port, f.primary.RootUser, f.primary.RootPassword)
	}
	f.replica.Exec(t, follow, "START REPLICA")
	f.line.to(t, f.primary.Addr)
	// Of a table without a key the order of the rows is the server's own.
	f.tables = slices.DeleteFunc(workload.Tables(), func(name string) bool { return name == "t_nokey" })
	m := *f.primary
	m.Addr = f.line.addr
	f.task = driver.New(t, driver.Binary(t), driver.Spec{Source: &m, Kafka: f.kafka, Schema: "work", Tables: f.tables, Topic: topic,
		Partitions: 6, Policy: "key", Extra: "workers: 2"})
	return f
}

// finished gives what a server has, in its own words, and waits until the replica has it too.
func (f *failover) finished(m *servers.MySQL) string {
	f.t.Helper()
	sql := "SELECT @@GLOBAL.gtid_executed"
	if m.Kind == servers.MariaDB1011 {
		sql = "SELECT @@GLOBAL.gtid_binlog_pos"
	}
	r, err := m.Conn(f.t, "").Execute(sql)
	if err != nil {
		f.t.Fatal(err)
	}
	set, _ := r.GetString(0, 0)
	return strings.ReplaceAll(set, "\n", "")
}

func (f *failover) replicated() {
	f.t.Helper()
	wait := "SELECT WAIT_FOR_EXECUTED_GTID_SET('%s', 60)"
	if f.primary.Kind == servers.MariaDB1011 {
		wait = "SELECT MASTER_GTID_WAIT('%s', 60)"
	}
	r, err := f.replica.Conn(f.t, "").Execute(fmt.Sprintf(wait, f.finished(f.primary)))
	if err != nil {
		f.t.Fatal(err)
	}
	if n, _ := r.GetInt(0, 0); n != 0 {
		f.t.Fatal("the replica does not catch up")
	}
}

func (f *failover) start() {
	f.t.Helper()
	var err error
	if f.process, err = f.task.Start(""); err != nil {
		f.t.Fatal(err)
	}
}

// until waits for a line of the process.
func (f *failover) until(is func(driver.Progress) bool) {
	f.t.Helper()
	for {
		_, more := f.process.Said()
		last := f.process.Last()
		for _, n := range last.Notices {
			f.moved = f.moved || n.Code == "source.moved"
		}
		if is(last) {
			return
		}
		select {
		case <-more:
		case <-f.process.Done():
			f.t.Fatalf("the process ended: %+v", f.process.Outcome())
		case <-f.ctx.Done():
			f.t.Fatalf("%v; last %+v", f.ctx.Err(), last)
		}
	}
}

func (f *failover) write(m *servers.MySQL, seed uint64) (stop func() workload.Stats) {
	f.t.Helper()
	run, err := workload.Start(f.ctx, m.Addr, m.RootUser, m.RootPassword, workload.Options{Seed: seed, Rate: 150, Reconnect: true})
	if err != nil {
		f.t.Fatal(err)
	}
	return func() workload.Stats {
		stats, _ := run.Stop() // that a killed server is gone is no news
		return stats
	}
}

// promote cuts the task off, lets the replica catch up with all it can have read, kills the primary under its writers
// and leads the address to the replica.
func (f *failover) promote() {
	f.t.Helper()
	f.line.Stop()
	f.replicated()
	f.primary.Kill9(f.t)
	f.replica.Exec(f.t, "STOP REPLICA", "RESET REPLICA ALL")
	f.line.Upstream = f.replica.Addr
	if err := f.line.Start(); err != nil {
		f.t.Fatal(err)
	}
}

// TestFailover kills the primary in the full copy or after it; the task goes on at the replica by itself.
func TestFailover(t *testing.T) {
	for _, c := range []struct {
		kind  servers.Kind
		phase string
	}{{servers.MySQL80, "full"}, {servers.MySQL80, "incremental"}, {servers.MariaDB1011, "incremental"}} {
		t.Run(fmt.Sprintf("%s/%s", c.kind, c.phase), func(t *testing.T) {
			topic := "failover-" + string(c.kind) + c.phase
			f := newFailover(t, c.kind, topic)
			ctx, cancel := context.WithTimeout(f.ctx, 3*time.Minute)
			defer cancel()
			f.ctx = ctx
			o := workload.Options{Seed: 1, Rows: map[string]int{"t_int": 60_000}}
			if err := workload.Setup(ctx, f.primary.Addr, f.primary.RootUser, f.primary.RootPassword, o); err != nil {
				t.Fatal(err)
			}
			stop := f.write(f.primary, 1)
			if c.phase == "full" {
				f.line.poison(t, "bandwidth", "downstream", `"rate": 1500`)
			}
			f.start()
			f.until(func(p driver.Progress) bool { return p.Phase == c.phase })
			f.promote()
			killed := time.Now()
			before := stop()
			stop = f.write(f.replica, 2)
			f.until(func(p driver.Progress) bool { return f.moved && p.Phase == "incremental" })
			t.Logf("moved %s after the kill", time.Since(killed).Round(time.Millisecond))
			after := stop()
			f.process.Signal(syscall.SIGTERM)
			if _, err := f.process.Wait(ctx); err != nil {
				t.Fatal(err)
			}
			end, err := f.task.Run(ctx, "", nil, "--until", "caught-up")
			if err != nil || end.Code != 0 {
				t.Fatalf("the last run ended with code %d: %v %s", end.Code, err, end.Stderr)
			}
			report, _ := driver.Judge(t, f.replica, []string{f.kafka.Plain}, topic, f.tables, oracle.CheckOptions{Moved: true})
			t.Logf("%+v, then %+v\n%s", before, after, report)
			if !report.OK() {
				t.Fail()
			}
		})
	}
}
