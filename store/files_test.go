package store

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"sluice/engine"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

func filesOf(t *testing.T) *Files {
	t.Helper()
	s := openAt(t, t.TempDir(), newClock())
	h, _, err := s.Task(t.Context(), fullSpec())
	if err != nil {
		t.Fatal(err)
	}
	f, err := h.Files()
	if err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(s.dir, "chunks", h.ID()); f.dir != want {
		t.Fatalf("%s, not %s", f.dir, want)
	}
	return f
}

func TestFilesKeepWhatWasSynced(t *testing.T) {
	t.Parallel()
	f := filesOf(t)
	want := bytes.Repeat([]byte("0123456789abcdef"), 100_000) // more than the buffer
	for _, n := range []int{3, len(want)} {                   // the second replaces the first
		out, err := f.Create("1-2.rows")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := out.Write(want[:n]); err != nil {
			t.Fatal(err)
		}
		if err := out.Sync(); err != nil {
			t.Fatal(err)
		}
		in, err := f.Open("1-2.rows", 0) // before Close: Sync alone must do
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(in)
		if err != nil || !bytes.Equal(got, want[:n]) {
			t.Fatal(len(got), err)
		}
		if err := errors.Join(in.Close(), out.Close(), out.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFilesListAndRemove(t *testing.T) {
	t.Parallel()
	f := filesOf(t)
	if names, err := f.List(); err != nil || len(names) != 0 {
		t.Fatal(names, err)
	}
	for _, n := range []string{"b", "a", "c.patch"} {
		out, err := f.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(f.Remove("b"), f.Remove("b")); err != nil {
		t.Fatal(err)
	}
	if names, err := f.List(); err != nil || !slices.Equal(names, []string{"a", "c.patch"}) {
		t.Fatal(names, err)
	}
	_, err := f.Open("b", 0)
	wantCode(t, err, "data.chunk_file", false)
	var many []string
	for i := range 50 {
		many = append(many, strconv.Itoa(i))
		out, err := f.Create(many[i])
		if err != nil {
			t.Fatal(err)
		}
		if err := out.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Remove(); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove(append(many, "../x", "b", "a")...); err == nil {
		t.Error("../x was taken, among others")
	}
	if names, err := f.List(); err != nil || !slices.Equal(names, []string{"c.patch"}) {
		t.Fatal(names, err)
	}
}

func TestFileNamesStayInTheFolder(t *testing.T) {
	t.Parallel()
	f := filesOf(t)
	for _, n := range []string{"", ".", "..", "../x", "a/b", "/etc/passwd"} {
		_, created := f.Create(n)
		_, opened := f.Open(n, 0)
		if created == nil || opened == nil || f.Remove(n) == nil {
			t.Errorf("%q was taken", n)
		}
	}
}

// /dev/full takes a file's bytes as a full disk does.
func TestChunkFileOnAFullDisk(t *testing.T) {
	t.Parallel()
	f := &Files{dir: "/dev"}
	out, err := f.Create("full")
	if err != nil {
		t.Fatal(err)
	}
	_, err = out.Write(make([]byte, 1<<20))
	wantCode(t, err, "data.disk_full", true)
	wantCode(t, out.Sync(), "data.disk_full", true)
	wantCode(t, out.Close(), "data.disk_full", true)
}

func TestDatabaseOnAFullDisk(t *testing.T) {
	t.Parallel()
	s := openAt(t, t.TempDir(), newClock())
	h, run := begun(t, s)
	if _, err := s.db.Exec("PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	sealed := fillChunks(t, h)
	if _, err := s.db.Exec("PRAGMA max_page_count = 4000"); err != nil {
		t.Fatal(err)
	}
	wantChunks(t, h, sealed)
	if err := h.Note(run, engine.Note{Seq: 1}, nil, 0); err != nil {
		t.Fatal("it does not go on once there is space:", err)
	}
}

// fillChunks seals chunks until the disk is full and says how many are sealed.
func fillChunks(t *testing.T, h *Task) int {
	t.Helper()
	for n := 0; n < 10_000; n++ {
		err := h.Seal(t.Context(), []engine.Chunk{{ID: int64(n), Status: snapshot.Sealed, HSet: string(make([]byte, 2000))}}, nil)
		if err != nil {
			wantCode(t, err, "data.disk_full", true)
			return n
		}
	}
	t.Fatal("the disk took 20 MB")
	return 0
}

func wantChunks(t *testing.T, h *Task, n int) {
	t.Helper()
	if got, err := h.Load(t.Context()); err != nil || len(got.Chunks) != n || n == 0 {
		t.Fatalf("of %d sealed chunks came back %v, %v", n, got, err)
	}
	if st, err := h.Status(t.Context()); err != nil || st.State != task.Running {
		t.Fatal(st, err)
	}
}
