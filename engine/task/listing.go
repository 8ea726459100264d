package task

import "time"

// Summary is a task as a list shows it.
type Summary struct {
	ID      string
	Name    string // need not be unique
	State   State
	Began   bool // its start is stored: the specification is frozen
	Wanted  bool // it runs, also after a restart of the process
	Ending  bool // its end was asked for
	StartAt time.Time
	Spec    Spec // without secrets
	About   About
	Failure *Error // nil if it did not fail, or has started again since
	Last    []byte // JSON of the newest progress, for when it does not run
	Created time.Time
	Updated time.Time
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
