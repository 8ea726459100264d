package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/wait"
)

// contestant is a program that copies a table into a topic and follows it.
type contestant interface {
	name() string
	topic(table string) string
	// prepare forgets what it knew: with the copy, or from now on alone.
	prepare(w *world, table string, partitions int, copy bool)
	command() *exec.Cmd
	// running is called when the process was started.
	running(w *world)
	// beside is how many records it writes into the topic besides rows, up to its start and a copy's end.
	beside(partitions int, copy bool) int64
}

// sluice is the built program.
type sluice struct{ bin, dir, task string }

func (s *sluice) name() string              { return "Sluice" }
func (s *sluice) topic(table string) string { return "ours." + table }
func (s *sluice) running(*world)            {}

func (s *sluice) beside(partitions int, _ bool) int64 { return int64(partitions) } // one HEARTBEAT each

func (s *sluice) prepare(w *world, table string, partitions int, copy bool) {
	w.topic(s.topic(table), partitions)
	s.dir = w.TempDir()
	s.task = filepath.Join(s.dir, "task.yaml")
	host, port, _ := net.SplitHostPort(w.m.Addr)
	text := fmt.Sprintf("name: bench\nsource: {host: %s, port: %s, user: %s, password: {env: PW}}\ntarget: {brokers: [%q], topic: %s, partitions: %d, replication: 1}\nschema: false\nfull: %t\nincremental: true\npolicy: key\ntables:\n  - {schema: bench, name: %s}\n",
		host, port, w.m.Account, w.k.Plain, s.topic(table), partitions, copy, table)
	if err := os.WriteFile(s.task, []byte(text), 0o600); err != nil {
		w.Fatal(err)
	}
}

func (s *sluice) command() *exec.Cmd {
	cmd := exec.Command(s.bin, "run", s.task, "--data", filepath.Join(s.dir, "data"), "--json")
	cmd.Env = append(os.Environ(), "PW=Sluice-pass1")
	return cmd
}

// debezium is its MySQL connector in Kafka Connect, standalone, with JSON without schemas, else as it comes.
type debezium struct {
	home, dir string
}

func (d *debezium) name() string              { return "Debezium" }
func (d *debezium) topic(table string) string { return "dbz.bench." + table }
func (d *debezium) running(*world)            {}
func (d *debezium) beside(int, bool) int64    { return 0 }

func (d *debezium) prepare(w *world, table string, partitions int, copy bool) {
	w.topic(d.topic(table), partitions)
	w.drop("dbzhist")
	d.dir = w.TempDir()
	mode := "no_data"
	if copy {
		mode = "initial"
	}
	host, port, _ := net.SplitHostPort(w.m.Addr)
	write := func(name string, lines ...string) {
		if err := os.WriteFile(filepath.Join(d.dir, name), []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
			w.Fatal(err)
		}
	}
	const json = "org.apache.kafka.connect.json.JsonConverter"
	write("worker.properties", "bootstrap.servers="+w.k.Plain, "offset.storage.file.filename="+filepath.Join(d.dir, "offsets"), "plugin.path="+filepath.Join(d.home, "plugins"),
		"listeners=http://"+servers.FreeAddress(w), "plugin.discovery=service_load", "key.converter="+json, "value.converter="+json, "key.converter.schemas.enable=false", "value.converter.schemas.enable=false")
	write("connector.properties", "name=dbz", "tasks.max=1", "connector.class=io.debezium.connector.mysql.MySqlConnector", "database.hostname="+host, "database.port="+port, "database.user=bench", "database.password=bench",
		"database.server.id=18117", "database.ssl.mode=disabled", "topic.prefix=dbz", "database.include.list=bench", "table.include.list=bench."+table, "schema.history.internal.kafka.bootstrap.servers="+w.k.Plain,
		"schema.history.internal.kafka.topic=dbzhist", "snapshot.mode="+mode, "snapshot.locking.mode=minimal", "topic.creation.default.replication.factor=1", fmt.Sprint("topic.creation.default.partitions=", partitions),
		"include.schema.changes=false", "tombstones.on.delete=false")
}

func (d *debezium) command() *exec.Cmd {
	return exec.Command("java", "-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(d.home, "connect", "*"),
		"org.apache.kafka.connect.cli.ConnectStandalone", filepath.Join(d.dir, "worker.properties"), filepath.Join(d.dir, "connector.properties"))
}

// maxwell is the last release in Maven's repository, with a Kafka client that this broker takes.
type maxwell struct {
	home, addr, brokers, table string
	copy                       bool
}

func (m *maxwell) name() string              { return "Maxwell" }
func (m *maxwell) topic(table string) string { return "mxw.bench." + table }

// beside: the beginning and the end of a copy are records too.
func (m *maxwell) beside(_ int, copy bool) int64 {
	if copy {
		return 2
	}
	return 0
}

func (m *maxwell) prepare(w *world, table string, partitions int, copy bool) {
	w.topic(m.topic(table), partitions)
	w.topic("mxw.maxwell.bootstrap", 1)
	m.addr, m.brokers, m.table, m.copy = w.m.Addr, w.k.Plain, table, copy
	w.m.Exec(w, "SET SESSION sql_log_bin=0", "DROP DATABASE IF EXISTS maxwell", "CREATE DATABASE maxwell CHARACTER SET utf8mb4")
	c := w.m.Conn(w, "maxwell")
	defer c.Close() // many contests share a server
	if _, err := c.Execute("SET SESSION sql_log_bin=0"); err != nil {
		w.Fatal(err)
	}
	for _, file := range []string{"maxwell_schema", "maxwell_schema_bootstrap", "maxwell_schema_heartbeats"} {
		text, err := os.ReadFile(filepath.Join(m.home, "sql", file+".sql"))
		if err != nil {
			w.Fatal(err)
		}
		// It does not know the name that newer servers give to utf8.
		for _, sql := range strings.Split(strings.ReplaceAll(string(text), "'utf8'", "'utf8mb4'"), ";") {
			if strings.TrimSpace(sql) == "" {
				continue
			}
			if _, err := c.Execute(sql); err != nil {
				w.Fatalf("%v: %s", err, sql)
			}
		}
	}
}

func (m *maxwell) command() *exec.Cmd {
	host, port, _ := net.SplitHostPort(m.addr)
	return exec.Command("java", "-Xms256m", "-Xmx1g", "-XX:+UseG1GC", "-cp", strings.Join([]string{filepath.Join(m.home, "lib", "*"), filepath.Join(m.home, "client", "*"), filepath.Join(m.home, "stub")}, ":"),
		"com.zendesk.maxwell.Maxwell", "--host="+host, "--port="+port, "--user=bench", "--password=bench", "--replica_server_id=18118",
		"--jdbc_options=useSSL=false&allowPublicKeyRetrieval=true&zeroDateTimeBehavior=convertToNull&connectTimeout=5000&serverTimezone=UTC", "--producer=kafka", "--kafka.bootstrap.servers="+m.brokers,
		"--kafka_topic=mxw.%{database}.%{table}", "--producer_partition_by=primary_key", "--filter=exclude: *.*, include: bench."+m.table, "--log_level=WARN", "--output_ddl=false")
}

// running asks for the copy as soon as there is a position to do it at.
func (m *maxwell) running(w *world) {
	if !m.copy {
		return
	}
	c := w.m.Conn(w, "maxwell")
	defer c.Close()
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	err := wait.Until(ctx, func() error {
		r, err := c.Execute("INSERT INTO maxwell.bootstrap (database_name, table_name, client_id) SELECT 'bench', '" + m.table + "', 'maxwell' FROM maxwell.positions LIMIT 1")
		if err == nil && r.AffectedRows == 0 {
			err = errors.New("Maxwell has no position")
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
	m.copy = false // a restart goes on with it
}
