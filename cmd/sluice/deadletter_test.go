package main

import (
	"fmt"
	"syscall"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
)

// TestDeadLetters: rows that are too large for their topic leave key and position in another one, copied or changed, each
// once though the process was killed twice; the rest goes where it belongs.
func TestDeadLetters(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"dts-avro", "canal-json"} {
		t.Run(format, func(t *testing.T) {
			my := servers.SharedMySQL(t, servers.MySQL80)
			b := &bench{T: t, my: my, kafka: servers.SharedKafka(t), dir: t.TempDir(), name: "dead_" + format[:3]}
			my.Exec(t, "CREATE DATABASE "+b.name)
			b.rows("orders", 4)
			table := b.name + ".orders"
			large := "REPEAT('x', 5000)"
			my.Exec(t, "ALTER TABLE "+table+" MODIFY name TEXT", "UPDATE "+table+" SET name="+large+" WHERE id=2")
			b.kafka.CreateTopic(t, b.name, 3, "max.message.bytes", "4000")
			file := b.taskFile("schema: true", "format: "+format+"\ndead_letter_topic: "+b.name+"_dead\nschema: true")
			want := map[string]string{"INIT 1": b.name, "INIT 2": b.name + "_dead", "INIT 3": b.name, "INIT 4": b.name}
			for run := range 3 {
				r := b.start(file)
				r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
				for i := range 24 {
					id := 100*(run+1) + i
					name, topic := "'small'", b.name
					if i%4 == 3 {
						name, topic = large, b.name+"_dead"
					}
					my.Exec(t, fmt.Sprintf("INSERT INTO %s (id, name) VALUES (%d, %s)", table, id, name))
					want[fmt.Sprintf("INSERT %d", id)] = topic
				}
				r.until("some were sent", func(d *document) bool { return d.Inserts >= 12 })
				if run == 2 {
					r.signal(syscall.SIGTERM)
				} else {
					r.signal(syscall.SIGKILL)
				}
				r.finish()
			}
			my.Exec(t, "UPDATE "+table+" SET name="+large+" WHERE id=1", "UPDATE "+table+" SET name='small' WHERE id=1", "DELETE FROM "+table+" WHERE id=2")
			want["UPDATE 1"], want["DELETE 2"] = b.name+"_dead", b.name+"_dead"
			b.sluice("run", file, "--until", "caught-up").want(t, exitDone, "dead letters: ")

			seen := map[string]bool{}
			got := map[string]string{}
			updates := 0
			for _, topic := range []string{b.name, b.name + "_dead"} {
				for _, m := range b.decoded("--brokers", b.kafka.Plain, "--topic", topic) {
					if m.Operation == "DDL" {
						continue
					}
					row := m.After
					if m.Operation == "DELETE" {
						row = m.Before
					}
					if seen[m.Tags["sluice"]] {
						t.Errorf("%s stands twice", m.Tags["sluice"])
					}
					seen[m.Tags["sluice"]] = true
					if _, name := row["name"]; name == (topic != b.name) || (m.Tags["dead_letter"] != "") != (topic != b.name) || row["id"] == nil {
						t.Errorf("%s holds %v with %v", topic, row, m.Tags)
						continue
					}
					if m.Operation == "UPDATE" {
						updates++
					}
					got[m.Operation+" "+*row["id"]] = topic
				}
			}
			if fmt.Sprint(got) != fmt.Sprint(want) || updates != 2 {
				t.Errorf("%d updates, records\n%v, want\n%v", updates, got, want)
			}
		})
	}
}
