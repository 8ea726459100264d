package faults

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite"
)

// diskSize is that of the data folder's own disk.
const diskSize = "size=96m"

// mount puts a small disk under a folder, which root alone may.
func mount(t testing.TB, dir string) bool {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, diskSize); err != nil {
		t.Logf("no fault of a full disk: %v", err)
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return true
}

// fillDisk leaves no byte free on the data folder's disk until the task says so, and some time after.
func fillDisk(w *world) (time.Time, string) {
	before, _ := w.process.Said()
	name := filepath.Join(filepath.Dir(w.task.Data), "filler")
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- fill(name, stop) }()
	w.says(before, "data.disk_full")
	d := w.lasting()
	w.hold(d)
	close(stop)
	if err := <-done; err != nil {
		w.t.Fatal(err)
	}
	if err := os.Remove(name); err != nil {
		w.t.Fatal(err)
	}
	return time.Now(), "for " + d.String() + " after it was noticed"
}

// fill writes until there is no room, and now and again what others set free, of which nobody tells, until stop.
func fill(name string, stop <-chan struct{}) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	block := make([]byte, 1<<20)
	for {
		for size := len(block); size > 0; {
			if _, err := f.Write(block[:size]); errors.Is(err, syscall.ENOSPC) {
				size /= 2
			} else if err != nil {
				return err
			}
		}
		select {
		case <-stop:
			return nil
		case <-tick.C:
		}
	}
}

// lockDatabase holds the database's write lock from another process: this one.
func lockDatabase(w *world) (time.Time, string) {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(w.task.Data, "sluice.db")+"?_pragma=busy_timeout(10000)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	if _, err := db.Exec("BEGIN EXCLUSIVE"); err != nil {
		w.t.Fatal(err)
	}
	d := w.between(500, 1500)
	if !w.short && w.g.IntN(2) == 0 {
		d = w.between(6000, 7000) // the task waits for 5 s, then tries anew
	}
	w.hold(d)
	if _, err := db.Exec("ROLLBACK"); err != nil {
		w.t.Fatal(err)
	}
	return time.Now(), "for " + d.String()
}
