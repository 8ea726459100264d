package mariadb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// prepare makes the data folder where there is none. It gets its name when it is whole.
func (p *Program) prepare(ctx context.Context, dir, password string) error {
	if exists(filepath.Join(dir, "data")) {
		return nil
	}
	if err := os.RemoveAll(filepath.Join(dir, "data.new")); err != nil {
		return err
	}
	if err := errors.Join(os.MkdirAll(filepath.Join(dir, "data.new/mysql"), 0o700), os.MkdirAll(filepath.Join(dir, "tmp"), 0o700)); err != nil {
		return err
	}
	input, err := p.bootstrap(password)
	if err != nil {
		return err
	}
	cmd := p.command(ctx, append(p.options(dir, "data.new"), "--bootstrap", "--skip-log-bin", "--max-allowed-packet=8M")...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(input)
	if out, err := output(cmd); err != nil {
		return fmt.Errorf("setting up MariaDB: %w:\n%s", err, lastLines(out, 15))
	}
	return os.Rename(filepath.Join(dir, "data.new"), filepath.Join(dir, "data"))
}

// bootstrap is the SQL of a new data folder. The installer's script wants perl and an installed server; this is what it
// does. One statement must be on one line.
func (p *Program) bootstrap(password string) (string, error) {
	var b strings.Builder
	b.WriteString("create database if not exists mysql;\nuse mysql;\nset @skip_auth_anonymous=1, @auth_root_socket=NULL;\n")
	for _, name := range []string{"system_tables.sql", "performance_tables.sql", "system_tables_data.sql", "sys_schema.sql"} {
		path := script(p.share, name)
		if path == "" && name == "sys_schema.sql" {
			continue // came with 10.6
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return "", fmt.Errorf("reading the SQL of the system tables: %w", err)
		}
		b.Write(text)
		b.WriteString("\n")
	}
	// The scripts make accounts without a password.
	b.WriteString("use mysql;\ndelete from global_priv where User in ('root','');\nflush privileges;\n")
	fmt.Fprintf(&b, "create user '%s'@'127.0.0.1' identified by '%s';\n", User, password)
	fmt.Fprintf(&b, "grant all privileges on *.* to '%s'@'127.0.0.1' with grant option;\n", User)
	return b.String(), nil
}

// options are the settings of the server, those of the machine left aside. It is set up as a source should be.
func (p *Program) options(dir, data string) []string {
	out := []string{
		"--no-defaults",
		"--datadir=" + filepath.Join(dir, data),
		"--tmpdir=" + filepath.Join(dir, "tmp"),
		"--lc-messages-dir=" + p.share,
		"--character-sets-dir=" + filepath.Join(p.share, "charsets"),
		"--bind-address=127.0.0.1",
		// Below the data folder, where it is: the path of a socket must be short.
		"--socket=mariadb.sock",
		"--pid-file=mariadb.pid",
		"--skip-name-resolve",
		"--character-set-server=utf8mb4",
		"--collation-server=utf8mb4_unicode_ci",
		"--log-bin=mysql-bin",
		"--server-id=1",
		"--gtid-strict-mode=ON",
		"--binlog-format=ROW",
		"--binlog-row-image=FULL",
		"--binlog-row-metadata=FULL",
		"--sync-binlog=1",
		"--innodb-flush-log-at-trx-commit=1",
		"--innodb-buffer-pool-size=128M",
		"--innodb-log-file-size=48M",
		// A demo that is left running must not fill the disk.
		"--max-binlog-size=64M",
		"--expire-logs-days=1",
		"--log-warnings=1",
	}
	if p.root != "" {
		out = append(out, "--plugin-dir="+filepath.Join(p.root, "usr/lib/mysql/plugin"))
	}
	if os.Geteuid() == 0 {
		out = append(out, "--user=root")
	}
	return out
}
