//go:build !linux

package store

import (
	"errors"
	"os"
)

func allocate(*os.File, int64, int64) error { return errors.ErrUnsupported }

func pastCache(*os.File, bool) error { return errors.ErrUnsupported }
