package driver

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"sluice/engine/enginetest/servers"
)

var (
	folder  = sync.OnceValues(func() (string, error) { return os.MkdirTemp("", "sluice-driver-") })
	current = sync.OnceValues(func() (string, error) { return Build("sluice", "") })
)

// Main is servers.Main that also removes what was built.
func Main(m *testing.M) int {
	code := servers.Main(m)
	if dir, err := folder(); err == nil {
		os.RemoveAll(dir)
	}
	return code
}

// Binary is the sluice binary with the named fault points in it, built once for all tests of the package.
func Binary(t testing.TB) string {
	t.Helper()
	bin, err := current()
	if err != nil {
		t.Fatal(err)
	}
	return bin
}

// Build makes another one under a name of its own; overlay, if not empty, is a file that replaces sources.
func Build(name, overlay string) (string, error) {
	dir, err := folder()
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, name)
	args := []string{"build", "-tags", "faults", "-o", bin}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	out, err := exec.Command("go", append(args, "sluice/cmd/sluice")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building sluice: %w\n%s", err, out)
	}
	return bin, nil
}
