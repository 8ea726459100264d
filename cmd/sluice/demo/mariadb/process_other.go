//go:build !linux

package mariadb

import "syscall"

func dieWithParent() *syscall.SysProcAttr { return nil }
