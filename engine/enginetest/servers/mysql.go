// Package servers runs real MySQL, MariaDB and Kafka servers for tests.
package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
)

// NoGTID are the options of a MySQL server whose transactions have no identifiers.
var NoGTID = []string{"gtid_mode=OFF", "enforce_gtid_consistency=OFF"}

const (
	rootUser     = "root"
	rootPassword = "Root-pass1"
	account      = "sluice"
	password     = "Sluice-pass1"
)

// accountsSQL makes root reachable over TCP and the account with the four
// privileges that the product asks of its users, and no other.
var accountsSQL = []string{
	"CREATE USER '" + rootUser + "'@'%' IDENTIFIED BY '" + rootPassword + "'",
	"GRANT ALL PRIVILEGES ON *.* TO '" + rootUser + "'@'%' WITH GRANT OPTION",
	"CREATE USER '" + account + "'@'%' IDENTIFIED BY '" + password + "'",
	"GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO '" + account + "'@'%'",
}

// MySQL is a running MySQL or MariaDB server.
type MySQL struct {
	Kind         Kind
	Addr         string
	RootUser     string
	RootPassword string
	Account      string // has REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT
	Password     string
	Dir          string // empty for a server given by the environment

	proc *process
	home string // the program's files
}

// StartMySQL runs a server of the test's own; opts are my.cnf lines like
// "sync_binlog=1" that override the defaults. The server ends with the test.
func StartMySQL(t testing.TB, kind Kind, opts ...string) *MySQL {
	t.Helper()
	m, err := LaunchMySQL(kind, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

// LaunchMySQL is StartMySQL without a test; the caller must Close it.
func LaunchMySQL(kind Kind, opts ...string) (*MySQL, error) {
	home, err := Fetched(string(kind))
	if err != nil {
		return nil, err
	}
	// The number at the end changes with what initMySQL does.
	name := "data-" + string(kind) + "-2"
	var fixed []string // what a server keeps for ever
	for _, o := range opts {
		if lower, ok := strings.CutPrefix(o, "lower_case_table_names="); ok {
			fixed, name = append(fixed, o), name+"-lower"+lower
		}
	}
	template, err := prepared(name, func(dir string) error { return initMySQL(kind, home, dir, fixed) })
	if err != nil {
		return nil, err
	}
	dir, err := newDir()
	if err != nil {
		return nil, err
	}
	m, err := launchMySQL(kind, home, template, dir, opts)
	if err != nil {
		os.RemoveAll(dir)
	}
	return m, err
}

func launchMySQL(kind Kind, home, template, dir string, opts []string) (*MySQL, error) {
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(filepath.Join(template, "data"))); err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	if err := writeConfig(kind, home, dir, append([]string{
		"bind_address=127.0.0.1",
		fmt.Sprint("port=", port),
		// Unique on this machine, as the port is.
		fmt.Sprint("server_id=", port),
		"log_bin=mysql-bin",
	}, opts...)); err != nil {
		return nil, err
	}
	m := &MySQL{
		Kind: kind, Addr: address(port), Dir: dir, home: home,
		RootUser: rootUser, RootPassword: rootPassword, Account: account, Password: password,
	}
	m.proc = &process{
		name: string(kind), dir: dir, env: kind.env(home),
		argv: append(kind.program(home, "sbin/mysqld"), "--defaults-file="+filepath.Join(dir, "my.cnf")),
		ready: func(context.Context) error {
			c, err := m.connect("")
			if err == nil {
				c.Close()
			}
			return err
		},
	}
	if err := m.proc.start(); err != nil {
		return nil, err
	}
	return m, nil
}

// writeConfig writes dir/my.cnf; of two equal settings the later one counts.
func writeConfig(kind Kind, home, dir string, more []string) error {
	if err := os.MkdirAll(filepath.Join(dir, "tmp"), 0o755); err != nil {
		return err
	}
	lines := []string{
		"[mysqld]",
		"datadir=" + filepath.Join(dir, "data"),
		"tmpdir=" + filepath.Join(dir, "tmp"),
		"socket=" + filepath.Join(dir, "s.sock"),
		"pid_file=" + filepath.Join(dir, "pid"),
		"skip_name_resolve=ON",
		"character_set_server=utf8mb4",
		"binlog_format=ROW",
		"binlog_row_image=FULL",
		"innodb_buffer_pool_size=64M",
		// Nothing here must outlive a power cut; 2 still keeps every commit over a kill -9.
		"innodb_flush_log_at_trx_commit=2",
		"sync_binlog=0",
	}
	lines = append(lines, kind.settings(home)...)
	if os.Geteuid() == 0 {
		lines = append(lines, "user=root")
	}
	text := strings.Join(append(lines, more...), "\n") + "\n"
	return os.WriteFile(filepath.Join(dir, "my.cnf"), []byte(text), 0o644)
}

// initMySQL makes the data folder that every server starts with a copy of.
func initMySQL(kind Kind, home, dir string, opts []string) error {
	if err := writeConfig(kind, home, dir, opts); err != nil {
		return err
	}
	args := []string{"--defaults-file=" + filepath.Join(dir, "my.cnf")}
	var input string
	if kind.MariaDB() || kind == MySQL56 {
		// mariadb-install-db is perl and wants an installed server; this is all it does.
		if err := os.MkdirAll(filepath.Join(dir, "data/mysql"), 0o755); err != nil {
			return err
		}
		tables, err := kind.systemTables(home)
		if err != nil {
			return err
		}
		// The scripts make roots without a password, one of them for 127.0.0.1, and MySQL's a nobody.
		table := "global_priv"
		if kind == MySQL56 {
			table = "user"
		}
		input = "create database if not exists mysql;\nuse mysql;\nset @skip_auth_anonymous=1, @auth_root_socket=NULL;\n" + tables +
			"use mysql;\ndelete from " + table + " where User in ('root', '');\nflush privileges;\n" + strings.Join(accountsSQL, ";\n") + ";\n"
		args = append(args, "--bootstrap", "--skip-log-bin", "--max-allowed-packet=8M")
	} else {
		file := filepath.Join(dir, "accounts.sql")
		if err := os.WriteFile(file, []byte(strings.Join(accountsSQL, ";\n")+";\n"), 0o644); err != nil {
			return err
		}
		args = append(args, "--initialize-insecure", "--skip-log-bin", "--init-file="+file)
	}
	cmd := kind.command(home, "sbin/mysqld", args...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = dieWithParent()
	if err := spawn(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w\n%s", err, out.Bytes())
	}
	// It holds the server's UUID, and no two servers may share one.
	err := os.Remove(filepath.Join(dir, "data/auto.cnf"))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

func (m *MySQL) connect(db string) (*client.Conn, error) {
	return client.ConnectWithTimeout(m.Addr, m.RootUser, m.RootPassword, db, 10*time.Second)
}

// Conn connects as root; the connection ends with the test.
func (m *MySQL) Conn(t testing.TB, db string) *client.Conn {
	t.Helper()
	c, err := m.connect(db)
	if err != nil {
		t.Fatalf("connect to %s at %s: %v", m.Kind, m.Addr, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// Exec runs statements as root, one after the other on one connection.
func (m *MySQL) Exec(t testing.TB, sql ...string) {
	t.Helper()
	if err := m.TryExec(sql...); err != nil {
		t.Fatal(err)
	}
}

// TryExec is Exec outside of the test's goroutine.
func (m *MySQL) TryExec(sql ...string) error {
	c, err := m.connect("")
	if err != nil {
		return fmt.Errorf("connect to %s at %s: %w", m.Kind, m.Addr, err)
	}
	defer c.Close()
	for _, s := range sql {
		if _, err := c.Execute(s); err != nil {
			return fmt.Errorf("%s: %w\n%.500s", m.Kind, err, s)
		}
	}
	return nil
}

// Archive keeps copies of the server's binlog files for Ledger, as the test is about to purge them.
func (m *MySQL) Archive(t testing.TB) {
	t.Helper()
	if err := os.MkdirAll(m.archive(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, file := range m.Ledger(t) {
		name := filepath.Join(m.archive(), filepath.Base(file))
		if name == file {
			continue
		}
		content, err := os.ReadFile(file)
		if err == nil {
			err = os.WriteFile(name, content, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func (m *MySQL) archive() string { return filepath.Join(m.Dir, "archive") }

// Ledger returns the server's binlog files, oldest first, with those that were archived and purged; Binlog reads them.
func (m *MySQL) Ledger(t testing.TB) (binlogFiles []string) {
	t.Helper()
	m.mustOwn(t)
	data := filepath.Join(m.Dir, "data")
	index, err := filepath.Glob(filepath.Join(data, "mysql-bin.index"))
	if err != nil || len(index) != 1 {
		t.Fatalf("binlog index in %s: %v %v", data, index, err)
	}
	text, err := os.ReadFile(index[0])
	if err != nil {
		t.Fatal(err)
	}
	archived, err := filepath.Glob(filepath.Join(m.archive(), "*"))
	if err != nil {
		t.Fatal(err)
	}
	present := strings.Fields(string(text))
	for i, line := range present {
		present[i] = filepath.Join(data, filepath.Base(line))
	}
	for _, file := range archived {
		if !slices.Contains(present, filepath.Join(data, filepath.Base(file))) {
			binlogFiles = append(binlogFiles, file)
		}
	}
	return append(binlogFiles, present...)
}

// Binlog is mysqlbinlog or mariadb-binlog, ready to run with args.
func (m *MySQL) Binlog(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	m.mustOwn(t)
	return m.command("binlog", args...)
}

// Client is the mysql or mariadb program, ready to run as root with args.
func (m *MySQL) Client(t testing.TB, args ...string) *exec.Cmd {
	t.Helper()
	m.mustOwn(t)
	host, port, _ := net.SplitHostPort(m.Addr)
	return m.command("", append([]string{"--protocol=tcp", "--host=" + host, "--port=" + port, "--user=" + m.RootUser, "--password=" + m.RootPassword, "--default-character-set=utf8mb4"}, args...)...)
}

func (m *MySQL) command(tool string, args ...string) *exec.Cmd {
	return m.Kind.client(m.home, tool, args...)
}

// Kill9 ends the server as a crash would.
func (m *MySQL) Kill9(t testing.TB) {
	t.Helper()
	m.mustOwn(t)
	m.proc.kill()
}

// PID is the server's process.
func (m *MySQL) PID() int { return m.proc.cmd.Process.Pid }

// Freeze stops the server without closing its ports: it takes connections and answers nothing, until Thaw.
func (m *MySQL) Freeze(t testing.TB) {
	t.Helper()
	m.mustOwn(t)
	if err := m.proc.freeze(); err != nil {
		t.Fatal(err)
	}
}

// Thaw lets a frozen server go on.
func (m *MySQL) Thaw(t testing.TB) {
	t.Helper()
	if err := m.proc.thaw(); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the server in order.
func (m *MySQL) Stop(t testing.TB) {
	t.Helper()
	m.mustOwn(t)
	if err := m.proc.stop(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts the server again on its data and port, stopping it first if it runs.
func (m *MySQL) Restart(t testing.TB) {
	t.Helper()
	m.Stop(t)
	if err := m.proc.start(); err != nil {
		t.Fatal(err)
	}
}

// Close ends the server and removes its folder.
func (m *MySQL) Close() {
	if m.proc != nil {
		m.proc.discard()
	}
}

func (m *MySQL) mustOwn(t testing.TB) {
	t.Helper()
	if m.proc == nil {
		t.Fatalf("%s at %s comes from the environment; this needs a server that the test started", m.Kind, m.Addr)
	}
}
