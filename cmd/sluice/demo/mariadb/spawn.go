package mariadb

import (
	"bytes"
	"os/exec"
	"runtime"
	"sync"
)

var spawner = sync.OnceValue(func() chan func() {
	calls := make(chan func())
	go func() {
		runtime.LockOSThread()
		for call := range calls {
			call()
		}
	}()
	return calls
})

// spawn starts a process that ends with this one. It does so from one thread that never ends: the kernel sends the
// signal of a parent's death when the thread that started the process goes away.
func spawn(cmd *exec.Cmd) error {
	cmd.SysProcAttr = dieWithParent()
	err := make(chan error)
	spawner() <- func() { err <- cmd.Start() }
	return <-err
}

// output runs a process to its end and gives what it printed.
func output(cmd *exec.Cmd) ([]byte, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := spawn(cmd); err != nil {
		return nil, err
	}
	err := cmd.Wait()
	return out.Bytes(), err
}
