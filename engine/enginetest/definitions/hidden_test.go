package definitions

import (
	"context"
	"strings"
	"syscall"
	"testing"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

// TestOnlineDDLHidden runs the statements of gh-ost and of pt-online-schema-change where the whole database is selected:
// no row of their own tables may come, and one ALTER TABLE in place of the exchange.
func TestOnlineDDLHidden(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.StartMySQL(t, kind, "binlog_row_metadata=MINIMAL", "innodb_flush_method=nosync", "innodb_doublewrite=OFF")
			w := newLive(t, m, []string{"t", "u"})
			topic := "hidden-" + strings.ReplaceAll(string(kind), ".", "-")
			x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: database, Tables: []string{"t", "u"}, Topic: topic, Partitions: 1, Policy: "zero",
				Extra: "online_ddl: hide\nnew_tables: [{schema: ddl, name: '*'}]"})
			if o, err := x.RunUntil(t.Context(), "incremental"); err != nil || o.Code == 1 {
				t.Fatalf("%v %+v", err, o)
			}
			w.log()
			p, err := x.Start("")
			if err != nil {
				t.Fatal(err)
			}
			asked := func(sql string) { w.wanted[w.lastDDL()].sql = sql }
			for _, line := range []string{"| CREATE TABLE _t_ghc (id BIGINT AUTO_INCREMENT PRIMARY KEY, hint VARCHAR(64))", "| CREATE TABLE _t_gho LIKE t",
				"| ALTER TABLE `ddl`.`_t_gho` ADD COLUMN extra VARCHAR(20) DEFAULT 'a,b', ADD INDEX (extra)"} {
				w.run(line)
			}
			w.exec("INSERT INTO ddl._t_gho (id) SELECT id FROM ddl.t")
			w.exec("INSERT INTO ddl._t_ghc (hint) VALUES ('state')")
			p.Signal(syscall.SIGKILL) // what the tool did is known again after a restart
			<-p.Done()
			w.run("| CREATE TABLE _t_del (id INT PRIMARY KEY) COMMENT='ghost-cut-over-sentry'")
			w.run("| DROP TABLE _t_del")
			w.run("t | RENAME /* gh-ost */ TABLE ddl.t TO ddl._t_del, ddl._t_gho TO ddl.t")
			asked("ALTER TABLE `ddl`.`t` ADD COLUMN extra VARCHAR(20) DEFAULT 'a,b', ADD INDEX (extra)")
			w.run("| DROP TABLE _t_del, _t_ghc")

			w.run("| CREATE TABLE _u_new LIKE u")
			w.run("| ALTER TABLE _u_new ADD COLUMN n INT NOT NULL DEFAULT 5")
			w.exec("INSERT IGNORE INTO ddl._u_new (id) SELECT id FROM ddl.u LOCK IN SHARE MODE")
			w.run("u | RENAME TABLE u TO _u_old, _u_new TO u")
			asked("ALTER TABLE `ddl`.`u` ADD COLUMN n INT NOT NULL DEFAULT 5")
			w.run("| DROP TABLE IF EXISTS _u_old")
			o, err := x.Run(context.WithoutCancel(t.Context()), "", nil, "--until", "caught-up")
			if err != nil || o.Code != 0 {
				t.Fatalf("%v, exit code %d: %s", err, o.Code, o.Stderr)
			}
			right := judge(t, w.wanted, consume(t, k, topic, 1), func(string) int { return 0 })
			t.Logf("%d of %d messages right", right, len(w.wanted))
		})
	}
}

// lastDDL is the newest statement that is wanted.
func (w *live) lastDDL() int {
	for i := len(w.wanted) - 1; ; i-- {
		if w.wanted[i].op == "DDL" {
			return i
		}
	}
}
