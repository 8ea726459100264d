package filters

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
)

// TestTask copies and follows a table with a filter on its changes: what leaves it is deleted, what enters it inserted,
// and the rest is not there; its DDL is in a topic of its own. A filter that only the server can decide stops the task before anything is written.
func TestTask(t *testing.T) {
	m, k, bin := servers.SharedMySQL(t, servers.MySQL80), servers.SharedKafka(t), driver.Binary(t)
	m.Exec(t, "CREATE DATABASE filtered CHARACTER SET utf8mb4", "CREATE TABLE filtered.t (id INT PRIMARY KEY, n INT, s VARCHAR(9))",
		"INSERT INTO filtered.t VALUES (1, 5, 'a'), (2, 10, 'b'), (3, NULL, 'c'), (4, 20, 'd')")
	spec := driver.Spec{Source: m, Kafka: k, Schema: "filtered", Tables: []string{"t"}, Topic: "filtered", Partitions: 1, Policy: "zero", Extra: "format: canal-json\nddl_topic: filtered-ddl"}
	spec.Each = `where: "s = 'a'", filter_changes: true`
	if o, err := driver.New(t, bin, spec).Run(t.Context(), "", nil); err != nil || o.Code != 1 || !strings.Contains(o.Stderr, "route.filter_unsupported") || !strings.Contains(o.Stderr, "utf8mb4_0900_ai_ci") {
		t.Fatalf("%v, exit code %d: %s", err, o.Code, o.Stderr)
	}
	spec.Each = `where: "n >= 10", filter_changes: true`
	x := driver.New(t, bin, spec)
	if o, err := x.RunUntil(t.Context(), "incremental"); err != nil || o.Code == 1 {
		t.Fatalf("%v %+v", err, o)
	}
	m.Exec(t, "UPDATE filtered.t SET s='still out' WHERE id IN (1, 3)", "UPDATE filtered.t SET n=11 WHERE id=1", "UPDATE filtered.t SET n=12 WHERE id=2", "UPDATE filtered.t SET n=NULL WHERE id=2",
		"DELETE FROM filtered.t WHERE id IN (3, 4)", "INSERT INTO filtered.t VALUES (5, 9, 'out'), (6, 10, 'in')", "UPDATE filtered.t SET id=7, n=1 WHERE id=6", "UPDATE filtered.t SET id=8, n=99 WHERE id=7")
	m.Exec(t, "ALTER TABLE filtered.t ADD COLUMN x INT")
	if o, err := x.Run(t.Context(), "", nil, "--until", "caught-up"); err != nil || o.Code != 0 {
		t.Fatalf("%v %+v", err, o)
	}
	var got []string
	if err := oracle.EachValue(t.Context(), []string{k.Plain}, []string{"filtered"}, func(v []byte) {
		var f struct {
			Sluice struct{ Op string }
			Data   []map[string]*string
		}
		if err := json.Unmarshal(v, &f); err != nil {
			t.Error(err)
		}
		if len(f.Data) != 1 && f.Sluice.Op != "HEARTBEAT" {
			t.Errorf("%.200s", v)
		}
		if len(f.Data) == 1 {
			got = append(got, fmt.Sprintf("%s %s:%s", f.Sluice.Op, *f.Data[0]["id"], *f.Data[0]["n"]))
		}
	}); err != nil {
		t.Fatal(err)
	}
	var ddl []string
	if err := oracle.EachValue(t.Context(), []string{k.Plain}, []string{"filtered-ddl"}, func(v []byte) {
		var f struct{ Type, Table string }
		if err := json.Unmarshal(v, &f); err != nil || f.Table != "" {
			ddl = append(ddl, f.Type+" "+f.Table)
		}
	}); err != nil || strings.Join(ddl, ", ") != "CREATE t, ALTER t" {
		t.Errorf("%v, the topic of DDL holds %q", err, ddl)
	}
	if len(got) > 2 {
		slices.Sort(got[:2]) // pieces of the copy, in any order
	}
	want := []string{"INIT 2:10", "INIT 4:20", "INSERT 1:11", "UPDATE 2:12", "DELETE 2:12", "DELETE 4:20", "INSERT 6:10", "DELETE 6:10", "INSERT 8:99"}
	if !slices.Equal(got, want) {
		t.Errorf("records %q,\nwant %q", got, want)
	}
}
