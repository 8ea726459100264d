package mysql

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
)

// xa runs statements as an XA transaction up to XA PREPARE.
func xa(t testing.TB, c *client.Conn, xid string, sql ...string) {
	t.Helper()
	run(t, c, slices.Concat([]string{"XA START " + xid}, sql, []string{"XA END " + xid, "XA PREPARE " + xid})...)
}

// leave ends a session that has prepared a transaction, and waits until the server has let go of it: before that,
// MariaDB's XA COMMIT of another session is logged and undone.
func leave(t testing.TB, m *servers.MySQL, c *client.Conn) {
	t.Helper()
	id := c.GetConnectionID()
	c.Close()
	other := m.Conn(t, "")
	for text(t, other, fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id=%d", id)) != "0" {
	}
}

// TestXA has servers of its own: where an account may not ask, tasks wait a moment once a server has seen XA.
func TestXA(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			xaTold(t, m)
			xaVisible(t, m)
		})
	}
}

// xaTold: XA transactions are told by their names, whatever these are, and their ends are transactions of their own.
func xaTold(t *testing.T, m *servers.MySQL) {
	for _, compress := range []bool{false, true} {
		if compress && strings.HasPrefix(string(m.Kind), "mariadb") {
			continue
		}
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE log (id INT PRIMARY KEY) ENGINE=MyISAM")
		set, _ := start(t, s)
		if compress {
			run(t, c, "SET binlog_transaction_compression=ON")
		}
		plain, full := "'"+db+"'", "'"+db+"','b',7"
		xa(t, c, plain, "INSERT INTO a VALUES (1)")
		run(t, c, "XA COMMIT "+plain)
		xa(t, c, full, "INSERT INTO a VALUES (2)")
		run(t, c, "XA ROLLBACK "+full)
		run(t, c, "XA START "+plain, "INSERT INTO a VALUES (3)", "XA END "+plain, "XA COMMIT "+plain+" ONE PHASE")
		run(t, c, "XA START "+plain, "INSERT INTO a VALUES (4)", "XA END "+plain, "XA ROLLBACK "+plain)
		xa(t, c, "X'00ff27','',2147483647", "INSERT INTO a VALUES (5)", "SAVEPOINT s", "INSERT INTO a VALUES (6)", "ROLLBACK TO SAVEPOINT s", "INSERT INTO a VALUES (7)")
		if got, known, err := s.Prepared(testContext(t)); err != nil || known && !slices.Contains(got, "X'00ff27',X'',2147483647") || known == (s.server.Flavor == cdc.MySQL) {
			t.Errorf("prepared are %q, %v %v", got, known, err) // MySQL 8.0 tells it to few
		}
		leave(t, m, c)
		c = m.Conn(t, db)
		run(t, c, "XA COMMIT X'00ff27','',2147483647", "INSERT INTO a VALUES (8)")
		name := fmt.Sprintf("X'%x',X'',1", db)
		want := []string{"xa", "rows", "prepare " + name, "commit " + name,
			"xa", "rows", fmt.Sprintf("prepare X'%x',X'62',7", db), fmt.Sprintf("rollback X'%x',X'62',7", db), "one phase", "rows", "commit",
			"xa", "rows", "rows", "prepare X'00ff27',X'',2147483647", "commit X'00ff27',X'',2147483647", "begin", "rows", "commit"}
		if s.server.Flavor == cdc.MySQL {
			want[8] = "xa"
		} else {
			want[8] = "begin"
		}
		if got := xaEvents(t, follow(t, s, set).until(end(t, s)), db); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("compressed %v: %q, want %q", compress, got, want)
		}
	}
}

// xaEvents tells what the events of a database's transactions are.
func xaEvents(t *testing.T, events []cdc.Event, db string) (out []string) {
	t.Helper()
	mine := map[string]bool{} // of the names
	var open []string
	rows := false
	for i := range events {
		e := &events[i]
		switch e.Kind {
		case cdc.EventBegin:
			open, rows = []string{map[bool]string{true: "xa", false: "begin"}[e.XA]}, false
		case cdc.EventRows:
			rows = rows || e.Rows.Map().Schema == db
			open = append(open, "rows")
		case cdc.EventCommit, cdc.EventXAPrepare:
			if rows {
				end := "commit"
				if e.Kind == cdc.EventXAPrepare {
					end, mine[e.XID] = "prepare "+e.XID, true
				}
				out = append(append(out, open...), end)
			}
			open, rows = nil, false
		case cdc.EventXACommit, cdc.EventXARollback:
			if !mine[e.XID] {
				continue
			}
			if e.TID == "" || e.Pos.IsZero() || !e.Pos.Before(e.End) || e.Time == 0 {
				t.Errorf("the end of %s has no place: %+v", e.XID, e)
			}
			out = append(out, map[bool]string{true: "commit ", false: "rollback "}[e.Kind == cdc.EventXACommit]+e.XID)
		case cdc.EventDDL:
			if strings.HasPrefix(e.SQL, "XA") {
				t.Errorf("a statement %s", e.SQL)
			}
		}
	}
	return out
}

// xaVisible measures what the engine goes by: XA transactions that the source says are visible are in every view
// that is opened later, and none is in a view whose end is not in the binlog. On MariaDB the place that a view names does
// not say so of them, as the binlog has the end first; then XA RECOVER does.
func xaVisible(t *testing.T, m *servers.MySQL) {
	s := open(t, m)
	db, c := database(t, m)
	const writers = 6
	run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT NOT NULL)")
	for w := range writers {
		run(t, c, fmt.Sprintf("INSERT INTO a VALUES (%d, 0)", w))
	}
	set, _ := start(t, s)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for w := range writers {
		conn := m.Conn(t, db)
		writing.Go(func() {
			for n := 1; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				xid := fmt.Sprintf("'%s','%d-%d'", db, w, n)
				for _, sql := range []string{"XA START " + xid, fmt.Sprintf("UPDATE a SET v=%d WHERE id=%d", n, w), "XA END " + xid, "XA PREPARE " + xid, "XA COMMIT " + xid} {
					if _, err := conn.Execute(sql); err != nil {
						t.Errorf("%s: %v", sql, err)
						return
					}
				}
			}
		})
	}
	samples := xaSamples(t, s, cdc.TableID{Schema: db, Name: "a"}, 150)
	close(stop)
	writing.Wait()
	commits := map[string]cdc.Event{}
	for _, e := range follow(t, s, set).until(end(t, s)) {
		if e.Kind == cdc.EventXACommit {
			commits[e.XID] = e
		}
	}
	commit := func(w int, n int64) (cdc.Event, string, bool) {
		xid := fmt.Sprintf("X'%x',X'%x',1", db, fmt.Sprintf("%d-%d", w, n))
		e, ok := commits[xid]
		return e, xid, ok
	}
	veiled := 0
	for _, x := range samples {
		for w, v := range x.values {
			if next, xid, ok := commit(w, v+1); ok && x.promises(&next, xid) {
				t.Errorf("the view lacks %s, which was to be seen", xid)
			} else if ok && x.exact && next.Pos.Before(x.end) {
				veiled++
			}
			if last, xid, ok := commit(w, v); ok && !last.Pos.Before(x.end) {
				t.Errorf("the view has %s, which is not before its end", xid)
			}
		}
	}
	t.Logf("%d views, %d transactions; %d times a view lacks one that lies before its place", len(samples), len(commits), veiled)
}

// xaSample is a view, and what was known before it.
type xaSample struct {
	executed cdc.GTIDSet // MySQL
	before   cdc.Position
	prepared []string // MariaDB, asked after before
	exact    bool
	end      cdc.Position // H
	values   []int64
}

// promises reports whether the view has to show the transaction.
func (x *xaSample) promises(end *cdc.Event, xid string) bool {
	if x.executed != nil {
		return x.executed.Contains(end.TID)
	}
	return end.Pos.Before(x.before) && !slices.Contains(x.prepared, xid)
}

func xaSamples(t *testing.T, s *Source, id cdc.TableID, n int) (out []xaSample) {
	t.Helper()
	ctx := testContext(t)
	for range n {
		var x xaSample
		var err, err1, err2 error
		x.before, err = s.End(ctx)
		x.executed, err1 = s.Executed(ctx, nil)
		x.prepared, _, err2 = s.Prepared(ctx)
		if err := errors.Join(err, err1, err2); err != nil {
			t.Fatal(err)
		}
		v, err := s.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		x.end, x.exact = v.Exact()
		list, err := v.Lock(ctx, id)
		if err == nil {
			locked := list[0]
			if !x.exact {
				x.end = locked.End
			}
			_, err = v.Rows(ctx, snapshot.Query{Table: locked.Table, Key: locked.Table.Key()}, func(r cdc.Row) error { x.values = append(x.values, r[1].Num); return nil })
		}
		if err = errors.Join(err, v.Close()); err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}
