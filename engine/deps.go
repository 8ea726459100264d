package engine

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Deps is all that one task's run works with.
type Deps struct {
	Spec        *task.Spec
	Task        string // 16 hex digits
	Generation  int
	Source      Source
	Sink        Sink
	Topics      Topics
	Checkpoints Checkpoints
	Files       Files
	NewCodec    func(serverVersion string) Codec
	Supports    func(*cdc.Column) error // why a column can't be carried, or nil
	Now         func() time.Time
	NewRun      func() string      // names an incarnation, never twice in the world; nil: 64 random bits
	OnEvent     func(Notice)       // may be nil
	Progress    func(Progress)     // called once a second and at the end; may be nil
	Fault       func(point string) // named fault points of tests; nil in production
}

func (d *Deps) workers() int { return cmp.Or(d.Spec.Workers, task.DefaultWorkers) }

// onServer gives the dependencies with the tables named as the server keeps them.
func (d *Deps) onServer(s Server) *Deps {
	if !s.LowerNames {
		return d
	}
	own := *d
	own.Spec = d.Spec.LowerNames()
	return &own
}

// newRun names an incarnation. Copies of a data folder give theirs the same number, but never the same name.
func (d *Deps) newRun() string {
	if d.NewRun != nil {
		return d.NewRun()
	}
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails: it ends the process first
	return hex.EncodeToString(b[:])
}

func (d *Deps) nowMs() int64 { return d.Now().UnixMilli() }

// retrying tells what is tried again.
func (d *Deps) retrying(r *Retry) {
	if d.OnEvent != nil {
		d.OnEvent(Notice{Code: "task.retry", Params: []string{r.Err.Error(), r.Pause.String()}, Retry: r})
	}
}

func (d *Deps) note(code string, params ...string) {
	if d.OnEvent != nil {
		d.OnEvent(Notice{Code: code, Params: params})
	}
}

// fault runs the test's hook for a named point; tests kill the process there.
func (d *Deps) fault(point string) {
	if d.Fault != nil {
		d.Fault(point)
	}
}

// Phase is what the task is doing, as a person sees it.
type Phase string

// Phases in their order.
const (
	PhasePrepare     Phase = "prepare"
	PhaseSchema      Phase = "schema"
	PhaseFull        Phase = "full"
	PhaseIncremental Phase = "incremental"
	PhaseFinished    Phase = "finished"
)

// Progress is a snapshot of a run.
type Progress struct {
	Phase      Phase
	Counts     Counts
	Position   cdc.Position // everything before it was routed
	Low        cdc.Position // everything before it is acknowledged
	Need       cdc.Position // a restart reads the source from here on
	Log        string       // base name of the binlog's files: positions are written by it
	Set        string       // the transactions before the low bound of the newest note, as the source writes sets
	ChunksLeft int
	ChunksDone int
	// Delay is how long ago the source was at a point that is wholly acknowledged; Known is false until it was
	// measured in the last five seconds.
	Delay   time.Duration
	Known   bool
	NoDelay bool
	Waiting string // why the full copy waits or is slow, a code; empty: it is not
	Trying  *Retry // what a request to the target is sent again after; nil: none fails
	Bytes   int    // held in memory for lanes, chunk queues and rows of chunks
	Plain   bool   // the target gives no producer: what a doubt can double is in Doubles
	Doubles Doubles
}
