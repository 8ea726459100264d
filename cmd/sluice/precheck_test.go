package main

import (
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/precheck"
	"sluice/engine/task"
)

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func portOf(addr string) string {
	_, port, _ := net.SplitHostPort(addr)
	return "port: " + port
}

// items runs the precheck and gives its items by id.
func (b *bench) items(code int, file string) map[string]precheck.Item {
	b.Helper()
	r := b.sluice("precheck", file, "--json")
	r.want(b.T, code)
	var list []precheck.Item
	if err := json.Unmarshal([]byte(r.stdout), &list); err != nil {
		b.Fatalf("%v\n%s", err, r.stdout)
	}
	byID := map[string]precheck.Item{}
	for _, i := range list {
		byID[i.ID] = i
	}
	return byID
}

func TestPrecheckPasses(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "checked"))
		b.rows("orders", 10)
		file := b.taskFile("name: orders}", "name: orders, where: \"price > 5\"}")
		for id, i := range b.items(exitDone, file) {
			// The test servers are quick, not safe; the topic is still to be made; MariaDB lists replicas to few
			// accounts, MySQL prepared transactions.
			if i.Status != precheck.Passed && id != "source.durability" && id != "target.safety" && id != "target.write" &&
				(id != "source.server_id_clash" || kind != servers.MariaDB1011 || i.Code != "server_id_clash.unseen") &&
				(id != "source.xa_prepared" || kind == servers.MariaDB1011 || i.Code != "xa_prepared.unseen") {
				t.Errorf("%+v", i)
			}
		}
		r := b.sluice("precheck", file)
		r.want(t, exitDone)
		if !strings.HasPrefix(r.stdout, "WARNING  source.durability") || !strings.Contains(r.stdout, "fix: SET GLOBAL sync_binlog=1") {
			t.Errorf("the table is\n%s", r.stdout)
		}
	})
}

func TestPrecheckFails(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "faulty"))
		b.rows("orders", 10)
		b.my.Exec(t, "USE "+b.name,
			"CREATE VIEW seen AS SELECT id FROM orders",
			"CREATE TABLE keyless (a INT, g SET('1','2','3','4','5','6','7','8','?') CHARACTER SET utf8mb4)",
			"CREATE TABLE parent (id INT PRIMARY KEY)",
			"CREATE TABLE child (id INT PRIMARY KEY, p INT, FOREIGN KEY (p) REFERENCES parent (id) ON DELETE CASCADE) ",
			"CREATE TABLE old (id INT PRIMARY KEY) ENGINE=MyISAM",
			"DROP USER IF EXISTS 'few'@'%'", "CREATE USER 'few'@'%' IDENTIFIED BY '"+b.my.Password+"'",
			// MariaDB shows foreign keys only to those who have more than SELECT.
			"GRANT REPLICATION SLAVE ON *.* TO 'few'@'%'", "GRANT SELECT, INDEX ON `"+strings.ReplaceAll(b.name, "_", `\_`)+"`.* TO 'few'@'%'")
		var tables string
		for _, name := range []string{"seen", "keyless", "parent", "child", "old", "absent"} {
			tables += "\n  - {schema: " + b.name + ", name: " + name + "}"
		}
		file := b.taskFile("user: "+b.my.Account, "user: few", "schema: true", "schema: false",
			"name: orders}", "name: orders, where: nothing = 1}"+tables)
		items := b.items(exitRefused, file)
		for id, want := range map[string][2]string{
			"source.privileges":   {"REPLICATION CLIENT", "GRANT SHOW VIEW ON `" + b.name + "`.`orders` TO 'few'@'%';"},
			"objects.exist":       {b.name + ".absent", "Check the names"},
			"objects.tables_only": {b.name + ".seen", "Select the tables"},
			"objects.engine":      {b.name + ".old MyISAM", "ALTER TABLE `" + b.name + "`.`old` ENGINE=InnoDB;"},
			"objects.key":         {b.name + ".keyless", "primary key"},
			"objects.types":       {b.name + ".keyless.g set(", "Leave the column out"},
			"objects.cascades":    {b.name + ".child", "CASCADE"},
			"objects.filter":      {"nothing", "condition"},
			"target.topics":       {b.name, "--create --topic " + b.name},
		} {
			i := items[id]
			if i.Status != precheck.Failed || !strings.Contains(i.Observed, want[0]) || !strings.Contains(i.Fix, want[1]) {
				t.Errorf("%s: %+v, want %q and fix %q", id, i, want[0], want[1])
			}
		}
		if i := items["source.privileges"]; strings.Contains(i.Observed, "REPLICATION SLAVE") {
			t.Errorf("a privilege that was granted is reported: %+v", i)
		}
		if i := items["source.retention"]; i.Status != precheck.Skipped || i.Code != "retention.denied" {
			t.Errorf("the binlog was measured without a privilege: %+v", i)
		}
	})
}

// A server whose settings are wrong in all that can be set.
func TestPrecheckOfSettings(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		options := []string{"binlog_row_image=MINIMAL", "binlog_row_metadata=MINIMAL", "binlog_do_db=other", "binlog_expire_logs_seconds=60", "read_only=ON"}
		failed := map[string]string{"source.row_image": "MINIMAL", "source.row_metadata": "MINIMAL", "source.filters": "settings", "source.retention": "1m0s",
			"source.primary": "updates = OFF", "source.durability": "sync_binlog = 0", "target.safety": "replication.factor=1", "objects.max_row": "settings.orders"}
		if kind == servers.MySQL80 {
			options = append(options, "gtid_mode=OFF", "enforce_gtid_consistency=OFF", "log_replica_updates=OFF")
			failed["source.gtid"], failed["source.load"] = "OFF", "delay: ∞"
		} else {
			options = append(options, "gtid_strict_mode=OFF")
			failed["source.gtid_strict"] = "OFF"
		}
		b := &bench{T: t, my: servers.StartMySQL(t, kind, options...), kafka: servers.SharedKafka(t), dir: t.TempDir(), name: "settings"}
		b.my.Exec(t, "CREATE DATABASE settings", "CREATE TABLE settings.orders (id INT PRIMARY KEY, note LONGTEXT)",
			"INSERT INTO settings.orders VALUES (1, REPEAT('x', 600000))")
		writer := b.my.Conn(t, "")
		if _, err := writer.Execute("SET SESSION binlog_format='STATEMENT'"); err != nil {
			t.Fatal(err)
		}
		if kind == servers.MySQL80 {
			failed["source.binlog_format"] = fmt.Sprintf("root@127.0.0.1 (%d) STATEMENT", writer.GetConnectionID())
			// It replicates nothing, and is a replica all the same.
			b.my.Exec(t, "CHANGE REPLICATION SOURCE TO SOURCE_HOST='192.0.2.1'")
		}
		items := b.items(exitRefused, b.taskFile())
		for id, i := range items {
			want, bad := failed[id]
			if (i.Status == precheck.Failed) != bad || !strings.Contains(i.Observed, want) {
				t.Errorf("%+v, want %q", i, want)
			}
		}
		if len(items) < 30 {
			t.Errorf("only %d items", len(items))
		}
	})
}

// A start inside the binlog is looked for where the task would look for it.
func TestPrecheckOfStart(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		my := servers.StartMySQL(t, kind)
		my.Exec(t, "CREATE DATABASE a", "FLUSH BINARY LOGS", "CREATE DATABASE b", "FLUSH BINARY LOGS")
		files := my.Ledger(t)
		first, last := filepath.Base(files[0]), filepath.Base(files[len(files)-1])
		was := time.Now().Add(-time.Hour).Format(time.RFC3339)
		// MariaDB keeps a file until it knows, some time later, that a crash would not need it.
		for deadline := time.Now().Add(time.Minute); len(files) > 1; files = my.Ledger(t) {
			if time.Now().After(deadline) {
				t.Fatalf("not purged: %v", files)
			}
			my.Exec(t, "PURGE BINARY LOGS TO '"+last+"'")
		}
		for _, tt := range []struct {
			from task.From
			code string // of the finding
		}{
			{task.From{Position: last + ":4"}, "binlog_exist.ok"},
			{task.From{Time: time.Now().Add(time.Minute).Format(time.RFC3339)}, "binlog_exist.ok"},
			{task.From{Position: first + ":4"}, "source.binlog_purged"},
			{task.From{Position: last + ":99999"}, "source.start"},
			{task.From{Time: was}, "source.binlog_purged"},
			{task.From{GTID: map[servers.Kind]string{servers.MySQL80: "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-5"}[kind]}, "binlog_exist.purged"},
		} {
			if tt.from == (task.From{}) { // MariaDB tells not what it purged
				continue
			}
			a := &asker{spec: &task.Spec{Source: sourceOf(my), Incremental: true, From: &tt.from}}
			items, err := precheck.Run(t.Context(), a.deps(), nil, "source.binlog_exist")
			a.close()
			if err != nil {
				t.Fatal(err)
			}
			i := items[slices.IndexFunc(items, func(i precheck.Item) bool { return i.ID == "source.binlog_exist" })]
			if i.Code != tt.code && i.Params["Code"] != tt.code {
				t.Errorf("%+v: %+v, want %s", tt.from, i, tt.code)
			}
		}
	})
}

// What the target says of itself, without the command line.
func TestPrecheckOfTarget(t *testing.T) {
	t.Parallel()
	k := servers.SharedKafka(t)
	topic := database(servers.MySQL80, "compacted")
	at := task.Target{Brokers: []string{k.Plain}, Topic: topic}
	c, err := kafka.Open(t.Context(), at)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopic(t.Context(), topic, 1, 1, map[string]string{"cleanup.policy": "compact"}); err != nil {
		t.Fatal(err)
	}
	for chosen, version := range map[string]precheck.Status{"": precheck.Passed, "4.4": precheck.Passed, "1.0.2": precheck.Failed} {
		a := &asker{spec: &task.Spec{Target: at, Tables: []task.Table{{Schema: "shop", Name: "orders"}}}, kafkaVersion: chosen}
		items, err := precheck.Run(t.Context(), a.deps(), nil, "target.version", "target.safety", "target.listeners", "target.write")
		a.close()
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]precheck.Status{"target.connect": precheck.Passed, "target.version": version, "target.listeners": precheck.Passed, "target.topics": precheck.Passed,
			"target.write": precheck.Passed, "target.safety": precheck.Failed}
		for _, i := range items {
			if i.Status != want[i.ID] || i.ID == "target.safety" && (i.Severity != precheck.Error || !strings.Contains(i.Fix, "--entity-name "+topic+" --add-config cleanup.policy=delete")) {
				t.Errorf("%q: %+v", chosen, i)
			}
		}
		if len(items) != len(want) {
			t.Errorf("%d items", len(items))
		}
	}
}

func TestPrecheckWithoutServers(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "unreached")
	closed := closedPort(t)
	items := b.items(exitRefused, b.taskFile(portOf(b.my.Addr), portOf(closed), b.kafka.Plain, closed))
	for id, want := range map[string]precheck.Status{"source.connect": precheck.Failed, "target.connect": precheck.Failed,
		"source.version": precheck.Skipped, "objects.exist": precheck.Skipped, "target.topics": precheck.Skipped, "task.spool": precheck.Passed} {
		if items[id].Status != want {
			t.Errorf("%s is %+v, want %s", id, items[id], want)
		}
	}
	if i := items["source.connect"]; i.Cause != "source.refused" {
		t.Errorf("%+v", i)
	}
}
