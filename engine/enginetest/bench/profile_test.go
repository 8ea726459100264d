//go:build profile

package bench

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

var profiled = flag.String("bench.profile", "", "file for the profile that the compiler is given")

// TestProfile makes the profile of copies and backlogs by which the compiler decides what to inline and where to put it. It
// is made again where these paths have changed much; one that is out of date does no harm.
func TestProfile(t *testing.T) {
	if *profiled == "" {
		t.Fatal("-bench.profile says where")
	}
	dir := t.TempDir()
	t.Setenv("SLUICE_PROFILE", dir)
	c := &sluice{bin: build(t, "-tags", "profile", "-pgo", "off")}
	w := newWorld(t, *many)
	for range 5 {
		for _, contest := range []string{"copy-1", "copy-6", "orders-1", "backlog-1"} {
			t.Logf("%s: %+v", contest, w.play(contest, c))
		}
	}
	parts, err := filepath.Glob(filepath.Join(dir, "*.pprof"))
	if err != nil || len(parts) == 0 {
		t.Fatal(len(parts), err)
	}
	out, err := os.Create(*profiled)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd := exec.Command("go", append([]string{"tool", "pprof", "-proto"}, parts...)...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}
