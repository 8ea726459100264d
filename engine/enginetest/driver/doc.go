// Package driver builds the sluice binary and runs it as a process of its own, for tests that judge it from outside.
package driver
