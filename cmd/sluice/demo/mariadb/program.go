package mariadb

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"
)

// Program is an installed or unpacked MariaDB.
type Program struct {
	Version string // like 10.11.19

	binary string
	root   string // the folder that packages were unpacked into; empty for an installed one
	share  string // has the SQL that makes the system tables
}

// oldest is the first release whose binlog can name the columns.
const oldest = "10.5"

var versionForm = regexp.MustCompile(`Ver (\d+)\.(\d+)\.(\d+)-MariaDB`)

// probe tells whether a file is a MariaDB that runs and can be set up.
func probe(ctx context.Context, binary, root string) (*Program, error) {
	if _, err := os.Stat(binary); err != nil {
		return nil, err
	}
	p := &Program{binary: binary, root: root}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := output(p.command(ctx, "--no-defaults", "--version"))
	if err != nil {
		return nil, fmt.Errorf("%s does not run: %w: %s", binary, err, strings.TrimSpace(string(out)))
	}
	m := versionForm.FindStringSubmatch(string(out))
	if m == nil {
		return nil, fmt.Errorf("%s is no MariaDB: %s", binary, strings.TrimSpace(string(out)))
	}
	p.Version = strings.Join(m[1:], ".")
	if number(m[1])*1000+number(m[2]) < 10005 {
		return nil, fmt.Errorf("%s is MariaDB %s; the demo needs %s or later", binary, p.Version, oldest)
	}
	for _, dir := range p.shares() {
		if _, err := os.Stat(filepath.Join(dir, "charsets", "Index.xml")); err == nil && script(dir, "system_tables.sql") != "" {
			p.share = dir
			return p, nil
		}
	}
	return nil, fmt.Errorf("%s has no folder with the SQL of its system tables beside it", binary)
}

func number(digits string) int {
	n := 0
	for _, d := range digits {
		n = 10*n + int(d-'0')
	}
	return n
}

// shares are the folders that the server's own files may be in.
func (p *Program) shares() []string {
	bases := []string{p.root + "/usr/share"}
	if real, err := filepath.EvalSymlinks(p.binary); p.root == "" && err == nil {
		bases = append(bases, filepath.Join(filepath.Dir(real), "../share"), filepath.Join(filepath.Dir(p.binary), "../share"))
	}
	var out []string
	for _, b := range bases {
		out = append(out, filepath.Join(b, "mysql"), filepath.Join(b, "mariadb"), b)
	}
	return out
}

// script finds one of the server's SQL files, which were renamed in 11.x.
func script(dir, name string) string {
	for _, prefix := range []string{"mariadb_", "mysql_"} {
		if path := filepath.Join(dir, prefix+name); exists(path) {
			return path
		}
	}
	return ""
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// command runs the program; unpacked libraries come before those of the machine.
func (p *Program) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Env = os.Environ()
	if p.root != "" {
		var dirs []string
		for _, dir := range []string{"usr/lib", "lib"} {
			dirs = append(dirs, filepath.Join(p.root, dir, triplet()), filepath.Join(p.root, dir))
		}
		if given := os.Getenv("LD_LIBRARY_PATH"); given != "" {
			dirs = append(dirs, given)
		}
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+strings.Join(dirs, ":"))
	}
	return cmd
}

// triplet is the folder that Debian keeps libraries of this machine in.
func triplet() string {
	machine := map[string]string{"amd64": "x86_64", "arm64": "aarch64", "386": "i386", "ppc64le": "powerpc64le"}[runtime.GOARCH]
	if machine == "" {
		machine = runtime.GOARCH
	}
	return machine + "-linux-gnu"
}
