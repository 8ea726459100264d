package mysql

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
)

// The heads of table maps and rows events are read here, by the bytes: of a transaction of a few rows they are most of
// what there is to read.

var errShortEvent = errors.New("an event ends early")

// numbered is a table map by the number that the rows events of its statement name it by.
type numbered struct {
	id uint64
	of *tableMap
}

func (t *translator) mapOf(id uint64) *tableMap {
	for i := range t.maps {
		if t.maps[i].id == id {
			return t.maps[i].of
		}
	}
	return nil
}

func (t *translator) tableMap(body []byte, start cdc.Position) error {
	if t.mapPos.IsZero() {
		t.mapPos = start
	}
	c := cursor{data: body}
	id := c.little(6)
	m := t.newest
	if m == nil || m.text != string(c.data) { // a table is seldom changed once
		m = t.byText[string(c.data)]
	}
	if m == nil {
		var err error
		if m, err = parseTableMap(c.data, t.collations, t.flavor); err != nil {
			return fmt.Errorf("reading the table map at %s: %w", start.In(""), err)
		}
		if len(t.byText) >= maxTableMaps {
			clear(t.byText)
		}
		m.text = string(c.data)
		t.byText[m.text] = m
	}
	t.newest = m
	for i := range t.maps {
		if t.maps[i].id == id {
			t.maps[i].of = m
			return nil
		}
	}
	t.maps = append(t.maps, numbered{id, m})
	return nil
}

func (t *translator) rows(h *replication.EventHeader, body []byte) error {
	r := &rowsEvent{op: cdc.Update}
	long := false // it may have more in its head
	switch h.EventType {
	case replication.WRITE_ROWS_EVENTv2:
		r.op, long = cdc.Insert, true
	case replication.UPDATE_ROWS_EVENTv2:
		long = true
	case replication.DELETE_ROWS_EVENTv2:
		r.op, long = cdc.Delete, true
	case replication.PARTIAL_UPDATE_ROWS_EVENT:
		r.differs, long = true, true
	case replication.WRITE_ROWS_EVENTv1:
		r.op = cdc.Insert
	case replication.DELETE_ROWS_EVENTv1:
		r.op = cdc.Delete
	case replication.MARIADB_WRITE_ROWS_COMPRESSED_EVENT_V1:
		r.op, r.compressed = cdc.Insert, true
	case replication.MARIADB_UPDATE_ROWS_COMPRESSED_EVENT_V1:
		r.compressed = true
	case replication.MARIADB_DELETE_ROWS_COMPRESSED_EVENT_V1:
		r.op, r.compressed = cdc.Delete, true
	}
	c := cursor{data: body}
	id, flags := c.little(6), c.little(2)
	if long {
		c.take(int(c.little(2)) - 2) // the length counts itself
	}
	columns := c.packed()
	bits := int(min(columns+7, 1<<20) / 8)
	before := c.take(bits)
	after := before
	if r.op == cdc.Update {
		after = c.take(bits)
	}
	if c.short {
		return fmt.Errorf("reading the head of rows at %s: %w", t.end.In(""), errShortEvent)
	}
	if r.table = t.mapOf(id); r.table == nil {
		return t.broken("a rows event has no table map")
	}
	r.data = c.data
	n := len(r.table.Columns)
	switch {
	case columns != uint64(n):
		r.partial = true
	case !whole(before, n) || !whole(after, n):
		r.present = [2][]byte{bytes.Clone(before), bytes.Clone(after)}
	}
	e := cdc.Event{Kind: cdc.EventRows, EventPos: t.end, SafePos: t.mapPos, Rows: r, ServerID: h.ServerID, Size: int(h.EventSize)}
	if flags&replication.RowsEventStmtEndFlag != 0 {
		t.maps, t.mapPos = t.maps[:0], cdc.Position{}
	}
	t.wrote = true
	return t.emit(e)
}

// whole says whether all n bits are set.
func whole(bitmap []byte, n int) bool {
	for i := range n {
		if !has(bitmap, i) {
			return false
		}
	}
	return true
}

func has(bitmap []byte, i int) bool { return i/8 < len(bitmap) && bitmap[i/8]&(1<<(i%8)) != 0 }
