package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/cmd/sluice/demo/mariadb"
	"sluice/engine/task"
)

func quiet(o Options) Options {
	o.Say, o.Progress = func(string, ...any) {}, func(string) {}
	return o
}

func TestParseSource(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text, user, password, host string
		port                       int
	}{
		{"root:secret@db.example:3306", "root", "secret", "db.example", 3306},
		{"root:p@ss:word@127.0.0.1:3307", "root", "p@ss:word", "127.0.0.1", 3307},
		{"root:@[::1]:3306", "root", "", "::1", 3306},
		{"", "", "", "", 0},
		{"root@db.example:3306", "", "", "", 0},
		{":secret@db.example:3306", "", "", "", 0},
		{"root:secret@db.example", "", "", "", 0},
		{"root:secret@:3306", "", "", "", 0},
		{"root:secret@db.example:0", "", "", "", 0},
		{"root:secret@db.example:70000", "", "", "", 0},
	} {
		user, password, host, port, err := ParseSource(tt.text)
		if (err == nil) != (tt.user != "") {
			t.Errorf("%q: %v", tt.text, err)
		}
		if err == nil && (user != tt.user || password != tt.password || host != tt.host || port != tt.port) {
			t.Errorf("%q gives %q %q %q %d", tt.text, user, password, host, port)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: the error tells the password: %v", tt.text, err)
		}
	}
}

func TestPort(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	for _, tt := range []struct {
		name        string
		last, usual int
		lines       int  // said
		keeps       bool // what is remembered
	}{
		{"first start", 0, taken, 1, false},
		{"later start", taken, 1, 2, true},
	} {
		var said []string
		last := tt.last
		got, err := port("broker", &last, tt.usual, func(f string, args ...any) { said = append(said, fmt.Sprintf(f, args...)) })
		if err != nil || got == taken || got == 0 {
			t.Errorf("%s: %d %v", tt.name, got, err)
		}
		if len(said) != tt.lines || !strings.Contains(said[0], fmt.Sprint(taken)) || !strings.Contains(said[0], fmt.Sprint(got)) {
			t.Errorf("%s: said %q", tt.name, said)
		}
		if (last == taken) != tt.keeps || !tt.keeps && last != got {
			t.Errorf("%s: remembers %d", tt.name, last)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "demo")
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	own, err := f.place("")
	if err != nil {
		t.Fatal(err)
	}
	given, err := f.place("db.example:3306")
	if err != nil {
		t.Fatal(err)
	}
	own.Made, own.Seeded, given.Made, given.Seeded, given.Drafted = true, true, true, true, true
	if err := errors.Join(f.save(), os.MkdirAll(filepath.Join(dir, "mariadb", "data"), 0o700)); err != nil {
		t.Fatal(err)
	}
	again, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if p, err := again.place(""); err != nil || *p != *own || again.state.RootPassword != f.state.RootPassword {
		t.Errorf("read back %+v (%v), want %+v", p, err, own)
	}
	if err := again.Reset(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "mariadb")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the server's files are still there: %v", err)
	}
	// What the demo made on another server stays its own, to be made anew.
	if p, err := again.place("db.example:3306"); err != nil || !p.Made || p.Seeded || p.Drafted {
		t.Errorf("after the reset %+v, %v", p, err)
	}
	if p, err := again.place(""); err != nil || p.Made || p.Password == own.Password {
		t.Errorf("after the reset %+v, %v", p, err)
	}
	info, err := os.Stat(filepath.Join(dir, stateFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the passwords' file: %v %v", info.Mode(), err)
	}
}

// Without any MariaDB the error names the way out.
func TestNoMariaDB(t *testing.T) {
	t.Parallel()
	f, err := OpenFolder(filepath.Join(t.TempDir(), "demo"))
	if err != nil {
		t.Fatal(err)
	}
	o := quiet(Options{})
	o.find = func(context.Context) (*mariadb.Program, error) {
		return nil, &mariadb.Missing{Why: errors.New("no apt-get")}
	}
	_, err = Start(t.Context(), f, o)
	var e *task.Error
	if !errors.As(err, &e) || e.Code != "demo.no_mariadb" || !strings.Contains(e.Hint, "--source USER:PASSWORD@HOST:PORT") || !strings.Contains(err.Error(), "no apt-get") {
		t.Errorf("the error is %v", err)
	}
}
