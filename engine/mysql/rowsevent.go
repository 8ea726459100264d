package mysql

import (
	"errors"
	"fmt"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// rowsEvent is a rows event that is not decoded yet.
type rowsEvent struct {
	table      *tableMap
	op         cdc.Op
	data       []byte    // the images
	compressed bool      // by MariaDB's log_bin_compress
	partial    bool      // a column is missing from an image
	present    [2][]byte // where not all are, the columns in the images before and after, a bit each; else nil
	differs    bool      // JSON may be logged by difference to the image before
}

func (r *rowsEvent) Map() *cdc.TableMap { return &r.table.TableMap }

func (r *rowsEvent) Op() cdc.Op { return r.op }

func (r *rowsEvent) Take() []byte {
	data := r.data
	r.data = nil
	return data
}

func (r *rowsEvent) Put(images []byte) { r.data = images }

// Decode calls each for every row. The definition must be the one of the event's own position.
func (r *rowsEvent) Decode(t *cdc.Table, each func(before, after cdc.Row) error) error {
	if r.partial || !r.complete(t) {
		return &task.Error{
			Code: "source.partial_rows", Op: "decoding rows of " + r.table.TableID.String(),
			Text: "a session logs only the changed columns of its rows",
			Hint: "Set binlog_row_image=FULL and reconnect the writers: open sessions keep the old setting. Then copy the table again in a new task.",
		}
	}
	p, err := r.table.plan(t)
	if err != nil {
		return r.mismatch(err)
	}
	data := r.data
	if r.compressed {
		if data, err = openedEvent(data); err != nil {
			return r.mismatch(err)
		}
	}
	c := cursor{data: data}
	for len(c.data) > 0 {
		p.spare = p.spare[:0]
		before, after, err := r.next(p, &c)
		if err != nil {
			return r.mismatch(err)
		}
		if err := each(before, after); err != nil {
			return err
		}
	}
	return nil
}

func (r *rowsEvent) next(p *plan, c *cursor) (before, after cdc.Row, err error) {
	if r.present[0] != nil {
		return r.nextWithout(p, c)
	}
	if r.op != cdc.Insert {
		if err := r.imageBefore(p, c); err != nil {
			return nil, nil, err
		}
		before = p.before
	}
	if r.differs {
		if err := p.partialImage(c); err != nil {
			return nil, nil, err
		}
		after = p.after
	} else if r.op != cdc.Delete {
		if err := p.image(p.after, c); err != nil {
			return nil, nil, err
		}
		after = p.after
	}
	return before, after, nil
}

// complete reports whether the images lack nothing but generated columns.
func (r *rowsEvent) complete(t *cdc.Table) bool {
	if r.present[0] == nil {
		return true
	}
	for i := range t.Columns {
		if !(has(r.present[0], i) && has(r.present[1], i)) && !t.Columns[i].Generated {
			return false
		}
	}
	return !r.differs
}

func (r *rowsEvent) nextWithout(p *plan, c *cursor) (before, after cdc.Row, err error) {
	if r.op != cdc.Insert {
		err, before = p.imageWithout(p.before, r.present[0], c), p.before
	}
	if err == nil && r.op != cdc.Delete {
		err, after = p.imageWithout(p.after, r.present[1], c), p.after
	}
	return before, after, err
}

// imageBefore also keeps the documents that the image after differs from.
func (r *rowsEvent) imageBefore(p *plan, c *cursor) error {
	if !r.differs {
		return p.image(p.before, c)
	}
	for i := range p.fields {
		p.fields[i].document = nil
	}
	p.keepsJSON = true
	err := p.image(p.before, c)
	p.keepsJSON = false
	return err
}

func (r *rowsEvent) mismatch(err error) error {
	var known *task.Error
	if errors.As(err, &known) {
		return err
	}
	return &task.Error{
		Code: "source.definition_mismatch", Op: "decoding rows of " + r.table.TableID.String(),
		Text: fmt.Sprintf("the binlog of %s does not fit the definition that is known for this position", r.table.TableID),
		Hint: "Set binlog_row_metadata=FULL, so that the binlog carries each definition, and copy the table again in a new task.", Err: err,
	}
}
