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
