package readers

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/engine/enginetest/servers"
)

// TestMain lets tests share a broker.
func TestMain(m *testing.M) { os.Exit(servers.Main(m)) }

// TestExamples runs the programs of the documentation against a topic with the samples, in which a geometry stands.
func TestExamples(t *testing.T) {
	k := servers.SharedKafka(t)
	k.CreateTopic(t, "examples", 1, "retention.ms", "-1")
	values, reads := samples(t)
	var messages []kafka.Message
	var want []Record
	for i, r := range reads {
		if r.Operation != "BEGIN" && r.Operation != "COMMIT" { // which Sluice does not send
			messages, want = append(messages, kafka.Message{Value: values[i]}), append(want, r)
		}
	}
	w := &kafka.Writer{Addr: kafka.TCP(k.Plain), Topic: "examples", BatchTimeout: time.Millisecond}
	if err := w.WriteMessages(t.Context(), messages...); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	examples, schema := filepath.Join(root(t), "docs/examples"), filepath.Join(root(t), "engine/dts/record.avsc")
	program := filepath.Join(t.TempDir(), "read")
	if out, err := exec.Command("go", "build", "-o", program, filepath.Join(examples, "read.go")).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for name, cmd := range map[string]*exec.Cmd{
		"python": exec.Command(python(t), filepath.Join(examples, "read.py"), k.Plain, "examples", schema),
		"java":   java(t, "docs/examples/Read.java", k.Plain, "examples"),
		"go":     exec.Command(program, k.Plain, "examples", schema),
	} {
		t.Run(name, func(t *testing.T) {
			var log strings.Builder
			cmd.Dir, cmd.Stderr = t.TempDir(), &log
			out, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				_ = cmd.Process.Kill() // it reads for ever
				_ = cmd.Wait()
			}()
			watchdog := time.AfterFunc(2*time.Minute, func() { _ = cmd.Process.Kill() })
			defer watchdog.Stop()
			lines := bufio.NewScanner(out)
			for i, r := range want {
				if r.Operation == "HEARTBEAT" {
					continue
				}
				line := ""
				for line == "" { // the libraries tell of themselves, too
					if !lines.Scan() {
						t.Fatalf("it ended before message %d: %s", i, log.String())
					}
					if word, _, _ := strings.Cut(lines.Text(), " "); word != "" && strings.Contains("INIT INSERT UPDATE DELETE DDL", word) {
						line = lines.Text()
					}
				}
				t.Log(line)
				if head := fmt.Sprintf("%s %s ", r.Operation, r.ObjectName); !strings.HasPrefix(line, head) {
					t.Errorf("message %d: %q, not %q", i, line, head)
				}
				for _, part := range []string{"杭州😀", "create table"} { // of rows, of a DDL
					if wanted := (r.Operation == "DDL") == (part == "create table"); wanted != strings.Contains(line, part) {
						t.Errorf("message %d: %q in %q: %t", i, part, line, !wanted)
					}
				}
			}
		})
	}
}
