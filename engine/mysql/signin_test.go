package mysql

import (
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// TestCertificates presents good and bad certificates to both connections, that for questions and that for the binlog.
func TestCertificates(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ca, file := servers.Certificate(t, nil)
			m := servers.StartMySQL(t, kind, "ssl_ca="+ca, "ssl_cert="+file, "ssl_key="+file)
			strange, _ := servers.Certificate(t, nil)
			now := time.Now()
			for _, c := range []struct {
				name   string
				change func(*x509.Certificate)
				modes  map[string]string // code by mode
			}{
				{"good", nil, map[string]string{"require": "", "ca": "", "full": ""}},
				{"of another host", func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"db.example.com"}, nil }, map[string]string{"require": "", "ca": "", "full": "source.tls_host"}},
				{"expired", func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-2*time.Hour), now.Add(-time.Hour) }, map[string]string{"require": "", "ca": "source.tls_invalid", "full": "source.tls_invalid"}},
				{"not valid yet", func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }, map[string]string{"ca": "source.tls_invalid", "full": "source.tls_invalid"}},
				{"for clients", func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, map[string]string{"ca": "source.tls_invalid", "full": "source.tls_invalid"}},
				{"of another authority", nil, map[string]string{"require": "", "ca": "source.tls_untrusted", "full": "source.tls_untrusted"}},
			} {
				trusted, presented := servers.Certificate(t, c.change)
				text, err := os.ReadFile(presented)
				if err == nil {
					err = os.WriteFile(file, text, 0o600)
				}
				if err != nil {
					t.Fatal(err)
				}
				if c.name == "of another authority" {
					trusted = strange
				}
				reload := "ALTER INSTANCE RELOAD TLS"
				if kind.MariaDB() {
					reload = "FLUSH SSL"
				}
				m.Exec(t, reload)
				for mode, code := range c.modes {
					sp := spec(t, m)
					if sp.TLS.Mode = mode; mode != "require" {
						sp.TLS.CAFile = trusted
					}
					s, err := Open(testContext(t), sp, Options{})
					if code != "" {
						wantCode(t, err, code)
						if !strings.Contains(fmt.Sprint(err), "x509: ") {
							t.Errorf("%s, %s: %v does not tell why", c.name, mode, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s, %s: %v", c.name, mode, err)
						continue
					}
					set, _ := start(t, s)
					follow(t, s, set).next()
					s.Close()
				}
			}
		})
	}
}

// TestAuthentication signs in by every plugin that is supported, with and without TLS, and tells which one is not.
func TestAuthentication(t *testing.T) {
	t.Parallel()
	for kind, plugins := range map[servers.Kind]map[string]string{ // code by plugin
		servers.MySQL80:     {"caching_sha2_password": "", "sha256_password": "", "mysql_native_password": ""},
		servers.MySQL97:     {"caching_sha2_password": "", "sha256_password": ""},
		servers.MariaDB1011: {"mysql_native_password": "", "ed25519": "", "pam": "source.auth_plugin", "unix_socket": "source.access_denied"},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			ca, file := servers.Certificate(t, nil)
			m := servers.StartMySQL(t, kind, "ssl_ca="+ca, "ssl_cert="+file, "ssl_key="+file)
			if kind.MariaDB() {
				m.Exec(t, "INSTALL SONAME 'auth_ed25519'", "INSTALL SONAME 'auth_pam_v1'")
			}
			for plugin, code := range plugins {
				for _, mode := range []string{"off", "full"} {
					user := plugin + "_" + mode
					how := fmt.Sprintf("IDENTIFIED WITH %s BY '%s'", plugin, m.Password)
					if kind.MariaDB() {
						how = fmt.Sprintf("IDENTIFIED VIA %s USING PASSWORD('%s')", plugin, m.Password)
					}
					if code != "" {
						how = "IDENTIFIED VIA " + plugin
					}
					if mode != "off" {
						how += " REQUIRE SSL"
					}
					m.Exec(t, "CREATE USER "+user+"@'%' "+how, "GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO "+user+"@'%'")
					for range 2 { // the second time caching_sha2_password knows the account
						sp := spec(t, m)
						sp.User = user
						if sp.TLS.Mode = mode; mode != "off" {
							sp.TLS.CAFile = ca
						}
						s, err := Open(testContext(t), sp, Options{})
						if code != "" {
							wantCode(t, err, code)
							if task.Retryable(err) {
								t.Errorf("%s is tried again", code)
							}
							continue
						}
						if err != nil {
							t.Errorf("%s: %v", user, err)
							continue
						}
						set, _ := start(t, s)
						follow(t, s, set).next()
						s.Close()
					}
					sp := spec(t, m)
					sp.User, sp.Password = user, "wr0ng-secret"
					if sp.TLS.Mode = mode; mode != "off" {
						sp.TLS.CAFile = ca
					}
					if code == "" {
						_, err := Open(testContext(t), sp, Options{})
						wantCode(t, err, "source.access_denied")
						if strings.Contains(fmt.Sprintf("%v %+v", err, err), "wr0ng-secret") {
							t.Errorf("%v holds the password", err)
						}
					}
				}
			}
		})
	}
}
