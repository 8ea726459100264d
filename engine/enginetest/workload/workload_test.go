package workload_test

import (
	"context"
	"os"
	"os/exec"
	"testing"
	"time"

	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

// TestLedgerEqualsTables proves workload, ledger and table reader on each other: replaying the ledger from nothing
// must give what SELECTs show, on both servers, with every kind of write and DDL.
func TestLedgerEqualsTables(t *testing.T) {
	t.Parallel()
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind)
			ledgerEqualsTables(t, m)
		})
	}
}

// What the test waits for: the list of DDL statements has ten, and runs more than twice.
const transactions, statements = 2000, 22

func ledgerEqualsTables(t *testing.T, m *servers.MySQL) {
	o := workload.Options{Seed: 7, Truncate: true, Rename: true}
	if err := workload.Setup(t.Context(), m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	run, err := workload.Start(t.Context(), m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	short := run.Until(ctx, transactions, statements)
	stats, err := run.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if short != nil || stats.RolledBack == 0 {
		t.Fatalf("the workload did too little: %+v", stats)
	}
	began := time.Now()
	ledger, err := readLedger(t, m)
	if err != nil {
		t.Fatal(err)
	}
	read := time.Since(began)
	tables, err := oracle.ReadTables(ledger, func(args ...string) *exec.Cmd { return m.Client(t, args...) })
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v; %d changes, %d statements read in %v, tables in %v", stats, len(ledger.Changes), len(ledger.Statements),
		read, time.Since(began)-read)
	for _, d := range ledger.Differences(tables, 20) {
		t.Error(d)
	}
	if n := len(ledger.Selected()); n < len(workload.Tables())-1 {
		t.Errorf("only %d tables were compared", n)
	}
	for _, name := range ledger.Selected() {
		if ledger.Live(name) == 0 && name != "work.t_ddl" {
			t.Errorf("table %s ended empty", name)
		}
	}
}

func readLedger(t *testing.T, m *servers.MySQL) (*oracle.Ledger, error) {
	flavor := "mysql"
	if m.Kind == servers.MariaDB1011 {
		flavor = "mariadb"
	}
	files := m.Ledger(t)
	o := oracle.LedgerOptions{Flavor: flavor, Texts: true, Follow: []string{"work." + workload.RenamedAway}}
	for _, name := range workload.Tables() {
		o.Tables = append(o.Tables, oracle.Selection{Name: "work." + name})
	}
	return oracle.ReadLedger(o, files, func(args ...string) *exec.Cmd { return m.Binlog(t, args...) })
}

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }
