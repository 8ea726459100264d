package mysql

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
	"sluice/engine/spool"
	"sluice/engine/task"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

var kinds = []servers.Kind{servers.MySQL80, servers.MariaDB1011}

// onBoth runs a test against both servers.
func onBoth(t *testing.T, test func(t *testing.T, m *servers.MySQL)) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, servers.SharedMySQL(t, kind))
		})
	}
}

// deadline is how long a test waits for something that should come at once.
const patience = 30 * time.Second

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

func spec(t testing.TB, m *servers.MySQL) task.Source {
	t.Helper()
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return task.Source{Host: host, Port: n, User: m.Account, Password: task.Secret(m.Password)}
}

func open(t testing.TB, m *servers.MySQL) *Source {
	t.Helper()
	s, err := Open(testContext(t), spec(t, m), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var databases atomic.Int64

// database makes an empty database of the test's own.
func database(t testing.TB, m *servers.MySQL) (string, *client.Conn) {
	t.Helper()
	name := fmt.Sprintf("d%d_%d", os.Getpid(), databases.Add(1))
	m.Exec(t, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	t.Cleanup(func() { m.Exec(t, "DROP DATABASE "+name) })
	c := m.Conn(t, name)
	run(t, c, "SET NAMES utf8mb4", "SET time_zone='+00:00'", "SET sql_mode='ALLOW_INVALID_DATES'")
	return name, c
}

func run(t testing.TB, c *client.Conn, sql ...string) {
	t.Helper()
	for _, q := range sql {
		if _, err := c.Execute(q); err != nil {
			t.Fatalf("%v\n%.500s", err, q)
		}
	}
}

func text(t testing.TB, c *client.Conn, sql string) string {
	t.Helper()
	r, err := c.Execute(sql)
	if err != nil {
		t.Fatalf("%v\n%s", err, sql)
	}
	s, err := r.GetString(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// read gives all rows that a query finds, through a view of its own.
func read(t testing.TB, s *Source, id cdc.TableID, shape func(*snapshot.Query)) (*cdc.Table, []cdc.Row) {
	t.Helper()
	ctx := testContext(t)
	v, err := s.View(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	list, err := v.Lock(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	locked := list[0]
	q := snapshot.Query{Table: locked.Table, Key: locked.Table.Key()}
	if shape != nil {
		shape(&q)
	}
	var rows []cdc.Row
	n, err := v.Rows(ctx, q, func(r cdc.Row) error { rows = append(rows, r.Clone()); return nil })
	if err != nil {
		t.Fatal(err)
	}
	if n != len(rows) {
		t.Fatalf("Rows says %d and gave %d", n, len(rows))
	}
	return locked.Table, rows
}

// reader takes events of a stream one by one.
type reader struct {
	t      testing.TB
	stream interface {
		Batches() <-chan []cdc.Event
		Err() error
	}
	ctx   context.Context
	batch []cdc.Event
}

// follow opens a stream, through a spool of its own: as a task does, which lets little wait in memory here.
func follow(t testing.TB, s *Source, after cdc.GTIDSet) *reader {
	t.Helper()
	s.options.Spool = spoolIn(t.TempDir())
	return reopen(t, s, after)
}

func spoolIn(dir string) *spool.Options {
	return &spool.Options{Dir: dir, Owner: "test", Limit: 1 << 30, Memory: 4 << 10, Patience: -1, Segment: 64 << 10}
}

func reopen(t testing.TB, s *Source, after cdc.GTIDSet) *reader {
	t.Helper()
	st, err := s.Stream(testContext(t), after)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return &reader{t: t, stream: st, ctx: testContext(t)}
}

func (r *reader) next() cdc.Event {
	r.t.Helper()
	for len(r.batch) == 0 {
		select {
		case b, ok := <-r.stream.Batches():
			if !ok {
				r.t.Fatalf("the stream ended: %v", r.stream.Err())
			}
			r.batch = b
		case <-r.ctx.Done():
			r.t.Fatal("no event came")
		}
	}
	e := r.batch[0]
	r.batch = r.batch[1:]
	return e
}

// drain waits for the end of the stream.
func (r *reader) drain() {
	r.t.Helper()
	for {
		select {
		case _, ok := <-r.stream.Batches():
			if !ok {
				return
			}
		case <-r.ctx.Done():
			r.t.Fatal("the stream did not end")
		}
	}
}

// until gives the events up to the first with no transaction open whose End is at or after end.
func (r *reader) until(end cdc.Position) []cdc.Event {
	r.t.Helper()
	var events []cdc.Event
	for {
		e := r.next()
		events = append(events, e)
		if !e.End.IsZero() && !e.End.Before(end) {
			return events
		}
	}
}

func start(t testing.TB, s *Source) (cdc.GTIDSet, cdc.Position) {
	t.Helper()
	at, err := s.Start(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return at.Set, at.End
}

func end(t testing.TB, s *Source) cdc.Position {
	t.Helper()
	p, err := s.End(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
