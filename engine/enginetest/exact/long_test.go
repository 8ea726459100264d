package exact

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

var (
	mutant = flag.Bool("exact.mutant", false, "show that the naive low watermark loses rows in the same test")
	broker = flag.String("exact.kafka", "", "a broker that .ci/fetch has brought, like kafka-2.8.2, to play one shape against")
	sbtest = flag.Int("exact.sbtest", 0, "rows of the baseline copy; 0: not run")
)

// naive takes the low watermark from the file position right before the view, as most systems do: changes up to there
// count as shown by the view.
var naive = map[string][][2]string{
	"../../worker.go": {
		{"	view   snapshot.View\n", "	view   snapshot.View\n	low    cdc.Position\n"},
		{"func (w *worker) open(ctx context.Context) error {\n", `func (w *worker) open(ctx context.Context) error {
	low, err := w.src.(interface {
		End(context.Context) (cdc.Position, error)
	}).End(ctx)
	if err != nil {
		return err
	}
	w.low = low
`},
		{"if seen == nil || seen.Includes(o.need) {", "if seen == nil || seen != nil {"},
		{"res := &chunkRows{enc: enc, ", "res := &chunkRows{enc: enc, low: w.low, "},
	},
	"../../chunk.go": {
		{"type chunkRows struct {\n", "type chunkRows struct {\n	low cdc.Position\n"},
	},
	"../../seal.go": {
		{"		case c.exact: // the view shows it\n", "		case c.exact || q.tx.start.Before(c.result.low):\n"},
	},
}

// TestNaiveLowWatermark shows that the test finds what the engine's own watermark avoids.
func TestNaiveLowWatermark(t *testing.T) {
	edited := overlay(t, naive) // so that the edits can't rot
	if !*mutant {
		t.Log("run with -exact.mutant")
		return
	}
	bin, err := driver.Build("naive", edited)
	if err != nil {
		t.Fatal(err)
	}
	k := servers.SharedKafka(t)
	s := shape{name: "naive", kind: servers.MySQL80, options: wideMySQL, partitions: 1, policy: "zero"}
	for i := range 10 { // a round takes some seconds; the race is met in most of them
		report := exercise(t, bin, k, s, fmt.Sprintf("naive%d", i), nil)
		t.Logf("round %d of the naive low watermark: %s", i+1, report)
		if !report.OK() {
			return
		}
	}
	t.Error("the naive low watermark was not caught")
}

func overlay(t *testing.T, files map[string][][2]string) string {
	dir := t.TempDir()
	replace := map[string]string{}
	for file, edits := range files {
		abs, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(abs)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range edits {
			if strings.Count(string(text), e[0]) != 1 {
				t.Fatalf("%s does not hold %q once", file, e[0])
			}
			text = []byte(strings.Replace(string(text), e[0], e[1], 1))
		}
		replace[abs] = filepath.Join(dir, filepath.Base(file))
		if err := os.WriteFile(replace[abs], text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestBroker plays one shape against a broker of another version.
func TestBroker(t *testing.T) {
	if *broker == "" {
		t.Log("run with -exact.kafka VERSION")
		return
	}
	s := shapes()[1]
	s.points = points[3:11]
	report := exercise(t, driver.Binary(t), servers.StartOldKafka(t, servers.KafkaVersion(*broker)), s, "other", map[string]bool{})
	t.Log(report)
	if !report.OK() {
		t.Fail()
	}
}

// TestBaseline copies one table of sysbench's shape and prints what it cost: time, processor time and peak memory of
// the process.
func TestBaseline(t *testing.T) {
	if *sbtest == 0 {
		t.Log("run with -exact.sbtest N")
		return
	}
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		m := servers.StartMySQL(t, kind, "innodb_buffer_pool_size=512M")
		fillSbtest(t, m, *sbtest)
		for _, partitions := range []int{1, 6} {
			x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "sb", Tables: []string{"sbtest1"},
				Topic: fmt.Sprintf("sb-%s-%d", strings.ReplaceAll(string(kind), ".", "-"), partitions), Partitions: partitions, Policy: "key"})
			cmd := x.Command("--until", "caught-up")
			began := time.Now()
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			took := time.Since(began)
			cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
			rss := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss
			t.Logf("%s, %d rows, %d partitions: %.1f s with start and end, %.0f rows/s, %.1f us CPU a row, %d MB peak",
				kind, *sbtest, partitions, took.Seconds(), float64(*sbtest)/took.Seconds(), float64(cpu.Microseconds())/float64(*sbtest), rss/1024)
		}
	}
}

func fillSbtest(t *testing.T, m *servers.MySQL, n int) {
	m.Exec(t, "CREATE DATABASE sb",
		"CREATE TABLE sb.sbtest1 (id INT NOT NULL AUTO_INCREMENT, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', PRIMARY KEY (id), KEY k_1 (k))")
	const batch = 5000
	c := m.Conn(t, "sb")
	for at := 0; at < n; at += batch {
		var b strings.Builder
		b.WriteString("INSERT INTO sbtest1 (k, c, pad) VALUES ")
		for i := at; i < min(n, at+batch); i++ {
			if i > at {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "(%d,'%011d-%011d-%011d-%011d-%011d-%011d-%011d-%011d-%011d-%011d','%011d-%011d-%011d-%011d-%011d')",
				i*7919%n, i*31, i*37, i*41, i*43, i*47, i*53, i*59, i*61, i*67, i*71, i*73, i*79, i*83, i*89, i*97)
		}
		if _, err := c.Execute(b.String()); err != nil {
			t.Fatal(err)
		}
	}
}
