package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// The target of the simulation: one log a partition with idempotent producer state, requests that are lost, parked or
// answered late, and a high watermark that may trail the log's end.

type simBatch struct {
	seq, n, off int
	epoch       int16
}

type simPartition struct {
	log   []string // message values
	start int      // what lies before was deleted by age
	all   []simBatch
	hw    int
	epoch int16
	last  int // last sequence
	known bool
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
}

func (b *simBroker) send(part int, batch Batch) int {
	b.count++
	b.net = append(b.net, simRequest{b.count, part, batch, b.w.incarnation})
	return b.count
}

func (b *simBroker) deliver(i int) {
	r := b.net[i]
	b.net = append(b.net[:i:i], b.net[i+1:]...)
	p := &b.parts[r.part]
	seq, n := int(r.batch.Sequence), len(r.batch.Messages)
	out := simResponse{no: r.no, part: r.part, incarnation: r.incarnation, n: n}
	switch {
	case p.known && r.batch.Epoch < p.epoch:
		out.code = 47
	case p.known && r.batch.Epoch == p.epoch:
		for _, k := range p.keep {
			if k.seq == seq && k.n == n {
				out.off = k.off
				b.resp = append(b.resp, out)
				b.w.logf("broker: p%d duplicate of req %d (seq %d)", r.part, r.no, seq)
				return
			}
		}
		if seq != p.last+1 {
			out.code = 45
		}
	case p.known && seq != 0: // a newer epoch; a producer that is not known may begin anywhere
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
	if !p.known || p.epoch != r.batch.Epoch {
		p.keep = nil
	}
	p.known, p.epoch, p.last = true, r.batch.Epoch, seq+n-1
	p.all = append(p.all, simBatch{seq, n, out.off, r.batch.Epoch})
	if p.keep = append(p.keep, p.all[len(p.all)-1]); len(p.keep) > 5 {
		p.keep = p.keep[1:]
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
	if n := len(p.keep); n > 1 {
		p.keep = p.keep[n-1:]
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
	p.keep = nil
	if p.known = len(p.all) > 0; p.known {
		k := p.all[len(p.all)-1]
		p.epoch, p.last, p.keep = k.epoch, k.seq+k.n-1, []simBatch{k}
	}
}

// unclean takes acknowledged records, as an unclean leader election does: some batches, seldom all of them.
func (b *simBroker) unclean(pi int) {
	p := &b.parts[pi]
	if len(p.all) == 0 {
		return
	}
	drop := 1 + b.w.pick(min(4, len(p.all)))
	if b.w.pick(8) == 1 {
		drop = len(p.all)
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

func (b *simBroker) NewProducer(context.Context) (int64, error) { return 1, nil }

func (b *simBroker) Produce(context.Context, Partition, *Batch) (int64, error) {
	return 0, errors.New("the simulation sends by itself")
}

func (b *simBroker) Ends(_ context.Context, ps []Partition) (first, end []int64, err error) {
	for _, p := range ps {
		first = append(first, int64(b.parts[p.ID].start))
		end = append(end, int64(b.parts[p.ID].hw))
	}
	return first, end, nil
}

func (b *simBroker) Scan(_ context.Context, p Partition, from, to int64, each func(int64, Message) error) error {
	for o := max(from, int64(b.parts[p.ID].start)); o < to; o++ {
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
	return map[string]int{"t": len(b.parts)}, nil
}

func (b *simBroker) Create(context.Context, string, int, int) error {
	return errors.New("not simulated")
}

func (b *simBroker) Limits(context.Context, []string) (map[string]int, error) { return nil, nil }

// simCodec writes records as words: identity, operation, table, old key, new key, value, position.
type simCodec struct{}

type simRecord struct {
	id       string
	op       string
	table    string
	old, new string // keys, "" none
	val      string
	pos      cdc.Position
	columns  int
	sql      string
}

func (simCodec) Encode(dst []byte, r *cdc.Record) ([]byte, error) {
	key := func(row cdc.Row) string {
		switch {
		case row == nil:
			return "-"
		case row[0].Kind == cdc.KindText:
			return string(row[0].Bytes)
		}
		return "k" + strconv.FormatInt(row[0].Num, 10)
	}
	val, columns := "-", 0
	if r.After != nil {
		val = strconv.FormatInt(r.After[1].Num, 10)
	}
	if r.Table != nil {
		columns = len(r.Table.Columns)
		for _, row := range []cdc.Row{r.Before, r.After} {
			if row != nil && len(row) != columns {
				return dst, fmt.Errorf("row of %d values for %d columns", len(row), columns)
			}
		}
	}
	return fmt.Appendf(dst, "%s %s %s %s %s %s %d %d %d %s", r.Identity, r.Op, r.Object+".", key(r.Before), key(r.After), val, r.Pos.File, r.Pos.Offset, columns, r.SQL), nil
}

func (simCodec) Identity(value []byte) (string, cdc.Position, bool) {
	if string(value) == "foreign" {
		return "", cdc.Position{}, false
	}
	r := parseSim(string(value))
	return r.id, r.pos, true
}

func parseSim(value string) simRecord {
	f := strings.SplitN(value, " ", 10)
	r := simRecord{id: f[0], op: f[1], table: f[2], val: f[5], sql: f[9]}
	if f[3] != "-" {
		r.old = f[3]
	}
	if f[4] != "-" {
		r.new = f[4]
	}
	r.pos.File, _ = strconv.ParseUint(f[6], 10, 64)
	r.pos.Offset, _ = strconv.ParseUint(f[7], 10, 64)
	r.columns, _ = strconv.Atoi(f[8])
	return r
}
