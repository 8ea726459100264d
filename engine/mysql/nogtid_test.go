package mysql

import (
	"strings"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// TestWithoutGTID reads a server without GTID by file and offset, through the change of gtid_mode, whose transactions
// are named the same way.
func TestWithoutGTID(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MySQL80, servers.NoGTID...)
	s := open(t, m)
	_, c := database(t, m)
	ctx := testContext(t)
	run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1,1)")
	set, at := start(t, s)
	if u, ok := set.(*cdc.Upto); !ok || u.At != (cdc.Position{File: at.File, Offset: cdc.FirstEvent}) {
		t.Fatalf("the start is %v, want the head of the file of %v", set, at)
	}
	run(t, c, "INSERT INTO a VALUES (2,2)",
		"SET GLOBAL enforce_gtid_consistency=ON", "SET GLOBAL gtid_mode=OFF_PERMISSIVE", "INSERT INTO a VALUES (3,3)",
		"SET GLOBAL gtid_mode=ON_PERMISSIVE", "INSERT INTO a VALUES (4,4)", "SET GLOBAL gtid_mode=ON", "INSERT INTO a VALUES (5,5)")
	behind := follow(t, s, set)
	behind.drain()
	wantCode(t, behind.stream.Err(), "source.gtid_on")
	run(t, c, "SET GLOBAL gtid_mode=ON_PERMISSIVE")
	events := follow(t, s, set).until(end(t, s))
	starts, _ := transactionsAfter(binlogEvents(t, c), at.File)
	var files []cdc.Event
	for _, e := range events {
		if e.Kind == cdc.EventFile {
			files = append(files, e)
		}
	}
	n := 0
	for _, e := range events {
		if e.Kind == cdc.EventBegin || e.Kind == cdc.EventDDL {
			if n == len(starts) {
				t.Fatalf("the server does not list %+v", e)
			}
			if e.TID != cdc.FileTID(starts[n]) || e.Pos != starts[n] {
				t.Errorf("transaction %d is %s at %v, want %v", n, e.TID, e.Pos, starts[n])
			}
			n++
		}
	}
	if n != len(starts) {
		t.Fatalf("%d transactions, the server lists %d", n, len(starts))
	}
	if len(files) < 2 || files[0].Pos.File != at.File || files[0].Time == 0 {
		t.Fatalf("files %+v", files)
	}
	// Opened in the middle, the file says the same of itself.
	later := follow(t, s, &cdc.Upto{At: starts[1]})
	e := later.next()
	for e.Kind != cdc.EventFile {
		e = later.next()
	}
	if e.Time != files[0].Time || e.Pos != files[0].Pos {
		t.Errorf("the file is %+v, from its head it was %+v", e, files[0])
	}
	_, err := s.Locate(ctx, task.From{GTID: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"})
	wantCode(t, err, "source.start")
	here := end(t, s)
	found, err := s.Locate(ctx, task.From{Position: here.In(s.server.Log)})
	if err != nil || found.Skip != here || found.Set.String() != cdc.FileTID(cdc.Position{File: here.File, Offset: cdc.FirstEvent}) {
		t.Errorf("found %+v %v", found, err)
	}
	if found, err = s.Locate(ctx, task.From{Time: time.Now().Add(time.Second).Format(time.RFC3339)}); err != nil || found.SkipTime == 0 || found.Set.(*cdc.Upto).At.File != here.File {
		t.Errorf("found %+v %v", found, err)
	}
}

func transactionsAfter(list []logged, file uint64) (starts, ends []cdc.Position) {
	var kept []logged
	for _, e := range list {
		if e.start.File >= file {
			e.kind = strings.Replace(e.kind, "Anonymous_Gtid", "Gtid", 1)
			kept = append(kept, e)
		}
	}
	return transactions(kept)
}

// TestSettle waits for the transaction that changed the row, and knows whether that says anything of others.
func TestSettle(t *testing.T) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MySQL97} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind, servers.NoGTID...)
			s := open(t, m)
			db, c := database(t, m)
			ctx := testContext(t)
			run(t, c, "CREATE TABLE a (a INT, k VARCHAR(20) COLLATE utf8mb4_0900_ai_ci, v INT, PRIMARY KEY (k, a), KEY (v))", "INSERT INTO a VALUES (1,'é',1),(2,'b',2)")
			table, err := s.Table(ctx, cdc.TableID{Schema: db, Name: "a"})
			if err != nil {
				t.Fatal(err)
			}
			key := cdc.Row{{Kind: cdc.KindText, Bytes: []byte("é")}, {Kind: cdc.KindInt, Num: 1}}
			if ordered, err := s.Settle(ctx, table, key); err != nil || !ordered {
				t.Fatalf("a free row: %v %v", ordered, err)
			}
			for _, change := range []string{"UPDATE a SET v=7 WHERE a=1", "DELETE FROM a WHERE a=1"} {
				run(t, c, "BEGIN", change)
				_, err := s.Settle(ctx, table, key)
				wantCode(t, err, "source.lock_wait")
				settled := make(chan error, 1)
				go func() { _, err := s.Settle(ctx, table, key); settled <- err }()
				for text(t, m.Conn(t, ""), "SELECT COUNT(*) FROM performance_schema.data_lock_waits") == "0" && ctx.Err() == nil {
				}
				select {
				case err := <-settled:
					t.Errorf("%s: it did not wait: %v", change, err)
				default:
				}
				run(t, c, "COMMIT")
				if err := <-settled; err != nil {
					t.Errorf("%s: %v", change, err)
				}
			}
			run(t, c, "INSERT INTO a VALUES (3,'c',3)") // nothing is left locked
			run(t, c, "SET GLOBAL binlog_order_commits=OFF")
			if ordered, err := s.Settle(ctx, table, key); err != nil || ordered {
				t.Errorf("without order: %v %v", ordered, err)
			}
		})
	}
}

// TestStreamOfAnotherLog refuses a log that is not the one that was read before.
func TestStreamOfAnotherLog(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MySQL80, servers.NoGTID...)
	s := open(t, m)
	_, c := database(t, m)
	ctx := testContext(t)
	run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "FLUSH BINARY LOGS", "FLUSH BINARY LOGS")
	here := end(t, s)
	refused := func(at cdc.Position, code string) {
		t.Helper()
		st, err := s.Stream(ctx, &cdc.Upto{At: at})
		if err == nil {
			st.Close()
		}
		wantCode(t, err, code)
	}
	refused(cdc.Position{File: here.File, Offset: here.Offset + 1000}, "source.rewritten")
	refused(cdc.Position{File: here.File + 1, Offset: 4}, "source.rewritten")
	run(t, c, "PURGE BINARY LOGS TO '"+strings.Split(here.In(s.server.Log), ":")[0]+"'")
	refused(cdc.Position{File: here.File - 1, Offset: 4}, "source.binlog_purged")

	running := follow(t, s, &cdc.Upto{At: here})
	running.until(here)
	run(t, c, "RESET MASTER")
	running.drain()
	wantCode(t, running.stream.Err(), "source.rewritten")
	refused(here, "source.rewritten")
}

// TestGTIDTurnedOff tells a task that goes by GTID what happened, whether it was running or not.
func TestGTIDTurnedOff(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MySQL80)
	s := open(t, m)
	_, c := database(t, m)
	run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)")
	set, _ := start(t, s)
	running := follow(t, s, set)
	run(t, c, "SET GLOBAL gtid_mode=ON_PERMISSIVE", "INSERT INTO a VALUES (1)", "SET GLOBAL gtid_mode=OFF_PERMISSIVE", "INSERT INTO a VALUES (2)")
	running.drain()
	wantCode(t, running.stream.Err(), "source.gtid_off")
	again := follow(t, s, set)
	again.drain()
	wantCode(t, again.stream.Err(), "source.gtid_off")
}
