package servers

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/segmentio/kafka-go/sasl/scram"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

var all = flag.Bool("servers.all", false, "the servers too that .ci/fetch matrix brings")

func eachKind(t *testing.T, test func(*testing.T, Kind)) {
	kinds := []Kind{MySQL80, MySQL97, MariaDB1011}
	if *all {
		kinds = append(kinds, MariaDB114, MariaDB118)
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) { test(t, kind) })
	}
}

func text(t *testing.T, c *client.Conn, sql string) string {
	t.Helper()
	r, err := c.Execute(sql)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	s, err := r.GetString(0, 0)
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return s
}

func TestTheAccountHasFourPrivileges(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) {
		m := SharedMySQL(t, kind)
		c, err := client.Connect(m.Addr, m.Account, m.Password, "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		grants := text(t, c, "SHOW GRANTS")
		grants, _, _ = strings.Cut(strings.TrimPrefix(grants, "GRANT "), " ON *.* TO ")
		got := strings.Split(strings.Replace(grants, "BINLOG MONITOR", "REPLICATION CLIENT", 1), ", ")
		slices.Sort(got)
		if want := []string{"REPLICATION CLIENT", "REPLICATION SLAVE", "SELECT", "SHOW VIEW"}; !slices.Equal(got, want) {
			t.Errorf("granted %q, want %q", got, want)
		}
		if _, err := c.Execute("CREATE DATABASE forbidden"); err == nil {
			t.Error("the account may create a database")
		}
	})
}

func TestOptionsOverrideTheDefaults(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) {
		m := StartMySQL(t, kind, "sync_binlog=1", "binlog_row_metadata=MINIMAL")
		c := m.Conn(t, "")
		for name, want := range map[string]string{
			"sync_binlog": "1", "binlog_row_metadata": "MINIMAL",
			"binlog_format": "ROW", "binlog_row_image": "FULL", "log_bin": "1", "character_set_server": "utf8mb4",
		} {
			if got := text(t, c, "SELECT @@global."+name); got != want {
				t.Errorf("%s is %s, want %s", name, got, want)
			}
		}
		gtid := "gtid_mode"
		want := "ON"
		if kind.MariaDB() {
			gtid, want = "gtid_strict_mode", "1"
		}
		if got := text(t, c, "SELECT @@global."+gtid); got != want {
			t.Errorf("%s is %s, want %s", gtid, got, want)
		}
		if shared := SharedMySQL(t, kind); !kind.MariaDB() && text(t, c, "SELECT @@server_uuid") == text(t, shared.Conn(t, ""), "SELECT @@server_uuid") {
			t.Error("two servers have the same UUID")
		}
	})
}

func TestMySQLKeepsDataOverKillAndRestart(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) {
		m := StartMySQL(t, kind)
		m.Exec(t, "CREATE DATABASE d", "CREATE TABLE d.t(a INT PRIMARY KEY)", "INSERT INTO d.t VALUES (4711)")
		m.Kill9(t)
		if c, err := net.Dial("tcp", m.Addr); err == nil {
			c.Close()
			t.Error("the killed server still takes connections")
		}
		m.Restart(t)
		m.Restart(t)
		if got := text(t, m.Conn(t, "d"), "SELECT a FROM t"); got != "4711" {
			t.Errorf("a = %s", got)
		}
		files := m.Ledger(t)
		if len(files) < 3 {
			t.Errorf("binlog files %v, want one for each start", files)
		}
		out, err := m.Binlog(t, append([]string{"-v", "--base64-output=DECODE-ROWS"}, files...)...).CombinedOutput()
		if err != nil || !strings.Contains(string(out), "@1=4711") {
			t.Errorf("binlog: %v\n%s", err, out)
		}
		out, err = m.Client(t, "-N", "-e", "SELECT a FROM d.t").CombinedOutput()
		if err != nil || !strings.Contains(string(out), "4711") {
			t.Errorf("client: %v\n%s", err, out)
		}
	})
}

func TestSharedServersAreOne(t *testing.T) {
	my, kafka := SharedMySQL(t, MariaDB1011), SharedKafka(t)
	if my != SharedMySQL(t, MariaDB1011) || kafka != SharedKafka(t) {
		t.Error("a second server was started")
	}
}

func TestKafkaListeners(t *testing.T) {
	k := SharedKafka(t)
	ca, err := os.ReadFile(k.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("no certificate in the CA file")
	}
	scram256, err := scram.Mechanism(scram.SHA256, k.User, k.Password)
	if err != nil {
		t.Fatal(err)
	}
	wrong, err := scram.Mechanism(scram.SHA256, k.User, "wrong")
	if err != nil {
		t.Fatal(err)
	}
	secret := plain.Mechanism{Username: k.User, Password: k.Password}
	_, port, _ := net.SplitHostPort(k.SASLSSL)
	for _, c := range []struct {
		name, addr string
		tls        *tls.Config
		sasl       sasl.Mechanism
		fails      bool
	}{
		{"plaintext", k.Plain, nil, nil, false},
		{"scram", k.SASL, nil, scram256, false},
		{"plain", k.SASL, nil, secret, false},
		{"scram over tls", k.SASLSSL, &tls.Config{RootCAs: roots}, scram256, false},
		{"plain over tls by name", "localhost:" + port, &tls.Config{RootCAs: roots}, secret, false},
		{"tls", k.SSL, &tls.Config{RootCAs: roots}, nil, false},
		{"no login", k.SASL, nil, nil, true},
		{"wrong password", k.SASL, nil, wrong, true},
		{"unknown CA", k.SSL, &tls.Config{}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			transport := &kafka.Transport{TLS: c.tls, SASL: c.sasl, DialTimeout: 5 * time.Second, MetadataTopics: []string{}}
			defer transport.CloseIdleConnections()
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			cl := &kafka.Client{Addr: kafka.TCP(c.addr), Transport: transport, Timeout: 5 * time.Second}
			_, err := cl.Metadata(ctx, &kafka.MetadataRequest{})
			if (err != nil) != c.fails {
				t.Errorf("error %v, want one: %v", err, c.fails)
			}
		})
	}
}

func TestKafkaKeepsDataOverKillAndRestart(t *testing.T) {
	k := StartKafka(t, KafkaConfig("message.max.bytes=2000000"), KafkaHeap("256m"))
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	// A transport of its own each time, for it remembers which topics there are.
	write := func(value string, attempts int) error {
		transport := &kafka.Transport{}
		defer transport.CloseIdleConnections()
		w := &kafka.Writer{Addr: kafka.TCP(k.Plain), Topic: "t", RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond, MaxAttempts: attempts, Transport: transport}
		defer w.Close()
		return w.WriteMessages(ctx, kafka.Message{Value: []byte(value)})
	}
	if err := write("no such topic", 1); err == nil {
		t.Error("the broker made a topic by itself")
	}
	transport := &kafka.Transport{}
	defer transport.CloseIdleConnections()
	cl := &kafka.Client{Addr: kafka.TCP(k.Plain), Transport: transport}
	made, err := cl.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "t", NumPartitions: 1, ReplicationFactor: 1}}})
	if err != nil || made.Errors["t"] != nil {
		t.Fatal(err, made)
	}
	if err := write("kept", 10); err != nil {
		t.Fatal(err)
	}
	k.Kill9(t)
	start := time.Now()
	k.Restart(t)
	t.Logf("restart after a kill: %v", time.Since(start))
	start = time.Now()
	k.Restart(t)
	t.Logf("restart in order: %v", time.Since(start))
	r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{k.Plain}, Topic: "t", MaxWait: 100 * time.Millisecond})
	defer r.Close()
	got, err := r.ReadMessage(ctx)
	if err != nil || string(got.Value) != "kept" {
		t.Errorf("read %q, %v", got.Value, err)
	}
}

// TestOldKafka starts the oldest broker and one from the middle, and kills each of them once.
func TestOldKafka(t *testing.T) {
	for _, version := range []KafkaVersion{Kafka010, Kafka10} {
		t.Run(string(version), func(t *testing.T) {
			start := time.Now()
			k := StartOldKafka(t, version)
			t.Logf("start: %v", time.Since(start))
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			transport := &kafka.Transport{SASL: plain.Mechanism{Username: k.User, Password: k.Password}}
			defer transport.CloseIdleConnections()
			cl := &kafka.Client{Addr: kafka.TCP(k.SASL), Transport: transport}
			made, err := cl.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "t", NumPartitions: 1, ReplicationFactor: 1}}})
			if err != nil || made.Errors["t"] != nil {
				t.Fatal(err, made)
			}
			w := &kafka.Writer{Addr: kafka.TCP(k.Plain), Topic: "t", RequiredAcks: kafka.RequireAll, BatchTimeout: time.Millisecond}
			defer w.Close()
			if err := w.WriteMessages(ctx, kafka.Message{Value: []byte("kept")}); err != nil {
				t.Fatal(err)
			}
			k.Kill9(t)
			start = time.Now()
			k.Restart(t)
			t.Logf("restart after a kill: %v", time.Since(start))
			r := kafka.NewReader(kafka.ReaderConfig{Brokers: []string{k.Plain}, Topic: "t", MaxWait: 100 * time.Millisecond})
			defer r.Close()
			if got, err := r.ReadMessage(ctx); err != nil || string(got.Value) != "kept" {
				t.Errorf("read %q, %v", got.Value, err)
			}
		})
	}
}

func TestMissingFilesSayHowToGetThem(t *testing.T) {
	t.Setenv("SLUICE_CACHE", t.TempDir())
	for _, start := range []func() error{
		func() error { _, err := LaunchMySQL(MySQL80); return err },
		func() error { _, err := LaunchKafka(); return err },
		func() error { _, err := LaunchOldKafka(Kafka010); return err },
	} {
		if err := start(); err == nil || !strings.Contains(err.Error(), "task fetch") {
			t.Errorf("error %v does not name the remedy", err)
		}
	}
}

func TestAFailedStartShowsTheLog(t *testing.T) {
	eachKind(t, func(t *testing.T, kind Kind) {
		m, err := LaunchMySQL(kind, "no_such_option=1")
		if err == nil {
			m.Close()
			t.Fatal("it started")
		}
		if !strings.Contains(err.Error(), "no_such_option") {
			t.Errorf("the log is not in the error: %v", err)
		}
	})
}

func TestGivenServers(t *testing.T) {
	m := StartMySQL(t, MariaDB1011)
	t.Setenv("SLUICE_TEST_GIVEN", fmt.Sprintf("%s:%s@%s", m.RootUser, m.RootPassword, m.Addr))
	given, err := givenMySQL(MariaDB1011, "SLUICE_TEST_GIVEN")
	if err != nil {
		t.Fatal(err)
	}
	if given.Dir != "" || given.Addr != m.Addr {
		t.Errorf("got %+v", given)
	}
	given.Exec(t, "SELECT 1")
	t.Setenv("SLUICE_TEST_GIVEN", "nonsense")
	if _, err := givenMySQL(MariaDB1011, "SLUICE_TEST_GIVEN"); err == nil {
		t.Error("nonsense was taken")
	}
}
