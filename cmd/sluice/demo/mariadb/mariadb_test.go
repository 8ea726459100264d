package mariadb

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func nowhere(string) string { return "" }

func TestParseURIs(t *testing.T) {
	t.Parallel()
	got, err := parseURIs(`'http://deb.example/pool/main/liba/libaio/libaio1_0.3.113-4_amd64.deb' libaio1_0.3.113-4_amd64.deb 13360 MD5Sum:d1fd
'http://deb.example/pool/mariadb-server-core_10.11.19-0%2bdeb12u1_amd64.deb' mariadb-server-core_1%3a10.11.19-0+deb12u1_amd64.deb 7342456 
W: a warning
`)
	if want := []archive{{"libaio1=0.3.113-4", 13360}, {"mariadb-server-core=1:10.11.19-0+deb12u1", 7342456}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := parseURIs("E: Unable to locate package"); err == nil || !strings.Contains(err.Error(), "Unable to locate") {
		t.Errorf("nothing to fetch gives %v, %v", got, err)
	}
}

// The real packages of this machine's release, into an empty cache; the server of them runs, and the second search
// finds it without fetching.
func TestUnpackAndRun(t *testing.T) {
	t.Parallel()
	cache := filepath.Join(t.TempDir(), "cache")
	var mu sync.Mutex
	var last Download
	f := Finder{Cache: cache, Path: nowhere, Tell: func(d Download) {
		mu.Lock()
		defer mu.Unlock()
		last = d
	}}
	p, err := f.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if last.What != "packages" || last.Done != last.Total || last.Total < 1<<20 {
		t.Errorf("the last that was told of the fetching is %+v", last)
	}
	f.apt = func() (*apt, error) { return nil, errors.New("fetched twice") }
	again, err := f.Find(t.Context())
	if err != nil || again.binary != p.binary {
		t.Fatalf("found %v, %v", again, err)
	}
	if left, err := filepath.Glob(filepath.Join(cache, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	s, err := p.Start(t.Context(), t.TempDir(), port, "secret")
	if err != nil {
		t.Fatal(err)
	}
	c, err := s.Connect("")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Execute("SELECT @@version, @@bind_address, @@log_bin, @@binlog_row_metadata, (SELECT group_concat(user, '@', host) FROM mysql.global_priv WHERE user <> 'mariadb.sys')")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for i := range r.Values[0] {
		text, _ := r.GetString(0, i)
		got = append(got, text)
	}
	if !strings.HasPrefix(got[0], p.Version) || !slices.Equal(got[1:], []string{"127.0.0.1", "1", "FULL", "root@127.0.0.1"}) {
		t.Errorf("the server is %q", got)
	}
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
	<-s.Done()
}

func TestNothingFound(t *testing.T) {
	t.Parallel()
	f := Finder{Cache: t.TempDir(), Path: nowhere, apt: func() (*apt, error) { return nil, errors.New("no apt-get") }}
	_, err := f.Find(t.Context())
	if m := new(Missing); !errors.As(err, &m) || !strings.Contains(err.Error(), "no apt-get") {
		t.Errorf("the error is %v", err)
	}
}

// What is no MariaDB is passed over, and why is told.
func TestProbe(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, version, why string }{
		{"MySQL", "/usr/sbin/mysqld  Ver 8.0.33 for Linux on x86_64 (MySQL Community Server - GPL)", "no MariaDB"},
		{"too old", "mysqld  Ver 10.3.39-MariaDB-0+deb10u2 for debian-linux-gnu on x86_64", "10.5 or later"},
		{"no scripts", "mariadbd  Ver 11.8.9-MariaDB for debian-linux-gnu on x86_64", "system tables"},
		{"broken", "", "does not run"},
	} {
		binary := filepath.Join(t.TempDir(), "bin", "mariadbd")
		script := "#!/bin/sh\nexit 1\n"
		if tt.version != "" {
			script = "#!/bin/sh\necho '" + tt.version + "'\n"
		}
		if err := errors.Join(os.MkdirAll(filepath.Dir(binary), 0o755), os.WriteFile(binary, []byte(script), 0o755)); err != nil {
			t.Fatal(err)
		}
		var skipped error
		f := Finder{Skip: func(err error) { skipped = err }}
		if p := f.try(context.Background(), binary, ""); p != nil || skipped == nil || !strings.Contains(skipped.Error(), tt.why) {
			t.Errorf("%s: %v, %v", tt.name, p, skipped)
		}
	}
}
