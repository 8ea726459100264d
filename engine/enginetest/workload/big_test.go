package workload_test

import (
	"os/exec"
	"testing"
	"time"

	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

func TestBig(t *testing.T) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		m := servers.StartMySQL(t, kind)
		o := workload.Options{Seed: 7, Truncate: true, Rename: true, Rows: map[string]int{"t_int": 1000000}}
		b := time.Now()
		if err := workload.Setup(t.Context(), m.Addr, m.RootUser, m.RootPassword, o); err != nil {
			t.Fatal(err)
		}
		t.Log(kind, "setup", time.Since(b))
		run, err := workload.Start(t.Context(), m.Addr, m.RootUser, m.RootPassword, o)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
		st, err := run.Stop()
		t.Logf("%+v %v", st, err)
		b = time.Now()
		l, err := readLedger(t, m)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(kind, "ledger", time.Since(b), len(l.Changes))
		b = time.Now()
		tab, err := oracle.ReadTables(l, func(args ...string) *exec.Cmd { return m.Client(t, args...) })
		if err != nil {
			t.Fatal(err)
		}
		t.Log(kind, "tables", time.Since(b), len(l.Differences(tab, 10)))
	}
}
