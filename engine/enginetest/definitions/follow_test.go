package definitions

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
)

// TestFollow runs statements of every kind on a server, each followed by changes of every table that is there. A task
// that follows them must bring each change as the server printed it at that time, and each statement in its place. A
// second one reads them all when they are over.
func TestFollow(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MySQL97, servers.MariaDB1011} {
		for _, metadata := range []string{"FULL", "MINIMAL"} {
			t.Run(string(kind)+"/"+metadata, func(t *testing.T) {
				t.Parallel()
				m := servers.StartMySQL(t, kind, "binlog_row_metadata="+metadata, "innodb_flush_method=nosync", "innodb_doublewrite=OFF")
				follow(t, bin, k, m, metadata == "FULL")
			})
		}
	}
}

func follow(t *testing.T, bin string, k *servers.Kafka, m *servers.MySQL, full bool) {
	lines := slices.Concat(common, ofMySQL, last)
	if m.Kind == servers.MariaDB1011 {
		lines = slices.Concat(common, ofMariaDB, last)
	}
	w := newLive(t, m, selectedTables)
	topic := fmt.Sprintf("follow-%s-%t", strings.ReplaceAll(string(m.Kind), ".", "-"), full)
	spec := driver.Spec{Source: m, Kafka: k, Schema: database, Tables: selectedTables[:len(selectedTables)-1], Also: []string{"{schema: other, name: t}"},
		Topic: topic, Partitions: 3, Policy: "table"}
	if !full {
		spec.Policy, spec.Partitions = "zero", 1 // which orders all of them
	}
	place := func(table string) int { return hashed(table, spec.Partitions) }
	x := driver.New(t, bin, spec)
	if o, err := x.RunUntil(t.Context(), "incremental"); err != nil || o.Code == 1 {
		t.Fatalf("%v %+v", err, o)
	}
	w.log()
	began := w.file + ":" + w.offset
	p, err := x.Start("")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	cleared, clear := "", 0 // where no table is left, and what was wanted up to there
	for i, line := range lines {
		if w.run(line); i == 2 {
			cleared, clear = w.file+":"+w.offset, len(w.wanted)
		}
	}
	t.Logf("%d statements, %d messages wanted, made in %s", len(lines), len(w.wanted), time.Since(start).Round(time.Millisecond))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	p.Signal(syscall.SIGTERM)
	if _, err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{"source.table_dropped ddl.u", "source.table_truncated ddl.t", "source.table_renamed ddl.x.y ddl.sp ace", "source.partition_moved ddl.p"} {
		if !slices.Contains(p.Told(), said) {
			t.Errorf("the task did not say %q", said)
		}
	}
	for _, told := range p.Told() {
		if strings.HasPrefix(told, "source.definition_read ") {
			t.Errorf("a statement was not understood: %s", told)
		}
	}
	if o, err := x.Run(context.WithoutCancel(t.Context()), "", nil, "--until", "caught-up"); err != nil || o.Code != 0 {
		t.Errorf("the task that follows: %v, exit code %d: %s", err, o.Code, o.Stderr)
	}
	right := judge(t, w.wanted, consume(t, k, topic, spec.Partitions), place)
	t.Logf("%d statements, %d of %d messages right", len(lines), right, len(w.wanted))
	if len(lines) < 150 {
		t.Errorf("only %d statements", len(lines))
	}

	// From the beginning all is told by full metadata. Without it the tables of the start are not known, which were
	// dropped since and made before the log that is left: the task stops at the first row of one. Where each table
	// begins with a CREATE TABLE everything is known.
	again := func(name, from string, want []wanted) driver.Outcome {
		spec.Topic, spec.From = topic+name, "position: "+from
		k.CreateTopic(t, spec.Topic, spec.Partitions, "retention.ms", "-1")
		o, err := driver.New(t, bin, spec).Run(context.WithoutCancel(t.Context()), "", nil, "--until", "caught-up")
		if err != nil {
			t.Fatal(err)
		}
		if want != nil {
			right := judge(t, want, consume(t, k, spec.Topic, spec.Partitions), place)
			t.Logf("replayed from %s: exit code %d, %d of %d messages right", from, o.Code, right, len(want))
		}
		return o
	}
	if full {
		if o := again("-again", began, w.wanted); o.Code != 0 {
			t.Errorf("exit code %d: %s", o.Code, o.Stderr)
		}
		return
	}
	if o := again("-unknown", began, nil); o.Code == 0 || !strings.Contains(o.Stderr, "source.schema_unknown") || !strings.Contains(o.Stderr, "DROP TABLE") {
		t.Errorf("exit code %d: %s", o.Code, o.Stderr)
	}
	if o := again("-again", cleared, w.wanted[clear:]); o.Code != 0 {
		t.Errorf("exit code %d: %s", o.Code, o.Stderr)
	}
}

// consume reads the topic with an independent reader, by partition.
func consume(t *testing.T, k *servers.Kafka, topic string, partitions int) [][]readers.Record {
	t.Helper()
	var values [][]byte
	sizes := make([]int, partitions)
	if err := oracle.EachOf(t.Context(), []string{k.Plain}, []string{topic}, func(p int32, v []byte) {
		values = append(values, v)
		sizes[p]++
	}); err != nil {
		t.Fatal(err)
	}
	records := readers.Fastavro(t, values)
	var out [][]readers.Record
	for _, n := range sizes {
		out = append(out, records[:n])
		records = records[n:]
	}
	return out
}
