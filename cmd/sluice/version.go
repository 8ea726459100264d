package main

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
)

// release is the version that a build gives with -ldflags "-X main.release=1.2.3".
var release = ""

func (p *program) version(_ context.Context, args []string) int {
	f := p.flags("version", "usage: sluice version\n\nPrints the version of Sluice and of Go.\n")
	if _, code, ok := f.parse(args, 0); !ok {
		return code
	}
	fmt.Fprintf(p.stdout, "sluice %s %s %s/%s\n", versionText(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return exitDone
}

func versionText() string {
	if release != "" {
		return release
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	text := "development"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			text += " (changed)"
		}
	}
	return text
}
