package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
)

func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// built is the program, built once, without cgo as it is released.
var built = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "sluice-build-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "sluice")
	cmd := exec.Command("go", "build", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("building: %w\n%s", err, out)
	}
	return path, nil
})

// bench is one test's folder with a source and a target.
type bench struct {
	*testing.T
	my    *servers.MySQL
	kafka *servers.Kafka
	dir   string
	name  string // of database, topic and task
}

func newBench(t *testing.T, kind servers.Kind, name string) *bench {
	t.Helper()
	b := &bench{T: t, my: servers.SharedMySQL(t, kind), kafka: servers.SharedKafka(t), dir: t.TempDir(), name: name}
	b.my.Exec(t, "DROP DATABASE IF EXISTS "+name, "CREATE DATABASE "+name)
	return b
}

// rows makes a table of n rows.
func (b *bench) rows(table string, n int) {
	b.Helper()
	b.my.Exec(b.T, fmt.Sprintf("CREATE TABLE %s.%s (id BIGINT PRIMARY KEY, name VARCHAR(50), price DECIMAL(10,2))", b.name, table))
	for from := 1; from <= n; from += 500 {
		var values []string
		for id := from; id < from+500 && id <= n; id++ {
			values = append(values, fmt.Sprintf("(%d,'name %d',%d.25)", id, id, id))
		}
		b.my.Exec(b.T, fmt.Sprintf("INSERT INTO %s.%s VALUES %s", b.name, table, strings.Join(values, ",")))
	}
}

// taskFile writes a task file with the table orders; edits are pairs of text to replace and its replacement.
func (b *bench) taskFile(edits ...string) string {
	b.Helper()
	host, port, err := net.SplitHostPort(b.my.Addr)
	if err != nil {
		b.Fatal(err)
	}
	text := fmt.Sprintf(`name: %[1]s
source:
  host: %[2]s
  port: %[3]s
  user: %[4]s
  password: {env: SOURCE_PASSWORD}
target:
  brokers: ["%[5]s"]
  topic: %[1]s
  partitions: 3
schema: true
full: true
incremental: true
tables:
  - {schema: %[1]s, name: orders}
`, b.name, host, port, b.my.Account, b.kafka.Plain)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			b.Fatalf("the task file has no %q", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	path := filepath.Join(b.dir, "task.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

// command is the program with the test's passwords in its environment, run in the test's folder.
func (b *bench) command(env []string, args ...string) *exec.Cmd {
	b.Helper()
	path, err := built()
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), path, args...)
	cmd.Dir = b.dir
	cmd.Env = append(append(os.Environ(), "SOURCE_PASSWORD="+b.my.Password, "SLUICE_KAFKA_PASSWORD="+b.kafka.Password), env...)
	return cmd
}

type result struct {
	code           int
	stdout, stderr string
}

func (b *bench) sluice(args ...string) result { return b.sluiceWith(nil, args...) }

func (b *bench) sluiceWith(env []string, args ...string) result {
	b.Helper()
	cmd := b.command(env, args...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil {
		b.Fatal(err)
	}
	return result{cmd.ProcessState.ExitCode(), out.String(), errs.String()}
}

// want checks the exit code and that standard error holds each of the words.
func (r result) want(t testing.TB, code int, words ...string) {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\n%s%s", r.code, code, r.stdout, r.stderr)
	}
	for _, w := range words {
		if !strings.Contains(r.stderr, w) {
			t.Errorf("standard error lacks %q:\n%s", w, r.stderr)
		}
	}
	for _, secret := range []string{"Sluice-pass1", "bob-secret"} {
		if strings.Contains(r.stdout+r.stderr, secret) {
			t.Errorf("a password was printed:\n%s%s", r.stdout, r.stderr)
		}
	}
}

// running is a "sluice run --json" in the background.
type running struct {
	b      *bench
	cmd    *exec.Cmd
	lines  *bufio.Scanner
	stderr bytes.Buffer
	last   document
}

func (b *bench) start(args ...string) *running {
	b.Helper()
	r := &running{b: b, cmd: b.command(nil, append([]string{"run", "--json"}, args...)...)}
	r.cmd.Stderr = &r.stderr
	out, err := r.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	r.lines = bufio.NewScanner(out)
	if err := r.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	return r
}

// until reads progress until a line satisfies want.
func (r *running) until(what string, want func(*document) bool) {
	r.b.Helper()
	deadline := time.AfterFunc(time.Minute, func() { _ = r.cmd.Process.Kill() })
	defer deadline.Stop()
	for r.lines.Scan() {
		r.last = document{}
		if err := json.Unmarshal(r.lines.Bytes(), &r.last); err != nil {
			r.b.Fatalf("%v: %s", err, r.lines.Bytes())
		}
		if want(&r.last) {
			return
		}
	}
	_ = r.cmd.Wait()
	r.b.Fatalf("the run ended before %s; last %+v\n%s", what, r.last, r.stderr.String())
}

// finish reads the rest and gives how the process ended.
func (r *running) finish() result {
	r.b.Helper()
	for r.lines.Scan() {
		r.last = document{}
		if err := json.Unmarshal(r.lines.Bytes(), &r.last); err != nil {
			r.b.Fatalf("%v: %s", err, r.lines.Bytes())
		}
	}
	_ = r.cmd.Wait()
	return result{r.cmd.ProcessState.ExitCode(), "", r.stderr.String()}
}

func (r *running) signal(s syscall.Signal) {
	r.b.Helper()
	if err := r.cmd.Process.Signal(s); err != nil {
		r.b.Fatal(err)
	}
}

// decodedMessage is what the tests look at of a line of "sluice decode".
type decodedMessage struct {
	Partition int
	Offset    int64
	Operation string
	Object    string
	Before    map[string]*string
	After     map[string]*string
	SQL       string
	Tags      map[string]string
	Error     string
}

// decoded reads the topic by "sluice decode", without heartbeats.
func (b *bench) decoded(args ...string) []decodedMessage {
	b.Helper()
	if len(args) == 0 {
		args = []string{"--brokers", b.kafka.Plain, "--topic", b.name}
	}
	r := b.sluice(append([]string{"decode"}, args...)...)
	r.want(b.T, exitDone)
	var all []decodedMessage
	for line := range strings.Lines(r.stdout) {
		var m decodedMessage
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			b.Fatalf("%v: %s", err, line)
		}
		if m.Operation != "HEARTBEAT" {
			all = append(all, m)
		}
	}
	return all
}

// counts checks how often each operation comes, and that each id has one INIT at most.
func (b *bench) counts(got []decodedMessage, want map[string]int) {
	b.Helper()
	have := map[string]int{}
	copies := map[string]int{}
	for _, m := range got {
		have[m.Operation]++
		if m.Operation == "INIT" {
			copies[*m.After["id"]]++
		}
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		b.Errorf("operations %v, want %v", have, want)
	}
	for id, n := range copies {
		if n > 1 {
			b.Errorf("row %s was copied %d times", id, n)
		}
	}
}
