package main

import (
	"context"
	"fmt"
	"io"
	"os"
)

func main() {
	end := profile(os.Getenv)
	code := run(context.Background(), os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	end()
	os.Exit(code)
}

// program is what a command has of the process around it.
type program struct {
	getenv         func(string) string
	stdin          io.Reader
	stdout, stderr io.Writer
}

// command is one word after "sluice".
type command struct {
	name, summary string
	run           func(p *program, ctx context.Context, args []string) int
}

func commands() []command {
	return []command{
		{"run", "run a task, or go on with one that was stopped", (*program).runTask},
		{"precheck", "check the source, the tables and the target of a task", (*program).precheck},
		{"serve", "serve the console and run its tasks", (*program).serve},
		{"demo", "try the console: a database, a demo broker and a writer come along", (*program).demo},
		{"user", "list, add and remove those who may sign in, reset a password", (*program).user},
		{"decode", "print the messages of a topic as JSON lines", (*program).decode},
		{"version", "print the version", (*program).version},
	}
}

// run is the whole program but for the process around it; it gives the exit code.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	p := &program{getenv: getenv, stdin: os.Stdin, stdout: stdout, stderr: stderr}
	if len(args) == 0 {
		p.usage(stderr)
		return exitUsage
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(p, ctx, args[1:])
		}
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		p.usage(stdout)
		return exitDone
	}
	fmt.Fprintf(stderr, "sluice: there is no command %q\n\n", args[0])
	p.usage(stderr)
	return exitUsage
}

func (p *program) usage(to io.Writer) {
	fmt.Fprint(to, "Sluice moves MySQL and MariaDB tables into Kafka, each row and each later change once.\n\nusage: sluice COMMAND [options]\n\ncommands:\n")
	for _, c := range commands() {
		fmt.Fprintf(to, "  %-10s %s\n", c.name, c.summary)
	}
	fmt.Fprint(to, "\n\"sluice COMMAND --help\" tells more of one.\n\n"+exitHelp)
}
