package engine

import (
	"errors"
	"hash/crc32"
	"slices"
	"sync/atomic"
)

// Limits of one produce request, below the smallest default that max.message.bytes ever had (1,000,012 until Kafka 2.4)
// by what a compression may add to bytes that it can't make smaller. A topic may take less: see limitLanes.
const (
	batchBytes    = 985_000
	batchMessages = 20_000
	batchFraming  = 128 // bytes of a batch without its messages, amply
)

// The most that a message's own framing takes. Without a producer the broker may be one that knows the older formats alone.
const (
	framing    = 21
	framingOld = 34
)

// entry is what the acknowledgement of a message moves.
type entry struct {
	token uint64 // of the tracker, plus one; 0: not tracked
	chunk *chunk // whose count of open records falls; nil: none
}

// lane is the queue of one partition. At most one request of it is in flight, and nothing is sent after an error
// until it is known what the broker holds (I3).
type lane struct {
	id      int
	part    Partition
	queue   []Message
	entries []entry // of the queue's messages
	head    int     // of both
	left    slots   // what the queue has left behind for more room
	spare   slots   // the same, free to be used again
	bytes   int     // of the queue
	flight  *flight
	ready   *flight // follows the one in flight: see follow
	seq     int32   // of the next message that is taken
	acked   int64   // end offset of what is acknowledged
	sum     uint32  // of the last message that is, 0: none yet
	limit   int     // bytes a request
	dirty   bool    // it stands in the router's list of lanes with something to send
	arena   arena
	trying  *Retry // what its request fails with; nil: it does not
	wary    int64  // milliseconds: until then no request is prepared
}

// flight is a request whose outcome is open.
type flight struct {
	lane    *lane
	batch   Batch
	all     []Message              // the batch has fewer of them where the log holds the others: see plain
	entries []entry                // of all
	bytes   int                    // of all
	from    int64                  // end offset of what was acknowledged before it; set before it is sent
	next    atomic.Pointer[flight] // the one that follows: see offer
	resent  bool                   // some attempt ended in doubt
	ahead   Prepared               // for the first attempt; nil: it was not prepared
	plain   *plain                 // without a producer; nil: with one
}

// slots is memory of a queue, of which flights may still have so many.
type slots struct {
	queue   []Message
	entries []entry
	flying  int
}

func (l *lane) push(m Message, e entry) {
	if len(l.queue) == cap(l.queue) && l.head > 0 {
		l.makeRoom()
	}
	l.queue, l.entries = append(l.queue, m), append(l.entries, e)
	l.bytes += m.size()
	l.arena.records++
}

// makeRoom goes on in other slots: those in front belong to flights, and are left behind instead of growing over them.
func (l *lane) makeRoom() {
	old, next := slots{l.queue, l.entries, 0}, l.spare
	for _, f := range []*flight{l.flight, l.ready} {
		if f != nil {
			old.flying += len(f.all)
		}
	}
	wait := len(l.queue) - l.head
	if l.spare = (slots{}); cap(next.queue) < 2*wait {
		next.queue = make([]Message, 0, 2*wait+64)
		next.entries = make([]entry, 0, cap(next.queue))
	}
	l.queue, l.entries = append(next.queue[:0], l.queue[l.head:]...), append(next.entries[:0], l.entries[l.head:]...)
	l.head, l.left = 0, old
	l.free(0)
}

// free counts messages off that flew, and keeps what was left behind once none flies of it.
func (l *lane) free(n int) {
	if l.left.flying -= n; l.left.flying <= 0 && l.left.queue != nil {
		l.left, l.spare = slots{}, l.left
	}
}

// take makes the next request, or gives nil while one is in flight or nothing waits. most bounds its messages.
func (l *lane) take(producer int64, epoch int16, most int) *flight {
	if l.flight != nil || l.head == len(l.queue) {
		return nil
	}
	l.flight = l.cut(producer, epoch, most)
	l.flight.from = l.acked
	return l.flight
}

// follow makes the request behind the one in flight, or gives nil where there is one, or nothing to follow or to send. It
// goes out when that is acknowledged and no sooner, but without waiting for the router: see offer.
func (l *lane) follow(producer int64, epoch int16, most int) *flight {
	if l.flight == nil || l.flight.plain != nil || l.ready != nil || l.head == len(l.queue) {
		return nil
	}
	l.ready = l.cut(producer, epoch, most)
	return l.ready
}

// full reports whether what waits fills a request. One that follows is made no sooner: at a low rate all that came during a
// flight is to go in one.
func (l *lane) full() bool { return l.bytes >= l.limit || len(l.queue)-l.head >= batchMessages }

// cut takes a request from the queue.
func (l *lane) cut(producer int64, epoch int16, most int) *flight {
	n, size, frame := 0, 0, framing
	if producer == NoProducer {
		frame = framingOld
	}
	for n < most && l.head+n < len(l.queue) {
		more := l.queue[l.head+n].size()
		if n > 0 && size+more+(n+1)*frame > l.limit {
			break
		}
		size += more
		n++
	}
	end := l.head + n
	f := &flight{lane: l, all: l.queue[l.head:end:end], entries: l.entries[l.head:end:end], bytes: size}
	f.batch = Batch{Producer: producer, Epoch: epoch, Sequence: l.seq, Messages: f.all}
	l.bytes -= size
	if l.head = end; end == len(l.queue) {
		l.queue, l.entries, l.head = nil, nil, 0 // they belong to the flight now
	}
	l.seq = nextSequence(l.seq, n)
	return f
}

// drop gives up what was prepared.
func (f *flight) drop() {
	if f.ahead != nil {
		f.ahead.Drop()
		f.ahead = nil
	}
}

// doubtful gives up what the one that follows has prepared: a broker that is short of memory may not take this one while
// it holds that.
func (f *flight) doubtful() {
	if next := f.next.Load(); next != nil {
		next.drop()
	}
}

// passed stands in next once the flight was acknowledged with none to follow.
var passed flight

// offer gives the flight's sender the one that follows it. Where that comes too late the flight was acknowledged, and the
// router is about to hear of it: see done.
func (f *flight) offer(next *flight) { f.next.CompareAndSwap(nil, next) }

// passOn gives the flight that is to be sent now that this one is acknowledged up to end, nil if none was offered.
func (f *flight) passOn(end int64) *flight {
	if f.next.CompareAndSwap(nil, &passed) {
		return nil
	}
	next := f.next.Load()
	next.from = max(f.from, end)
	return next
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

// split takes back a flight of several messages that the topic does not take, and the one that follows it, for the
// settings may have changed since they were read. Nothing of them was written, so their sequence numbers are free.
func (l *lane) split(f *flight) bool {
	if len(f.entries) < 2 || f.resent {
		return false
	}
	back, marks, size := slices.Clone(f.all), slices.Clone(f.entries), f.bytes
	l.limit = size / 2
	if next := l.ready; next != nil {
		next.drop()
		back, marks = append(back, next.all...), append(marks, next.entries...)
		size += next.bytes
	}
	l.queue, l.entries = append(back, l.queue[l.head:]...), append(marks, l.entries[l.head:]...)
	l.head, l.flight, l.ready, l.seq = 0, nil, nil, f.batch.Sequence
	l.left = slots{}
	l.bytes += size
	return true
}

// settle ends a doubt that the broker's producer state could not: found holds the identities that stand in the log
// from the acknowledged end on, with their offsets. All there: acknowledged up to end. None or some: the log and the
// producer's state contradict each other.
func (f *flight) settle(codec Codec, found map[string]int64) (end int64, ok bool) {
	for i := range f.all {
		id, _, _ := codec.Identity(f.all[i].Value)
		at, there := found[id]
		if !there {
			return 0, false
		}
		end = max(end, at+1)
	}
	return end, true
}

// done closes the flight: all of it is stored and ends at end. Its messages are not to be read any more. The one that
// follows is in flight then; it is given where it was offered too late, so that it is still to be sent.
func (l *lane) done(end int64) (stored, unsent *flight) {
	f := l.flight
	l.acked = max(l.acked, end)
	if l.sum = sumOf(f.all[len(f.all)-1].Value); f.plain != nil && f.plain.last != 0 {
		l.sum = f.plain.last
	}
	l.flight, l.ready = l.ready, nil
	if l.flight != nil && f.next.Load() != l.flight {
		unsent = l.flight
		unsent.from = l.acked
	}
	l.free(len(f.all))
	if l.arena.release(len(f.all)); l.flight == nil && l.head == len(l.queue) {
		l.arena.rest()
		l.spare = slots{}
	}
	return f, unsent
}

// sumOf tells messages apart; it is never 0.
func sumOf(value []byte) uint32 { return max(crc32.Checksum(value, castagnoli), 1) }

// nextSequence counts as brokers do: after 2^31-1 comes 0.
func nextSequence(seq int32, n int) int32 { return int32((int64(seq) + int64(n)) & 0x7fffffff) }
