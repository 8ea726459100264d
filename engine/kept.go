package engine

import (
	"runtime"
	"sync/atomic"
)

// What is read ahead of the lanes is bounded, so that most rows find room in memory up to then.
const (
	chunkBytes = 12 << 20 // a chunk that is being read, about
	ahead      = 36 << 20 // those that are sealed and wait
)

// keptMemory is for rows of chunks between their files and the lanes.
type keptMemory struct {
	most  int64
	taken atomic.Int64
}

// rowsMemory is that of all tasks together.
var rowsMemory = &keptMemory{most: 36 << 20}

// keptRows are the rows that a chunk's file begins with, in memory until the lanes have them: the file is there for a
// restart, and need not be read back before one. Behind them the rows are in the file alone.
type keptRows struct {
	blocks []keptBlock
	length int64  // of these rows in the file
	sum    uint32 // of them
	of     *keptMemory
	taken  *atomic.Int64 // of it
}

// keptBlock is a buffer whose rows begin at from.
type keptBlock struct {
	buf  []byte
	from int
}

// rows begins with none. What is thrown away with rows in it gives back its part as it gives back its memory.
func (m *keptMemory) rows() *keptRows {
	k := &keptRows{of: m, taken: new(atomic.Int64)}
	runtime.AddCleanup(k, func(taken *atomic.Int64) { m.taken.Add(-taken.Load()) }, k.taken)
	return k
}

// keep takes the block in whose rows begin at from, if there is memory left for it.
func (k *keptRows) keep(block []byte, from int) bool {
	n := int64(cap(block))
	if k.of.taken.Add(n) > k.of.most {
		k.of.taken.Add(-n)
		return false
	}
	k.taken.Add(n)
	k.blocks = append(k.blocks, keptBlock{block, from})
	return true
}

// next gives the next block, whose memory is the caller's to free.
func (k *keptRows) next() (b keptBlock, ok bool) {
	if k == nil || len(k.blocks) == 0 {
		return b, false
	}
	b, k.blocks[0] = k.blocks[0], keptBlock{}
	k.blocks = k.blocks[1:]
	n := int64(cap(b.buf))
	k.taken.Add(-n)
	k.of.taken.Add(-n)
	return b, true
}

// keeping is what rows of the task's chunks take.
func (r *router) keeping() (n int) {
	for _, c := range r.active {
		k := c.kept
		if c.reader != nil {
			k = c.reader.kept
		} else if c.result != nil {
			k = c.result.kept
		}
		if k != nil {
			n += int(k.taken.Load())
		}
	}
	return n
}
