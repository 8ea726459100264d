//go:build !faults

package main

// faultPoints is nil: this build does not know fault points.
func faultPoints(func(string) string) func(string) { return nil }
