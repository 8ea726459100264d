//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// lockFolder takes DIR/lock for this process. The kernel frees it when the process ends, however it ends.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		_ = f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, locked(fmt.Sprintf("The data folder %s is in use by another process%s.", dir, named(string(holder))))
		}
		return nil, err
	}
	// The number is for the message above only: a full disk may leave it out.
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	return f, nil
}

// unlockFolder unlocks before it closes: a process that is just being forked holds a copy of the descriptor.
func unlockFolder(f *os.File) error {
	return errors.Join(syscall.Flock(int(f.Fd()), syscall.LOCK_UN), f.Close())
}

func named(pid string) string {
	if pid = strings.TrimSpace(pid); pid == "" {
		return ""
	}
	return " (" + pid + ")"
}

// place names the lock itself: two processes with the same place cannot both hold it.
func place(f *os.File) (string, error) {
	st, err := f.Stat()
	if err != nil {
		return "", err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return "", errors.New("the file system does not number its files")
	}
	return fmt.Sprintf("%s:%d:%d", kernel(), sys.Dev, sys.Ino), nil
}

// kernel names the running system: locks hold between containers of one kernel, but not between machines.
func kernel() string {
	if b, err := os.ReadFile("/proc/sys/kernel/random/boot_id"); err == nil {
		return strings.TrimSpace(string(b))
	}
	host, _ := os.Hostname()
	return host
}
