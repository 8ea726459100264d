package engine

import (
	"sort"

	"sluice/engine/cdc"
	"sluice/engine/route"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// table is a selected table: its current definition and the chunks of its full copy that still decide something.
type table struct {
	id      cdc.TableID
	lower   string // the name in lower case
	where   string // a row filter that only the server can decide
	def     *cdc.Table
	route   *route.Table
	key     []int        // ordinals of the key columns, nil without a usable key
	ordered bool         // Go orders the key as the server does, so that the table is cut into chunks
	weighed []int        // ordinals of the key columns whose order hangs on weights; nil if not ordered
	unknown cdc.Position // end of the last statement that could not be applied to the definition
	picked  bool         // it was created while the task runs
	chunks  []*chunk     // ordered by range; empty: the gate is off
	want    int          // limit of a chunk that was not tried yet: what the newest one has shown; 0: none has
	touched cdc.Position // start of the last transaction that touched it; without GTID only, see visible.go
}

// opaque is the table's row filter, unless changes can be judged by it here.
func opaque(t *task.Table) string {
	if t.FilterChanges {
		return ""
	}
	return t.Where
}

// find gives the chunk that holds the encoded key. The ranges cover all keys, so there is always one.
func (t *table) find(key []byte) *chunk {
	i := sort.Search(len(t.chunks), func(i int) bool {
		c := t.chunks[i]
		return c.Upto == nil || string(key) <= string(c.Upto.Key)
	})
	return t.chunks[i]
}

// order sorts the chunks by their ranges.
func (t *table) order() {
	sort.SliceStable(t.chunks, func(i, j int) bool {
		a, b := t.chunks[i].After, t.chunks[j].After
		return b != nil && (a == nil || string(a.Key) < string(b.Key))
	})
}

// insert puts the chunk behind the one it was cut from.
func (t *table) insert(after, c *chunk) {
	for i, o := range t.chunks {
		if o == after {
			t.chunks = append(t.chunks[:i+1], append([]*chunk{c}, t.chunks[i+1:]...)...)
			return
		}
	}
}

// settled reports whether no chunk of the table is left to be read or sent.
func (t *table) settled() bool {
	for _, c := range t.chunks {
		if c.Status < snapshot.Done {
			return false
		}
	}
	return true
}
