package engine

import "slices"

// arena hands out memory for a lane's encoded records in blocks, so that a record costs no allocation of its own. Each lane
// has its own, for a lane that stands still must not hold the others' blocks. A block is used again once its records are
// acknowledged, which they are in the order in which they were pushed.
type arena struct {
	buf     []byte
	records int // that were pushed since the block was begun and are not acknowledged
	last    int // size of the newest record
	size    int // of a block
	past    []pastBlock
	spare   [][]byte
}

// pastBlock is a full block and how many records were pushed while it was the newest.
type pastBlock struct {
	buf     []byte
	records int
}

const (
	arenaBlock = 256 << 10
	arenaAll   = 8 << 20 // what the newest blocks of all lanes may take
)

func newArena(lanes int) arena { return arena{size: min(arenaBlock, max(4<<10, arenaAll/lanes))} }

// reserve gives room to append the next record to. A record that outgrows it gets memory of its own.
func (a *arena) reserve() []byte {
	a.room(a.last + a.last/4 + 128)
	return a.buf[len(a.buf):]
}

// keep takes what was appended to the room out of the block.
func (a *arena) keep(b []byte) {
	if a.last = len(b); len(b) <= cap(a.buf)-len(a.buf) {
		a.buf = a.buf[:len(a.buf)+len(b)]
	}
}

func (a *arena) copy(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	a.room(len(b))
	at := len(a.buf)
	a.buf = append(a.buf, b...)
	return a.buf[at:len(a.buf):len(a.buf)]
}

// room begins another block where n bytes don't fit into the newest.
func (a *arena) room(n int) {
	if cap(a.buf)-len(a.buf) >= n {
		return
	}
	a.past = append(a.past, pastBlock{a.buf, a.records}) // also where a record came before the first block
	a.records = 0
	if last := len(a.spare) - 1; last >= 0 && n <= a.size {
		a.buf, a.spare = a.spare[last], a.spare[:last]
		return
	}
	a.buf = make([]byte, 0, max(a.size, n))
}

// release lets go of the n oldest records. The key of a record may lie behind its value in the next block, so a block is
// free only when a record is acknowledged that was pushed after it was full.
func (a *arena) release(n int) {
	for len(a.past) > 0 && a.past[0].records < n {
		n -= a.past[0].records
		if b := a.past[0].buf; cap(b) == a.size {
			a.spare = append(a.spare, b[:0])
		}
		a.past = slices.Delete(a.past, 0, 1)
	}
	if len(a.past) > 0 {
		a.past[0].records -= n
	} else {
		a.records -= n
	}
}

// rest gives the spare blocks back: a lane that has nothing to send needs none.
func (a *arena) rest() { a.spare = nil }
