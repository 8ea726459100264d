package mysql

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

func TestObserve(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		db, c := database(t, m)
		run(t, c, "CREATE TABLE wide (id INT PRIMARY KEY, `a``b` LONGTEXT CHARACTER SET latin1, b LONGBLOB)",
			"INSERT INTO wide VALUES (1, REPEAT('ä', 1000), NULL), (2, NULL, REPEAT('x', 1500)), (3, REPEAT('y', 5000), 'z')")
		s := open(t, m)
		id := cdc.TableID{Schema: db, Name: "wide"}
		for rows, want := range map[int]int64{1: 1000, 2: 1500, 9: 5001} {
			if got, err := s.Widest(testContext(t), id, []string{"a`b", "b"}, rows); got != want || err != nil {
				t.Errorf("the widest of %d rows has %d bytes (%v), want %d", rows, got, err, want)
			}
		}
		if zone, charset, err := s.Session(testContext(t)); zone != "+00:00" || charset != "utf8mb4" || err != nil {
			t.Error(zone, charset, err)
		}
		if v, err := s.Status(testContext(t), "Threads_running", "No_such"); len(v) != 1 || v["Threads_running"] == "" || err != nil {
			t.Error(v, err)
		}
		if do, ignore, err := s.BinlogFilters(testContext(t)); len(do)+len(ignore) != 0 || err != nil {
			t.Error(do, ignore, err)
		}
		_, err := s.Widest(testContext(t), cdc.TableID{Schema: db, Name: "none"}, []string{"b"}, 1)
		wantCode(t, err, "source.table_missing")
	})
}

// An account sees its own statements; the question itself is one.
func TestLongStatements(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		db, c := database(t, m)
		user := "l" + db
		run(t, c, "CREATE USER "+user+"@'%' IDENTIFIED BY 'Pw-1'")
		t.Cleanup(func() { m.Exec(t, "DROP USER "+user+"@'%'") })
		sp := spec(t, m)
		sp.User, sp.Password = user, "Pw-1"
		asks, err := Open(testContext(t), sp, Options{Unchecked: true})
		if err != nil {
			t.Fatal(err)
		}
		defer asks.Close()
		sleeps, err := Open(testContext(t), sp, Options{Unchecked: true})
		if err != nil {
			t.Fatal(err)
		}
		defer sleeps.Close()
		count := func(limit time.Duration) int {
			n, err := asks.LongStatements(testContext(t), limit)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		ctx := testContext(t)
		for n := count(-time.Second); n != 1; n = count(-time.Second) { // a statement is listed for a moment after its answer
			if ctx.Err() != nil {
				t.Fatalf("%d statements, want the question alone", n)
			}
		}
		over := make(chan error, 1)
		go func() {
			over <- sleeps.ask(t.Context(), "sleeping", func(c *conn) error { return c.query("SELECT SLEEP(600)", nil) })
		}()
		for count(-time.Second) < 2 {
			if ctx.Err() != nil {
				t.Fatal("the statement was never seen")
			}
		}
		if n := count(time.Hour); n != 0 {
			t.Errorf("%d statements run for an hour", n)
		}
		find := fmt.Sprintf("SELECT id FROM information_schema.processlist WHERE user = '%s' AND info LIKE '%%SLEEP%%'", user)
		run(t, c, "KILL QUERY "+text(t, c, find))
		<-over
	})
}

func TestReplication(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			s := open(t, m)
			four, readable, err := s.Replication(testContext(t))
			if err != nil || readable != (kind == servers.MySQL80) || four != (Replica{}) {
				t.Errorf("with the four privileges: %+v %v %v", four, readable, err)
			}
			change := "CHANGE REPLICATION SOURCE TO SOURCE_HOST='192.0.2.1'"
			if kind == servers.MariaDB1011 {
				change = "CHANGE MASTER TO MASTER_HOST='192.0.2.1'"
				m.Exec(t, "GRANT REPLICA MONITOR ON *.* TO 'sluice'@'%'")
				s = open(t, m)
			}
			m.Exec(t, change)
			if r, readable, err := s.Replication(testContext(t)); err != nil || !readable || r.Sources != 1 || !r.Stopped || r.Behind != 0 {
				t.Errorf("%+v %v %v", r, readable, err)
			}
		})
	}
}

// TestLoadAlone: the load is told while another question still waits for its answer.
func TestLoadAlone(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		_, c := database(t, m)
		name := "'load" + strconv.FormatInt(time.Now().UnixNano(), 36) + "'"
		run(t, c, "SELECT GET_LOCK("+name+", 0)")
		waits := make(chan error, 1)
		go func() {
			waits <- s.ask(testContext(t), "waiting", func(c *conn) error { return c.query("SELECT GET_LOCK("+name+", 60)", nil) })
		}()
		for range 2 { // on a connection of its own, and on it again
			l, err := s.Load(testContext(t))
			if err != nil || l.Running < 1 || l.Behind != 0 {
				t.Errorf("%+v %v", l, err)
			}
		}
		select {
		case err := <-waits:
			t.Fatalf("nothing was under way: %v", err)
		default:
		}
		run(t, c, "SELECT RELEASE_LOCK("+name+")")
		if err := <-waits; err != nil {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		if _, err := s.Load(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled: %v", err)
		}
		if _, err := s.Load(testContext(t)); err != nil {
			t.Errorf("after that: %v", err)
		}
	})
}

// TestLoadOfReplicas: how far a server's replicas are it doesn't say; commits that wait for one count as what runs there.
func TestLoadOfReplicas(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MariaDB1011) // which has it built in
	s := open(t, m)
	_, c := database(t, m)
	run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)")
	var before engine.Load
	for i := range 10 { // a thread that runs for a moment is none of those that stay
		l, err := s.Load(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if i == 0 || l.Running < before.Running {
			before = l
		}
	}
	m.Exec(t, "SET GLOBAL rpl_semi_sync_master_timeout = 60000, rpl_semi_sync_master_wait_no_slave = ON, rpl_semi_sync_master_enabled = ON")
	const commits = 3
	done := make(chan error, commits)
	for i := range commits {
		w := m.Conn(t, "")
		go func() {
			_, err := w.Execute(fmt.Sprintf("INSERT INTO %s.a VALUES (%d)", c.GetDB(), i))
			done <- err
		}()
	}
	ctx := testContext(t)
	for l := before; l.Running < before.Running+commits; {
		last := l
		var err error
		if l, err = s.Load(ctx); err != nil {
			t.Fatalf("%v; %d threads ran before, %d at last", err, before.Running, last.Running)
		}
	}
	select {
	case err := <-done:
		t.Fatalf("a commit did not wait: %v", err)
	default:
	}
	m.Exec(t, "SET GLOBAL rpl_semi_sync_master_enabled = OFF")
	for range commits {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// A privilege on any table is enough where no table is named.
func TestMissingWithoutTables(t *testing.T) {
	t.Parallel()
	for lines, want := range map[string]string{
		"GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `u`@`%`;GRANT SELECT, SHOW VIEW ON `a`.* TO `u`@`%`": "",
		"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `u`@`%`;GRANT SELECT ON `a`.`b` TO `u`@`%`":      "SHOW VIEW *.*",
		"GRANT SHOW VIEW ON *.* TO `u`@`%`;REVOKE SELECT ON `a`.* FROM `u`@`%`":                                 "REPLICATION CLIENT *.*,REPLICATION SLAVE *.*,SELECT *.*",
	} {
		p := &Privileges{}
		for line := range strings.SplitSeq(lines, ";") {
			if err := p.add([]string{line}); err != nil {
				t.Fatal(err)
			}
		}
		var got []string
		for _, l := range p.Missing(nil) {
			got = append(got, l.Privilege+" "+l.On)
		}
		if strings.Join(got, ",") != want {
			t.Errorf("%s: lacks %v, want %s", lines, got, want)
		}
	}
}

// Sessions that were open when a variable was set keep what they have; MySQL shows them to who may SELECT everywhere.
func TestSessionsWithout(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		db, c := database(t, m)
		s := open(t, m)
		user := "s" + db
		run(t, c, "SET SESSION binlog_row_image=MINIMAL", "CREATE USER "+user+"@'%' IDENTIFIED BY 'Pw-1'", "GRANT SELECT ON "+db+".* TO "+user+"@'%'")
		t.Cleanup(func() { m.Exec(t, "DROP USER "+user+"@'%'") })
		list, readable, err := s.SessionsWithout(testContext(t), "binlog_row_image", "FULL")
		if want := m.Kind == servers.MySQL80; err != nil || readable != want {
			t.Fatalf("%v %v, want %v", readable, err, want)
		}
		id := text(t, c, "SELECT CONNECTION_ID()")
		found := slices.ContainsFunc(list, func(o OpenSession) bool {
			return fmt.Sprint(o.ID) == id && o.User == m.RootUser && o.Host != "" && o.Value == "MINIMAL"
		})
		if found != readable {
			t.Errorf("session %s is not in %+v", id, list)
		}
		run(t, c, "SET SESSION binlog_row_image=FULL")
		list, _, err = s.SessionsWithout(testContext(t), "binlog_row_image", "FULL")
		if slices.ContainsFunc(list, func(o OpenSession) bool { return fmt.Sprint(o.ID) == id }) || err != nil {
			t.Errorf("%+v %v", list, err)
		}
		sp := spec(t, m)
		sp.User, sp.Password = user, "Pw-1"
		few, err := Open(testContext(t), sp, Options{Unchecked: true})
		if err != nil {
			t.Fatal(err)
		}
		defer few.Close()
		if list, readable, err := few.SessionsWithout(testContext(t), "binlog_row_image", "FULL"); len(list) != 0 || readable || err != nil {
			t.Errorf("without SELECT on performance_schema: %+v %v %v", list, readable, err)
		}
	})
}

// The head of a file tells when it was begun.
func TestBegun(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		before := time.Now().Unix()
		m.Exec(t, "FLUSH BINARY LOGS")
		files, err := s.Files(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		first, err := s.Begun(testContext(t), files[0].Name)
		if err != nil {
			t.Fatal(err)
		}
		last, err := s.Begun(testContext(t), files[len(files)-1].Name)
		if err != nil || last < before || last > time.Now().Unix() || first > last {
			t.Errorf("begun at %d and %d, asked at %d: %v", first, last, before, err)
		}
		_, err = s.Begun(testContext(t), "mysql-bin.999999")
		wantCode(t, err, "source.binlog_purged")
	})
}
