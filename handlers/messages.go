package handlers

import "context"

// Messages reads topics back.
type Messages interface {
	Read(ctx context.Context, taskID string, q MessageQuery) (*MessagePage, error)
}

// MessageQuery is what of a topic to read.
type MessageQuery struct {
	Topic     string
	Partition int    // -1: all
	From      string // "latest", "earliest" or "offset"
	Offset    int64
	Max       int
}

// MessagePage is what was read.
type MessagePage struct {
	Partitions int
	Messages   []Message
}

// Message is one message, decoded where that was possible.
type Message struct {
	Partition  int
	Offset     int64
	Time       int64 // milliseconds
	Key        string
	Hex        string // the value
	Size       int
	Error      string // why it could not be decoded
	Operation  string
	Object     string
	Position   string
	Tx         string // of the source: a GTID of its flavour; empty for rows of the full copy
	SourceTime int64  // seconds
	SQL        string
	Tags       map[string]string
	Cells      []Cell
}

// Cell is a column before and after; nil is not there, or NULL with Null set.
type Cell struct {
	Name, Type            string
	Before, After         string
	HasBefore, HasAfter   bool
	NullBefore, NullAfter bool
}
