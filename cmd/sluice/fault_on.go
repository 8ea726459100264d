//go:build faults

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"sluice/engine/kafka"
)

// targetOptions reads SLUICE_KAFKA_TIMEOUT: without a producer id a take-over waits as long as a request may take.
func targetOptions(getenv func(string) string) []kafka.Option {
	asked := getenv("SLUICE_KAFKA_TIMEOUT")
	if asked == "" {
		return nil
	}
	d, err := time.ParseDuration(asked)
	if err != nil {
		fmt.Fprintf(os.Stderr, "SLUICE_KAFKA_TIMEOUT: %v\n", err)
		os.Exit(exitUsage)
	}
	return []kafka.Option{kafka.WithTimeout(d)}
}

// faultPoints reads SLUICE_FAULT. "point:N": the process kills itself when the point is reached for the N-th time.
// "point~N:D": it sleeps for D each N-th time.
func faultPoints(getenv func(string) string) func(string) {
	asked := getenv("SLUICE_FAULT")
	if asked == "" {
		return nil
	}
	var reached atomic.Int64
	if point, rest, slow := strings.Cut(asked, "~"); slow {
		count, pause, _ := strings.Cut(rest, ":")
		n, err := strconv.ParseInt(count, 10, 64)
		d, perr := time.ParseDuration(pause)
		if err != nil || perr != nil || n < 1 {
			fmt.Fprintf(os.Stderr, "SLUICE_FAULT=%q is not point~N:D\n", asked)
			os.Exit(exitUsage)
		}
		return func(at string) {
			if at == point && reached.Add(1)%n == 0 {
				time.Sleep(d)
			}
		}
	}
	point, count, _ := strings.Cut(asked, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	if err != nil || n < 1 {
		fmt.Fprintf(os.Stderr, "SLUICE_FAULT=%q is not point:N\n", asked)
		os.Exit(exitUsage)
	}
	return func(at string) {
		if at == point && reached.Add(1) == n {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // the signal may need a moment
		}
	}
}
