//go:build profile

package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profile writes the process's CPU profile into a new file of the folder SLUICE_PROFILE, up to the call of what it gives.
func profile(getenv func(string) string) (end func()) {
	f, err := os.CreateTemp(getenv("SLUICE_PROFILE"), "*.pprof")
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "SLUICE_PROFILE: %v\n", err)
		os.Exit(exitUsage)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = f.Close()
	}
}
