package main

import (
	"net"
	"reflect"
	"slices"
	"testing"

	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
	"sluice/handlers"
)

// TestProberAsksTheSource is what the object picker shows, from real servers.
func TestProberAsksTheSource(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "probed"))
		b.rows("orders", 1000)
		b.my.Exec(t, "CREATE VIEW "+b.name+".seen AS SELECT 1 AS one", "CREATE TABLE "+b.name+".`odd name` (a INT, `select` TEXT)",
			"CREATE TABLE "+b.name+".nullable (a INT, b INT NOT NULL, UNIQUE KEY (b))", "ANALYZE TABLE "+b.name+".orders")
		p, at := prober{}, sourceOf(b.my)
		names, err := p.Databases(t.Context(), at)
		if err != nil || !slices.Contains(names, b.name) || slices.Contains(names, "mysql") {
			t.Errorf("databases %v, %v", names, err)
		}
		tables, err := p.Tables(t.Context(), at, b.name)
		if err != nil || len(tables) != 3 || tables[1].Name != "odd name" || tables[2].Name != "orders" || tables[2].Database != b.name || tables[2].Rows < 500 || tables[2].Bytes == 0 {
			t.Errorf("tables %+v, %v", tables, err)
		}
		all, err := p.Tables(t.Context(), at, "")
		if err != nil || !slices.ContainsFunc(all, func(s handlers.SourceTable) bool { return s.Database == b.name && s.Name == "orders" }) {
			t.Errorf("%d tables of all databases, %v", len(all), err)
		}
		columns, err := p.Columns(t.Context(), at, b.name, "orders")
		want := []handlers.SourceColumn{{Name: "id", Type: columns[0].Type, Key: true}, {Name: "name", Type: "varchar(50)"}, {Name: "price", Type: "decimal(10,2)"}}
		if err != nil || !reflect.DeepEqual(columns, want) {
			t.Errorf("columns %+v, %v", columns, err)
		}
		if columns, err = p.Columns(t.Context(), at, b.name, "nullable"); err != nil || columns[0].Key || !columns[1].Key {
			t.Errorf("columns %+v, %v", columns, err)
		}
	})
}

func TestProberEstimates(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "estimated"))
		b.rows("orders", 1000)
		b.my.Exec(t, "ANALYZE TABLE "+b.name+".orders")
		p, at := prober{}, sourceOf(b.my)
		for where, want := range map[string][3]int64{ // rows at least, rows at most, tables
			"id <= 100":                     {90, 110, 1},
			"id = 7 -- the end of the line": {1, 1, 1},
			"id > 0":                        {300, 1100, 1},
			"1 = 0":                         {0, 0, 1},
			"EXISTS (SELECT 1 FROM " + b.name + ".orders o WHERE o.id > RAND())": {0, 1100, 2},
		} {
			rows, tables, err := p.Estimate(t.Context(), at, b.name, "orders", where)
			if err != nil || rows < want[0] || rows > want[1] || int64(tables) != want[2] {
				t.Errorf("%s: %d rows, %d tables, %v; want %v", where, rows, tables, err, want)
			}
		}
		if _, _, err := p.Estimate(t.Context(), at, b.name, "orders", "no_such > 1"); task.Code(err) != "source.column_missing" {
			t.Errorf("a column that is not there: %v", err)
		}
	})
}

func TestProberTopics(t *testing.T) {
	t.Parallel()
	k := servers.SharedKafka(t)
	at := task.Target{Brokers: []string{k.Plain}}
	c, err := kafka.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopic(t.Context(), "probed-topic", 3, 1, map[string]string{"retention.ms": "3600000", "cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	list, err := prober{}.Topics(t.Context(), at)
	i := slices.IndexFunc(list, func(s handlers.Topic) bool { return s.Name == "probed-topic" })
	if err != nil || i < 0 || list[i] != (handlers.Topic{Name: "probed-topic", Partitions: 3, Replication: 1, Known: true, RetentionMillis: 3600000, Cleanup: "compact"}) {
		t.Errorf("topics %+v, %v", list, err)
	}
	if slices.ContainsFunc(list, func(s handlers.Topic) bool { return s.Name == "__consumer_offsets" }) {
		t.Error("a topic of Kafka's own is offered")
	}
}

func TestProberFails(t *testing.T) {
	t.Parallel()
	host, port, err := net.SplitHostPort(closedPort(t))
	if err != nil {
		t.Fatal(err)
	}
	at := task.Source{Host: host, User: "dts", Password: "Never-shown-1"}
	if at.Port, err = net.LookupPort("tcp", port); err != nil {
		t.Fatal(err)
	}
	if _, err := (prober{}).Databases(t.Context(), at); task.Code(err) != "source.refused" {
		t.Errorf("databases: %v", err)
	}
	if _, err := (prober{}).Topics(t.Context(), task.Target{Brokers: []string{net.JoinHostPort(host, port)}}); task.Code(err) != "target.refused" {
		t.Errorf("topics: %v", err)
	}
}
