package mariadb

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
)

// Finder looks for a MariaDB and gets one where there is none.
type Finder struct {
	Cache string               // the folder of unpacked servers
	Path  func(string) string  // where a program is, empty if nowhere; nil looks in PATH and /usr/sbin
	Tell  func(Download)       // what is being fetched, several times a second; may be nil
	Skip  func(err error)      // why one that was found is not used; may be nil
	apt   func() (*apt, error) // nil is that of the machine
}

// Find gives an installed MariaDB, else one unpacked earlier, else it unpacks Debian packages into the cache.
func (f Finder) Find(ctx context.Context) (*Program, error) {
	path := f.Path
	if path == nil {
		path = where
	}
	for _, name := range []string{"mariadbd", "mysqld"} {
		if p := f.try(ctx, path(name), ""); p != nil {
			return p, nil
		}
	}
	kept, err := filepath.Glob(filepath.Join(f.Cache, "mariadb-*", ".done"))
	if err != nil {
		return nil, err
	}
	for _, done := range kept {
		root := filepath.Dir(done)
		if p := f.try(ctx, filepath.Join(root, "usr/sbin/mariadbd"), root); p != nil {
			return p, nil
		}
	}
	return f.unpack(ctx)
}

func (f Finder) try(ctx context.Context, binary, root string) *Program {
	if binary == "" {
		return nil
	}
	p, err := probe(ctx, binary, root)
	if err != nil && f.Skip != nil {
		f.Skip(err)
	}
	return p
}

// where finds a program; servers are often outside of a user's PATH.
func where(name string) string {
	for _, candidate := range []string{name, "/usr/sbin/" + name, "/usr/local/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path
		}
	}
	return ""
}

// Missing is why there is no MariaDB and none could be fetched.
type Missing struct{ Why error }

func (m *Missing) Error() string {
	return fmt.Sprintf("there is no MariaDB on this machine: %v", m.Why)
}
func (m *Missing) Unwrap() error { return m.Why }

// lastLines gives the end of what a program printed.
func lastLines(out []byte, n int) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
