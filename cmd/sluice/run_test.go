package main

import (
	"bufio"
	"strings"
	"syscall"
	"testing"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

func eachKind(t *testing.T, test func(t *testing.T, kind servers.Kind)) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// database gives each kind its own topic, as both share a broker.
func database(kind servers.Kind, name string) string {
	return name + "_" + map[servers.Kind]string{servers.MySQL80: "my", servers.MariaDB1011: "maria"}[kind]
}

func TestRunUntilCaughtUp(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "caught"))
		b.rows("orders", 3000)
		file := b.taskFile()
		b.sluice("run", file, "--until", "caught-up").want(t, exitDone, "finished", "3,000 copied")
		got := b.decoded()
		b.counts(got, map[string]int{"DDL": 1, "INIT": 3000})
		for _, m := range got {
			if m.Operation == "INIT" && *m.After["id"] == "1234" && (*m.After["name"] != "name 1234" || *m.After["price"] != "1234.25") {
				t.Errorf("row 1234 is %v", m)
			}
		}
		b.sluice("run", file, "--until", "caught-up").want(t, exitRefused, "task.finished")
		b.sluice("run", file, "--end").want(t, exitRefused, "task.finished")
	})
}

func TestStopGoOnAndEnd(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "stop"))
		b.rows("orders", 1000)
		file := b.taskFile()
		r := b.start(file)
		r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
		b.my.Exec(t, "INSERT INTO "+b.name+".orders VALUES (5001,'x',1),(5002,NULL,2)", "UPDATE "+b.name+".orders SET name='z' WHERE id=5")
		r.until("three changes", func(d *document) bool { return d.Inserts == 2 && d.Updates == 1 })
		r.signal(syscall.SIGTERM)
		r.finish().want(t, exitStopped)
		if r.last.Outcome != task.Stopped || r.last.Error != nil {
			t.Errorf("the last line is %+v", r.last)
		}
		b.sluice("run", b.taskFile("topic: "+b.name, "topic: elsewhere")).want(t, exitRefused, "task.spec_changed", "elsewhere")

		b.my.Exec(t, "DELETE FROM "+b.name+".orders WHERE id=6", "ALTER TABLE "+b.name+".orders ADD COLUMN extra INT", "INSERT INTO "+b.name+".orders VALUES (5003,'y',3,7)")
		r = b.start(b.taskFile())
		r.until("the changes made meanwhile", func(d *document) bool { return d.Deletes == 1 && d.Inserts == 1 && d.DDLs == 1 })
		b.sluice("run", file).want(t, exitRefused, "data.locked")
		b.sluice("run", file, "--end").want(t, exitDone, "ends the task", "finished")
		r.finish().want(t, exitDone)
		if r.last.Outcome != task.Finished {
			t.Errorf("the last line is %+v", r.last)
		}
		b.counts(b.decoded("--task", file), map[string]int{"DDL": 2, "INIT": 1000, "INSERT": 3, "UPDATE": 1, "DELETE": 1})
	})
}

func TestEndOfAStoppedTask(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "ended")
	b.rows("orders", 10)
	file := b.taskFile()
	b.sluice("run", file, "--end").want(t, exitRefused, "task.not_started")
	r := b.start(file)
	r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })
	r.signal(syscall.SIGINT)
	r.finish().want(t, exitStopped)
	b.my.Exec(t, "INSERT INTO ended.orders VALUES (11,'late',1)")
	b.sluice("run", file, "--end").want(t, exitDone, "finished")
	b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 10, "INSERT": 1})
}

func TestKillAndGoOn(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "killed")
	b.rows("orders", 5000)
	file := b.taskFile()
	r := b.start(file)
	r.until("rows were copied", func(d *document) bool { return d.Copied > 0 })
	r.signal(syscall.SIGKILL)
	r.finish()
	b.sluice("run", file, "--until", "caught-up").want(t, exitDone)
	b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 5000})
}

func TestServersGoAndComeBack(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "outage")
	b.my, b.kafka = servers.StartMySQL(t, servers.MySQL80), servers.StartKafka(t)
	b.my.Exec(t, "CREATE DATABASE outage")
	b.rows("orders", 100)
	file := b.taskFile()
	r := b.start(file)
	r.until("the incremental phase", func(d *document) bool { return d.Phase == engine.PhaseIncremental })

	b.kafka.Kill9(t)
	b.my.Exec(t, "INSERT INTO outage.orders VALUES (101,'while the broker is gone',1)")
	b.kafka.Restart(t)
	low := r.last.Acked
	r.until("the change after the broker's return", func(d *document) bool { return d.Inserts == 1 && d.NoDelay && d.Acked != low })

	b.my.Kill9(t)
	b.my.Restart(t)
	b.my.Exec(t, "INSERT INTO outage.orders VALUES (102,'after the source is back',1)")
	b.sluice("run", file, "--end").want(t, exitDone, "finished")
	r.finish().want(t, exitDone)
	b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 100, "INSERT": 2})
}

func TestDecodeFollows(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "followed")
	b.rows("orders", 5)
	file := b.taskFile()
	b.sluice("run", file, "--until", "caught-up").want(t, exitDone)
	cmd := b.command(nil, "decode", "--task", file, "--follow")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines, rows := bufio.NewScanner(out), 0
	for rows < 5 && lines.Scan() {
		if strings.Contains(lines.Text(), `"operation":"INIT"`) {
			rows++
		}
	}
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil || rows != 5 {
		t.Fatal(rows, err)
	}
	for lines.Scan() {
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	b.sluice("decode", "--task", file, "--topic", "nowhere").want(t, exitFailed, "target.topic_absent")
	b.sluice("decode", "--task", file, "--partition", "3").want(t, exitFailed, "target.partition_absent")
}

func TestSecuredTarget(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "secured")
	b.rows("orders", 20)
	for name, mechanism := range map[string]string{"one": "SCRAM-SHA-256", "two": "SCRAM-SHA-512"} {
		file := b.taskFile("name: secured", "name: "+name, b.kafka.Plain, b.kafka.SASLSSL, "topic: secured",
			"topic: secured-"+name+"\n  user: "+b.kafka.User+"\n  password: {env: SLUICE_KAFKA_PASSWORD}\n  mechanism: "+mechanism+
				"\n  tls: {mode: full, ca_file: "+b.kafka.CAFile+"}")
		b.sluice("run", file, "--until", "caught-up").want(t, exitDone)
		b.counts(b.decoded("--brokers", b.kafka.SASLSSL, "--topic", "secured-"+name, "--user", b.kafka.User, "--mechanism", mechanism,
			"--tls", "full", "--ca-file", b.kafka.CAFile), map[string]int{"DDL": 1, "INIT": 20})
		b.counts(b.decoded("--task", file), map[string]int{"DDL": 1, "INIT": 20})
	}
	file := b.taskFile("name: secured", "name: three", b.kafka.Plain, b.kafka.SASL, "topic: secured",
		"topic: secured\n  user: "+b.kafka.User+"\n  password: wrong-one")
	b.sluice("run", file).want(t, exitFailed, "target.", "hint:")
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t, servers.MySQL80, "refused")
	b.rows("orders", 10)
	b.my.Exec(t, "DROP USER IF EXISTS 'poor'@'%'", "CREATE USER 'poor'@'%' IDENTIFIED BY '"+b.my.Password+"'", "GRANT SELECT, SHOW VIEW ON refused.* TO 'poor'@'%'")
	closed := closedPort(t)
	account := "user: " + b.my.Account
	for _, tt := range []struct {
		name  string
		edits []string
		env   []string
		code  int
		words []string
	}{
		{"wrong password", nil, []string{"SOURCE_PASSWORD=wrong"}, exitFailed, []string{"source.access_denied", "hint:"}},
		{"missing privilege", []string{account, "user: poor"}, nil, exitFailed, []string{"source.privilege_missing", "GRANT REPLICATION CLIENT"}},
		{"no such table", []string{"name: orders", "name: absent"}, nil, exitFailed, []string{"source.table_missing", "refused.absent"}},
		{"no such database", []string{"schema: refused", "schema: nowhere"}, nil, exitFailed, []string{"nowhere"}},
		{"topic absent", []string{"schema: true", "schema: false", "topic: refused", "topic: never-made"}, nil, exitFailed, []string{"target.topic_absent"}},
		{"broker gone", []string{b.kafka.Plain, closed}, nil, exitFailed, []string{"target.refused"}},
		{"source gone", []string{portOf(b.my.Addr), portOf(closed)}, nil, exitFailed, []string{"source.refused"}},
		{"unknown field", []string{"  topic:", "  tpoic:"}, nil, exitUsage, []string{"task.file_syntax", "tpoic"}},
		{"password not set", nil, []string{"SOURCE_PASSWORD="}, exitUsage, []string{"task.file_invalid", "SOURCE_PASSWORD"}},
	} {
		// One after the other: all bind the same task, which stays open to correction until it has begun.
		b.sluiceWith(tt.env, "run", b.taskFile(tt.edits...), "--until", "caught-up").want(named{t, tt.name}, tt.code, tt.words...)
	}
	b.sluice("run", b.taskFile(), "--until", "caught-up").want(t, exitDone)
}

// named says which case failed.
type named struct {
	testing.TB
	name string
}

func (n named) Fatalf(format string, args ...any) {
	n.TB.Helper()
	n.TB.Fatalf(n.name+": "+format, args...)
}
func (n named) Errorf(format string, args ...any) {
	n.TB.Helper()
	n.TB.Errorf(n.name+": "+format, args...)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args []string
		code int
		word string
	}{
		{nil, exitUsage, "usage: sluice COMMAND"},
		{[]string{"--help"}, exitDone, "precheck"},
		{[]string{"nonsense"}, exitUsage, `no command "nonsense"`},
		{[]string{"run"}, exitUsage, "sluice run"},
		{[]string{"run", "--help"}, exitDone, "--until caught-up"},
		{[]string{"run", "a", "b"}, exitUsage, "wants 1"},
		{[]string{"run", "a", "--until", "tomorrow"}, exitUsage, "caught-up"},
		{[]string{"run", "a", "--workers", "65"}, exitUsage, "1 to 64"},
		{[]string{"run", "/nonexistent/task.yaml"}, exitUsage, "task.file_unreadable"},
		{[]string{"decode"}, exitUsage, "--brokers"},
		{[]string{"decode", "--brokers", "a:1"}, exitUsage, "--topic"},
		{[]string{"precheck", "--help"}, exitDone, "exit code is 4"},
		{[]string{"version"}, exitDone, "sluice "},
	} {
		var out, errs strings.Builder
		code := run(t.Context(), tt.args, func(string) string { return "" }, &out, &errs)
		if code != tt.code || !strings.Contains(out.String()+errs.String(), tt.word) {
			t.Errorf("%v: exit code %d, want %d with %q\n%s%s", tt.args, code, tt.code, tt.word, out.String(), errs.String())
		}
	}
}

func TestDecodeOfForeignMessages(t *testing.T) {
	t.Parallel()
	b := &bench{T: t, my: &servers.MySQL{}, kafka: servers.SharedKafka(t), dir: t.TempDir()}
	c, err := kafka.Open(t.Context(), task.Target{Brokers: []string{b.kafka.Plain}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopic(t.Context(), "foreign", 1, 1, nil); err != nil {
		t.Fatal(err)
	}
	id, err := c.NewProducer(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	batch := &engine.Batch{Producer: id, Messages: []engine.Message{{Value: []byte("hello")}}}
	if _, err := c.Produce(t.Context(), engine.Partition{Topic: "foreign"}, batch); err != nil {
		t.Fatal(err)
	}
	r := b.sluice("decode", "--brokers", b.kafka.Plain, "--topic", "foreign")
	r.want(t, exitFailed)
	if !strings.Contains(r.stdout, `"error":"`) || !strings.Contains(r.stdout, `"hex":"68656c6c6f"`) {
		t.Errorf("got %s", r.stdout)
	}
}
