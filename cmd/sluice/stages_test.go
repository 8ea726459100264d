package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// strangeCA is the file of an authority that signed no server here.
func strangeCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ca := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "a strange CA"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "strange.pem")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func sourceOf(my *servers.MySQL) task.Source {
	host, port, _ := net.SplitHostPort(my.Addr)
	n, _ := strconv.Atoi(port)
	return task.Source{Host: host, Port: n, User: my.Account, Password: task.Secret(my.Password)}
}

// reached writes the stages as name and first letter of the status, and gives the one that failed.
func reached(r task.Reach) (text string, bad task.Stage) {
	var words []string
	for _, s := range r.Stages {
		words = append(words, s.Name+":"+s.Status[:1])
		if s.Status == "failed" {
			bad = s
		}
	}
	return strings.Join(words, " "), bad
}

func TestWayToSource(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		my := servers.SharedMySQL(t, kind)
		_, closed, _ := net.SplitHostPort(closedPort(t))
		closedAt, _ := strconv.Atoi(closed)
		// The server knows both accounts, but not from here: with one it refuses this host, with the other the account.
		my.Exec(t, "DROP USER IF EXISTS 'bare'@'%'", "CREATE USER 'bare'@'%' IDENTIFIED BY 'Bare-pass1'", "GRANT REPLICATION SLAVE ON *.* TO 'bare'@'%'",
			"DROP USER IF EXISTS 'afar'@'192.0.2.1'", "CREATE USER 'afar'@'192.0.2.1' IDENTIFIED BY 'Afar-pass1'")
		const end = " version:s privileges:s binlog:s"
		for name, tt := range map[string]struct {
			change     func(*task.Source)
			want       string
			code, text string
			fix        string
		}{
			"all":            {func(*task.Source) {}, "dns:p tcp:p tls:s auth:p version:p privileges:p binlog:p", "", "", ""},
			"name":           {func(s *task.Source) { s.Host = "localhost" }, "dns:p tcp:p tls:s auth:p version:p privileges:p binlog:p", "", "", ""},
			"port refused":   {func(s *task.Source) { s.Port = closedAt }, "dns:p tcp:f tls:s auth:s" + end, "error", "nothing listens", "Check host and port"},
			"unknown host":   {func(s *task.Source) { s.Host = "no-such-host.invalid" }, "dns:f tcp:s tls:s auth:s" + end, "error", "no-such-host.invalid", "Check the host name"},
			"wrong password": {func(s *task.Source) { s.Password = "wr0ng-secret" }, "dns:p tcp:p tls:s auth:f" + end, "connect.access_denied", "'sluice'@'127.0.0.1'", "CREATE USER 'sluice'@'127.0.0.1'"},
			"another host's": {func(s *task.Source) { s.User, s.Password = "afar", "Afar-pass1" }, "dns:p tcp:p tls:s auth:f" + end, "connect.access_denied", "'afar'@'127.0.0.1'", "CREATE USER 'afar'@'127.0.0.1'"},
			"no privileges": {func(s *task.Source) { s.User, s.Password = "bare", "Bare-pass1" }, "dns:p tcp:p tls:s auth:p version:p privileges:f binlog:s", "privileges.missing",
				"REPLICATION CLIENT", "GRANT REPLICATION CLIENT, SHOW VIEW, SELECT ON *.* TO 'bare'@'%';"},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := sourceOf(my)
				tt.change(&s)
				r := reacher{}.Source(t.Context(), s)
				got, bad := reached(r)
				if got != tt.want || bad.Code != tt.code || !strings.Contains(bad.Text, tt.text) || !strings.Contains(bad.Fix, tt.fix) {
					t.Errorf("%s, want %s\n%+v", got, tt.want, bad)
				}
				if strings.Contains(got, "tcp:p") != r.From.IsLoopback() {
					t.Errorf("from %v", r.From)
				}
				for _, s := range r.Stages {
					if s.Status == "passed" && s.Took <= 0 || strings.Contains(s.Text+s.Fix, "secret") {
						t.Errorf("%+v", s)
					}
				}
			})
		}
	})
}

// A server that knows no account of the host that it sees says so before anything else, and with the host's address.
func TestHostIsNotAllowed(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		my := servers.StartMySQL(t, kind)
		const elsewhere = "127.0.0.3" // the server takes 127.0.0.1 for localhost, where it has accounts
		s := sourceOf(my)
		_, port, _ := net.SplitHostPort(relay(t, my.Addr, elsewhere))
		s.Port, _ = strconv.Atoi(port)
		my.Exec(t, "DROP USER 'sluice'@'%'", "CREATE USER 'sluice'@'127.0.0.1'", "DROP USER 'root'@'%'", "FLUSH PRIVILEGES")
		got, bad := reached(reacher{}.Source(t.Context(), s))
		if got != "dns:p tcp:p tls:s auth:f version:s privileges:s binlog:s" || bad.Code != "connect.host_not_allowed" || bad.Params["Address"] != elsewhere ||
			bad.Err.Code != "source.host_not_allowed" || !strings.Contains(bad.Fix, "CREATE USER 'sluice'@'"+elsewhere+"'") {
			t.Errorf("%s %+v", got, bad)
		}
	})
}

// relay gives another address of a server, which it reaches from the host.
func relay(t *testing.T, to, from string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				s, err := d.Dial("tcp", to)
				if err != nil {
					return
				}
				defer s.Close()
				go func() {
					_, _ = io.Copy(s, c)
					_ = s.Close()
				}()
				_, _ = io.Copy(c, s)
			}()
		}
	}()
	return l.Addr().String()
}

// The certificate that MySQL makes for itself is signed by an authority of its own.
func TestWayToSourceOverTLS(t *testing.T) {
	t.Parallel()
	my := servers.SharedMySQL(t, servers.MySQL80)
	s := sourceOf(my)
	s.TLS = task.TLS{Mode: "require"}
	if got, bad := reached(reacher{}.Source(t.Context(), s)); got != "dns:p tcp:p tls:p auth:p version:p privileges:p binlog:p" {
		t.Errorf("%s %+v", got, bad)
	}
	// Its certificate names no address either, which mode full looks at first.
	for mode, code := range map[string]string{"ca": "source.tls_untrusted", "full": "source.tls_host"} {
		s.TLS = task.TLS{Mode: mode, CAFile: strangeCA(t)}
		got, bad := reached(reacher{}.Source(t.Context(), s))
		if got != "dns:p tcp:p tls:f auth:s version:s privileges:s binlog:s" || bad.Err == nil || bad.Err.Code != code {
			t.Errorf("%s: %s %+v", mode, got, bad)
		}
	}
}

func TestWayToTarget(t *testing.T) {
	t.Parallel()
	k := servers.SharedKafka(t)
	closed := closedPort(t)
	login := func(addr, password string) task.Target {
		return task.Target{Brokers: []string{addr}, User: k.User, Password: task.Secret(password)}
	}
	over := func(at task.Target, ca string) task.Target {
		at.TLS = task.TLS{Mode: "full", CAFile: ca}
		return at
	}
	for name, tt := range map[string]struct {
		target     task.Target
		want, code string
	}{
		"plain":                   {task.Target{Brokers: []string{k.Plain}}, "dns:p tcp:p tls:s auth:p metadata:p listener:p", ""},
		"SCRAM over TLS":          {over(login(k.SASLSSL, k.Password), k.CAFile), "dns:p tcp:p tls:p auth:p metadata:p listener:p", ""},
		"wrong password":          {login(k.SASL, "wr0ng-secret"), "dns:p tcp:p tls:s auth:f metadata:s listener:s", "target.login_failed"},
		"wrong password over TLS": {over(login(k.SASLSSL, "wr0ng-secret"), k.CAFile), "dns:p tcp:p tls:p auth:f metadata:s listener:s", "target.login_failed"},
		"wrong CA":                {over(task.Target{Brokers: []string{k.SSL}}, strangeCA(t)), "dns:p tcp:p tls:f auth:s metadata:s listener:s", "target.tls_untrusted"},
		"no TLS here":             {over(task.Target{Brokers: []string{k.Plain}}, k.CAFile), "dns:p tcp:p tls:f auth:s metadata:s listener:s", "target.tls_not_offered"},
		"refused":                 {task.Target{Brokers: []string{closed}}, "dns:p tcp:f tls:s auth:s metadata:s listener:s", "target.refused"},
		"one of two":              {task.Target{Brokers: []string{closed, k.Plain}}, "dns:p tcp:f tls:s auth:s dns:p tcp:p tls:s auth:p metadata:p listener:p", "target.refused"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := reacher{}.Target(t.Context(), tt.target)
			got, bad := reached(r)
			if got != tt.want || tt.code != "" && (bad.Err == nil || bad.Err.Code != tt.code) {
				t.Errorf("%s, want %s\n%+v", got, tt.want, bad)
			}
			if strings.Contains(got, "tcp:p") != r.From.IsLoopback() {
				t.Errorf("from %v", r.From)
			}
		})
	}
}

// A broker that advertises where nothing listens takes the sign-in, and no record.
func TestListenerIsUnreachable(t *testing.T) {
	t.Parallel()
	closed := closedPort(t)
	k := servers.StartKafka(t, servers.KafkaConfig("advertised.listeners=PLAINTEXT://"+closed))
	got, bad := reached(reacher{}.Target(t.Context(), task.Target{Brokers: []string{k.Plain}}))
	if got != "dns:p tcp:p tls:s auth:p metadata:p listener:f" || bad.Code != "listeners.unreachable" || bad.Params["Address"] != closed || bad.Params["Broker"] != "1" || bad.Err.Code != "target.refused" {
		t.Errorf("%s %+v", got, bad)
	}
}
