package task

import "time"

// Outline is what tells where a list shows a task.
type Outline struct {
	ID      string
	Name    string // need not be unique
	State   State
	Wanted  bool // it runs, also after a restart of the process
	StartAt time.Time
	Spec    Spec // without secrets
	About   About
	Last    []byte // JSON of the newest progress, for when it does not run; in a list of all not of one that is new or finished
	Created time.Time
	Updated time.Time
}

// Summary is a task as its page and its row in a list show it.
type Summary struct {
	Outline
	Began   bool   // its start is stored: the specification is frozen
	Ending  bool   // its end was asked for
	Failure *Error // nil if it did not fail, or has started again since
}

// About is what a person said of a task that the engine does not need.
type About struct {
	Group         string `json:"group,omitempty"`    // region or group, for filters
	InstanceType  string `json:"instance,omitempty"` // "rds" or "self"
	InstanceID    string `json:"instance_id,omitempty"`
	KafkaVersion  string `json:"kafka_version,omitempty"` // empty is automatic
	Link          string `json:"link,omitempty"`          // specification: small ... 2xlarge; empty is unlimited
	TermsAccepted string `json:"terms,omitempty"`         // who accepted the load assessment and when
}

// TableProgress is how far the full copy of one table is.
type TableProgress struct {
	Schema, Name          string
	Chunks, Done, Working int
	Rows                  int64 // copied
}

// Event is one line of a task's history; Code is the key of its text, Params fill it.
type Event struct {
	ID     int64
	At     time.Time
	Level  string // info, warning, error
	Code   string
	Params map[string]string
}
