//go:build faults

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// faultPoints reads SLUICE_FAULT="point:N": the process kills itself when the point is reached for the N-th time.
func faultPoints(getenv func(string) string) func(string) {
	asked := getenv("SLUICE_FAULT")
	if asked == "" {
		return nil
	}
	point, count, _ := strings.Cut(asked, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		fmt.Fprintf(os.Stderr, "SLUICE_FAULT=%q is not point:N\n", asked)
		os.Exit(exitUsage)
	}
	var reached atomic.Int64
	return func(at string) {
		if at == point && reached.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal may need a moment
		}
	}
}
