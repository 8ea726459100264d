package oracle

import (
	"fmt"
	"testing"

	"github.com/linkedin/goavro/v2"
)

// world is a hand-made source and what a faultless task made of it. Row images are [id, v]; nil is no row.
type world struct {
	t        *testing.T
	l        *Ledger
	txns     int
	messages []msg
}

// msg is one message before it is encoded.
type msg struct {
	partition     int32
	op            string
	object        string
	before, after []any
	identity      string
	pos           string
	sql           string
	extra         string // name of a third column
}

var codec = func() *goavro.Codec {
	c, err := goavro.NewCodec(recordSchema)
	if err != nil {
		panic(err)
	}
	return c
}()

func newWorld(t *testing.T) *world {
	w := &world{t: t, l: NewLedger(LedgerOptions{Flavor: "mysql", Texts: true, Tables: []Selection{{Name: "d.t"}, {Name: "d.n"}}})}
	w.ddl("CREATE TABLE t (id INT NOT NULL PRIMARY KEY, v VARCHAR(20))")
	w.ddl("CREATE TABLE n (id INT, v VARCHAR(20))")
	return w
}

func (w *world) txn() Txn {
	w.txns++
	return Txn{TID: fmt.Sprint("u:", w.txns), Start: Position{1, uint64(w.txns) * 100}, End: Position{1, uint64(w.txns)*100 + 99}}
}

func (w *world) ddl(sql string) {
	w.t.Helper()
	if err := w.l.statement("d", sql, w.txn()); err != nil {
		w.t.Fatal(err)
	}
}

func cells(row []any) []cell {
	if row == nil {
		return nil
	}
	out := make([]cell, len(row))
	for i, v := range row {
		if v != nil {
			out[i] = cell(fmt.Sprint(v))
		}
	}
	return out
}

// change is one transaction of one row.
func (w *world) change(table string, before, after []any) {
	w.t.Helper()
	op := OpUpdate
	switch {
	case before == nil:
		op = OpInsert
	case after == nil:
		op = OpDelete
	}
	if err := w.l.row(w.l.tables["d."+table], op, cells(before), cells(after)); err != nil {
		w.t.Fatal(err)
	}
	if err := w.l.commit(w.txn()); err != nil {
		w.t.Fatal(err)
	}
}

// send adds the record of the newest transaction.
func (w *world) send(m msg) {
	if m.identity == "" {
		m.identity = fmt.Sprintf("task/0/s/u:%d.0", w.txns)
	}
	if m.pos == "" {
		m.pos = fmt.Sprintf("%d@1", w.txns*100+99)
	}
	w.messages = append(w.messages, m)
}

func union(branch string, v map[string]any) any { return map[string]any{space + branch: v} }

func image(row []any) any {
	if row == nil {
		return nil
	}
	list := make([]any, len(row))
	for i, v := range row {
		switch v := v.(type) {
		case int:
			list[i] = union("Integer", map[string]any{"precision": 4, "value": fmt.Sprint(v)})
		case string:
			list[i] = union("Character", map[string]any{"charset": "utf8mb4", "value": []byte(v)})
		case map[string]any:
			list[i] = v
		}
	}
	return map[string]any{"array": list}
}

func (m *msg) encode(t *testing.T) []byte {
	r := map[string]any{
		"version": 0, "id": 1, "sourceTimestamp": 5, "sourcePosition": m.pos, "safeSourcePosition": m.pos, "sourceTxid": "0",
		"source":    map[string]any{"sourceType": "MySQL", "version": "8.0.33"},
		"operation": m.op, "objectName": nil, "processTimestamps": nil, "fields": nil, "bornTimestamp": 7,
		"tags":         map[string]any{"sluice": m.identity, "pk_uk_info": `{"PRIMARY":["id"]}`},
		"beforeImages": image(m.before), "afterImages": image(m.after),
	}
	if m.object != "" {
		r["objectName"] = map[string]any{"string": m.object}
	}
	if m.sql != "" {
		r["afterImages"] = map[string]any{"string": m.sql}
	}
	names := []string{"id", "v", m.extra}
	var fields []any
	for i := range max(len(m.before), len(m.after)) {
		fields = append(fields, map[string]any{"name": names[i], "dataTypeNumber": 3})
	}
	if fields != nil {
		r["fields"] = map[string]any{"array": fields}
	}
	b, err := codec.BinaryFromNative(nil, r)
	if err != nil {
		t.Fatalf("%+v: %v", m, err)
	}
	return b
}

// topics decodes the messages, partition after partition.
func (w *world) topics() *Topics {
	d, err := newDecoder(TopicOptions{Keys: w.l.Keys(), Texts: true, Sample: 1})
	if err != nil {
		w.t.Fatal(err)
	}
	for p := int32(0); p < 3; p++ {
		for i := range w.messages {
			if m := &w.messages[i]; m.partition == p {
				d.add("topic", p, int64(i), m.encode(w.t))
			}
		}
	}
	return d.out
}

// contents is what the tables would hold.
func (w *world) contents() Contents {
	out := Contents{}
	for _, name := range w.l.Selected() {
		t := w.l.tables[name]
		rows := &Rows{Images: map[Hash]Hash{}, Count: t.live, keyless: len(t.def.key) == 0}
		for _, n := range t.keys {
			if k := w.l.keys[n]; rows.keyless {
				rows.Sum = k.state
			} else if !k.state.isZero() {
				rows.Images[sum(k.text)] = k.state
			}
		}
		out[name] = rows
	}
	return out
}

// find gives the message with this identity.
func (w *world) find(identity string) *msg {
	for i := range w.messages {
		if w.messages[i].identity == identity {
			return &w.messages[i]
		}
	}
	w.t.Fatalf("no message %s", identity)
	return nil
}

func (w *world) drop(identity string) {
	m := w.find(identity)
	m.partition = 99
}

// repeat sends a message a second time under another identity.
func (w *world) repeat(identity, as string) {
	m := *w.find(identity)
	m.identity = as
	w.messages = append(w.messages, m)
}

func (w *world) swap(a, b string) {
	x, y := w.find(a), w.find(b)
	*x, *y = *y, *x
}
