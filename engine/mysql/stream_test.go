package mysql

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"go.uber.org/goleak"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/spool"
)

// logged is one line of SHOW BINLOG EVENTS.
type logged struct {
	kind, info string
	start, end cdc.Position
}

func binlogEvents(t *testing.T, c *client.Conn) []logged {
	t.Helper()
	files, err := c.Execute("SHOW BINARY LOGS")
	if err != nil {
		t.Fatal(err)
	}
	var list []logged
	for i := range files.Values {
		file, _ := files.GetString(i, 0)
		n, err := cdc.FileNumber(file)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.Execute("SHOW BINLOG EVENTS IN '" + file + "'")
		if err != nil {
			t.Fatal(err)
		}
		for j := range r.Values {
			from, _ := r.GetUint(j, 1)
			to, _ := r.GetUint(j, 4)
			kind, _ := r.GetString(j, 2)
			info, _ := r.GetString(j, 5)
			list = append(list, logged{kind, info, cdc.Position{File: n, Offset: from}, cdc.Position{File: n, Offset: to}})
		}
	}
	return list
}

// transactions gives start and end of each GTID group that the server lists.
func transactions(list []logged) (starts, ends []cdc.Position) {
	open := false
	for _, e := range list {
		switch {
		case strings.HasPrefix(e.kind, "Gtid") && e.kind != "Gtid_list":
			starts, open = append(starts, e.start), true
			ends = append(ends, e.end)
		case open && (e.kind == "Rotate" || e.kind == "Stop" || e.kind == "Binlog_checkpoint"):
			open = false
		case open:
			ends[len(ends)-1] = e.end
		}
	}
	return starts, ends
}

// workload leaves transactions of all shapes in the binlog: rows, rolled back parts, DDL, rotation, many rows.
func workload(t *testing.T, c *client.Conn) {
	t.Helper()
	run(t, c,
		"CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(2000))",
		"INSERT INTO a VALUES (1,'x')",
		"BEGIN", "INSERT INTO a VALUES (2,'x')", "SAVEPOINT s", "UPDATE a SET v='y'", "ROLLBACK TO s", "DELETE FROM a WHERE id=1", "COMMIT",
		"CREATE TABLE b (id INT PRIMARY KEY) ENGINE=MyISAM", "INSERT INTO b VALUES (1),(2)", "DROP TABLE b",
		"FLUSH BINARY LOGS",
		"INSERT INTO a VALUES (3,'z')",
		"INSERT INTO a WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i+1 FROM n WHERE i<900) SELECT i, REPEAT('v',1500) FROM n",
		"BEGIN", "UPDATE a SET v='short' WHERE id<500", "DELETE FROM a WHERE id>=500", "COMMIT",
		"ALTER TABLE a ADD COLUMN w INT", "TRUNCATE TABLE a", "FLUSH BINARY LOGS", "INSERT INTO a VALUES (5,'q',NULL)")
}

// TestStreamPositions compares the positions of a whole workload with those that the server lists.
func TestStreamPositions(t *testing.T) {
	for _, kind := range kinds {
		for _, options := range [][]string{nil, {"binlog_checksum=NONE"}, compressed(kind)} {
			t.Run(string(kind)+strings.Join(options, ","), func(t *testing.T) {
				t.Parallel()
				m := servers.StartMySQL(t, kind, options...)
				s := open(t, m)
				set, from := start(t, s)
				_, c := database(t, m)
				workload(t, c)
				events := reopen(t, s, set).until(end(t, s))
				spooled := follow(t, s, set).until(end(t, s))
				if got, want := collect(t, spooled), collect(t, events); fmt.Sprint(got) != fmt.Sprint(want) {
					t.Fatalf("through a spool:\n%v, want\n%v", got, want)
				}
				var list []logged
				for _, e := range binlogEvents(t, c) {
					if !e.start.Before(from) {
						list = append(list, e)
					}
				}
				starts, ends := transactions(list)
				checkPositions(t, events, starts, ends)
				resume(t, s, set, events)
			})
		}
	}
}

func compressed(kind servers.Kind) []string {
	if kind == servers.MariaDB1011 {
		return []string{"log_bin_compress=ON", "log_bin_compress_min_len=10"}
	}
	return []string{"binlog_transaction_compression=ON"}
}

// transaction is a begin and its end, or a DDL.
type transaction struct {
	tid        string
	start, end cdc.Position
	rows       int
	time       int64
}

// collect checks the order of events and gives the transactions among them.
func collect(t *testing.T, events []cdc.Event) []transaction {
	t.Helper()
	var list []transaction
	var openTx *transaction
	var last cdc.Position
	for _, e := range events {
		switch e.Kind {
		case cdc.EventBegin:
			if openTx != nil || e.Time == 0 {
				t.Fatalf("begin inside a transaction, or without a time: %+v", e)
			}
			openTx = &transaction{tid: e.TID, start: e.Pos, time: e.Time}
		case cdc.EventRows:
			if openTx == nil || e.EventPos.Before(openTx.start) || e.SafePos.Before(openTx.start) || e.Size == 0 {
				t.Fatalf("rows outside of their transaction: %+v", e)
			}
			openTx.rows++
		case cdc.EventCommit:
			openTx.end = e.End
			list = append(list, *openTx)
			openTx = nil
		case cdc.EventDDL:
			list = append(list, transaction{tid: e.TID, start: e.Pos, end: e.End, time: e.Time})
		case cdc.EventSeen:
			if openTx != nil {
				t.Fatal("seen inside a transaction")
			}
		default:
			t.Fatalf("unexpected %+v", e)
		}
		if !e.End.IsZero() {
			if e.End.Before(last) {
				t.Fatalf("the end went back from %s to %s", last, e.End)
			}
			last = e.End
		}
	}
	return list
}

func checkPositions(t *testing.T, events []cdc.Event, starts, ends []cdc.Position) {
	t.Helper()
	list := collect(t, events)
	if len(list) != len(starts) || len(list) < 12 {
		t.Fatalf("%d transactions, the server lists %d", len(list), len(starts))
	}
	for i, tx := range list {
		if tx.start != starts[i] || tx.end != ends[i] {
			t.Errorf("%s is at %s to %s, want %s to %s", tx.tid, tx.start, tx.end, starts[i], ends[i])
		}
	}
}

// resume opens the stream after each transaction and expects exactly the rest, at the same places.
func resume(t *testing.T, s *Source, set cdc.GTIDSet, events []cdc.Event) {
	t.Helper()
	all := collect(t, events)
	set = set.Clone()
	for i, tx := range all {
		if err := set.Add(tx.tid); err != nil {
			t.Fatal(err)
		}
		rest := all[i+1:]
		if len(rest) == 0 {
			break
		}
		got := collect(t, follow(t, s, set).until(all[len(all)-1].end))
		if fmt.Sprint(got) != fmt.Sprint(rest) {
			t.Fatalf("after %s:\n%v, want\n%v", tx.tid, got, rest)
		}
	}
}

// TestStreamMinimalMetadata decodes rows with the definition read by SELECT, as the table map has none.
func TestStreamMinimalMetadata(t *testing.T) {
	for kind, option := range map[servers.Kind]string{servers.MySQL80: "binlog_row_metadata=MINIMAL", servers.MariaDB1011: "binlog_row_metadata=NO_LOG"} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind, option)
			s := open(t, m)
			db, c := database(t, m)
			set, _ := start(t, s)
			run(t, c, createTypes(casesFor(s.server.Flavor))...)
			table, rows := read(t, s, cdc.TableID{Schema: db, Name: "t"}, nil)
			var got []cdc.Row
			for _, e := range follow(t, s, set).until(end(t, s)) {
				if e.Kind != cdc.EventRows {
					continue
				}
				if e.Rows.Map().Table != nil {
					t.Fatal("the table map carries a definition")
				}
				if err := e.Rows.Decode(table, func(_, after cdc.Row) error { got = append(got, after.Clone()); return nil }); err != nil {
					t.Fatal(err)
				}
			}
			sameRows(t, table, "INSERT", rows, got, 0)
		})
	}
}

// TestStreamTellsStatements: DML logged as text is told apart from rows.
func TestStreamTellsStatements(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)")
		set, _ := start(t, s)
		run(t, c, "SET binlog_format=STATEMENT", "BEGIN", "INSERT INTO a VALUES (1)", "COMMIT", "SET binlog_format=ROW", "INSERT INTO a VALUES (2)")
		var seen []string
		mine := false
		for _, e := range follow(t, s, set).until(end(t, s)) {
			switch e.Kind {
			case cdc.EventStatement:
				if e.Schema == db {
					seen = append(seen, e.SQL)
				}
			case cdc.EventRows:
				if mine = e.Rows.Map().Schema == db; mine {
					seen = append(seen, "rows")
				}
			case cdc.EventCommit:
				if mine {
					seen = append(seen, "commit")
				}
				mine = false
			}
		}
		want := []string{"INSERT INTO a VALUES (1)", "rows", "commit"}
		if fmt.Sprint(seen) != fmt.Sprint(want) {
			t.Errorf("%v, want %v", seen, want)
		}
	})
}

// TestStreamPartialRows refuses rows without all columns.
func TestStreamPartialRows(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1,1)")
		set, _ := start(t, s)
		run(t, c, "SET binlog_row_image=MINIMAL", "UPDATE a SET v=2")
		table, _ := read(t, s, cdc.TableID{Schema: db, Name: "a"}, nil)
		var err error
		for _, e := range follow(t, s, set).until(end(t, s)) {
			if e.Kind == cdc.EventRows && e.Rows.Map().Schema == db {
				err = e.Rows.Decode(table, func(_, _ cdc.Row) error { t.Error("a partial row was given"); return nil })
			}
		}
		wantCode(t, err, "source.partial_rows")
	})
}

// TestStreamWrongDefinition refuses rows that do not fit.
func TestStreamWrongDefinition(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		set, _ := start(t, s)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1,1)", "ALTER TABLE a MODIFY v BIGINT")
		table, _ := read(t, s, cdc.TableID{Schema: db, Name: "a"}, nil)
		for _, e := range follow(t, s, set).until(end(t, s)) {
			if e.Kind == cdc.EventRows && e.Rows.Map().Schema == db {
				wantCode(t, e.Rows.Decode(table, func(_, _ cdc.Row) error { return nil }), "source.definition_mismatch")
				return
			}
		}
		t.Error("no rows came")
	})
}

// TestStreamEnds: Close leaves nothing behind, and a lost server is an error that may pass.
func TestStreamEnds(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			s := open(t, m)
			set, _ := start(t, s)
			st, err := s.Stream(testContext(t), set)
			if err != nil {
				t.Fatal(err)
			}
			(&reader{t: t, stream: st, ctx: testContext(t)}).next()
			st.Close()
			st.Close()
			if err := st.Err(); err != nil {
				t.Errorf("after Close: %v", err)
			}
			lost := follow(t, s, set)
			lost.next()
			m.Kill9(t)
			lost.drain()
			wantCode(t, lost.stream.Err(), "source.connection_lost")
		})
	}
}

// TestEndOfASilentLog: a copy begins where the log ends, and where all of it is known MySQL says where that is without being
// waited for.
func TestEndOfASilentLog(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MySQL80)
	s := open(t, m)
	_, c := database(t, m)
	workload(t, c)
	set, _ := start(t, s)
	until := end(t, s)
	for _, spooled := range []bool{true, false} {
		if s.options.Spool = nil; spooled {
			s.options.Spool = &spool.Options{Dir: t.TempDir(), Owner: "test", Limit: 1 << 30}
		}
		began := time.Now()
		reopen(t, s, set).until(until)
		if took := time.Since(began); took > heartbeat*3/4 {
			t.Errorf("with a spool %v: after %s, which is the next heartbeat", spooled, took)
		}
	}
}

// TestStreamPurged says that the binlog is gone.
func TestStreamPurged(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			s := open(t, m)
			_, c := database(t, m)
			run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)")
			set, _ := start(t, s)
			run(t, c, "INSERT INTO a VALUES (1)", "FLUSH BINARY LOGS", "INSERT INTO a VALUES (2)", "FLUSH BINARY LOGS")
			files, err := s.Files(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			oldest := files[0].Name
			for ctx := testContext(t); oldest == files[0].Name && ctx.Err() == nil; {
				// MariaDB keeps files until InnoDB has made a checkpoint, and says nothing.
				run(t, c, "FLUSH BINARY LOGS", "PURGE BINARY LOGS TO '"+files[len(files)-1].Name+"'")
				oldest = text(t, c, "SHOW BINARY LOGS")
			}
			lost := follow(t, s, set)
			lost.drain()
			wantCode(t, lost.stream.Err(), "source.binlog_purged")
			if said := lost.stream.Err().Error(); !strings.Contains(said, "that the task needs: ") && !strings.Contains(said, "what the task needs: ") || !strings.Contains(said, oldest) {
				t.Errorf("it does not name what is missing, nor %s: %s", oldest, said)
			}
		})
	}
}

// TestStreamLeaksNothing is not parallel: it counts goroutines.
func TestStreamLeaksNothing(t *testing.T) {
	m := servers.SharedMySQL(t, servers.MySQL80)
	ignore := goleak.IgnoreCurrent()
	s, err := Open(testContext(t), spec(t, m), Options{})
	if err != nil {
		t.Fatal(err)
	}
	at, err := s.Start(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	st, err := s.Stream(testContext(t), at.Set)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.View(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	v.Close()
	st.Close()
	s.Close()
	goleak.VerifyNone(t, ignore)
}

func itoa(n int) string { return strconv.Itoa(n) }
