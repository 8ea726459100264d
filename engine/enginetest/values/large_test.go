package values

import (
	"bytes"
	"context"
	"testing"

	"sluice/engine/dts"
	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

// TestLargeRows copies and follows rows of 16 MB into a topic that takes them: an update has two.
func TestLargeRows(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	m := servers.SharedMySQL(t, servers.MySQL80)
	const size = 16 << 20
	m.Exec(t, "CREATE DATABASE large", "CREATE TABLE large.t (id INT PRIMARY KEY, b LONGBLOB)", "INSERT INTO large.t VALUES (1, REPEAT(x'00ff80fe', 4194304))")
	k.CreateTopic(t, "large", 1, "max.message.bytes", "40000000")
	x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "large", Tables: []string{"t"}, Topic: "large", Partitions: 1, Policy: "zero"})
	if o, err := x.RunUntil(t.Context(), "incremental"); err != nil || o.Code == 1 {
		t.Fatalf("%v %+v", err, o)
	}
	m.Exec(t, "INSERT INTO large.t VALUES (2, REPEAT(x'61ff', 8388608))", "UPDATE large.t SET b=REPEAT(x'01fe', 8388608) WHERE id=1", "DELETE FROM large.t WHERE id=1")
	if o, err := x.Run(context.WithoutCancel(t.Context()), "", nil, "--until", "caught-up"); err != nil || o.Code != 0 {
		t.Fatalf("%v %+v", err, o)
	}
	first, second, third := bytes.Repeat([]byte("\x00\xff\x80\xfe"), size/4), bytes.Repeat([]byte("a\xff"), size/2), bytes.Repeat([]byte("\x01\xfe"), size/2)
	want := map[string][][]byte{"INIT": {first}, "INSERT": {second}, "UPDATE": {first, third}, "DELETE": {third}}
	for _, v := range consume(t, k, "large") {
		r, err := dts.Decode(v)
		if err != nil {
			t.Fatal(err)
		}
		images, ok := want[r.Operation]
		if !ok {
			continue
		}
		delete(want, r.Operation)
		for _, b := range images {
			if !bytes.Contains(v, b) {
				t.Errorf("%s lacks one of its %d images of 16 MB", r.Operation, len(images))
			}
		}
		if len(v) < len(images)*size || len(v) > len(images)*size+1000 {
			t.Errorf("%s has %d bytes", r.Operation, len(v))
		}
	}
	if len(want) > 0 {
		t.Errorf("%d operations are missing", len(want))
	}
}
