package snapshot

import "sluice/engine/cdc"

// Status of a chunk. It only moves forward, but for OPEN -> NEW, which is always safe: nothing of an OPEN chunk was
// ever produced.
type Status uint8

// NEW: not read. OPEN: being read, its changes queue. SEALED: its rows are in a file and go out. DONE: all of them
// are acknowledged. GONE: the stored low bound is past H, so that the chunk decides nothing any more.
const (
	New Status = iota
	Open
	Sealed
	Done
	Gone
)

func (s Status) String() string { return [...]string{"NEW", "OPEN", "SEALED", "DONE", "GONE"}[s] }

// Bound is a place between keys: its values for SQL and its ordered encoding.
type Bound struct {
	Key []byte  `json:"key"`
	Row cdc.Row `json:"row"` // the values of the key columns, in the key's order
}

// Range says which keys a chunk holds: After < key <= Upto.
type Range struct {
	After *Bound
	Upto  *Bound
}

// Holds reports whether the encoded key lies in the range.
func (r Range) Holds(key []byte) bool {
	return (r.After == nil || string(key) > string(r.After.Key)) && (r.Upto == nil || string(key) <= string(r.Upto.Key))
}
