package store

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestBlocksInAdvanceAreGivenBack: a chunk file takes no more of the disk than it holds once it is synced.
func TestBlocksInAdvanceAreGivenBack(t *testing.T) {
	t.Parallel()
	f := filesOf(t)
	out, err := f.Create("1-1-1")
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	piece := bytes.Repeat([]byte("row"), 100_000)
	var most int64
	for range 30 {
		if _, err := out.Write(piece); err != nil {
			t.Fatal(err)
		}
		most = max(most, out.(*chunkFile).allocated)
	}
	if err := out.Sync(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(f.dir, "1-1-1"))
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
