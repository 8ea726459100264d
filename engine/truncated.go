package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// A log may hold less than was acknowledged: after an unclean leader election, or when a broker's disk was put back.
// The newest note is held against it at every take-over. Where it is not true any more, the task goes back to the
// newest note that is: everything from before its low bound is in the log, what came after is read again from the
// source and from the chunk files, and each lane gets what it lacks. A lane's log is then a beginning of what was
// emitted, so that what is appended follows in the order of each key.

// errWentBack asks for another take-over, from the note that is the newest now.
var errWentBack = errors.New("the task went back to an older note")

// unproven takes back what was stored as acknowledged after the newest note: no note says where in the logs it ends, so
// that it can't be seen whether it is still there. The scan finds what is.
func unproven(ctx context.Context, d *Deps, s *Saved) error {
	last := &s.Notes[len(s.Notes)-1]
	if last.Seq == 1 {
		s.SchemaSent = !d.Spec.Schema
	}
	if !slices.ContainsFunc(s.Chunks, func(c Chunk) bool { return c.Status == snapshot.Done && c.Closed >= last.Seq }) {
		return nil
	}
	files, err := d.Files.List()
	if err != nil {
		return err
	}
	cs, ok := reopened(s, last, files)
	if !ok {
		return &task.Error{Code: "data.chunk_file", Op: "going on from " + last.L.String(), Text: "a file of copied rows is missing",
			Hint: "The data folder was damaged or put back from a copy. Restore it, or copy the table anew in a new task."}
	}
	for _, c := range cs {
		i := slices.IndexFunc(s.Chunks, func(o Chunk) bool { return o.ID == c.ID })
		s.Chunks[i] = c
	}
	return d.Checkpoints.Back(ctx, last.Seq, cs)
}

// expired stops where the scan would begin before the log does. What was deleted may hold records that would be sent
// again; a person may have accepted that of what was deleted by then.
func (r *router) expired(first []int64) error {
	for i, l := range r.lanes {
		if first[i] <= r.found.from[i] || r.cfg.repeats || r.cfg.accepted != nil && first[i] <= r.cfg.accepted[i] {
			continue
		}
		return &task.Error{Code: "target.expired", Op: "reading back " + l.part.String(),
			Text: fmt.Sprintf("partition %d of topic %s begins at offset %d; what it had from offset %d on was deleted, so that it is not known which of it this task wrote",
				l.part.ID, l.part.Topic, first[i], r.found.from[i]),
			Hint: "Start a new task into a new topic. Or, if consumers can bear that changes of the last moments before the stop come a second time, go on with sluice run --accept-repeats, or with Accept repeats in the console."}
	}
	return nil
}

// lost gives the lanes whose log is not what the newest note says.
func (r *router) lost(first, fences []int64) (lanes []int) {
	sums := r.noted.Sums
	for i, l := range r.lanes {
		end := r.noted.Ends[i]
		switch {
		case fences[i] < end:
			lanes = append(lanes, i)
		case sums[i] == 0 || first[i] >= end: // nothing was noted, or it has been deleted
		case r.found.tails[i] == 0:
			r.note("target.compacted", l.part.Topic, fmt.Sprint(l.part.ID), fmt.Sprint(end-1))
		case r.found.tails[i] != sums[i]:
			lanes = append(lanes, i)
		}
	}
	return lanes
}

// goBack takes the store back to the newest note that the logs bear out and that the chunk files reach back to.
func (r *router) goBack(ctx context.Context, d *Deps, lost []int, first, fences []int64) error {
	if r.saved.Plain { // nothing kept what was sent after the loss from being appended, out of order
		return r.beyond(ctx, d, lost, first, fences)
	}
	notes := r.saved.Notes[:len(r.saved.Notes)-1]
	held := make([]map[int64]uint32, len(r.lanes))
	for _, i := range lost {
		var err error
		if held[i], err = r.sumsAt(ctx, d, i, notes, first[i], fences[i]); err != nil {
			return err
		}
	}
	files, err := r.files.List()
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(notes) {
		n = n.proved()
		if !bornOut(&n, lost, held) {
			continue
		}
		cs, ok := reopened(r.saved, &n, files)
		if !ok {
			continue
		}
		if err := r.store.Back(ctx, n.Seq, cs); err != nil {
			return err
		}
		for _, i := range lost {
			p := r.lanes[i].part
			r.note("target.repaired", p.Topic, fmt.Sprint(p.ID), fmt.Sprint(n.Ends[i]), fmt.Sprint(r.noted.Ends[i]))
		}
		return errWentBack
	}
	return r.beyond(ctx, d, lost, first, fences)
}

// proved gives a note of before notes proved anything with sums of nothing.
func (n Note) proved() Note {
	if len(n.Ends) == 0 {
		n.Ends, n.Sums = n.Offsets, make([]uint32, len(n.Offsets))
	}
	return n
}

// sumsAt reads what stands before the offsets that the notes have for the lane.
func (r *router) sumsAt(ctx context.Context, d *Deps, lane int, notes []Note, first, fence int64) (map[int64]uint32, error) {
	want := map[int64]bool{}
	from := fence
	for _, n := range notes {
		n = n.proved()
		if at := n.Ends[lane] - 1; n.Sums[lane] != 0 && at >= first {
			want[at] = true
			from = min(from, at)
		}
	}
	sums := map[int64]uint32{}
	if from >= fence {
		return sums, nil
	}
	return sums, d.Sink.Scan(ctx, r.lanes[lane].part, from, fence, func(offset int64, m Message) error {
		if want[offset] {
			sums[offset] = sumOf(m.Value)
		}
		return nil
	})
}

// bornOut reports whether the lanes that lost records still hold what they held at the note. At least one message of
// this task must be left: as long as one is, the broker has refused whatever would have followed the gap.
func bornOut(n *Note, lost []int, held []map[int64]uint32) bool {
	for _, i := range lost {
		if sum := n.Sums[i]; sum == 0 || held[i][n.Ends[i]-1] != sum {
			return false
		}
	}
	return true
}

// reopened gives the chunks as they have to be at the note: what was not wholly acknowledged then is handed over again,
// from its file. It is not ok if a file is no longer there, or the chunk's bounds are, or the note that tells where to
// scan from: one that had not passed what this one's low bound lets come again. Nor is it after a failover, if the note
// had not passed the point where the task began.
func reopened(s *Saved, n *Note, files []string) (cs []Chunk, ok bool) {
	if n.L.Before(s.begun(s.Turn)) {
		return nil, false
	}
	from := n.Seq // the newest note that may be scanned from
	for _, c := range s.Chunks {
		switch {
		case c.Status == snapshot.New || c.Status == snapshot.Open:
			continue
		case c.Status == snapshot.Gone && c.File == "":
			continue // it was never read, because its table was dropped
		case c.Status == snapshot.Gone:
			if c.Closed >= n.Seq || n.L.Before(c.H) || !n.holds(s.Server.Flavor, &c) {
				return nil, false
			}
			continue
		case c.Status == snapshot.Done && c.Closed < n.Seq:
			continue
		}
		if name, _, _ := fileOf(c.File); !slices.Contains(files, name) || c.Patch && !slices.Contains(files, c.File+".patch") {
			return nil, false
		}
		c.Status, c.Closed, c.Note = snapshot.Sealed, 0, min(c.Note, n.Seq)
		from = min(from, c.Note)
		cs = append(cs, c)
	}
	return cs, slices.ContainsFunc(s.Notes, func(o Note) bool { return o.Seq <= from && s.covered(o.X, n.L) })
}

// beyond says what is lost where there is no way back.
func (r *router) beyond(ctx context.Context, d *Deps, lost []int, first, fences []int64) error {
	const near = 1000
	ours := false
	var ranges []string
	for _, i := range lost {
		p := r.lanes[i].part
		ranges = append(ranges, fmt.Sprintf("partition %d of topic %s was acknowledged up to offset %d and ends at %d", p.ID, p.Topic, r.noted.Ends[i], fences[i]))
		err := d.Sink.Scan(ctx, p, max(first[i], fences[i]-near), fences[i], func(_ int64, m Message) error {
			id, _, ok := r.codec.Identity(m.Value)
			ours = ours || ok && strings.HasPrefix(id, r.cfg.prefix) && !strings.HasPrefix(id[len(r.cfg.prefix):], "f/")
			return nil
		})
		if err != nil {
			return err
		}
	}
	op := "reading back " + r.lanes[lost[0]].part.String()
	if !ours {
		return recreated(op, strings.Join(ranges, "; "))
	}
	return &task.Error{Code: "target.truncated", Op: op, Text: "the topic lost acknowledged messages: " + strings.Join(ranges, "; "),
		Hint: "A broker came back without its newest data (unclean leader election, a disk put back), and what would have to be sent again is no longer kept. Start a new task with a full copy into a new topic."}
}

func recreated(op, what string) error {
	return &task.Error{Code: "target.recreated", Op: op, Text: "the topic is not the one that was written to: " + what,
		Hint: "It was deleted and made anew, or emptied. Start a new task with a full copy."}
}

// ackedEnds gives the acknowledged ends of all lanes, as they are now.
func (r *router) ackedEnds() []int64 {
	acked := make([]int64, len(r.lanes))
	for i, l := range r.lanes {
		acked[i] = l.acked
	}
	return acked
}

// short ends the run where a log ends before what was acknowledged: a lane that has nothing to send would not notice.
// The take-over that follows makes sure of it, by a fence, and mends it.
func (r *router) short(acked, ends []int64) error {
	for i, l := range r.lanes {
		if ends[i] < acked[i] {
			return &task.Error{Code: "target.log_short", Op: "looking at " + l.part.String(), Retry: true,
				Text: fmt.Sprintf("the log ends at offset %d, but was acknowledged up to %d", ends[i], acked[i]),
				Hint: "The task starts anew and compares with the log."}
		}
	}
	return nil
}

// intact makes sure, before a task ends, that the newest message of each lane stands where it was acknowledged. A lane
// that goes on sending learns by its sequence numbers that the log lost its end; one that will not has to look, for
// others may have written on.
func (r *router) intact(ctx context.Context, sink Sink) error {
	first, ends, err := sink.Ends(ctx, r.saved.Lanes)
	if err != nil {
		return err
	}
	if err := r.short(r.ackedEnds(), ends); err != nil {
		return err
	}
	for i, l := range r.lanes {
		at := l.acked - 1
		if l.sum == 0 || at < first[i] {
			continue
		}
		found := l.sum
		if err := sink.Scan(ctx, l.part, at, l.acked, func(_ int64, m Message) error { found = sumOf(m.Value); return nil }); err != nil {
			return err
		}
		if found != l.sum {
			return &task.Error{Code: "target.log_short", Op: "looking at " + l.part.String(), Retry: true,
				Text: fmt.Sprintf("at offset %d stands another message than the one that was acknowledged there", at),
				Hint: "The task starts anew and compares with the log."}
		}
	}
	return nil
}

// grown tells of topics that have more partitions than when the task began, each number once. Their number decides where
// a key goes, so the task stays with the old one.
func (r *router) grown(ctx context.Context, t Topics, told map[string]int) error {
	names := slices.Sorted(maps.Keys(r.saved.Partitions))
	counts, err := t.Partitions(ctx, names)
	if err != nil {
		return err
	}
	for _, name := range names {
		if was := r.saved.Partitions[name]; counts[name] > max(was, told[name]) {
			told[name] = counts[name]
			r.note("target.partitions_added", name, fmt.Sprint(was), fmt.Sprint(counts[name]))
		}
	}
	return nil
}

// behind is the error of a batch that was written below what was acknowledged before: a broker that knows nothing of
// the producer takes any sequence.
func (f *flight) behind(off int64) error {
	if off >= f.from {
		return nil
	}
	p := f.lane.part
	return recreated("writing to "+p.String(), fmt.Sprintf("partition %d of topic %s was acknowledged up to offset %d, and the next batch is at %d", p.ID, p.Topic, f.from, off))
}
