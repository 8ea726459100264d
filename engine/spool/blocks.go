package spool

// blocks gives memory for events in blocks, so that a small one costs no allocation of its own. A block is freed with the
// last of its events: who keeps one for long keeps a copy.
type blocks struct{ free []byte }

const (
	blockBytes = 64 << 10
	ownBlock   = blockBytes / 8 // an event of that many bytes has memory of its own
)

// Take gives n bytes.
func (b *blocks) take(n int) []byte {
	if n >= ownBlock {
		return make([]byte, n)
	}
	if len(b.free) < n {
		b.free = make([]byte, blockBytes)
	}
	taken := b.free[:n:n]
	b.free = b.free[n:]
	return taken
}
