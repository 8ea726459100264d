package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Record is one message of a topic, reduced to what Check compares.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Op        Op
	Object    string // db.table, for DDL the database
	Old, New  Hash   // keys; zero: none
	Before    Hash
	After     Hash
	Identity  Hash // of the identity tag without its half sign; zero: none
	Half      byte // '-' or '+' for one half of an UPDATE, else 0
	Schema    bool // a DDL record of the schema phase (kind d0)
	Pos       Position
	SQL       string
}

func (r *Record) String() string {
	return fmt.Sprintf("%s at %s/%d@%d", r.Op, r.Topic, r.Partition, r.Offset)
}

// Topics is what was read from the topics: the records of each partition in order, partition after partition.
type Topics struct {
	Records []Record
	Faults  []string // records that can't be read, or lack what a row needs; the first hundred
	Faulty  int
	Sampled int // records that goavro read too, with the same result
	Bytes   int64

	texts map[Hash]string
	keys  map[Hash]string // text of each key
}

// TopicOptions say how to read messages.
type TopicOptions struct {
	Keys  map[string][]string // key columns of each object, from Ledger.Keys
	Texts bool                // keep every row's text for examples
	// Sample: goavro reads one of so many records; 0 is 1000. The first of each object and operation always.
	Sample int
	// Foreign records (without our identity tag) are skipped when set; else they are faults.
	Foreign bool
}

// layout is what the fields of an object's last record lead to.
type layout struct {
	keyNames []string
	fields   []field
	order    []int // by name
	key      []int // nil with lost set: a key column is missing
	lost     string
	keyInfo  string
	infoErr  error
	seen     [8]bool // operations that goavro read one of
}

// decoder turns message values into Records.
type decoder struct {
	o       TopicOptions
	out     *Topics
	layouts map[string]*layout
	generic *generic
	m       message
	buf     []byte
	count   int
}

func newDecoder(o TopicOptions) (*decoder, error) {
	if o.Sample == 0 {
		o.Sample = 1000
	}
	g, err := newGeneric()
	if err != nil {
		return nil, err
	}
	out := &Topics{keys: map[Hash]string{}}
	if o.Texts {
		out.texts = map[Hash]string{}
	}
	return &decoder{o: o, out: out, layouts: map[string]*layout{}, generic: g}, nil
}

// add decodes one message; what is wrong with it becomes a fault.
func (d *decoder) add(topic string, partition int32, offset int64, value []byte) {
	r := Record{Topic: topic, Partition: partition, Offset: offset}
	d.out.Bytes += int64(len(value))
	skip, err := d.decode(&r, value)
	if err != nil {
		d.out.Faulty++
		if len(d.out.Faults) < 100 {
			d.out.Faults = append(d.out.Faults, fmt.Sprintf("%s: %v", &r, err))
		}
		return
	}
	if !skip {
		d.out.Records = append(d.out.Records, r)
	}
}

func (d *decoder) decode(r *Record, value []byte) (skip bool, err error) {
	m := &d.m
	if err := m.decode(value); err != nil {
		return d.o.Foreign, err
	}
	if len(m.identity) == 0 {
		if d.o.Foreign {
			return true, nil
		}
		return false, fmt.Errorf("no identity tag")
	}
	if m.otherOp >= 0 {
		return false, fmt.Errorf("operation number %d", m.otherOp)
	}
	r.Op, r.Object = m.op, ""
	r.Pos = parsePosition(m.pos)
	r.identity(string(m.identity))
	l := d.layout(string(m.object))
	d.count++
	if !m.flat && (d.count%d.o.Sample == 0 || !l.seen[m.op]) {
		if err := d.generic.compare(value, m); err != nil {
			return false, err
		}
		l.seen[m.op] = true
		d.out.Sampled++
	}
	r.Object = strings.ReplaceAll(string(m.object), `\u002E`, ".")
	switch m.op {
	case OpHeartbeat:
		return false, nil
	case OpDDL:
		r.SQL = string(m.sql)
		if r.SQL == "" {
			return false, fmt.Errorf("DDL without a statement")
		}
		return false, nil
	}
	return false, d.rows(r, l)
}

// identity splits the tag "task/generation/kind/ordinal" into its hash and the half.
func (r *Record) identity(tag string) {
	parts := strings.SplitN(tag, "/", 4)
	r.Schema = len(parts) == 4 && parts[2] == "d0"
	if n := len(tag) - 1; r.Op != OpDDL && (tag[n] == '-' || tag[n] == '+') {
		r.Half, tag = tag[n], tag[:n]
	}
	r.Identity = sum([]byte(tag))
}

// parsePosition reads "offset@file"; anything else is the zero position.
func parsePosition(b []byte) (p Position) {
	offset, file, _ := strings.Cut(string(b), "@")
	var err error
	if p.Offset, err = strconv.ParseUint(offset, 10, 64); err != nil {
		return Position{}
	}
	if p.File, err = strconv.ParseUint(file, 10, 64); err != nil {
		return Position{}
	}
	return p
}

// rows fills keys and images of a row record.
func (d *decoder) rows(r *Record, l *layout) error {
	m := &d.m
	if l.keyNames == nil {
		return fmt.Errorf("object %q is not selected", r.Object)
	}
	if want := r.Op == OpUpdate || r.Op == OpDelete; m.hasBefore != want {
		return fmt.Errorf("before image present: %v", m.hasBefore)
	}
	if want := r.Op != OpDelete; m.hasAfter != want {
		return fmt.Errorf("after image present: %v", m.hasAfter)
	}
	l.fit(m)
	if l.lost != "" {
		return fmt.Errorf("key column %s is missing", l.lost)
	}
	if l.infoErr != nil {
		return l.infoErr
	}
	if m.hasBefore {
		r.Old, r.Before = d.row(l, r.Object, m.before)
	}
	if m.hasAfter {
		r.New, r.After = d.row(l, r.Object, m.after)
	}
	return nil
}

// row gives the hashes of a row's key and image.
func (d *decoder) row(l *layout, object string, row []cell) (Hash, Hash) {
	d.buf = append(append(d.buf[:0], object...), 0)
	for i, at := range l.key {
		d.buf = appendCell(d.buf, l.keyNames[i], row[at])
	}
	key := sum(d.buf)
	if _, ok := d.out.keys[key]; !ok {
		d.out.keys[key] = string(d.buf)
	}
	d.buf = d.buf[:0]
	for _, i := range l.order {
		d.buf = appendCell(d.buf, l.fields[i].name, row[i])
	}
	image := sum(d.buf)
	if d.out.texts != nil {
		d.out.texts[image] = string(d.buf)
	}
	return key, image
}

func (d *decoder) layout(object string) *layout {
	l := d.layouts[object]
	if l == nil {
		l = &layout{keyNames: d.o.Keys[strings.ReplaceAll(object, `\u002E`, ".")]}
		d.layouts[object] = l
	}
	return l
}

// fit renews the layout when the fields or the key tag differ from the record before.
func (l *layout) fit(m *message) {
	if l.order == nil || !slices.Equal(l.fields, m.fields) {
		l.fields = slices.Clone(m.fields)
		l.order = make([]int, len(l.fields))
		for i := range l.order {
			l.order[i] = i
		}
		slices.SortFunc(l.order, func(a, b int) int { return strings.Compare(l.fields[a].name, l.fields[b].name) })
		l.key, l.lost = nil, ""
		for _, name := range l.keyNames {
			i := slices.IndexFunc(l.fields, func(f field) bool { return f.name == name })
			if i < 0 {
				l.lost = name
				break
			}
			l.key = append(l.key, i)
		}
	}
	if l.keyInfo != string(m.keyInfo) || l.keyInfo == "" {
		l.keyInfo = string(m.keyInfo)
		if l.infoErr = nil; !m.flat || m.keyInfo != nil { // Canal names primary keys alone
			l.infoErr = checkKeyInfo(m.keyInfo, l.keyNames)
		}
	}
}

// checkKeyInfo wants the tag pk_uk_info to name the key's columns.
func checkKeyInfo(text []byte, key []string) error {
	if len(key) == 0 {
		return nil
	}
	var info map[string][]string
	if err := json.Unmarshal(bytes.TrimSpace(text), &info); err != nil {
		return fmt.Errorf("tag pk_uk_info %q: %w", text, err)
	}
	for _, columns := range info {
		if slices.Equal(columns, key) {
			return nil
		}
	}
	return fmt.Errorf("tag pk_uk_info %s does not name the key %v", text, key)
}

// LastInit is the greatest position that an INIT record names. A task without an incremental phase ends at it, so it
// is what CheckOptions.Until wants for such a task.
func (t *Topics) LastInit() (last Position) {
	for i := range t.Records {
		if r := &t.Records[i]; r.Op == OpInit && r.Pos.Compare(last) > 0 {
			last = r.Pos
		}
	}
	return last
}
