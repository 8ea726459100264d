package exact

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

var (
	ghost = flag.String("exact.ghost", "", "path of gh-ost: it changes tables instead of the statements that stand for it")
	osc   = flag.String("exact.osc", "", "path of pt-online-schema-change, likewise")
)

// TestOnlineSchemaChange changes tables as online schema tools do, while they are copied and written to: a new table
// is made, filled beside the old one, and takes its name.
func TestOnlineSchemaChange(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	for i, options := range [][]string{{"binlog_row_metadata=MINIMAL"}, {"binlog_row_metadata=FULL"}} {
		t.Run(options[0], func(t *testing.T) {
			if i > 0 && *ghost+*osc == "" {
				t.Log("run with -exact.ghost and -exact.osc") // the statements are the same
				return
			}
			online(t, bin, k, servers.StartMySQL(t, servers.MySQL80, append(options, wideMySQL...)...), fmt.Sprintf("online%d", i))
		})
	}
}

func online(t *testing.T, bin string, k *servers.Kafka, m *servers.MySQL, topic string) {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	o := workload.Options{Seed: *seed, Schema: "work", Rows: map[string]int{"t_int": min(*rows/4, 50_000)}, Rate: 400}
	if err := workload.Setup(ctx, m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	writing, err := workload.Start(ctx, m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	c := &change{m: m, table: "t_int", suffix: "_gho", alter: "ADD COLUMN extra VARCHAR(20) NOT NULL DEFAULT 'é', MODIFY k BIGINT NOT NULL", cols: "id,k,c,pad,ver"}
	d := &change{m: m, table: "t_text", suffix: "_new", alter: "ADD COLUMN extra INT NOT NULL DEFAULT 5 AFTER id", cols: "id,v,n"}
	x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: workload.Tables(), Topic: topic, Partitions: 3, Policy: "key", Extra: "workers: 1"})
	if *ghost == "" {
		c.fill(t)
	}
	p, err := x.Start(slowCopy)
	if err != nil {
		t.Fatal(err)
	}
	reach(ctx, t, p, "full")
	c.byGhost(t)
	t.Logf("the first cut-over was in phase %s", p.Last().Phase)
	reach(ctx, t, p, "incremental")
	d.byTriggers(t)
	p.Signal(syscall.SIGKILL)
	<-p.Done()
	stats, err := writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("workload %+v", stats)
	end, err := x.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("the last run ended with code %d: %v %s", end.Code, err, end.Stderr)
	}
	report, _ := driver.Judge(t, m, []string{k.Plain}, topic, workload.Tables(), oracle.CheckOptions{})
	t.Log(report)
	if !report.OK() {
		t.Fail()
	}
}

// change is one online change of a table.
type change struct {
	m             *servers.MySQL
	table, suffix string
	alter         string
	cols          string // of the old table; the first is the key
}

func (c *change) next() string { return "work._" + c.table + c.suffix }

// fill makes the new table, has triggers carry changes over, and copies the rows.
func (c *change) fill(t *testing.T) {
	t.Helper()
	var fresh []string
	for _, col := range strings.Split(c.cols, ",") {
		fresh = append(fresh, "NEW."+col)
	}
	key, _, _ := strings.Cut(c.cols, ",")
	replace := fmt.Sprintf("REPLACE INTO %s (%s) VALUES (%s)", c.next(), c.cols, strings.Join(fresh, ","))
	trigger := "CREATE TRIGGER work.osc_" + c.table
	c.run(t, fmt.Sprintf("CREATE TABLE %s LIKE work.%s", c.next(), c.table),
		fmt.Sprintf("ALTER TABLE %s %s", c.next(), c.alter),
		fmt.Sprintf("%s_del AFTER DELETE ON work.%s FOR EACH ROW DELETE IGNORE FROM %s WHERE %s <=> OLD.%s", trigger, c.table, c.next(), key, key),
		fmt.Sprintf("%s_upd AFTER UPDATE ON work.%s FOR EACH ROW BEGIN DELETE IGNORE FROM %s WHERE !(OLD.%s <=> NEW.%s) AND %s <=> OLD.%s; %s; END", trigger, c.table, c.next(), key, key, key, key, replace),
		fmt.Sprintf("%s_ins AFTER INSERT ON work.%s FOR EACH ROW %s", trigger, c.table, replace),
		fmt.Sprintf("INSERT IGNORE INTO %s (%s) SELECT %s FROM work.%s LOCK IN SHARE MODE", c.next(), c.cols, c.cols, c.table))
}

// run repeats a statement that is in the writers' way.
func (c *change) run(t *testing.T, sql ...string) {
	t.Helper()
	for _, s := range sql {
		for {
			err := c.m.TryExec(s)
			var e *mysql.MyError
			if errors.As(err, &e) && (e.Code == mysql.ER_LOCK_DEADLOCK || e.Code == mysql.ER_LOCK_WAIT_TIMEOUT) {
				continue
			}
			if err != nil {
				t.Fatalf("%s: %v", s, err)
			}
			break
		}
	}
}

// byGhost cuts over as gh-ost does: the RENAME waits behind the lock of a session that holds the old table and the name
// that it is to get, and goes on when that session lets go.
func (c *change) byGhost(t *testing.T) {
	if *ghost != "" {
		host, port := c.address(t)
		c.tool(t, *ghost, "--host="+host, "--port="+port, "--user="+c.m.RootUser, "--password="+c.m.RootPassword, "--allow-on-master", "--assume-rbr", "--execute", "--cut-over=default", "--default-retries=120", "--chunk-size=500",
			"--initially-drop-ghost-table", "--initially-drop-old-table", "--ok-to-drop-table", "--database=work", "--table="+c.table, "--alter="+c.alter)
		return
	}
	old := "work._" + c.table + "_del"
	holder, renamer, watcher := c.m.Conn(t, "work"), c.m.Conn(t, "work"), c.m.Conn(t, "")
	do := func(sql string) {
		t.Helper()
		if _, err := holder.Execute(sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	do(fmt.Sprintf("CREATE TABLE %s (id INT AUTO_INCREMENT PRIMARY KEY) ENGINE=InnoDB COMMENT='ghost-cut-over-sentry'", old))
	do(fmt.Sprintf("LOCK TABLES work.%s WRITE, %s WRITE", c.table, old))
	renamed := make(chan error, 1)
	sql := fmt.Sprintf("RENAME /* gh-ost */ TABLE work.%s TO %s, %s TO work.%s", c.table, old, c.next(), c.table)
	go func() { _, err := renamer.Execute(sql); renamed <- err }()
	for waiting := false; !waiting && len(renamed) == 0; {
		r, err := watcher.Execute("SELECT 1 FROM performance_schema.processlist WHERE state LIKE '%metadata lock%' AND info LIKE 'RENAME /* gh-ost%'")
		if err != nil {
			t.Fatal(err)
		}
		waiting = r.RowNumber() > 0
	}
	do("DROP TABLE " + old)
	do("UNLOCK TABLES")
	if err := <-renamed; err != nil {
		t.Fatal(err)
	}
	c.run(t, "DROP TABLE "+old)
}

// byTriggers is the whole change as pt-online-schema-change does it.
func (c *change) byTriggers(t *testing.T) {
	if *osc != "" {
		host, port := c.address(t)
		c.tool(t, *osc, "--execute", "--no-version-check", "--chunk-size=100", "--alter="+c.alter,
			fmt.Sprintf("D=work,t=%s,h=%s,P=%s,u=%s,p=%s", c.table, host, port, c.m.RootUser, c.m.RootPassword))
		return
	}
	c.fill(t)
	c.run(t, fmt.Sprintf("RENAME TABLE work.%s TO work._%s_old, %s TO work.%s", c.table, c.table, c.next(), c.table),
		fmt.Sprintf("DROP TABLE IF EXISTS work._%s_old", c.table))
}

func (c *change) address(t *testing.T) (host, port string) {
	host, port, err := net.SplitHostPort(c.m.Addr)
	if err != nil {
		t.Fatal(err)
	}
	return host, port
}

// tool runs the real one.
func (c *change) tool(t *testing.T, path string, args ...string) {
	t.Helper()
	out, err := exec.Command(path, args...).CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	t.Logf("%s", strings.Join(lines[max(0, len(lines)-4):], "\n"))
	if err != nil {
		t.Fatalf("%s: %v\n%s", path, err, out)
	}
}
