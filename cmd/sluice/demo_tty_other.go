//go:build !unix

package main

func ignoreTerminalStop() {}
