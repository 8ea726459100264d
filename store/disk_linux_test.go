package store

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sluice/engine"
)

// TestRealSmallDisk is TestChunkFileOnAFullDisk and TestDatabaseOnAFullDisk on a file system of 1 MB. Where mounting
// is not allowed those two stand for it.
func TestRealSmallDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Logf("no small file system here: %v", err)
		return
	}
	t.Cleanup(func() {
		// Detached, for a process that is just being forked holds copies of our descriptors.
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	s := openAt(t, dir, newClock())
	h, run := begun(t, s)
	f, err := h.Files()
	if err != nil {
		t.Fatal(err)
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 128<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := f.Create("rows")
	if err != nil {
		t.Fatal(err)
	}
	_, err = out.Write(make([]byte, 2<<20))
	wantCode(t, err, "data.disk_full", true)
	wantCode(t, out.Close(), "data.disk_full", true)
	if err := f.Remove("rows"); err != nil {
		t.Fatal(err)
	}
	sealed := fillChunks(t, h)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if err := h.Note(run, engine.Note{Seq: 1}, nil, 0); err != nil {
		t.Fatal("it does not go on once there is space:", err)
	}
	wantChunks(t, h, sealed)
}

// A disk that is full before the folder is opened is named as well, and not taken for a broken one.
func TestOpenOnAFullDisk(t *testing.T) {
	t.Parallel()
	for _, free := range []int{0, 4, 8, 16, 32, 48} { // KiB
		dir := t.TempDir()
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=256k"); err != nil {
			t.Logf("no small file system here: %v", err)
			return
		}
		err := os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, (256-free)<<10), 0o600)
		s, openErr := Open(dir)
		if openErr == nil {
			_ = s.Close()
		}
		if e := syscall.Unmount(dir, syscall.MNT_DETACH); e != nil || err != nil {
			t.Fatal(e, err)
		}
		if openErr == nil {
			t.Fatalf("opened with %d KiB", free)
		}
		wantCode(t, openErr, "data.disk_full", true)
	}
}
