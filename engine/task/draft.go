package task

import "time"

// Draft is a task that is being put together. It keeps its ID when it becomes a task.
type Draft struct {
	ID      string
	Name    string
	Step    string // the step to go on with
	Body    []byte // JSON, with a version of its own
	Version int64  // rises with each save
	Owner   string
	Created time.Time
	Updated time.Time
}

// CheckRun is one run of the precheck.
type CheckRun struct {
	ID      int64
	Subject string // the id of a draft or a task
	BodySum string // of what was checked
	Began   time.Time
	Ended   time.Time // zero while it runs
	Items   []CheckItem
}

// CheckItem is the outcome of one check, as precheck.Item gives it.
type CheckItem struct {
	ID, Group, Status, Severity     string
	Code                            string // of the finding: the key of its texts, which Params fill
	Params                          map[string]string
	Observed, Expected, Cause, Fix  string // the texts in English
	Took                            time.Duration
	AcknowledgedBy, AcknowledgedWhy string
}

// Blocks reports whether the item keeps the task from starting: a failed error always does, a failed warning until a
// person has acknowledged it.
func (i *CheckItem) Blocks() bool {
	switch {
	case i.Status == "waiting", i.Status == "running":
		return true
	case i.Status != "failed":
		return false
	case i.Severity == "warning":
		return i.AcknowledgedBy == ""
	}
	return i.Severity != "info"
}

// Passed reports whether the run is over and nothing of it blocks.
func (r *CheckRun) Passed() bool {
	if r == nil || r.Ended.IsZero() || len(r.Items) == 0 {
		return false
	}
	for i := range r.Items {
		if r.Items[i].Blocks() {
			return false
		}
	}
	return true
}
