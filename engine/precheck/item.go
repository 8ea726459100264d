package precheck

import (
	"cmp"
	"slices"
	"time"
)

// Severity says what a failed check means: an Error stops the task, a Warning asks a person to decide.
type Severity string

// Severities, the gravest first.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
	Info    Severity = "info"
)

// Status is where a check stands.
type Status string

// Statuses. The first two are told while the checks run only.
const (
	Waiting Status = "waiting"
	Running Status = "running"
	Failed  Status = "failed"
	Skipped Status = "skipped"
	Passed  Status = "passed"
)

// Item is one check and its outcome. Code and Params say what was found, for texts in any language; Observed, Cause
// and Fix are the same in English.
type Item struct {
	ID       string            `json:"id"`
	Group    string            `json:"group"`
	Status   Status            `json:"status"`
	Severity Severity          `json:"severity"`
	Code     string            `json:"code,omitempty"`
	Params   map[string]string `json:"params,omitempty"`
	Observed string            `json:"observed,omitempty"`
	Expected string            `json:"expected,omitempty"`
	Cause    string            `json:"cause,omitempty"`
	Fix      string            `json:"fix,omitempty"`
	Took     time.Duration     `json:"took,omitempty"` // nanoseconds
}

// Blocks reports whether an item stops the task.
func Blocks(items []Item) bool {
	return slices.ContainsFunc(items, func(i Item) bool { return i.Status == Failed && i.Severity == Error })
}

// order puts failed errors first, then warnings, then what was skipped, then what passed; in the order of the checks
// otherwise.
func order(items []Item) {
	rank := map[Status]int{Failed: 0, Skipped: 1, Passed: 2}
	grave := map[Severity]int{Error: 0, Warning: 1, Info: 2}
	slices.SortStableFunc(items, func(a, b Item) int {
		if c := cmp.Compare(rank[a.Status], rank[b.Status]); c != 0 || a.Status != Failed {
			return c
		}
		return cmp.Compare(grave[a.Severity], grave[b.Severity])
	})
}
