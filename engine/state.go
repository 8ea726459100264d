package engine

import (
	"context"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
)

// Saved is all that is stored of one task between runs.
type Saved struct {
	Task       string // 16 hex digits; part of every identity
	Generation int    // rises when the task is deliberately copied anew
	Server     Server
	Turn       uint32           // how many servers were read before this one
	Start      string           // GTID set at the start: the stream was first opened after it
	Skip       cdc.Position     // changes that begin before this point were asked not to be sent
	SkipTime   int64            // the same by commit time, microseconds since 1970
	End        cdc.Position     // E0: no chunk opens before the stream has passed it
	Partitions map[string]int   // partition count of each topic, frozen at the start
	Lanes      []Partition      // frozen at the start
	Limits     map[string]int   // lowest max.message.bytes of each topic that a run with dead letters has seen
	Producer   int64            // idempotent producer id, or NoProducer; it means nothing before the first epoch
	Epoch      int16            // of the newest incarnation; 0 before the first
	Plain      bool             // some incarnation wrote without a producer: records may stand twice
	Doubles    Doubles          // what came of it
	XA         bool             // XA transactions are followed; false: the task is from before they were
	Runs       []string         // names of this folder's incarnations, the newest last; each stands in its fences
	SchemaSent bool             // all records of the schema phase are acknowledged
	Notes      []Note           // oldest first
	Chunks     []Chunk          // by id
	Schemas    []schema.Version // oldest first
}

// Note is a durable mark of progress.
type Note struct {
	Seq     int64
	X       cdc.Position // where the router stood
	L       cdc.Position // low bound: everything before it is acknowledged and every open chunk began at or after it
	Set     string       // GTID set of the transactions before L's transaction
	Inside  string       // L's transaction, where L lies inside one
	Reread  cdc.Position // start of the oldest XA transaction that was prepared before L and not finished there; zero: there is none
	Before  string       // GTID set of the transactions before Reread
	Others  []string     // names of those that are open at L and changed no selected table
	Offsets []int64      // where a restart scans each lane from: its acknowledged end, or what the restart before began at
	Ends    []int64      // acknowledged end of each lane
	Sums    []uint32     // of the message before it, CRC-32C; 0: it is not ours
	Seen    Seen         // what tells that the source's log is still the same
}

// Chunk is the saved form of a chunk. OPEN is never saved: after a restart such a chunk is NEW.
type Chunk struct {
	ID     int64
	Table  cdc.TableID
	After  *snapshot.Bound // exclusive; nil: from the first row
	Upto   *snapshot.Bound // inclusive; nil: to the last row
	Status snapshot.Status
	S      cdc.Position // the router's point when it was opened
	H      cdc.Position // its rows are the state at H
	HSet   string       // the transactions before H
	Note   int64        // the newest note when it was opened
	Schema int          // the table's version
	File   string       // the sealed rows: a file of that name, or a part of one that chunks share, see partOf
	Rows   int64
	Bytes  int64
	Sum    uint32 // CRC-32C of the file
	Patch  bool   // File + ".patch" holds rows that changed between S and H
	Closed int64  // the newest note when it became DONE, or GONE: a later one knows that all of it is acknowledged
	Many   bool   // its table may have more than a few rows; known in the run that begins the task, and not stored
}

// Checkpoints keeps a task's Saved. Durable means that the change survives a power cut once the call returns; the
// others may be lost by one, but never out of order. Every call fails with task.lease_lost once another process
// holds the task.
type Checkpoints interface {
	Load(ctx context.Context) (*Saved, error)
	// Begin stores the start of a task; durable.
	Begin(ctx context.Context, s *Saved) error
	// Epoch stores the producer, its epoch and the name of the incarnation before anything is sent with them; durable.
	// NoProducer sets Plain for good.
	Epoch(ctx context.Context, producer int64, epoch int16, run string) error
	// Doubled counts records sent again and the offsets of a lane at which records stand a second time, each offset once
	// however often it is told, and gives the new sums; durable.
	Doubled(ctx context.Context, lane int, resent int64, at []int64) (Doubles, error)
	// Limited stores the lowest limit of each topic before it decides which records are dead letters; durable.
	Limited(ctx context.Context, lowest map[string]int) error
	// SchemaSent stores that the schema phase is over; durable.
	SchemaSent(ctx context.Context) error
	// Move stores that the task reads another server: Server, Turn and Schemas; durable.
	Move(ctx context.Context, s *Saved) error
	// Note appends a note, with the table versions that came since the one before. Notes with Seq >= keep stay.
	Note(ctx context.Context, n Note, versions []schema.Version, keep int64) error
	// Seal stores sealed chunks and those of the rest, where they ended before their bounds, in one transaction; durable.
	Seal(ctx context.Context, sealed, rests []Chunk) error
	// Chunks stores the chunks as they are, in one transaction.
	Chunks(ctx context.Context, cs []Chunk, durable bool) error
	// Back takes back all notes after seq and stores the chunks, in one transaction; durable.
	Back(ctx context.Context, seq int64, cs []Chunk) error
	// Replan replaces all chunks of a table; durable.
	Replan(ctx context.Context, table cdc.TableID, cs []Chunk) error
}
