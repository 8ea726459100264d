package servers

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// The products come as archives and as packages, whose files lie in different places.

// program is how a program of the product is started: "sbin/mysqld" or one in bin.
func (k Kind) program(home, name string) []string {
	switch k {
	case MySQL80:
		return []string{filepath.Join(home, "bin", filepath.Base(name))}
	case MySQL97:
		// Its C library is newer than this machine's, so that the loader that came with it starts it.
		loader, _ := filepath.Glob(filepath.Join(home, "usr/lib/*-linux-gnu/ld-linux-*.so.*"))
		return append(loader, "--library-path", filepath.Join(home, "usr/lib", arch()), filepath.Join(home, "usr", name))
	}
	return []string{filepath.Join(home, "usr", strings.Replace(name, "mysqld", "mariadbd", 1))}
}

// tool names a client: "binlog", or "" for the plain one.
func (k Kind) tool(name string) string {
	if k == MariaDB1011 {
		return strings.TrimSuffix("mariadb-"+name, "-")
	}
	return "mysql" + name
}

func (k Kind) command(home, name string, args ...string) *exec.Cmd {
	argv := append(k.program(home, name), args...)
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), k.env(home)...)
	return cmd
}

// env points the machine's own loader at the shared libraries that came along.
func (k Kind) env(home string) []string {
	if k == MySQL97 {
		return nil
	}
	return []string{"LD_LIBRARY_PATH=" + filepath.Join(home, "usr/lib", arch()) + ":" + filepath.Join(home, "lib", arch())}
}

// files are the settings that say where a MySQL finds its own files.
func (k Kind) files(home string) []string {
	if k == MySQL80 {
		return []string{"basedir=" + home}
	}
	share := filepath.Join(home, "usr/share/mysql")
	return []string{
		"basedir=" + filepath.Join(home, "usr"),
		"lc_messages_dir=" + share,
		"character_sets_dir=" + filepath.Join(share, "charsets"),
		"plugin_dir=" + filepath.Join(home, "usr/lib/mysql/plugin"),
		"secure_file_priv=NULL", // the folder that was built in is not there
	}
}

func arch() string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux-gnu"
}
