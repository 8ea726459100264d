package main

import (
	"encoding/json"
	"net"
	"strings"
	"testing"

	"sluice/engine/enginetest/servers"
	"sluice/engine/precheck"
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
			// The test servers are quick, not safe; the topic is still to be made.
			if i.Status != precheck.Passed && id != "source.durability" && id != "target.safety" {
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
			"CREATE TABLE keyless (a INT, g GEOMETRY)",
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
			"objects.engine":      {b.name + ".old MyISAM", "InnoDB"},
			"objects.key":         {b.name + ".keyless", "primary key"},
			"objects.types":       {b.name + ".keyless.g geometry", "leave the table out"},
			"objects.cascades":    {b.name + ".child", "CASCADE"},
			"objects.filter":      {"nothing", "condition"},
			"target.topics":       {b.name, "kafka-topics.sh --create"},
		} {
			i := items[id]
			if i.Status != precheck.Failed || !strings.Contains(i.Observed, want[0]) || !strings.Contains(i.Fix, want[1]) {
				t.Errorf("%s: %+v, want %q and fix %q", id, i, want[0], want[1])
			}
		}
		if i := items["source.privileges"]; strings.Contains(i.Observed, "REPLICATION SLAVE") {
			t.Errorf("a privilege that was granted is reported: %+v", i)
		}
	})
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
