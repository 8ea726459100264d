package engine

import (
	"errors"
	"hash/crc32"
	"slices"
)

// Limits of one produce request, below the smallest default that max.message.bytes ever had (1,000,012 until Kafka 2.4). A
// topic may take less: see limitLanes.
const (
	batchBytes    = 900 << 10
	batchMessages = 20_000
	batchFraming  = 128 // bytes of a batch without its messages, amply
)

// entry is a record on its way: encoded, with what its acknowledgement moves.
type entry struct {
	key, value []byte
	token      uint64 // of the tracker, plus one; 0: not tracked
	chunk      *chunk // whose count of open records falls; nil: none
}

// lane is the queue of one partition. At most one request of it is in flight, and nothing is sent after an error
// until it is known what the broker holds (I3).
type lane struct {
	id     int
	part   Partition
	queue  []entry
	head   int
	bytes  int // of the queue
	flight *flight
	seq    int32  // of the next message
	acked  int64  // end offset of what is acknowledged
	sum    uint32 // of the last message that is, 0: none yet
	limit  int    // bytes a request
	dirty  bool   // it stands in the router's list of lanes with something to send
	arena  arena
	trying *Retry // what its request fails with; nil: it does not
}

// flight is a request whose outcome is open.
type flight struct {
	lane    *lane
	batch   Batch
	entries []entry
	resent  bool   // some attempt ended in doubt
	plain   *plain // without a producer; nil: with one
}

func (l *lane) push(e entry) {
	if len(l.queue) == cap(l.queue) && l.head > 0 {
		// The slots in front belong to flights: leave them behind instead of growing over them.
		l.queue = append(make([]entry, 0, 2*(len(l.queue)-l.head)+64), l.queue[l.head:]...)
		l.head = 0
	}
	l.queue = append(l.queue, e)
	l.bytes += len(e.key) + len(e.value)
}

// take makes the next request, or gives nil while one is in flight or nothing waits. most bounds its messages.
func (l *lane) take(producer int64, epoch int16, most int) *flight {
	if l.flight != nil || l.head == len(l.queue) {
		return nil
	}
	n, size := 0, 0
	for n < most && l.head+n < len(l.queue) {
		e := &l.queue[l.head+n]
		size += len(e.key) + len(e.value) + 32
		if n > 0 && size > l.limit {
			break
		}
		n++
	}
	f := &flight{lane: l, entries: l.queue[l.head : l.head+n : l.head+n]}
	f.batch = Batch{Producer: producer, Epoch: epoch, Sequence: l.seq, Messages: make([]Message, n)}
	for i, e := range f.entries {
		f.batch.Messages[i] = Message{Key: e.key, Value: e.value}
		l.bytes -= len(e.key) + len(e.value)
	}
	if l.head += n; l.head == len(l.queue) {
		l.queue, l.head = nil, 0 // the entries belong to the flight now
	}
	l.flight = f
	return f
}

// verdict is what to do after an attempt.
type verdict uint8

const (
	flightAcked  verdict = iota
	flightResend         // the very same batch again
	flightAsk            // read the log from the acknowledged end: see settle
	flightFailed
)

// judge decides after one attempt; off is the offset it was written at if err is nil.
func (f *flight) judge(err error) verdict {
	var fail *ProduceFailure
	switch {
	case err == nil:
		return flightAcked
	case !errors.As(err, &fail):
		return flightFailed
	case fail.Kind == ProduceDoubt:
		f.resent = true
		return flightResend
	case fail.Kind == ProduceSequence && f.resent:
		return flightAsk
	}
	return flightFailed
}

// split takes back a flight of several messages that the topic does not take, for the settings may have changed since
// they were read. Nothing of it was written, so its sequence numbers are free.
func (l *lane) split(f *flight) bool {
	if len(f.entries) < 2 || f.resent {
		return false
	}
	size := 0
	for _, e := range f.entries {
		size += len(e.key) + len(e.value)
	}
	l.queue = append(slices.Clone(f.entries), l.queue[l.head:]...)
	l.head, l.flight, l.limit = 0, nil, size/2
	l.bytes += size
	return true
}

// settle ends a doubt that the broker's producer state could not: found holds the identities that stand in the log
// from the acknowledged end on, with their offsets. All there: acknowledged up to end. None or some: the log and the
// producer's state contradict each other.
func (f *flight) settle(codec Codec, found map[string]int64) (end int64, ok bool) {
	for _, e := range f.entries {
		id, _, _ := codec.Identity(e.value)
		at, there := found[id]
		if !there {
			return 0, false
		}
		end = max(end, at+1)
	}
	return end, true
}

// done closes the flight: all of it is stored and ends at end.
func (l *lane) done(end int64) []entry {
	f := l.flight
	l.flight = nil
	l.seq = nextSequence(l.seq, len(f.entries))
	l.acked = max(l.acked, end)
	if l.sum = sumOf(f.entries[len(f.entries)-1].value); f.plain != nil && f.plain.last != 0 {
		l.sum = f.plain.last
	}
	return f.entries
}

// sumOf tells messages apart; it is never 0.
func sumOf(value []byte) uint32 { return max(crc32.Checksum(value, castagnoli), 1) }

// nextSequence counts as brokers do: after 2^31-1 comes 0.
func nextSequence(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & 0x7fffffff) }
