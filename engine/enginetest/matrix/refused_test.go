package matrix

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

// refused wants the precheck to fail with the finding, or with the error that it names, and the task with the code.
func refused(ctx context.Context, t *testing.T, x *driver.Task, finding, code string) {
	t.Helper()
	failed, err := x.Precheck(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(failed, func(f driver.Finding) bool {
		return f.Severity == "error" && (f.Code == finding || f.Params["Code"] == finding) && f.Fix != ""
	}) {
		t.Errorf("the precheck does not refuse with %s: %+v", finding, failed)
	}
	end, err := x.Run(ctx, "", time.After(patience))
	if err != nil || end.Killed || end.Last.Error == nil || end.Last.Error.Code != code || !strings.Contains(end.Stderr, "hint: ") {
		t.Errorf("the task does not end with %s: %v, code %d, %+v\n%s", code, err, end.Code, end.Last.Error, end.Stderr)
	}
}

// TestRefusedVersion: MySQL 5.6 starts here, and is told to be too old.
func TestRefusedVersion(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	m := servers.StartMySQL(t, servers.MySQL56)
	m.Exec(t, "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY)")
	x := driver.New(t, driver.Binary(t), driver.Spec{Source: m, Kafka: servers.SharedKafka(t), Schema: "work", Tables: []string{"t"}, Topic: "old", Partitions: 1, Policy: "key"})
	refused(t.Context(), t, x, "version.unsupported", "source.version")
}

// TestVisibleBeforeListed is why: MySQL 5.6 lists transactions in gtid_executed that a view does not show yet, on which
// the full copy relies (engine/decisions/0001-watermarks.md).
func TestVisibleBeforeListed(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	for _, kind := range []servers.Kind{servers.MySQL56, servers.MySQL80, servers.MySQL97} {
		t.Run(string(kind), func(t *testing.T) {
			m := servers.StartMySQL(t, kind, "sync_binlog=1")
			m.Exec(t, "CREATE DATABASE d", "CREATE TABLE d.t (id INT PRIMARY KEY, v INT)", "INSERT INTO d.t VALUES (1,0)")
			reader := m.Conn(t, "d")
			ask := func(sql string) int {
				t.Helper()
				r, err := reader.Execute(sql)
				if err != nil {
					t.Fatal(err)
				}
				text, _ := r.GetString(0, 0)
				n, err := strconv.Atoi(text[strings.LastIndexAny(text, "-:")+1:])
				if err != nil {
					t.Fatal(err)
				}
				return n
			}
			listed := func() int { return ask("SELECT @@GLOBAL.gtid_executed") }
			before := listed()
			stop := make(chan struct{})
			var writing sync.WaitGroup
			for range 3 {
				c := m.Conn(t, "d")
				writing.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
							if _, err := c.Execute("UPDATE t SET v=v+1 WHERE id=1"); err != nil {
								t.Error(err)
								return
							}
						}
					}
				})
			}
			behind, reads := 0, 0
			for began := time.Now(); time.Since(began) < 3*time.Second; reads++ {
				if n := listed() - before; ask("SELECT v FROM t") < n {
					behind++
				}
			}
			close(stop)
			writing.Wait()
			t.Logf("%d of %d reads did not show what was listed before", behind, reads)
			if (behind > 0) != (kind == servers.MySQL56) {
				t.Error("which is not what is known of this version")
			}
		})
	}
}

// TestRefusedSettings sets what can't be read, for the whole server and then in a session while a task runs.
func TestRefusedSettings(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	bin := driver.Binary(t)
	for _, kind := range sources {
		t.Run(string(kind), func(t *testing.T) {
			m, k := servers.SharedMySQL(t, kind), servers.SharedKafka(t)
			m.Exec(t, "DROP DATABASE IF EXISTS work", "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY, v INT, b BLOB)", "INSERT INTO work.t VALUES (1, 1, 'x'), (2, 2, 'y')")
			task := func(name string) *driver.Task {
				topic := strings.NewReplacer(".", "-", "=", "-").Replace(string(kind) + "-" + name)
				return driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: []string{"t"}, Topic: topic, Partitions: 1, Policy: "key"})
			}
			images := []string{"MINIMAL", "NOBLOB"}
			if kind == servers.MariaDB114 || kind == servers.MariaDB118 {
				images = append(images, "FULL_NODUP")
			}
			type change struct{ set, back, finding, code, running string }
			var changes []change
			for _, image := range images {
				changes = append(changes, change{"binlog_row_image=" + image, "binlog_row_image=FULL", "variable.binlog_row_image", "source.binlog_row_image", "source.partial_rows"})
			}
			for _, format := range []string{"STATEMENT", "MIXED"} {
				changes = append(changes, change{"binlog_format=" + format, "binlog_format=ROW", "variable.binlog_format", "source.binlog_format", "source.statement"})
			}
			for _, c := range changes {
				m.Exec(t, "SET GLOBAL "+c.set)
				refused(t.Context(), t, task(c.set), c.finding, c.code)
				m.Exec(t, "SET GLOBAL "+c.back)
				p := following(t.Context(), t, task(c.set+"-session"))
				m.Exec(t, "SET SESSION "+c.set, "UPDATE work.t SET v=v+1 WHERE id=1")
				select {
				case <-p.Done():
				case <-time.After(patience):
					t.Fatalf("the task goes on with %s", c.set)
				}
				if o := p.Outcome(); o.Last.Error == nil || o.Last.Error.Code != c.running || !strings.Contains(o.Stderr, "hint: ") {
					t.Errorf("%s: %+v\n%s", c.set, o.Last.Error, o.Stderr)
				}
			}
		})
	}
}

// TestRefusedAccount: a way of signing in that only newer servers have.
func TestRefusedAccount(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	m := servers.StartMySQL(t, servers.MariaDB118)
	m.Exec(t, "INSTALL SONAME 'auth_parsec'", "CREATE USER via_parsec@'%' IDENTIFIED VIA parsec USING PASSWORD('"+m.Password+"')",
		"GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO via_parsec@'%'", "CREATE DATABASE work", "CREATE TABLE work.t (id INT PRIMARY KEY)")
	for _, tls := range []string{"off", "require"} { // MariaDB from 11.4 on has a certificate from the start
		x := driver.New(t, driver.Binary(t), driver.Spec{Source: m, Kafka: servers.SharedKafka(t), Schema: "work", Tables: []string{"t"}, Topic: "parsec", Partitions: 1, Policy: "key",
			Account: "via_parsec", SourceMore: "tls: {mode: \"" + tls + "\"}"})
		refused(t.Context(), t, x, "source.auth_plugin", "source.auth_plugin")
	}
}

// TestGeneratedNotLogged: MariaDB 11.8 logs updates and deletes without generated columns. The precheck names them, and a
// task that sends them or chooses partitions by them stops at such a change; one that leaves them out goes on.
func TestGeneratedNotLogged(t *testing.T) {
	if !*all {
		t.Log("run with -matrix.all")
		return
	}
	bin := driver.Binary(t)
	m, k := servers.SharedMySQL(t, servers.MariaDB118), servers.SharedKafka(t)
	m.Exec(t, "DROP DATABASE IF EXISTS work", "CREATE DATABASE work",
		"CREATE TABLE work.t (id INT PRIMARY KEY, a INT, s INT AS (a * 2) STORED, v INT AS (a + 5) VIRTUAL, KEY (s), KEY (v))", "INSERT INTO work.t (id, a) VALUES (1, 1), (2, 2)")
	for name, each := range map[string]string{"sent": "", "choosing": "exclude: [s, v], partition_key: [s]", "left-out": "exclude: [S, v]"} {
		x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: []string{"t"}, Topic: "generated-" + name, Partitions: 1, Policy: "key", Each: each})
		failed, err := x.Precheck(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var told string
		for _, f := range failed {
			if f.Code == "generated.unlogged" {
				told = f.Severity + " " + f.Params["Tables"]
			}
		}
		if want := map[string]string{"sent": "warning work.t.s int(11), work.t.v int(11)", "choosing": "warning work.t.s int(11)"}[name]; told != want {
			t.Errorf("%s: the precheck tells %q, want %q", name, told, want)
		}
		p := following(t.Context(), t, x)
		m.Exec(t, "UPDATE work.t SET a = a + 1 WHERE id = 1")
		if name == "left-out" {
			p.Signal(syscall.SIGKILL)
			<-p.Done()
			if end, err := x.Run(t.Context(), "", time.After(patience), "--until", "caught-up"); err != nil || end.Code != 0 {
				t.Errorf("%s: code %d, %v\n%s", name, end.Code, err, end.Stderr)
			}
			continue
		}
		select {
		case <-p.Done():
		case <-time.After(patience):
			t.Fatalf("%s: the task goes on", name)
		}
		if o := p.Outcome(); o.Last.Error == nil || o.Last.Error.Code != "value.not_logged" || !strings.Contains(o.Stderr, "hint: ") {
			t.Errorf("%s: %+v\n%s", name, o.Last.Error, o.Stderr)
		}
	}
}
