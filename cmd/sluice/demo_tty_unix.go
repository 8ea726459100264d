//go:build unix

package main

import (
	"os/signal"
	"syscall"
)

// ignoreTerminalStop lets a demo in the background go on where it cannot read from the terminal.
func ignoreTerminalStop() { signal.Ignore(syscall.SIGTTIN) }
