//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package store

import (
	"os"

	"sluice/engine/task"
)

func lockFolder(string) (*os.File, error) {
	return nil, &task.Error{Code: "data.no_locks", Text: "On this operating system a data folder cannot be locked.",
		Hint: "Run Sluice on Linux, macOS or a BSD."}
}

func unlockFolder(f *os.File) error { return f.Close() }

func place(*os.File) (string, error) { return "", nil }
