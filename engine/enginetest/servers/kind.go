package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Kind is a database product and version; its value is the fetched part.
type Kind string

// What `task fetch` brings, then what `.ci/fetch matrix` does.
const (
	MySQL80     Kind = "mysql-8.0.33"
	MySQL97     Kind = "mysql-9.7"
	MariaDB1011 Kind = "mariadb-10.11"

	MySQL56    Kind = "mysql-5.6" // too old to be a source
	MariaDB114 Kind = "mariadb-11.4"
	MariaDB118 Kind = "mariadb-11.8"
)

// MariaDB reports whether it is one.
func (k Kind) MariaDB() bool { return strings.HasPrefix(string(k), "mariadb") }

// The products come as archives and as packages, whose files lie in different places.

// packaged are those that come as packages.
func (k Kind) packaged() bool { return k == MySQL97 || k == MariaDB1011 || k == MariaDB118 }

// foreign are those whose C library is newer than this machine's, so that the loader that came with them starts them.
func (k Kind) foreign() bool { return k == MySQL97 || k == MariaDB118 }

// program is how a program of the product is started: "sbin/mysqld" or one in bin.
func (k Kind) program(home, name string) []string {
	if k.MariaDB() {
		name = strings.Replace(name, "mysqld", "mariadbd", 1)
	}
	switch {
	case k.foreign():
		loader, _ := filepath.Glob(filepath.Join(home, "usr/lib/*-linux-gnu/ld-linux-*.so.*"))
		return append(loader, "--library-path", filepath.Join(home, "usr/lib", arch()), filepath.Join(home, "usr", name))
	case k.packaged():
		return []string{filepath.Join(home, "usr", name)}
	}
	return []string{filepath.Join(home, "bin", filepath.Base(name))}
}

// client is a client program, ready to run: "binlog", or "" for the plain one.
func (k Kind) client(home, name string, args ...string) *exec.Cmd {
	if k == MariaDB114 && name == "binlog" { // its archive has none
		k, home = MariaDB118, filepath.Join(filepath.Dir(home), string(MariaDB118))
	}
	tool := "mysql" + name
	if k.MariaDB() {
		tool = strings.TrimSuffix("mariadb-"+name, "-")
	}
	return k.command(home, "bin/"+tool, append([]string{"--no-defaults"}, args...)...)
}

func (k Kind) command(home, name string, args ...string) *exec.Cmd {
	argv := append(k.program(home, name), args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), k.env(home)...)
	return cmd
}

// env points the machine's own loader at the shared libraries that came along.
func (k Kind) env(home string) []string {
	if k.foreign() {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + filepath.Join(home, "usr/lib", arch()) + ":" + filepath.Join(home, "lib", arch())}
}

// share is the folder of messages, charsets and the SQL of the system tables.
func (k Kind) share(home string) string {
	switch {
	case !k.packaged():
		return filepath.Join(home, "share")
	case k == MariaDB118:
		return filepath.Join(home, "usr/share/mariadb")
	}
	return filepath.Join(home, "usr/share/mysql")
}

// settings are the lines of my.cnf that are the product's own, and say where it finds its own files.
func (k Kind) settings(home string) []string {
	var lines []string
	switch {
	case k.MariaDB():
		lines = []string{"binlog_row_metadata=FULL", "innodb_log_file_size=32M", "gtid_strict_mode=ON"}
	case k == MySQL56:
		lines = []string{"gtid_mode=ON", "enforce_gtid_consistency=ON", "log_slave_updates=ON", "innodb_log_file_size=32M", "explicit_defaults_for_timestamp=ON"}
	default:
		lines = []string{"binlog_row_metadata=FULL", "mysqlx=OFF", "innodb_redo_log_capacity=32M", "gtid_mode=ON", "enforce_gtid_consistency=ON"}
	}
	if !k.packaged() {
		lines = append(lines, "basedir="+home)
		if !k.MariaDB() {
			return lines
		}
	} else if !k.MariaDB() {
		// The folder that was built in is not there.
		lines = append(lines, "basedir="+filepath.Join(home, "usr"), "secure_file_priv=NULL")
	}
	return append(lines, "lc_messages_dir="+k.share(home), "character_sets_dir="+filepath.Join(k.share(home), "charsets"),
		"plugin_dir="+filepath.Join(home, "usr/lib/mysql/plugin"))
}

// systemTables are the statements that make the system tables where the server does not do it by itself.
func (k Kind) systemTables(home string) (sql string, err error) {
	prefix, names := "mysql_", []string{"system_tables.sql", "performance_tables.sql", "system_tables_data.sql", "sys_schema.sql"}
	switch {
	case k == MySQL56:
		names = []string{"system_tables.sql", "system_tables_data.sql"}
	case k != MariaDB1011:
		prefix = "mariadb_"
	}
	for _, name := range names {
		text, err := os.ReadFile(filepath.Join(k.share(home), prefix+name))
		if err != nil {
			return "", err
		}
		sql += string(text) + "\n"
	}
	return sql, nil
}

func arch() string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
}
