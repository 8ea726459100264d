package mariadb

import (
	"os"
	"runtime"
	"syscall"
)

// terminate asks a process to end; Windows has no way to ask.
func terminate(p *os.Process) error {
	if runtime.GOOS == "windows" {
		return p.Kill()
	}
	return p.Signal(syscall.SIGTERM)
}
