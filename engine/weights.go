package engine

import (
	"context"
	"errors"
	"slices"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// Where a table's key is text in a collation that only the server knows, a change is placed among the chunks by the
// weights of its key. A chunk's rows bring theirs; those of changes are asked for, a batch of events at a time, before
// the first row of the batch that needs one is routed. See decisions/0010-text-keys.md.

// errUnweighed says that an event can't be routed before the weights of its keys are known. Nothing of it was routed.
var errUnweighed = errors.New("the weights of text keys are not known yet")

// weighBytes bounds what is asked for at once, behind what the next event needs.
const weighBytes = 1 << 20

// weighing is an answer.
type weighing struct {
	weights snapshot.Weights
	err     error
}

// weigh asks beside the loop for what the pending events need.
func (l *loop) weigh(ctx context.Context) {
	l.weighs = true
	want := l.r.wanted(l.r.ahead(l.pending))
	l.wg.Go(func() {
		err := want.Ask(ctx, l.d.Source)
		select {
		case l.weighed <- weighing{want, err}:
		case <-ctx.Done():
		}
	})
}

// keyTexts calls each for every text of the event's keys that is ordered by its weight.
func keyTexts(ev *cdc.Event, t *table, each func(*cdc.Column, *cdc.Value)) error {
	return ev.Rows.Decode(t.def, func(before, after cdc.Row) error {
		for _, row := range []cdc.Row{before, after} {
			if row == nil {
				continue
			}
			for _, k := range t.weighed {
				each(&t.def.Columns[k], &row[k])
			}
		}
		return nil
	})
}

// weighable reports whether all weights that the event needs are known.
func (r *router) weighable(t *table, ev *cdc.Event) bool {
	known := true
	err := keyTexts(ev, t, func(c *cdc.Column, v *cdc.Value) { known = known && r.weights.Has(c, v) })
	return known || err != nil // routing it will say what is wrong
}

// wanted collects the texts that routing these events needs weights of, up to the next statement that may change
// definitions.
func (r *router) wanted(events []cdc.Event) snapshot.Weights {
	w, size := snapshot.Weights{}, 0
	for i := range events {
		ev := &events[i]
		if ev.Kind == cdc.EventDDL || size > weighBytes {
			break
		}
		if ev.Kind != cdc.EventRows {
			continue
		}
		m := ev.Rows.Map()
		t := r.tables[m.TableID]
		if t == nil || t.weighed == nil || len(t.chunks) == 0 || len(m.Columns) != len(t.def.Columns) {
			continue
		}
		err := keyTexts(ev, t, func(c *cdc.Column, v *cdc.Value) {
			w.Want(c, v)
			size += len(v.Bytes)
		})
		if err != nil {
			break // it is for the routing of this event to say so
		}
	}
	return w
}

// ordering makes bounds of rows of key values: in order, none twice.
func ordering(ctx context.Context, from snapshot.Weigher, t *cdc.Table, key []int, rows []cdc.Row) ([]*snapshot.Bound, error) {
	weights := snapshot.Weights{}
	for _, row := range rows {
		wantKey(weights, t, key, row)
	}
	if err := weights.Ask(ctx, from); err != nil {
		return nil, err
	}
	var out []*snapshot.Bound
	for _, row := range rows {
		b, err := snapshot.NewBound(t, key, row, weights)
		if err != nil {
			return nil, err
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b *snapshot.Bound) int { return strings.Compare(string(a.Key), string(b.Key)) })
	return slices.CompactFunc(out, func(a, b *snapshot.Bound) bool { return string(a.Key) == string(b.Key) }), nil
}

func wantKey(w snapshot.Weights, t *cdc.Table, key []int, values cdc.Row) {
	for i, k := range key {
		if c := &t.Columns[k]; snapshot.Weighed(c) {
			w.Want(c, &values[i])
		}
	}
}

// reweigh takes the weights of stored bounds anew: another version of the server may write them in another way.
func (r *router) reweigh(ctx context.Context, from snapshot.Weigher) error {
	for _, t := range r.tables {
		if t.weighed == nil {
			continue
		}
		weights := snapshot.Weights{}
		bounds := boundsOf(t)
		for _, b := range bounds {
			wantKey(weights, t.def, t.key, (*b).Row)
		}
		if err := weights.Ask(ctx, from); err != nil {
			return err
		}
		for _, b := range bounds {
			var err error
			if *b, err = snapshot.NewBound(t.def, t.key, (*b).Row, weights); err != nil {
				return err
			}
		}
		t.order()
	}
	return nil
}

func boundsOf(t *table) (out []**snapshot.Bound) {
	for _, c := range t.chunks {
		for _, b := range []**snapshot.Bound{&c.After, &c.Upto} {
			if *b != nil {
				out = append(out, b)
			}
		}
	}
	return out
}
