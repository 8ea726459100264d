package main

import (
	"errors"
	"fmt"
	"io"

	"sluice/engine/task"
)

// Exit codes of all commands.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitStopped = 3
	exitRefused = 4
)

const exitHelp = `exit codes:
  0  done: the task finished, or the command did what it should
  1  failed; the error tells the code, the reason and what to do
  2  the command line or the task file is wrong
  3  stopped by SIGINT or SIGTERM; all is kept, the same command goes on
  4  refused before anything was done: a check failed, the task has finished,
     it started with another description, or its data folder is in use
`

// refusals are the codes of errors that come before anything is done and stay until a person acts.
var refusals = map[string]int{
	"task.file_unreadable": exitUsage,
	"task.file_syntax":     exitUsage,
	"task.file_invalid":    exitUsage,
	"task.finished":        exitRefused,
	"task.not_started":     exitRefused,
	"task.spec_changed":    exitRefused,
	"task.lease_held":      exitRefused,
	"data.locked":          exitRefused,
	"auth.no_user":         exitRefused,
	"auth.user_exists":     exitRefused,
	"auth.last_user":       exitRefused,
}

// exitOf gives the exit code of an error.
func exitOf(err error) int {
	if err == nil {
		return exitDone
	}
	if code, ok := refusals[task.Code(err)]; ok {
		return code
	}
	return exitFailed
}

// exitOfState gives the exit code of a run that came out so.
func exitOfState(s task.State) int {
	switch s {
	case task.Finished:
		return exitDone
	case task.Stopped:
		return exitStopped
	}
	return exitFailed
}

// tell prints an error for a person.
func tell(to io.Writer, err error) {
	var e *task.Error
	if !errors.As(err, &e) {
		fmt.Fprintf(to, "error: %v\n  code: internal\n", err)
		return
	}
	fmt.Fprintf(to, "error: %s\n", sentence(e))
	if e.Hint != "" {
		fmt.Fprintf(to, "  hint: %s\n", e.Hint)
	}
	fmt.Fprintf(to, "  code: %s\n", e.Code)
}

// sentence is Error.Error without the code, which has a line of its own.
func sentence(e *task.Error) string {
	text := e.Text
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func problemOf(err error) *problem {
	if err == nil {
		return nil
	}
	var e *task.Error
	if !errors.As(err, &e) {
		return &problem{Code: "internal", Text: err.Error()}
	}
	return &problem{Code: e.Code, Text: sentence(e), Hint: e.Hint}
}
