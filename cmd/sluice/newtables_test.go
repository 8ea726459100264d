package main

import (
	"strings"
	"testing"

	"sluice/engine/enginetest/servers"
	"sluice/engine/precheck"
	"sluice/engine/task"
)

// Rights on the selected tables are not enough where tables may join: what the account may not see would be taken for new.
func TestPrecheckOfNewTables(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "joins"))
		b.rows("orders", 1)
		user := "u_" + b.name
		b.my.Exec(t, "DROP USER IF EXISTS "+user+"@'%'", "CREATE USER "+user+"@'%' IDENTIFIED BY '"+b.my.Password+"'",
			"GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO "+user+"@'%'", "GRANT SELECT, SHOW VIEW ON "+b.name+".orders TO "+user+"@'%'")
		b.Cleanup(func() { b.my.Exec(t, "DROP USER "+user+"@'%'") })
		spec := &task.Spec{Source: sourceOf(b.my), Incremental: true, Tables: []task.Table{{Schema: b.name, Name: "orders"}}}
		spec.Source.User = user
		asked := func() precheck.Item { return found(t, spec, nil, "source.privileges")["source.privileges"] }
		if i := asked(); i.Status != precheck.Passed {
			t.Errorf("without new tables: %+v", i)
		}
		spec.New = []task.Table{{Schema: b.name, Name: "a*"}, {Schema: b.name, Name: "b*"}}
		i := asked()
		if on := "SELECT ON `" + b.name + "`.*"; i.Status != precheck.Failed || i.Severity != precheck.Error || strings.Count(i.Observed, on) != 1 || strings.Contains(i.Observed, "orders") {
			t.Fatalf("%+v, want that %s is missing", i, on)
		}
		for statement := range strings.SplitSeq(strings.TrimSuffix(i.Params["Grant"], ";"), ";\n") {
			b.my.Exec(t, statement)
		}
		if i := asked(); i.Status != precheck.Passed {
			t.Errorf("after the grants: %+v", i)
		}
	})
}
