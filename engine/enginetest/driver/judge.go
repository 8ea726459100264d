package driver

import (
	"os/exec"
	"testing"
	"time"

	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

// Judge holds a topic against the source's own binlog and tables. The tables are in the schema "work".
func Judge(t testing.TB, m *servers.MySQL, brokers []string, topic string, tables []string, o oracle.CheckOptions) (*oracle.Report, *oracle.Topics) {
	t.Helper()
	began := time.Now()
	flavor := "mysql"
	if m.Kind.MariaDB() {
		flavor = "mariadb"
	}
	files := m.Ledger(t)
	lo := oracle.LedgerOptions{Flavor: flavor, Follow: []string{"work." + workload.RenamedAway}}
	for _, name := range tables {
		lo.Follow = append(lo.Follow, "work._"+name+"_gho", "work._"+name+"_new") // which online schema tools make and rename
		lo.Tables = append(lo.Tables, oracle.Selection{Name: "work." + name})
	}
	ledger, err := oracle.ReadLedger(lo, files, func(args ...string) *exec.Cmd { return m.Binlog(t, args...) })
	if err != nil {
		t.Fatal(err)
	}
	contents, err := oracle.ReadTables(ledger, func(args ...string) *exec.Cmd { return m.Client(t, args...) })
	if err != nil {
		t.Fatal(err)
	}
	topics, err := oracle.ReadTopics(t.Context(), brokers, []string{topic}, oracle.TopicOptions{Keys: ledger.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	report := oracle.Check(ledger, topics, contents, o)
	t.Logf("judged in %s", time.Since(began).Round(time.Millisecond))
	return report, topics
}
