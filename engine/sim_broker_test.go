package engine

import (
	"bytes"
	"context"
	"errors"
	"time"

	"sluice/engine/task"
)

// The target of the simulation: one log a partition with the state of idempotent producers, requests that are lost,
// parked or answered late or with an error though they are written, and a high watermark that may trail the log's end.
// With or without producer ids, or changing from one incarnation to the next. A request without one is appended
// whenever it comes, but not later than Parked.

type simBatch struct {
	seq, n, off int
	epoch       int16
	producer    int64
}

type simPartition struct {
	log       []string // message values
	start     int      // what lies before was deleted by age
	all       []simBatch
	hw        int
	producers map[int64]*simProducer
}

type simProducer struct {
	epoch int16
	last  int // last sequence
	keep  []simBatch
}

type simRequest struct {
	no, part    int
	batch       Batch
	incarnation int
}

type simResponse struct {
	no, part, incarnation int
	code                  int
	off, n                int
}

type simBroker struct {
	w     *world
	parts []simPartition
	net   []simRequest
	resp  []simResponse
	count int
	ids   int64
}

func (b *simBroker) send(part int, batch Batch) int {
	b.count++
	messages := make([]Message, len(batch.Messages))
	for i, m := range batch.Messages { // the engine's memory is used again
		messages[i] = Message{Key: bytes.Clone(m.Key), Value: bytes.Clone(m.Value)}
	}
	batch.Messages = messages
	b.net = append(b.net, simRequest{b.count, part, batch, b.w.incarnation})
	return b.count
}

func (b *simBroker) deliver(i int) {
	r := b.net[i]
	b.net = append(b.net[:i:i], b.net[i+1:]...)
	p := &b.parts[r.part]
	k := p.producers[r.batch.Producer]
	seq, n := int(r.batch.Sequence), len(r.batch.Messages)
	out := simResponse{no: r.no, part: r.part, incarnation: r.incarnation, n: n}
	switch {
	case r.batch.Producer == NoProducer:
	case k != nil && r.batch.Epoch < k.epoch:
		out.code = 47
	case k != nil && r.batch.Epoch == k.epoch:
		for _, old := range k.keep {
			if old.seq == seq && old.n == n {
				out.off = old.off
				b.resp = append(b.resp, out)
				b.w.logf("broker: p%d duplicate of req %d (seq %d)", r.part, r.no, seq)
				return
			}
		}
		if seq != k.last+1 {
			out.code = 45
		}
	case k != nil && seq != 0: // a newer epoch; a producer that is not known may begin anywhere
		out.code = 45
	}
	if out.code != 0 {
		b.w.logf("broker: p%d req %d refused with %d", r.part, r.no, out.code)
		b.resp = append(b.resp, out)
		return
	}
	out.off = len(p.log)
	for _, m := range r.batch.Messages {
		p.log = append(p.log, string(m.Value))
	}
	p.all = append(p.all, simBatch{seq, n, out.off, r.batch.Epoch, r.batch.Producer})
	if r.batch.Producer != NoProducer {
		if k == nil || k.epoch != r.batch.Epoch {
			k = &simProducer{epoch: r.batch.Epoch}
			p.producers[r.batch.Producer] = k
		}
		k.last = seq + n - 1
		if k.keep = append(k.keep, p.all[len(p.all)-1]); len(k.keep) > 5 {
			k.keep = k.keep[1:]
		}
	}
	if !b.w.c.slowISR {
		p.hw = len(p.log)
	}
	b.resp = append(b.resp, out)
	b.w.logf("broker: p%d appends req %d at %d: %q", r.part, r.no, out.off, p.log[out.off:])
}

// ready: acks=all answers only once all replicas have it.
func (b *simBroker) ready(i int) bool {
	r := b.resp[i]
	return r.code != 0 || b.parts[r.part].hw >= r.off+r.n
}

// leaderChange keeps what acks=all promised: everything below the high watermark.
func (b *simBroker) leaderChange(pi int) {
	p := &b.parts[pi]
	if len(p.log) > p.hw && b.w.pick(2) == 0 {
		p.cut(p.hw)
	}
	p.hw = len(p.log)
	for _, k := range p.producers {
		if n := len(k.keep); n > 1 {
			k.keep = k.keep[n-1:]
		}
	}
	rest := b.resp[:0:0]
	for _, r := range b.resp {
		if r.part != pi {
			rest = append(rest, r)
		}
	}
	b.resp = rest
	b.w.logf("broker: leader of p%d restarts, log end %d", pi, len(p.log))
}

// cut takes the end of the log, and makes the producer's state from what is left, as a broker does.
func (p *simPartition) cut(at int) {
	p.log, p.hw = p.log[:at], min(p.hw, at)
	for len(p.all) > 0 && p.all[len(p.all)-1].off+p.all[len(p.all)-1].n > at {
		p.all = p.all[:len(p.all)-1]
	}
	clear(p.producers)
	for _, b := range p.all {
		if b.producer != NoProducer {
			p.producers[b.producer] = &simProducer{b.epoch, b.seq + b.n - 1, []simBatch{b}}
		}
	}
}

// unclean takes acknowledged records, as an unclean leader election does: some batches, seldom all of them.
func (b *simBroker) unclean(pi int) {
	p := &b.parts[pi]
	if len(p.all) == 0 {
		return
	}
	drop := 1 + b.w.pick(min(4, len(p.all)))
	switch b.w.pick(8) {
	case 1:
		drop = len(p.all)
	case 2:
		drop = 1 + b.w.pick(len(p.all))
	}
	if b.w.c.foreign && drop == len(p.all) { // where others fill the gap, it is seen only if something of ours is left
		return
	}
	at := p.all[len(p.all)-drop].off
	if at < p.start {
		return
	}
	p.cut(at)
	acked := int64(0)
	if b.w.r != nil {
		acked = b.w.r.lanes[pi].acked
		for _, a := range b.w.late {
			if a.lane == pi {
				acked = max(acked, a.end)
			}
		}
	}
	b.w.store.cut(pi, at, acked)
	b.w.logf("broker: p%d loses its end, it ends at %d", pi, at)
	b.leaderChange(pi)
}

// age deletes the beginning of the log.
func (b *simBroker) age(pi int) {
	p := &b.parts[pi]
	p.start += b.w.pick(p.hw - p.start + 1)
	b.w.logf("broker: p%d begins at %d now", pi, p.start)
}

func (b *simBroker) foreign(pi int) {
	p := &b.parts[pi]
	if len(p.log) < 30 {
		p.log = append(p.log, "foreign")
		if !b.w.c.slowISR {
			p.hw = len(p.log)
		}
	}
}

// Sink, as far as a start asks it.

func (b *simBroker) NewProducer(context.Context) (int64, error) {
	if c := b.w.c; c.plain && (!c.mixed || b.w.pick(2) == 0) {
		return NoProducer, nil
	}
	b.ids++
	return b.ids, nil
}

// Parked lets the time pass after which no request of a dead process is on its way any more.
func (b *simBroker) Parked() time.Duration {
	for p := range b.parts {
		b.settle(p)
	}
	return 0
}

// settle writes or loses what is on its way to a partition.
func (b *simBroker) settle(part int) {
	for i := 0; i < len(b.net); {
		switch {
		case b.net[i].part != part:
			i++
		case b.w.pick(3) == 0:
			b.deliver(i)
		default:
			b.lose(i)
		}
	}
}

func (b *simBroker) lose(i int) {
	b.w.logf("network: req %d lost", b.net[i].no)
	b.net = append(b.net[:i:i], b.net[i+1:]...)
}

// simDoubts are errors after which it is not known what was written.
var simDoubts = []int{7, 13, 20, -1, 56}

// garble answers a request with such an error, whether it is written or not.
func (b *simBroker) garble(i int) {
	r := b.net[i]
	if b.w.pick(2) == 0 {
		b.deliver(i)
		b.resp = b.resp[:len(b.resp)-1]
	} else {
		b.lose(i)
	}
	b.resp = append(b.resp, simResponse{no: r.no, part: r.part, incarnation: r.incarnation, code: simDoubts[b.w.pick(len(simDoubts))]})
}

func (b *simBroker) Produce(context.Context, Partition, *Batch) (int64, error) {
	return 0, errors.New("the simulation sends by itself")
}

// Prepare is not simulated: a request that is not whole is none.
func (b *simBroker) Prepare(context.Context, Partition, *Batch) Prepared { return nil }

func (b *simBroker) Ends(_ context.Context, ps []Partition) (first, end []int64, err error) {
	for _, p := range ps {
		log := &b.parts[b.index(p)]
		first, end = append(first, int64(log.start)), append(end, int64(log.hw))
	}
	return first, end, nil
}

func (b *simBroker) Scan(_ context.Context, p Partition, from, to int64, each func(int64, Message) error) error {
	p.ID = b.index(p)
	if b.w.c.ages && b.w.pick(8) == 1 {
		b.age(p.ID)
	}
	if from < int64(b.parts[p.ID].start) {
		return &task.Error{Code: "target.offset_gone", Retry: true}
	}
	for o := from; o < to; o++ {
		if o >= int64(len(b.parts[p.ID].log)) {
			return &task.Error{Code: "target.log_short", Retry: true}
		}
		if err := each(o, Message{Value: []byte(b.parts[p.ID].log[o])}); err != nil {
			return err
		}
	}
	return nil
}

func (b *simBroker) Partitions(context.Context, []string) (map[string]int, error) {
	return map[string]int{"t": b.w.c.parts, "dead": 1}, nil
}

func (b *simBroker) Create(context.Context, string, int, int) error {
	return errors.New("not simulated")
}

// index is the place of a partition, which is also its lane: that of dead letters is the last one.
func (b *simBroker) index(p Partition) int {
	switch {
	case p.Topic == "t":
		return p.ID
	case b.w.c.zero:
		return 1
	}
	return b.w.c.parts
}

// simLarge is a limit that rows are over which simCodec pads, and no others.
const simLarge = batchFraming + 150

// Limits gives other ones from run to run, where there is a topic for what is over them.
func (b *simBroker) Limits(context.Context, []string) (map[string]int, error) {
	if !b.w.c.dead {
		return nil, nil
	}
	return map[string]int{"t": [4]int{simLarge, 0, 1, 1 << 20}[b.w.pick(4)]}, nil
}
