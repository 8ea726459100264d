package driver

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
)

// Spec is what goes into the task file.
type Spec struct {
	Source     *servers.MySQL
	Kafka      *servers.Kafka
	Schema     string
	Tables     []string
	Topic      string
	Partitions int
	Replicas   int      // 0: one
	Brokers    []string // instead of Kafka's
	Policy     string
	Extra      string   // more lines of the file
	Each       string   // more fields of every table, like "exclude: [a]"
	From       string   // "position: f.000001:4": the incremental phase alone
	Also       []string // more entries of the list of tables, like "{schema: d, name: t}"
	RowLock    bool
	Env        []string
	Account    string // instead of the source's; it has the same password
	SourceMore string // more fields of the source, like "tls: {mode: require}"
	TargetMore string // more fields of the target
}

// Task is one task of the binary under test, with a data folder of its own.
type Task struct {
	Copied atomic.Bool // a run said that the full copy is done
	Data   string      // the data folder

	bin, file string
	env       []string
	started   []*Process
}

// New writes the task file.
func New(t testing.TB, bin string, s Spec) *Task {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Source.Addr)
	if err != nil {
		t.Fatal(err)
	}
	brokers := s.Brokers
	if brokers == nil {
		brokers = []string{s.Kafka.Plain}
	}
	list, err := json.Marshal(brokers)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	more := func(fields string) string {
		if fields != "" {
			fields = ", " + fields
		}
		return fields
	}
	fmt.Fprintf(&b, "name: driven\nsource: {host: %s, port: %s, user: %s, password: {env: PW}, row_lock: %t%s}\n",
		host, port, cmp.Or(s.Account, s.Source.Account), s.RowLock, more(s.SourceMore))
	fmt.Fprintf(&b, "target: {brokers: %s, topic: %s, partitions: %d, replication: %d%s}\n", list, s.Topic, s.Partitions, max(s.Replicas, 1), more(s.TargetMore))
	phases := "schema: true\nfull: true\nincremental: true"
	if s.From != "" {
		phases = "incremental: true\nfrom: {" + s.From + "}"
	}
	fmt.Fprintf(&b, "%s\npolicy: %s\n%s\ntables:\n", phases, s.Policy, s.Extra)
	for _, name := range s.Tables {
		fields := []string{"schema: " + quoted(t, s.Schema), "name: " + quoted(t, name)}
		if s.Each != "" {
			fields = append(fields, s.Each)
		}
		fmt.Fprintf(&b, "  - {%s}\n", strings.Join(fields, ", "))
	}
	for _, entry := range s.Also {
		fmt.Fprintf(&b, "  - %s\n", entry)
	}
	dir := t.TempDir()
	x := &Task{bin: bin, file: filepath.Join(dir, "task.yaml"), Data: filepath.Join(dir, "data"),
		env: append(os.Environ(), append(s.Env, "PW="+s.Source.Password)...)}
	t.Cleanup(func() { // none outlives its test, whatever became of it
		for _, p := range x.started {
			p.Signal(syscall.SIGKILL)
			<-p.Done()
		}
	})
	if err := os.WriteFile(x.file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return x
}

// Command is `sluice run` of the task, ready to start.
func (x *Task) Command(args ...string) *exec.Cmd {
	cmd := exec.Command(x.bin, append([]string{"run", x.file, "--data", x.Data}, args...)...)
	cmd.Env = x.env
	return cmd
}

// quoted writes a name so that it means nothing else to YAML.
func quoted(t testing.TB, name string) string {
	t.Helper()
	text, err := json.Marshal(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Finding is one item of a precheck that did not pass.
type Finding struct {
	ID, Code, Status, Severity, Observed, Fix string
	Params                                    map[string]string
}

// Precheck is `sluice precheck` of the task: what failed, warnings too.
func (x *Task) Precheck(ctx context.Context) ([]Finding, error) {
	cmd := exec.CommandContext(ctx, x.bin, "precheck", x.file, "--json")
	cmd.Env = x.env
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var all, failed []Finding
	if err := json.Unmarshal(out, &all); err != nil || len(all) == 0 {
		return nil, fmt.Errorf("precheck: %w\n%s", err, out)
	}
	for _, f := range all {
		if f.Status == "failed" {
			failed = append(failed, f)
		}
	}
	return failed, nil
}

// Outcome of one run of the process.
type Outcome struct {
	Killed bool
	Code   int
	Stderr string
	Last   Progress
}

// Progress is a line of --json, as far as tests look at it.
type Progress struct {
	Phase   string `json:"phase"`
	Plain   bool   `json:"no_producer"`
	Resent  int64  `json:"sent_again"`
	Doubled int64  `json:"found_twice"`
	Notices []struct {
		Code   string
		Params []string
	} `json:"notices"`
	Error *struct {
		Code string `json:"code"`
		Text string `json:"text"`
	} `json:"error"`
}

// Run starts the process and waits for its end. kill, if not nil, ends it by SIGKILL when it fires; fault names a
// point at which it ends itself.
func (x *Task) Run(ctx context.Context, fault string, kill <-chan time.Time, args ...string) (Outcome, error) {
	return x.run(ctx, fault, kill, "", args)
}

// RunUntil stops the process by SIGTERM as soon as it says that it has come to the phase.
func (x *Task) RunUntil(ctx context.Context, phase string, args ...string) (Outcome, error) {
	return x.run(ctx, "", nil, phase, args)
}

func (x *Task) run(ctx context.Context, fault string, kill <-chan time.Time, phase string, args []string) (Outcome, error) {
	p, err := x.start(fault, phase, args)
	if err != nil {
		return Outcome{}, err
	}
	select {
	case <-kill:
		p.Signal(syscall.SIGKILL)
	case <-p.Done():
	case <-ctx.Done():
	}
	return p.Wait(ctx)
}
