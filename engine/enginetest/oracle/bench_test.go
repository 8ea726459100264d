package oracle

import (
	"fmt"
	"testing"
)

func BenchmarkDecode(b *testing.B) {
	d, err := newDecoder(TopicOptions{Keys: map[string][]string{"d.t": {"id"}}})
	if err != nil {
		b.Fatal(err)
	}
	m := msg{op: "UPDATE", object: "d.t", before: row{1, "some text of a row"}, after: row{1, "some other text of a row"}, identity: "task/0/s/u:1.0", pos: "4@1"}
	value := m.encode(&testing.T{})
	b.ReportAllocs()
	for b.Loop() {
		d.add("topic", 0, 1, value)
	}
	if d.out.Faulty > 0 {
		b.Fatal(d.out.Faults)
	}
}

// BenchmarkCheck is a million rows, each with one INIT and one change.
func BenchmarkCheck(b *testing.B) {
	const rows = 1_000_000
	l := NewLedger(LedgerOptions{Flavor: "mysql", Tables: []Selection{{Name: "d.t"}}})
	topics := &Topics{keys: map[Hash]string{}}
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	must(l.statement("d", "CREATE TABLE t (id INT PRIMARY KEY, v INT)", Txn{}))
	t := l.tables["d.t"]
	for i := range rows {
		key, one, two := cell(fmt.Sprint(i)), cell("1"), cell("2")
		must(l.row(t, OpInsert, nil, []cell{key, one}))
		must(l.row(t, OpUpdate, []cell{key, one}, []cell{key, two}))
		must(l.commit(Txn{}))
		k, c := sum(l.keys[i].text), l.Changes[2*i+1]
		topics.Records = append(topics.Records,
			Record{Op: OpInit, Object: "d.t", New: k, After: c.Before, Identity: sum([]byte(fmt.Sprint("c", i)))},
			Record{Op: OpUpdate, Object: "d.t", Old: k, New: k, Before: c.Before, After: c.After, Identity: sum([]byte(fmt.Sprint("s", i)))})
	}
	for b.Loop() {
		if r := Check(l, topics, nil, CheckOptions{}); !r.OK() || r.Keys != rows {
			b.Fatal(r)
		}
	}
}
