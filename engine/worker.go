package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/schema"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// worker reads the chunks of one attempt: a single one, or those of small tables through the same view. Its steps are,
// each a call to the source: wait until every view shows what the router has passed, open the view, take the metadata
// locks and H, read one chunk after the other. What it finds goes to the router.
type worker struct {
	os    []*opening // opened at the same S
	src   snapshot.Reader
	files Files
	codec Codec
	ids   *atomic.Int64
	born  func() int64
	fault func(point string) // may be nil
	kept  *keptMemory        // for rows that need not be read back; nil: there is none

	at     workerStep
	view   snapshot.View
	high   cdc.Position
	exact  bool
	locked []snapshot.Locked
	since  int64         // milliseconds: when the locks were taken
	out    *sealedWriter // of all chunks; nil before the first
	found  []*chunkRows
}

// longestView is how many milliseconds small tables are read through the same view, because a DDL of any of them waits
// for the reader.
const longestView = 500

type workerStep uint8

const (
	stepVisible workerStep = iota
	stepView
	stepLock
	stepRead
	stepEnd
)

// step runs the next step. Once locked is not nil the router must be told, before the next step; rows, one for each
// chunk, is the end.
func (w *worker) step(ctx context.Context) (locked *chunkLocked, rows []*chunkRows, err error) {
	switch w.at {
	case stepVisible:
		return nil, nil, w.visible(ctx)
	case stepView:
		return nil, nil, w.open(ctx)
	case stepLock:
		return w.lock(ctx)
	case stepRead:
		if err = w.readNext(ctx); err == nil && len(w.found) < len(w.os) {
			return nil, nil, nil
		}
		if w.at = stepEnd; err == nil {
			err = w.seal()
		}
		return nil, w.found, errors.Join(err, w.close())
	}
	return nil, nil, nil
}

// failed gives the result of an attempt that came to nothing. Of several chunks each is to be read alone, to see whose
// error it is.
func (w *worker) failed(err error) []*chunkRows {
	out := make([]*chunkRows, len(w.os))
	for i := range out {
		out[i] = &chunkRows{err: err, apart: len(w.os) > 1}
	}
	return out
}

// visible goes on once every view shows all that the router has passed. Where that is not known of itself, the last row
// that was changed is locked for a moment, if that is allowed: with it, all before it are committed.
func (w *worker) visible(ctx context.Context) error {
	o := w.os[0] // the others need the same
	if len(o.hidden) > 0 {
		xids, known, err := w.src.Prepared(ctx)
		if err != nil {
			return err
		}
		if !known || slices.ContainsFunc(o.hidden, func(x string) bool { return slices.Contains(xids, x) }) {
			return nil
		}
	}
	seen, err := w.src.Executed(ctx, o.need)
	if err != nil {
		return err
	}
	if seen == nil || seen.Includes(o.need) {
		w.at = stepView
		return nil
	}
	if o.last == nil {
		return nil
	}
	ordered, err := w.src.Settle(ctx, o.last.def, o.last.key)
	o.last = nil
	if ordered {
		w.at = stepView
	}
	return err
}

func (w *worker) open(ctx context.Context) error {
	view, err := w.src.View(ctx)
	if err != nil {
		return err
	}
	p, exact := view.Exact()
	if exact && p.Before(w.os[0].point) {
		// The view does not show all that the router has passed: take a newer one.
		return view.Close()
	}
	w.view, w.high, w.exact, w.at = view, p, exact, stepLock
	return nil
}

func (w *worker) lock(ctx context.Context) (*chunkLocked, []*chunkRows, error) {
	ids := make([]cdc.TableID, len(w.os))
	for i, o := range w.os {
		ids[i] = o.table.TableID
	}
	l, err := w.view.Lock(ctx, ids...)
	if err != nil {
		return nil, nil, err
	}
	w.locked, w.at, w.since = l, stepRead, w.born()
	end := l[0].End // and that of the others
	if !w.exact {
		w.high = end
	}
	return &chunkLocked{high: w.high, end: end, exact: w.exact}, nil, nil
}

// readNext reads the next chunk. Where the locks have been held for long, the rest is put off.
func (w *worker) readNext(ctx context.Context) error {
	n := len(w.found)
	rows := &chunkRows{apart: true}
	if n == 0 || w.born()-w.since < longestView {
		var err error
		if rows, err = w.read(ctx, w.os[n], &w.locked[n]); err != nil {
			return err
		}
	}
	w.found = append(w.found, rows)
	return nil
}

// seal makes what was read durable.
func (w *worker) seal() error {
	out := w.out
	if w.out = nil; out == nil {
		return nil
	}
	return out.finish()
}

func (w *worker) read(ctx context.Context, o *opening, locked *snapshot.Locked) (*chunkRows, error) {
	if schema.Diff(o.table, locked.Table) != "" {
		return &chunkRows{redefined: locked.Table}, nil
	}
	if w.out == nil {
		var err error
		if w.out, err = newSealedWriter(w.files, cmp.Or(o.in, o.file)); err != nil {
			return nil, err
		}
	}
	out := w.out
	if err := out.begin(); err != nil {
		return nil, err
	}
	if w.kept != nil && o.in == "" {
		out.keep(w.kept)
	}
	enc := w.encoder(o, locked.Now)
	q := snapshot.Query{Table: o.table, Key: o.key, Weigh: o.weighed, Limit: o.limit, Where: o.route.Where}
	if o.rang.After != nil {
		q.After = o.rang.After.Row
	}
	if o.rang.Upto != nil {
		q.Upto = o.rang.Upto.Row
	}
	res := &chunkRows{enc: enc, at: out.at}
	began, since, upto := time.Now(), w.born(), int64(o.limit)
	var lastKey, spare []byte
	var lastRow cdc.Row
	each := func(row cdc.Row) error {
		var key []byte
		if o.ordered {
			var err error
			if key, err = snapshot.AppendKey(spare[:0], o.table, o.key, row, nil); err != nil {
				return err
			}
			if o.weighed != nil {
				if out.rows > 0 && string(key) <= string(lastKey) {
					return misordered(o)
				}
				row = row[:len(o.table.Columns)]
				spare = lastKey
			} else {
				spare = key
			}
			lastKey = key
			if out.rows+1 == upto {
				lastRow = keyValues(o.key, row)
			}
		}
		if w.fault != nil {
			w.fault("reading")
		}
		return enc.add(out, key, row, out.rows)
	}
	n, err := w.view.Rows(ctx, q, each)
	for err == nil && q.Limit > 0 && n == q.Limit {
		more := o.more(upto, w.born()-since, out.bytes)
		if more == 0 {
			break
		}
		q.After, q.Limit, upto = lastRow, more, upto+int64(more)
		n, err = w.view.Rows(ctx, q, each)
	}
	if err == nil {
		err = out.last()
	}
	if err != nil {
		return nil, err
	}
	res.kept = out.kept
	res.took = time.Since(began)
	res.rows, res.bytes, res.sum = out.rows, out.bytes, out.sum
	if res.full = q.Limit > 0 && n == q.Limit; res.full {
		res.last = &snapshot.Bound{Key: append([]byte(nil), lastKey...), Row: lastRow}
	}
	return res, nil
}

// goOn is how many milliseconds a chunk may take whose view is read on because its rows came sooner than was expected. It
// is often the rest of a range, and a chunk of its own for that costs a view, its definition and three syncs.
const goOn = 100

// more gives how many rows are to be read through the same view after so many, 0 for none. What a few rows took may say
// little of those behind them.
func (o *opening) more(rows, took, size int64) int {
	if took >= goOn/2 || size >= o.size {
		return 0
	}
	n := 3 * rows
	if size > 0 {
		n = min(n, rows*(o.size-size)/size)
	}
	if took > 0 {
		n = min(n, rows*(goOn-took)/took)
	}
	return int(max(min(n, int64(o.most)-rows), 0))
}

// misordered ends a copy that would be wrong: the server reads rows in another order than that of their weights.
func misordered(o *opening) error {
	return &task.Error{Code: "source.key_order", Op: "copying " + o.table.TableID.String(),
		Text: "the source's rows did not come in the order of their key's weights",
		Hint: "The table's key may be damaged: CHECK TABLE, or rebuild it (ALTER TABLE ... FORCE). Then start a new task."}
}

// keyValues keeps the values of the key columns.
func keyValues(key []int, row cdc.Row) cdc.Row {
	out := make(cdc.Row, 0, len(key))
	for _, k := range key {
		out = append(out, row[k])
	}
	return out.Clone()
}

// close ends the view, at any step.
func (w *worker) close() error {
	if w.out != nil {
		w.out.abandon()
		w.out = nil
	}
	if w.view == nil {
		return nil
	}
	v := w.view
	w.view = nil
	return v.Close()
}

// initEncoder makes the records of a chunk's rows. A record's ordinal is its place among the rows that were read, or
// behind them for a row that came in the window.
type initEncoder struct {
	o     *opening
	codec Codec
	ids   *atomic.Int64
	id    int64 // of the last record; more are free until the next multiple of idsAtOnce
	born  func() int64
	clock clock
	key   []byte
	ident []byte
	rec   cdc.Record // of the row; most of it is the same for all
}

// idsAtOnce is how many record ids an encoder takes: with each by itself the workers wait for each other's processor.
const idsAtOnce = 64

func (w *worker) encoder(o *opening, now int64) *initEncoder {
	r := o.route
	return &initEncoder{o: o, codec: w.codec, ids: w.ids, born: w.born, rec: cdc.Record{Op: cdc.Init, Time: now, Pos: w.high, SafePos: w.high,
		Object: r.Object, Table: r.Source, Columns: r.Columns, Names: r.Names, Shared: new(cdc.Shared)}}
}

func (e *initEncoder) add(w *sealedWriter, key []byte, row cdc.Row, ordinal int64) error {
	var err error
	var lane int
	if lane, e.key, err = e.o.route.Dest(e.key[:0], row); err != nil {
		return err
	}
	if e.id++; e.id%idsAtOnce == 1 {
		e.id = e.ids.Add(idsAtOnce) - idsAtOnce + 1
	}
	e.ident = strconv.AppendInt(append(e.ident[:0], e.o.identity...), ordinal, 10)
	e.rec.ID, e.rec.After, e.rec.Identity, e.rec.Born = e.id, row, e.ident, e.clock.now(e.born)
	b := w.row(key, lane, e.key)
	at := len(b)
	b, err = e.codec.Encode(b, &e.rec)
	size := len(e.key) + len(b) - at
	if limit := e.o.dead.over(e.o.dead.limits, lane, size); limit > 0 && err == nil {
		dead := e.rec
		dead.Shared, dead.Columns, dead.Names, dead.Refused = nil, e.o.route.Key, e.o.route.KeyNames, cdc.Refused{Bytes: size, Limit: limit}
		b = w.row(key, e.o.dead.lane, e.key)
		at = len(b)
		b, err = e.codec.Encode(b, &dead)
	}
	if err != nil {
		return fmt.Errorf("reading chunk %d of %s: %w", e.o.id, e.o.table.TableID, err)
	}
	return w.end(b, at)
}
