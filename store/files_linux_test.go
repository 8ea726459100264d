package store

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"sluice/engine"
)

// created is a chunk file that is being written, and its path.
func created(t *testing.T) (out *chunkFile, path string) {
	t.Helper()
	f := filesOf(t)
	file, err := f.Create("1-1-1")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return file.(*chunkFile), filepath.Join(f.dir, "1-1-1")
}

// TestBlocksInAdvanceAreGivenBack: a chunk file takes no more of the disk than it holds once it is synced.
func TestBlocksInAdvanceAreGivenBack(t *testing.T) {
	t.Parallel()
	out, path := created(t)
	piece := bytes.Repeat([]byte("row"), 100_000)
	var most int64
	for range 30 {
		if _, err := out.Write(piece); err != nil {
			t.Fatal(err)
		}
		most = max(most, out.allocated)
	}
	if err := out.Sync(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() != int64(30*len(piece)) {
		t.Errorf("it holds %d bytes of %d", info.Size(), 30*len(piece))
	}
	if taken := info.Sys().(*syscall.Stat_t).Blocks * 512; taken > info.Size()+64<<10 {
		t.Errorf("it takes %d bytes for %d, of which %d were allocated", taken, info.Size(), most)
	}
	if most <= info.Size() {
		t.Log("the file system allocates nothing in advance")
	}
}

// TestPastThePageCache: what is written past the page cache and through it, in any order and length, is what is read.
func TestPastThePageCache(t *testing.T) {
	t.Parallel()
	out, path := created(t)
	var want []byte
	past := 0
	for i, piece := range []struct {
		pages, rest int
		past        bool
	}{{70, 0, true}, {1, 0, true}, {3, 0, false}, {300, 0, true}, {2, 17, true}, {5, 0, true}, {0, engine.FilePage - 17, false}, {64, 0, true}, {0, 9, false}} {
		b := make([]byte, piece.pages*engine.FilePage+piece.rest) // of more than 32 KB it begins at a page
		for j := range b {
			b[j] = byte(i*31 + j)
		}
		write := out.Write
		if piece.past {
			write = out.WritePast
		}
		if n, err := write(b); err != nil || n != len(b) {
			t.Fatal(n, err)
		}
		if out.past {
			past += piece.pages
		}
		want = append(want, b...)
	}
	if err := errors.Join(out.Sync(), out.Close()); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of %d were read, alike: %t: %v", len(got), len(want), bytes.Equal(got, want), err)
	}
	if probe, err := os.OpenFile(filepath.Join(t.TempDir(), "probe"), os.O_CREATE|os.O_WRONLY|syscall.O_DIRECT, 0o600); err != nil {
		t.Logf("the file system has no way past the page cache: %v", err)
	} else if _ = probe.Close(); past != 70+1+300+64 {
		t.Errorf("%d pages went past the page cache", past)
	}
}
