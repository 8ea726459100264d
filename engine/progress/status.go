package progress

import (
	"time"

	"sluice/engine/cdc"
	"sluice/engine/retention"
	"sluice/engine/task"
)

// Status is where a task stands at a moment. It is saved as JSON when a run ends.
type Status struct {
	Task   string     `json:"-"`
	State  task.State `json:"state"`
	Ending bool       `json:"-"` // it was asked to end and works on what is left
	Trying *Attempt   `json:"-"` // what it is trying again after; nil: it works

	Phase       string `json:"phase"` // prepare, schema, full, incremental, finished
	Copied      int64  `json:"copied"`
	Inserts     int64  `json:"inserts"`
	Updates     int64  `json:"updates"`
	Deletes     int64  `json:"deletes"`
	DDLs        int64  `json:"ddls"`
	Acked       int64  `json:"acked"`
	AckedBytes  int64  `json:"acked_bytes"`
	Plain       bool   `json:"plain,omitempty"`        // the target gives no producer id
	Resent      int64  `json:"resent,omitempty"`       // messages that were sent again and may stand twice for that
	Doubled     int64  `json:"doubled,omitempty"`      // those that were found to
	DeadLetters int64  `json:"dead_letters,omitempty"` // records that were too large for their topic
	Estimate    int64  `json:"estimate"`               // rows of the full copy as the server estimates them; 0: not known
	ChunksLeft  int    `json:"chunks_left"`
	Held        int    `json:"-"` // bytes in memory

	PerSecond float64 `json:"-"`
	Position  string  `json:"position"`      // everything before it was read, as the source writes positions
	Low       string  `json:"low"`           // everything before it is delivered
	Log       string  `json:"log,omitempty"` // base name of the source's binlog files
	Set       string  `json:"set,omitempty"` // the transactions that are delivered, as the source writes sets

	Delay   time.Duration `json:"-"`
	Known   bool          `json:"-"` // the delay was measured in the last seconds
	NoDelay bool          `json:"-"`
	Waiting string        `json:"-"` // why the full copy waits, a code

	Horizon retention.Horizon `json:"horizon,omitzero"` // how long the source keeps what the task needs

	Measured   time.Time `json:"measured"`
	LastChange time.Time `json:"last_change"` // when a change of the source was last seen
	Started    time.Time `json:"started"`     // of this run
}

// Attempt is a failure that a task tries again after by itself. It is never changed: the next has its own.
type Attempt struct {
	Failure task.Error
	Next    time.Time // of the next try
	Tries   int       // that failed in a row
}

// At writes a binlog position as the source does. Records, and progress that older versions kept, hold it as
// offset@file.
func (s *Status) At(position string) string {
	if p, err := cdc.ParsePosition(position); err == nil {
		return p.In(s.Log)
	}
	return position
}

// Changes are the rows of the incremental phase.
func (s *Status) Changes() int64 { return s.Inserts + s.Updates + s.Deletes }

// Rows are all rows handed on.
func (s *Status) Rows() int64 { return s.Copied + s.Changes() }

// FullPercent is how far the full copy is, at most 99 before it is over; ok is false where that is not known.
func (s *Status) FullPercent() (percent int, ok bool) {
	switch {
	case s.Phase == "incremental" || s.Phase == "finished":
		return 100, true
	case s.Phase != "full" || s.Estimate <= 0:
		return 0, false
	}
	return int(min(99, s.Copied*100/s.Estimate)), true
}

// Left is how long the full copy still takes, where the estimate allows to say.
func (s *Status) Left() (time.Duration, bool) {
	left := s.Estimate - s.Copied
	if s.Phase != "full" || left <= 0 || s.PerSecond < 1 {
		return 0, false
	}
	return time.Duration(float64(left) / s.PerSecond * float64(time.Second)), true
}

// Point is one measurement of a chart.
type Point struct {
	At        time.Time
	PerSecond float64
	Delay     time.Duration
	Known     bool // of the delay
}
