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
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
)

var (
	mutant = flag.Bool("exact.mutant", false, "show that the naive low watermark loses rows in the same test")
	sbtest = flag.Int("exact.sbtest", 0, "rows of the baseline copy; 0: not run")
)

// TestNaiveLowWatermark takes the low watermark from the file position, as most systems do: the very test that the
// engine passes must fail.
func TestNaiveLowWatermark(t *testing.T) {
	if !*mutant {
		t.Log("run with -exact.mutant")
		return
	}
	bin, err := driver.Build("naive", overlay(t, "../../worker.go", "if seen == nil || seen.Includes(w.o.need) {", "if seen == nil || seen != nil {"))
	if err != nil {
		t.Fatal(err)
	}
	k := servers.SharedKafka(t)
	var report *oracle.Report
	for i := range 5 {
		s := shape{name: "naive", kind: servers.MySQL80, options: wideMySQL, partitions: 1, policy: "zero"}
		report = exercise(t, bin, k, s, fmt.Sprintf("naive%d", i), false)
		if !report.OK() {
			t.Logf("caught in round %d: %s", i+1, report)
			return
		}
	}
	t.Errorf("the naive low watermark was not caught: %s", report)
}

func overlay(t *testing.T, file, old, new string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(abs)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Count(string(text), old) != 1 {
		t.Fatalf("%s does not hold %q once", file, old)
	}
	dir := t.TempDir()
	to := filepath.Join(dir, "file.go")
	if err := os.WriteFile(to, []byte(strings.Replace(string(text), old, new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{abs: to}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(name, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
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
