package mariadb

import "syscall"

// dieWithParent leaves no server behind, even where this process is killed. The own group keeps a terminal's Ctrl-C
// from the server, which is stopped in order instead.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
