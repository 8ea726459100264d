package mysql

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// TestOpenRefuses tries what people get wrong.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		nobody, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free := nobody.Addr().(*net.TCPAddr).Port
		nobody.Close()
		name := fmt.Sprintf("elsewhere%d", os.Getpid())
		m.Exec(t, "CREATE USER "+name+"@'10.99.99.99' IDENTIFIED BY 'x'")
		t.Cleanup(func() { m.Exec(t, "DROP USER "+name+"@'10.99.99.99'") })
		cases := []struct {
			code   string
			retry  bool
			change func(*task.Source)
		}{
			{"source.access_denied", false, func(s *task.Source) { s.Password = "wrong" }},
			{"source.access_denied", false, func(s *task.Source) { s.User = name }},
			{"source.refused", true, func(s *task.Source) { s.Port = free }},
			{"source.host_unknown", true, func(s *task.Source) { s.Host = "no-such-host.invalid" }},
			{"source.tls_mode", false, func(s *task.Source) { s.TLS.Mode = "sometimes" }},
			{"source.tls_ca_file", false, func(s *task.Source) { s.TLS = task.TLS{Mode: "ca", CAFile: "/no/such/file"} }},
		}
		for _, c := range cases {
			sp := spec(t, m)
			c.change(&sp)
			s, err := Open(testContext(t), sp, Options{})
			if err == nil {
				s.Close()
			}
			wantCode(t, err, c.code)
			if task.Retryable(err) != c.retry {
				t.Errorf("%s: retry %v", c.code, task.Retryable(err))
			}
			if strings.Contains(err.Error(), m.Password) {
				t.Errorf("%v holds the password", err)
			}
		}
	})
}

// TestOpenSettings refuses sources whose binlog cannot be followed.
func TestOpenSettings(t *testing.T) {
	for _, c := range []struct {
		kind   servers.Kind
		option []string
		code   string
	}{
		{servers.MySQL80, []string{"skip_log_bin"}, "source.binlog_off"},
		{servers.MySQL80, []string{"binlog_format=MIXED"}, "source.binlog_format"},
		{servers.MySQL80, []string{"binlog_row_image=MINIMAL"}, "source.binlog_row_image"},
		{servers.MariaDB1011, []string{"binlog_format=MIXED"}, "source.binlog_format"},
		{servers.MariaDB1011, []string{"binlog_row_image=NOBLOB"}, "source.binlog_row_image"},
	} {
		t.Run(c.code+string(c.kind), func(t *testing.T) {
			m := servers.StartMySQL(t, c.kind, c.option...)
			s, err := Open(testContext(t), spec(t, m), Options{})
			if err == nil {
				s.Close()
			}
			wantCode(t, err, c.code)
		})
	}
}

func TestSupported(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"5.7.44": false, "8.0.33": true, "8.4.0": true, "9.7.4": true, "10.0.1": false,
		"10.4.9-MariaDB": false, "10.5.1-MariaDB": true, "10.11.6-MariaDB-log": true, "11.4.5-MariaDB": true, "11.8.9-MariaDB": true, "12.0.2-MariaDB": false,
	} {
		v, err := parseVersion(text)
		if err != nil {
			t.Fatal(err)
		}
		flavor := cdc.MySQL
		if strings.Contains(text, "MariaDB") {
			flavor = cdc.MariaDB
		}
		if err := supported(flavor, v, text); (err == nil) != want {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestOtherServer: a connection that ends at another server is refused.
func TestOtherServer(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		s.server.ID = "another"
		_, err := s.View(testContext(t))
		wantCode(t, err, "source.other_server")
		_, err = s.Stream(testContext(t), emptySet(t, s.server.Flavor))
		wantCode(t, err, "source.other_server")
	})
}

func emptySet(t testing.TB, flavor cdc.Flavor) cdc.GTIDSet {
	t.Helper()
	set, err := cdc.ParseGTIDSet(flavor, "")
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestTLS checks the modes against MySQL's own certificates, which carry no host name.
func TestTLS(t *testing.T) {
	t.Parallel()
	m := servers.SharedMySQL(t, servers.MySQL80)
	ca := filepath.Join(m.Dir, "data", "ca.pem")
	text, err := os.ReadFile(ca)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		tls  task.TLS
		code string
	}{
		{task.TLS{Mode: "require"}, ""},
		{task.TLS{Mode: "ca", CAFile: ca}, ""},
		{task.TLS{Mode: "ca", CA: string(text)}, ""},
		{task.TLS{Mode: "ca", CA: "none"}, "source.tls_ca_file"},
		{task.TLS{Mode: "ca"}, "source.tls_untrusted"},
		{task.TLS{Mode: "full", CAFile: ca}, "source.tls_host"},
	} {
		sp := spec(t, m)
		sp.TLS = c.tls
		s, err := Open(testContext(t), sp, Options{})
		if c.code != "" {
			wantCode(t, err, c.code)
			continue
		}
		if err != nil {
			t.Fatalf("%+v: %v", c.tls, err)
		}
		if cipher := askText(t, s, "SHOW STATUS LIKE 'Ssl_cipher'"); cipher == "" {
			t.Errorf("%+v: not encrypted", c.tls)
		}
		set, _ := start(t, s)
		follow(t, s, set).next()
		s.Close()
	}
	sp := spec(t, servers.SharedMySQL(t, servers.MariaDB1011))
	sp.TLS.Mode = "require"
	_, err = Open(testContext(t), sp, Options{})
	wantCode(t, err, "source.tls_unavailable")
}

func TestLocate(t *testing.T) {
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			s := open(t, m)
			_, c := database(t, m)
			ctx := testContext(t)
			begin, _ := start(t, s)
			run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)", "FLUSH BINARY LOGS")
			second, _ := start(t, s)
			run(t, c, "INSERT INTO a VALUES (2)", "INSERT INTO a VALUES (3)")
			files, err := s.Files(ctx)
			if err != nil {
				t.Fatal(err)
			}
			last := files[len(files)-1]
			if got := end(t, s).In(s.server.Log); got != last.Name+":"+fmt.Sprint(last.Size) {
				t.Errorf("the end is written %s, the server says %s:%d", got, last.Name, last.Size)
			}
			at, err := s.Locate(ctx, task.From{Position: last.Name + ":" + fmt.Sprint(last.Size)})
			if err != nil || !at.Set.Includes(second) || !second.Includes(at.Set) || at.Skip != end(t, s) {
				t.Errorf("position: %+v %v, want %s", at, err, second)
			}
			if at, err = s.Locate(ctx, task.From{GTID: begin.String()}); err != nil || at.Set.String() != begin.String() || !at.Skip.IsZero() {
				t.Errorf("set: %+v %v", at, err)
			}
			now := text(t, c, "SELECT DATE_FORMAT(NOW(6) + INTERVAL 1 SECOND, '%Y-%m-%dT%H:%i:%s.%fZ')")
			if at, err = s.Locate(ctx, task.From{Time: now}); err != nil || !at.Set.Includes(second) || at.SkipTime == 0 {
				t.Errorf("time %s: %+v %v", now, at, err)
			}
			for _, from := range []task.From{{}, {Position: "x"}, {Position: last.Name + ":99999999"}, {GTID: "?"}, {Time: "yesterday"}} {
				_, err := s.Locate(ctx, from)
				wantCode(t, err, "source.start")
			}
			for _, from := range []task.From{{Position: "mysql-bin.999999:4"}, {Time: "2001-01-01T00:00:00Z"}} {
				_, err := s.Locate(ctx, from)
				wantCode(t, err, "source.binlog_purged")
			}
		})
	}
}

// TestCatalogue lists what the test made.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE `o``dd` (a INT NOT NULL, b VARCHAR(30) NOT NULL, g INT AS (a+1) VIRTUAL, h INT AS (a+2) STORED, PRIMARY KEY (b, a), UNIQUE u1 (b(3)), UNIQUE u2 (a))",
			"CREATE VIEW v AS SELECT 1")
		ctx := testContext(t)
		names, err := s.Schemas(ctx)
		if err != nil || !strings.Contains(strings.Join(names, " "), db) || strings.Contains(strings.Join(names, " "), "information_schema") {
			t.Errorf("%v %v", names, err)
		}
		list, err := s.Tables(ctx, db)
		if err != nil || len(list) != 2 || list[0].Name != "o`dd" || list[0].Engine != "InnoDB" || !list[1].View {
			t.Errorf("%+v %v", list, err)
		}
		table, err := s.Table(ctx, list[0].TableID)
		if err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(table.Primary) != "[1 0]" || !table.Columns[2].Generated || !table.Columns[3].Generated || table.Columns[0].Generated {
			t.Errorf("%+v", *table)
		}
		want := []cdc.Index{{Name: "u2", Columns: []int{0}}, {Name: "u1", Columns: []int{1}, Prefix: true}}
		if fmt.Sprint(table.Uniques) != fmt.Sprint(want) {
			t.Errorf("uniques %+v, want %+v", table.Uniques, want)
		}
		_, err = s.Table(ctx, cdc.TableID{Schema: db, Name: "none"})
		wantCode(t, err, "source.table_missing")
		v, err := s.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		_, err = v.Lock(ctx, cdc.TableID{Schema: db, Name: "none"})
		wantCode(t, err, "source.table_missing")
	})
}

// TestCancel: a cancelled call returns at once and leaves the source usable.
func TestCancel(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		ctx, cancel := context.WithCancel(context.Background())
		v, err := s.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		table, err := s.Table(ctx, cdc.TableID{Schema: "information_schema", Name: "COLLATIONS"})
		if err != nil {
			t.Fatal(err)
		}
		mark := fmt.Sprintf("cancel_%p", v)
		c := m.Conn(t, "")
		go func() {
			defer cancel()
			for r := testContext(t); r.Err() == nil; { // until the server runs it
				if found, err := c.Execute("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE '%" + mark + "%' AND info NOT LIKE '%COUNT%'"); err != nil || found.Values[0][0].String() != "0" {
					return
				}
			}
		}()
		_, err = v.Rows(ctx, snapshot.Query{Table: table, Where: "SLEEP(60) = 0 /* " + mark + " */"}, func(cdc.Row) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
		v.Close()
		if _, err := s.End(testContext(t)); err != nil {
			t.Error(err)
		}
		if _, err := s.End(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled question: %v", err)
		}
		if _, err := s.View(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled view: %v", err)
		}
	})
}
