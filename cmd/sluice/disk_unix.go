//go:build linux || darwin

package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"syscall"
)

// freeDisk gives the bytes free for the folder, or where it is not there yet, for the nearest one above it.
func freeDisk(dir string) (uint64, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return 0, err
	}
	var s syscall.Statfs_t
	for {
		err = syscall.Statfs(dir, &s)
		if up := filepath.Dir(dir); errors.Is(err, fs.ErrNotExist) && up != dir {
			dir = up
			continue
		}
		break
	}
	if err != nil {
		return 0, fmt.Errorf("looking at the disk of %s: %w", dir, err)
	}
	return s.Bavail * uint64(s.Bsize), nil
}
