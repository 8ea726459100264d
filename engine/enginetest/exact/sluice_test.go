package exact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/engine/enginetest/servers"
)

var binary = sync.OnceValues(func() (string, error) { return build("") })

// build makes the sluice binary with the named fault points in it; overlay may replace files of it.
func build(overlay string) (string, error) {
	dir, err := os.MkdirTemp("", "sluice-exact-")
	if err != nil {
		return "", err
	}
	bin := filepath.Join(dir, "sluice")
	args := []string{"build", "-tags", "faults", "-o", bin}
	if overlay != "" {
		args = append(args, "-overlay", overlay)
	}
	out, err := exec.Command("go", append(args, "sluice/cmd/sluice")...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building sluice: %w\n%s", err, out)
	}
	return bin, nil
}

// subject is one task of the binary under test.
type subject struct {
	bin, file, data string
	copied          bool // a run said that the full copy is done
}

type subjectSpec struct {
	source     *servers.MySQL
	kafka      *servers.Kafka
	schema     string
	tables     []string
	topic      string
	partitions int
	policy     string
	extra      string
}

func newSubject(t *testing.T, bin string, s subjectSpec) *subject {
	host, port, err := net.SplitHostPort(s.source.Addr)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "name: exact\nsource: {host: %s, port: %s, user: %s, password: {env: PW}}\n", host, port, s.source.Account)
	fmt.Fprintf(&b, "target: {brokers: [%q], topic: %s, partitions: %d}\n", s.kafka.Plain, s.topic, s.partitions)
	fmt.Fprintf(&b, "schema: true\nfull: true\nincremental: true\npolicy: %s\n%s\ntables:\n", s.policy, s.extra)
	for _, name := range s.tables {
		fmt.Fprintf(&b, "  - {schema: %s, name: %s}\n", s.schema, name)
	}
	dir := t.TempDir()
	x := &subject{bin: bin, file: filepath.Join(dir, "task.yaml"), data: filepath.Join(dir, "data")}
	if err := os.WriteFile(x.file, []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return x
}

// outcome of one run of the process.
type outcome struct {
	killed bool
	code   int
	stderr string
	last   progress
}

type progress struct {
	Phase string `json:"phase"`
}

// run starts the process. kill, if not nil, ends it by SIGKILL once it is closed; fault names a point at which it
// ends itself.
func (x *subject) run(ctx context.Context, password, fault string, kill <-chan time.Time, args ...string) (outcome, error) {
	cmd := exec.Command(x.bin, append([]string{"run", x.file, "--data", x.data, "--json"}, args...)...)
	cmd.Env = append(os.Environ(), "PW="+password, "SLUICE_FAULT="+fault)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	var err error
	select {
	case err = <-done:
	case <-kill:
		_ = cmd.Process.Kill()
		err = <-done
	case <-ctx.Done():
		_ = cmd.Process.Kill()
		<-done
		return outcome{stderr: errs.String()}, fmt.Errorf("%w; standard error: %s; last: %s", ctx.Err(), errs.String(), tail(out.Bytes()))
	}
	o := outcome{stderr: errs.String(), code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	o.killed = errors.As(err, &exit) && exit.ExitCode() == -1
	for _, line := range bytes.Split(out.Bytes(), []byte("\n")) {
		var p progress
		if json.Unmarshal(line, &p) == nil && p.Phase != "" {
			o.last = p
			x.copied = x.copied || p.Phase == "incremental" || p.Phase == "finished"
		}
	}
	return o, nil
}

func tail(b []byte) []byte { return b[max(0, len(b)-600):] }
