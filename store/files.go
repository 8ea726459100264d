package store

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"sluice/engine"
	"sluice/engine/task"
)

// Files is the folder of one task's sealed chunks; it satisfies engine.Files.
type Files struct {
	dir string
}

var _ engine.Files = (*Files)(nil)

// Files opens the folder of the task's chunks, chunks/ID, making it if it is missing.
func (t *Task) Files() (*Files, error) {
	parent := filepath.Join(t.store.dir, "chunks")
	f := &Files{dir: filepath.Join(parent, t.row.ID)}
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return nil, failure("making the folder of chunks", err)
	}
	return f, failure("making the folder of chunks", errors.Join(syncFolder(parent), syncFolder(t.store.dir)))
}

// SpoolDir is the folder of the task's spool of the binlog, spool/ID; it is made when it is first used.
func (t *Task) SpoolDir() string { return filepath.Join(t.store.dir, "spool", t.row.ID) }

// DropSpool removes it.
func (t *Task) DropSpool() error { return failure("removing the spool", os.RemoveAll(t.SpoolDir())) }

func (f *Files) path(name string) (string, error) {
	if name == "." || name == ".." || filepath.Base(name) != name {
		return "", fmt.Errorf("chunk file %q: the name is not a single path element", name)
	}
	return filepath.Join(f.dir, name), nil
}

// Create makes the file anew; one of that name is replaced.
func (f *Files) Create(name string) (engine.File, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, failure("making chunk file "+name, err)
	}
	c := &chunkFile{name: name, folder: f.dir, file: out}
	c.close = sync.OnceValue(c.shut)
	return c, nil
}

// Open opens the file for reading from an offset on.
func (f *Files) Open(name string, from int64) (io.ReadCloser, error) {
	path, err := f.path(name)
	if err != nil {
		return nil, err
	}
	in, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &task.Error{Code: "data.chunk_file", Op: "opening chunk file " + name, Err: err, Text: "A file of copied rows is missing.",
			Hint: "The data folder was damaged or put back from a copy. Restore it, or copy the table anew in a new task."}
	}
	if err == nil && from > 0 {
		if _, err = in.Seek(from, io.SeekStart); err != nil {
			_ = in.Close()
		}
	}
	if err != nil {
		return nil, failure("opening chunk file "+name, err)
	}
	return in, nil
}

// removers is how many files are removed at once: the kernel has to give back the memory of each, page by page.
const removers = 4

// Remove removes files; that one is gone already is no error.
func (f *Files) Remove(names ...string) error {
	errs := make([]error, len(names))
	var next atomic.Int64
	remove := func() {
		for i := int(next.Add(1)); i <= len(names); i = int(next.Add(1)) {
			errs[i-1] = f.remove(names[i-1])
		}
	}
	var wg sync.WaitGroup
	for range min(removers, len(names)) - 1 {
		wg.Go(remove)
	}
	remove()
	wg.Wait()
	return errors.Join(errs...)
}

func (f *Files) remove(name string) error {
	path, err := f.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return failure("removing chunk file "+name, err)
	}
	return nil
}

// List gives the names in order.
func (f *Files) List() ([]string, error) {
	entries, err := os.ReadDir(f.dir)
	if err != nil {
		return nil, failure("listing chunk files", err)
	}
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, nil
}

// chunkFile is one file being written, in pieces that are large already. After an error every call fails with the same one.
type chunkFile struct {
	name, folder    string
	file            *os.File
	size, allocated int64
	past            bool // what is written now goes past the page cache
	failed          error
	close           func() error
}

func (c *chunkFile) Write(b []byte) (int, error) { return c.write(b, false) }

// WritePast saves the page cache the copy, where the file system can and b consists of whole pages: the kernel takes
// several times as long for a page of its cache as for handing it to the disk, and a chunk is synced anyway.
func (c *chunkFile) WritePast(b []byte) (int, error) {
	return c.write(b, (c.size|int64(len(b)))%engine.FilePage == 0)
}

func (c *chunkFile) write(b []byte, past bool) (n int, err error) {
	if c.failed != nil {
		return 0, c.failed
	}
	if past != c.past && pastCache(c.file, past) == nil { // else they go through it
		c.past = past
	}
	c.allocate(int64(len(b)))
	n, err = c.file.Write(b)
	if c.past && errors.Is(err, syscall.EINVAL) && n == 0 && pastCache(c.file, false) == nil {
		c.past = false
		n, err = c.file.Write(b)
	}
	c.size += int64(n)
	c.failed = failure("writing chunk file "+c.name, err)
	return n, c.failed
}

// A file of more than allocateFrom is given its blocks in advance, as many as it has, for blocks that are found at each
// write cost a third of it.
const (
	allocateFrom = 1 << 20
	allocateMost = 16 << 20
)

func (c *chunkFile) allocate(n int64) {
	if c.size < allocateFrom || c.size+n <= c.allocated {
		return
	}
	more := max(min(c.size, allocateMost), n)
	if err := allocate(c.file, c.size, more); err == nil { // else the write says why, or does without
		c.allocated = c.size + more
	}
}

func (c *chunkFile) Sync() error {
	if c.failed != nil {
		return c.failed
	}
	var err error
	if c.allocated > c.size {
		err = c.file.Truncate(c.size)
	}
	if err == nil {
		err = c.file.Sync()
	}
	if err == nil {
		err = syncFolder(c.folder)
	}
	c.failed = failure("syncing chunk file "+c.name, err)
	return c.failed
}

// Close does not wait for the disk; it may be called twice.
func (c *chunkFile) Close() error { return c.close() }

func (c *chunkFile) shut() error {
	return cmp.Or(c.failed, failure("closing chunk file "+c.name, c.file.Close()))
}
