package engine

import (
	"context"
	"fmt"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// Tier 2: a target that gives no producer id (Kafka 0.10, or the right is missing) can't tell a resend from a new
// request. A lane in doubt then waits until the request can't be on its way any more, writes a marker with acks=all,
// reads the log from the acknowledged end to the marker, and sends only what is missing there. The log's end as
// consumers see it would not do instead of the marker: an append that is not replicated yet lies behind it.
//
// A broker that holds a request longer than the wait can still write it late, and then it stands there twice. That
// can't be excluded, so it is counted: see Doubles.

// plainStep is what a request without a producer needs next.
type plainStep uint8

const (
	plainSend  plainStep = iota // the batch
	plainWait                   // as long as a request may be parked
	plainMark                   // a marker
	plainRead                   // from the acknowledged end up to the marker
	plainCount                  // the same once more, up to what was sent again
	plainDone
	plainFailed
)

// plain is the state of a flight without a producer.
type plain struct {
	step    plainStep
	marker  cdc.Record
	run     string // name of the incarnation: it stands in its marks
	marks   int    // markers tried
	sum     uint32 // of the newest one
	last    uint32 // of the marker, if the flight ends with it
	upto    int64  // where reading ends
	end     int64  // of the flight, once it is done
	resent  int64  // records sent again
	doubled []int64
	err     error
}

// Doubles tells what tier 2 could not exclude.
type Doubles struct {
	Resent int64 // records that were sent again after a doubt; no more can stand twice through them
	Found  int64 // records that were found to stand twice
}

// sent takes the outcome of sending the batch.
func (f *flight) sent(off int64, err error) {
	p := f.plain
	switch {
	case err != nil:
		f.doubt(err)
	case f.resent:
		p.end = off + int64(len(f.batch.Messages))
		p.upto, p.step = p.end, plainCount
	default:
		p.end, p.step = off+int64(len(f.entries)), plainDone
	}
}

// doubt decides after an attempt that failed.
func (f *flight) doubt(err error) {
	p := f.plain
	if f.judge(err) != flightResend {
		p.step, p.err = plainFailed, err
		return
	}
	p.step, p.err = plainWait, err
}

// waited: what was on its way is written or lost.
func (f *flight) waited() { f.plain.step = plainMark }

// marked takes the outcome of a marker.
func (f *flight) marked(off int64, err error) {
	if err != nil {
		f.doubt(err)
		return
	}
	f.plain.upto, f.plain.step = off, plainRead
}

// read takes what stands in the log: the offsets of each identity. What is missing becomes the next batch.
func (f *flight) read(codec Codec, found map[string][]int64) {
	p := f.plain
	p.doubled = p.doubled[:0]
	var missing []Message
	for _, m := range f.all {
		id, _, _ := codec.Identity(m.Value)
		at := found[id]
		if len(at) == 0 {
			missing = append(missing, m)
		} else {
			p.doubled = append(p.doubled, at[1:]...)
		}
	}
	switch {
	case p.step == plainCount:
		p.step = plainDone
	case len(missing) == 0:
		p.end, p.last, p.step = p.upto+1, p.sum, plainDone
	default:
		f.batch.Messages, p.step = missing, plainSend
		p.resent += int64(len(missing))
	}
}

// mark gives the batch of a new marker.
func (f *flight) mark(codec Codec) (*Batch, error) {
	r := f.plain.marker
	f.plain.marks++
	r.Identity = fmt.Appendf(nil, "%s.%d/%s", r.Identity, f.plain.marks, f.plain.run)
	value, err := codec.Encode(nil, &r)
	f.plain.sum = sumOf(value)
	return &Batch{Producer: NoProducer, Epoch: f.batch.Epoch, Messages: []Message{{Value: value}}}, err
}

// sendPlain brings a request without a producer to its end. It gives the end offset of what was written.
func sendPlain(ctx context.Context, sink Sink, newCodec func() Codec, f *flight, tell func(*Retry)) (int64, error) {
	p, part := f.plain, f.lane.part
	told := false
	deadline := time.Now().Add(patience)
	var codec Codec
	for {
		switch p.step {
		case plainSend:
			off, err := sink.Produce(ctx, part, &f.batch)
			if err == nil {
				if err := f.behind(off); err != nil {
					return 0, err
				}
			}
			f.sent(off, err)
		case plainWait:
			if time.Now().After(deadline) {
				return 0, unconfirmed(f, p.err)
			}
			if !told { // the wait is longer than what is told of
				told = true
				tell(&Retry{Err: p.err, Pause: sink.Parked(), Tries: 1})
			}
			if err := sleep(ctx, sink.Parked()); err != nil {
				return 0, err
			}
			f.waited()
		case plainMark:
			if codec == nil {
				codec = newCodec()
			}
			b, err := f.mark(codec)
			if err != nil {
				return 0, err
			}
			off, err := sink.Produce(ctx, part, b)
			if err == nil {
				if err := f.behind(off); err != nil {
					return 0, err
				}
			}
			f.marked(off, err)
		case plainRead, plainCount:
			found, err := readFlight(ctx, sink, codec, f)
			if err != nil {
				return 0, err
			}
			f.read(codec, found)
		case plainDone:
			return p.end, nil
		case plainFailed:
			return 0, refused(f, p.err)
		}
	}
}

// readFlight finds the flight's records between the acknowledged end and where reading ends.
func readFlight(ctx context.Context, sink Sink, codec Codec, f *flight) (map[string][]int64, error) {
	found := make(map[string][]int64, len(f.entries))
	for i := range f.all {
		id, _, _ := codec.Identity(f.all[i].Value)
		found[id] = nil
	}
	err := sink.Scan(ctx, f.lane.part, f.from, f.plain.upto, func(offset int64, m Message) error {
		id, _, ok := codec.Identity(m.Value)
		if at, ours := found[id]; ok && ours {
			found[id] = append(at, offset)
		}
		return nil
	})
	return found, err
}

func unconfirmed(f *flight, err error) error {
	return &task.Error{Code: "target.unavailable", Op: "writing to " + f.lane.part.String(), Retry: true, Err: err,
		Text: fmt.Sprintf("the broker did not confirm a batch for %s", patience),
		Hint: "Check that the brokers are up and that the partition has a leader. The task goes on by itself."}
}

// plainly prepares a flight for a target that gave no producer.
func (r *router) plainly(f *flight) *flight {
	if f != nil && r.saved.Producer == NoProducer {
		id := r.nextID()
		f.plain = &plain{run: r.saved.Runs[len(r.saved.Runs)-1], marker: cdc.Record{ID: id, Op: cdc.Heartbeat, Time: r.cfg.now() / 1000, Pos: r.point, SafePos: r.low, Born: r.cfg.now(),
			Identity: fmt.Appendf(nil, "%sf/%d.%d.%d", r.cfg.prefix, r.saved.Epoch, f.lane.id, id)}}
	}
	return f
}

// take makes the lane's next request; nil while one is in flight or nothing waits.
func (r *router) take(l *lane, most int) *flight {
	return r.plainly(l.take(r.saved.Producer, r.saved.Epoch, most))
}

// follow makes the request that goes out behind the one in flight.
func (r *router) follow(l *lane, most int) *flight {
	return l.follow(r.saved.Producer, r.saved.Epoch, most)
}

// doubles stores what a flight sent again and what it found twice.
func (r *router) doubles(ctx context.Context, f *flight) error {
	if f.plain == nil || f.plain.resent == 0 && len(f.plain.doubled) == 0 {
		return nil
	}
	return r.foundTwice(ctx, f.lane, f.plain.resent, f.plain.doubled)
}

// foundTwice stores where records stand a second time.
func (r *router) foundTwice(ctx context.Context, l *lane, resent int64, at []int64) error {
	if len(at) > 0 {
		r.note("target.doubles", l.part.String(), fmt.Sprint(len(at)), fmt.Sprint(at[0]))
	} else {
		r.note("target.resent", l.part.String(), fmt.Sprint(resent))
	}
	d, err := r.store.Doubled(ctx, l.id, resent, at)
	if err == nil {
		r.saved.Doubles = d
	}
	return err
}
