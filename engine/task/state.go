package task

import (
	"fmt"
	"slices"
)

// State is where a task stands.
type State string

// The states of a task.
const (
	New      State = "new"      // never started: its specification may still change
	Running  State = "running"  // a process works on it, or died while it did
	Stopped  State = "stopped"  // stopped by a person, everything saved
	Failed   State = "failed"   // stopped by an error that waits for a person
	Finished State = "finished" // came to its end; it does not start again
)

// moves holds the legal moves; any other is refused. Running to Running is the start after a crash.
var moves = map[State][]State{
	New:      {Running},
	Running:  {Running, Stopped, Failed, Finished},
	Stopped:  {Running},
	Failed:   {Running},
	Finished: nil,
}

// States gives all states, in the order of a task's life.
func States() []State { return []State{New, Running, Stopped, Failed, Finished} }

// Move tells whether a task may go from s to next; the error is for a person.
func (s State) Move(next State) error {
	if slices.Contains(moves[s], next) {
		return nil
	}
	if s == Finished && next == Running {
		return &Error{Code: "task.finished", Text: "The task has finished and does not start again.",
			Hint: "Give the task file a new name to copy the tables once more, to other topics or emptied ones."}
	}
	return &Error{Code: "task.illegal_move", Text: fmt.Sprintf("A task that is %s cannot become %s.", s, next),
		Hint: "Look at the state of the task; another person or process may have changed it."}
}
