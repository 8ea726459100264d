package oracle

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// Op is what happened to a row.
type Op uint8

// Row operations; opSet is a step without a record: the row is After from here on (no row: the zero Hash), because a
// DDL statement did it.
const (
	OpInit Op = iota
	OpInsert
	OpUpdate
	OpDelete
	OpDDL
	OpHeartbeat
	opSet
)

func (o Op) String() string {
	return [...]string{"INIT", "INSERT", "UPDATE", "DELETE", "DDL", "HEARTBEAT", "(DDL)"}[o]
}

// Position is a point of a server's binlog.
type Position struct {
	File   uint64
	Offset uint64
}

// Compare orders two positions.
func (p Position) Compare(o Position) int {
	switch {
	case p.File < o.File || p.File == o.File && p.Offset < o.Offset:
		return -1
	case p == o:
		return 0
	}
	return 1
}

func (p Position) String() string { return fmt.Sprintf("%d@%d", p.Offset, p.File) }

// Txn is one committed transaction, or one DDL statement.
type Txn struct {
	TID        string // uuid:gno or domain-server-seq
	Start, End Position
}

// Change is one committed row change, in binlog order. Old and New are numbers of keys (-1: none).
type Change struct {
	Txn           int32
	Row           int32 // index in the transaction among the selected tables' rows
	Op            Op
	Old, New      int32
	Before, After Hash
}

// Statement is one DDL statement on selected tables.
type Statement struct {
	Txn     int32
	Seq     int32 // how many entries of Changes lie before it
	Objects []string
	SQL     string
}

// key is one row's identity over its whole life, or a whole table that has none.
type key struct {
	table    *tableState
	text     []byte // canonical
	state    Hash   // the row now; for a table without a key the sum of its rows
	selected bool
}

// tableState is what the ledger knows of one table.
type tableState struct {
	def  *definition
	keys []int32          // numbers of all keys that the table ever had
	live int              // rows now
	rows map[int32][]byte // packed rows by key, for ALTER; nil: too many to keep
}

// keptRows bounds the rows of a table that are kept so that an ALTER can be applied to them.
const keptRows = 200_000

// Ledger is what really happened, in binlog order.
type Ledger struct {
	Flavor     string // mysql or mariadb
	Txns       []Txn
	Changes    []Change
	Statements []Statement

	selected map[string]*Selection
	follow   map[string]bool
	objects  map[string][]string
	tables   map[string]*tableState // by db.table, all databases
	keys     []key
	index    map[Hash]int32
	texts    map[Hash]string // canonical rows, if kept
	pending  []pending
	prepared map[string][]pending // changes of XA transactions that are not ended
	buf      []byte
}

// pending is a change of the open transaction.
type pending struct {
	table         *tableState
	change        Change
	oldKey        []byte
	newKey        []byte
	packed        []byte
	before, after string
}

// LedgerOptions say what to read.
type LedgerOptions struct {
	Flavor string // mysql or mariadb
	Tables []Selection
	Follow []string // tables outside the selection whose rows may come into it by RENAME TABLE
	Texts  bool     // keep every row's text, so that examples print images
}

// NewLedger gives an empty ledger.
func NewLedger(o LedgerOptions) *Ledger {
	l := &Ledger{
		Flavor: o.Flavor, selected: map[string]*Selection{}, tables: map[string]*tableState{}, index: map[Hash]int32{},
		follow: map[string]bool{}, objects: map[string][]string{}, prepared: map[string][]pending{},
	}
	for _, name := range o.Follow {
		l.follow[name] = true
	}
	for i := range o.Tables {
		l.selected[o.Tables[i].Name] = &o.Tables[i]
	}
	if o.Texts {
		l.texts = map[Hash]string{}
	}
	return l
}

// Keys gives the names of the key columns in the records of each selected object that ever was.
func (l *Ledger) Keys() map[string][]string { return l.objects }

// project fits a definition to the selection and remembers its key.
func (l *Ledger) project(d *definition) {
	d.project(l.selected[d.name])
	if d.object == "" {
		return
	}
	names := []string{}
	for _, i := range d.key {
		names = append(names, d.columns[i].out)
	}
	l.objects[d.object] = names
}

// row adds a row change to the open transaction; before and after are all columns in ordinal order.
func (l *Ledger) row(t *tableState, op Op, before, after []cell) error {
	p := pending{table: t, change: Change{Op: op, Old: -1, New: -1}}
	for _, row := range [][]cell{before, after} {
		if row != nil && len(row) != len(t.def.columns) {
			return fmt.Errorf("%s: a row of %d columns, the oracle knows %d", t.def.name, len(row), len(t.def.columns))
		}
	}
	if before != nil {
		p.oldKey = t.def.keyText(before)
		p.change.Before, p.before = l.image(t.def, before)
	}
	if after != nil {
		p.newKey = t.def.keyText(after)
		p.change.After, p.after = l.image(t.def, after)
		if t.rows != nil {
			p.packed = pack(after)
		}
	}
	l.pending = append(l.pending, p)
	return nil
}

// image gives the hash of a row, and its text if texts are kept.
func (l *Ledger) image(d *definition, row []cell) (Hash, string) {
	l.buf = d.rowText(l.buf[:0], row)
	if l.texts == nil {
		return sum(l.buf), ""
	}
	return sum(l.buf), string(l.buf)
}

func (d *definition) rowText(dst []byte, row []cell) []byte {
	for _, i := range d.order {
		dst = appendCell(dst, d.columns[i].out, row[i])
	}
	return dst
}

// keyText is the canonical key: the table's name, then the key's columns, both as in the records.
func (d *definition) keyText(row []cell) []byte {
	out := append([]byte(d.title()), 0)
	for _, i := range d.key {
		out = appendCell(out, d.columns[i].out, row[i])
	}
	return out
}

// title is the name of the table in keys; one that is not selected can't be taken for an object of the topic.
func (d *definition) title() string {
	if d.object == "" {
		return "(not selected) " + d.name
	}
	return d.object
}

// pack keeps a row for ALTER; unpack is its inverse.
func pack(row []cell) []byte {
	var out []byte
	for _, c := range row {
		if c.null() {
			out = append(out, 0)
			continue
		}
		out = append(binary.AppendUvarint(out, uint64(len(c))+1), c...)
	}
	return out
}

func unpack(b []byte, n int) []cell {
	out := make([]cell, n)
	for i := range out {
		size, used := binary.Uvarint(b)
		b = b[used:]
		if size > 0 {
			out[i] = b[: size-1 : size-1]
			b = b[size-1:]
		}
	}
	return out
}

// rollback forgets the open transaction.
func (l *Ledger) rollback() { l.pending = l.pending[:0] }

// prepare keeps the open transaction until its end, under its name.
func (l *Ledger) prepare(xid string) {
	l.prepared[xid] = slices.Clone(l.pending)
	l.rollback()
}

// take makes a prepared transaction the open one.
func (l *Ledger) take(xid string) {
	l.pending = append(l.pending[:0], l.prepared[xid]...)
	delete(l.prepared, xid)
}

// commit makes the pending changes part of the ledger.
func (l *Ledger) commit(txn Txn) error {
	if len(l.pending) == 0 {
		return nil
	}
	l.Txns = append(l.Txns, txn)
	var row int32
	for i := range l.pending {
		p := &l.pending[i]
		p.change.Txn, p.change.Row = int32(len(l.Txns)-1), row
		if p.table.def.object != "" {
			row++
		}
		if err := l.apply(p); err != nil {
			return fmt.Errorf("transaction %s at %s, row %d: %w", txn.TID, txn.Start, i, err)
		}
	}
	l.rollback()
	return nil
}

// keyNumber finds or makes the key.
func (l *Ledger) keyNumber(t *tableState, text []byte) int32 {
	h := sum(text)
	n, ok := l.index[h]
	if !ok {
		n = int32(len(l.keys))
		l.index[h] = n
		l.keys = append(l.keys, key{text: text, selected: t.def.object != ""})
	}
	if k := &l.keys[n]; k.table != t {
		k.table = t
		t.keys = append(t.keys, n)
	}
	return n
}

func (l *Ledger) apply(p *pending) error {
	t, c := p.table, &p.change
	if p.oldKey != nil {
		c.Old = l.keyNumber(t, p.oldKey)
	}
	if p.newKey != nil {
		c.New = l.keyNumber(t, p.newKey)
	}
	if l.texts != nil {
		l.texts[c.Before], l.texts[c.After] = p.before, p.after
	}
	if len(t.def.key) == 0 {
		k := &l.keys[max(c.Old, c.New)]
		k.state = k.state.plus(c.After).minus(c.Before)
		switch c.Op {
		case OpInsert:
			t.live++
		case OpDelete:
			t.live--
		}
	} else if err := l.move(t, c, p.packed); err != nil {
		return err
	}
	l.Changes = append(l.Changes, *c)
	return nil
}

// move applies the change to the state of the keys and fails if the ledger contradicts itself.
func (l *Ledger) move(t *tableState, c *Change, packed []byte) error {
	if c.Old >= 0 {
		k := &l.keys[c.Old]
		if k.state != c.Before {
			return fmt.Errorf("the ledger contradicts itself: %s of %s, whose image before it is not what the change before left (misread definition?)", c.Op, readableKey(k.text))
		}
		k.state = Hash{}
		t.live--
		if t.rows != nil {
			delete(t.rows, c.Old)
		}
	}
	if c.New >= 0 {
		k := &l.keys[c.New]
		if !k.state.isZero() {
			return fmt.Errorf("the ledger contradicts itself: %s of %s, which exists", c.Op, readableKey(k.text))
		}
		k.state = c.After
		t.live++
		if t.rows != nil {
			t.rows[c.New] = packed
		}
		if t.live > keptRows {
			t.rows = nil
		}
	}
	return nil
}

func readableKey(text []byte) string {
	name, rest, _ := strings.Cut(string(text), "\x00")
	return name + " " + readable([]byte(rest))
}

// set records that a DDL statement made the row of a key to be image.
func (l *Ledger) set(n int32, txn int32, image Hash) {
	l.keys[n].state = image
	l.Changes = append(l.Changes, Change{Txn: txn, Op: opSet, Old: n, New: n, After: image})
}

// clear ends the sequences of all rows of a table.
func (l *Ledger) clear(t *tableState, txn int32) {
	for _, n := range t.keys {
		if !l.keys[n].state.isZero() {
			l.set(n, txn, Hash{})
		}
	}
	t.live, t.rows = 0, map[int32][]byte{}
}

// Live counts the rows of a table at the end.
func (l *Ledger) Live(table string) int {
	if t := l.tables[table]; t != nil {
		return t.live
	}
	return 0
}

// Selected gives the names of the selected tables that exist at the end, sorted.
func (l *Ledger) Selected() []string {
	var out []string
	for name, t := range l.tables {
		if t.def.object != "" {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}
