//go:build !faults

package main

import "sluice/engine/kafka"

// faultPoints is nil: this build does not know fault points.
func faultPoints(func(string) string) func(string) { return nil }

// targetOptions are none.
func targetOptions(func(string) string) []kafka.Option { return nil }
