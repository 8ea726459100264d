package store

import (
	"os"
	"syscall"
)

// allocate reserves blocks for a file, whose size stays.
func allocate(f *os.File, from, n int64) error {
	const keepSize = 1
	return syscall.Fallocate(int(f.Fd()), keepSize, from, n)
}

// pastCache has what is written to a file from now on go past the page cache, or through it again.
func pastCache(f *os.File, past bool) error {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_GETFL, 0)
	if errno != 0 {
		return errno
	}
	if flags &^= syscall.O_DIRECT; past {
		flags |= syscall.O_DIRECT
	}
	if _, _, errno = syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_SETFL, flags); errno != 0 {
		return errno
	}
	return nil
}
