package bench

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"
	"github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// growth takes the time a row of the full copy where rows, tables, partitions or columns become more: it is to stay
// what it was. Beside it stands what a client takes that reads the same rows and forgets them. All sizes are copied in
// turns, for a machine is not the same from one minute to the next, and the best turn of each counts. -bench.only takes
// growth-rows, growth-tables, growth-partitions and growth-columns, with commas.
//
//	go test ./engine/enginetest/bench -run TestScale/growth -timeout 2h -v -bench.runs=3
func (w *world) growth(t *testing.T, bin string) {
	full := *runs > 0
	pick := func(few, many []int) []int {
		if full {
			return many
		}
		return few
	}
	total := pick([]int{20_000}, []int{1_000_000})[0]
	contest := func(name string, sizes []int, of func(size int) growth) {
		if *only != "" && !strings.Contains(","+*only+",", ",growth-"+name+",") {
			return
		}
		made := map[string]bool{}
		var table []growth
		for _, size := range sizes {
			g := of(size)
			g.Size, g.database = size, fmt.Sprintf("growth_%d_%d_%d", g.tables, g.Rows, g.columns)
			if !made[g.database] {
				w.tables(g.database, g.tables, g.Rows/g.tables, g.columns, g.width)
				made[g.database] = true
			}
			table = append(table, g)
		}
		for turn := range max(*runs, 1) {
			for i, best := range table {
				g := w.forget(w.grow(bin, best))
				t.Logf("turn %d: %+v", turn, g)
				if turn > 0 {
					g = g.better(best)
				}
				table[i] = g
			}
		}
		for database := range made {
			w.empty(database)
		}
		t.Log("\n" + tabulated(name, table))
	}
	contest("rows", pick([]int{20_000}, []int{100_000, 1_000_000, 10_000_000}), func(rows int) growth {
		return growth{Rows: rows, tables: 1, columns: 3, width: 60}
	})
	contest("tables", pick([]int{20}, []int{1, 10, 100, 1000, 10_000}), func(n int) growth {
		return growth{Rows: total, tables: n, columns: 3, width: 60}
	})
	contest("partitions", pick([]int{50}, []int{1, 10, 100, 1000}), func(n int) growth {
		return growth{Rows: total, tables: 1, columns: 3, width: 60, partitions: n}
	})
	contest("columns", pick([]int{20}, []int{2, 8, 32, 128}), func(n int) growth {
		return growth{Rows: total / 5, tables: 1, columns: n, width: 1920 / n} // as many bytes, in more columns
	})
}

// growth is one size of a contest.
type growth struct {
	Size, Rows         int
	tables, partitions int
	columns, width     int // beside the key
	database           string
	Start, Seconds     float64 // from the process's start to the first record, and from there to its end
	CPU, Source        float64 // microseconds a row, of the process and of the source
	PeakMB             float64
	Bytes              int64   // of all records, as they are sent
	LeastSeconds       float64 // of a client that reads the same rows and forgets them
	LeastSource        float64 // microseconds a row, of the source
}

// better is the one of two that took less time, with the faster of the clients.
func (g growth) better(other growth) growth {
	if other.Seconds < g.Seconds {
		g, other = other, g
	}
	if other.LeastSeconds < g.LeastSeconds {
		g.LeastSeconds, g.LeastSource = other.LeastSeconds, other.LeastSource
	}
	return g
}

func tabulated(name string, list []growth) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%10s %10s %8s %8s %10s %8s %10s %10s %8s %10s %10s %8s %14s %10s\n", name, "rows", "start s", "copy s", "µs a row", "of first", "bytes", "µs a kB", "of first", "CPU µs", "source µs", "peak MB",
		"a SELECT alone", "source µs")
	aRow := func(g growth) float64 { return g.Seconds * 1e6 / float64(g.Rows) }
	aKB := func(g growth) float64 { return g.Seconds * 1e9 / float64(g.Bytes) }
	for _, g := range list {
		fmt.Fprintf(&b, "%10d %10d %8.2f %8.2f %10.2f %7.0f%% %10d %10.2f %7.0f%% %10.2f %10.2f %8.0f %14.2f %10.2f\n", g.Size, g.Rows, g.Start, g.Seconds, aRow(g), 100*aRow(g)/aRow(list[0]),
			g.Bytes/int64(g.Rows), aKB(g), 100*aKB(g)/aKB(list[0]), g.CPU, g.Source, g.PeakMB, g.LeastSeconds*1e6/float64(g.Rows), g.LeastSource)
	}
	return b.String()
}

// TestScale has more of everything than is usual. Without -bench.runs it does so in small, as a test that it can be
// done, and judges no times.
func TestScale(t *testing.T) {
	bin := build(t)
	// Tables are made without waiting for the disk, by the thousand.
	m := servers.StartMySQL(t, servers.MySQL80, "binlog_row_metadata=MINIMAL", "innodb_buffer_pool_size=1G", "innodb_redo_log_capacity=1G", "max_allowed_packet=64M",
		"innodb_flush_method=nosync", "innodb_file_per_table=OFF", "binlog_expire_logs_seconds=0")
	k := servers.StartKafka(t, servers.KafkaMeasured("2g"), servers.KafkaConfig("message.max.bytes=20000000", "log.retention.ms=-1", "log.segment.delete.delay.ms=1000"))
	for _, part := range []struct {
		name string
		run  func(*world, *testing.T, string)
	}{{"tasks", (*world).tasks}, {"tables", (*world).manyTables}, {"growth", (*world).growth}} {
		t.Run(part.name, func(t *testing.T) {
			w := newWorldOf(t, m, k)
			defer w.empty("growth")
			part.run(w, t, bin)
		})
	}
}

// empty drops a database.
func (w *world) empty(database string) {
	w.m.Exec(w, "SET SESSION sql_log_bin=0", "DROP DATABASE IF EXISTS "+database)
}

// tables makes a database of so many tables, each with so many rows of so many columns beside the key.
func (w *world) tables(database string, n, rows, columns, width int) {
	w.Helper()
	var defs, values []string
	for i := range columns {
		defs = append(defs, fmt.Sprintf("c%d VARCHAR(%d) NOT NULL", i, width))
		values = append(values, fmt.Sprintf("RPAD(n * %d, %d, 'x')", i+1, width))
	}
	w.m.Exec(w, "CREATE DATABASE "+database+" CHARACTER SET utf8mb4")
	const makers = 4
	done := make(chan error, makers)
	for maker := range makers {
		var sql []string
		sql = append(sql, "SET SESSION cte_max_recursion_depth=100000000", "SET SESSION sql_log_bin=0")
		for i := maker; i < n; i += makers {
			sql = append(sql, fmt.Sprintf("CREATE TABLE %s.%s (id BIGINT NOT NULL PRIMARY KEY, %s) ROW_FORMAT=DYNAMIC", database, tableName(i), strings.Join(defs, ", ")))
			if rows > 0 {
				sql = append(sql, fmt.Sprintf("INSERT INTO %s.%s SELECT n, %s FROM (WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM n WHERE n < %d) SELECT n FROM n) t",
					database, tableName(i), strings.Join(values, ", "), rows))
			}
		}
		go func() { done <- w.m.TryExec(sql...) }()
	}
	for range makers {
		if err := <-done; err != nil {
			w.Fatal(err)
		}
	}
}

func tableName(i int) string { return fmt.Sprintf("t%06d", i) }

// wholeTask writes a task file of tables of a database, and gives the command that runs it.
func (w *world) wholeTask(bin, database string, tables, partitions int, more string) *exec.Cmd {
	w.Helper()
	w.topic("growth", partitions)
	dir := w.TempDir()
	var b strings.Builder
	host, port := w.source()
	fmt.Fprintf(&b, "name: growth\nsource: {host: %s, port: %s, user: %s, password: {env: PW}}\ntarget: {brokers: [%q], topic: growth, partitions: %d, replication: 1}\npolicy: key\n%s\ntables:\n",
		host, port, w.m.Account, w.k.Plain, partitions, more)
	for i := range tables {
		fmt.Fprintf(&b, "  - {schema: %s, name: %s}\n", database, tableName(i))
	}
	file := filepath.Join(dir, "task.yaml")
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		w.Fatal(err)
	}
	cmd := exec.Command(bin, "run", file, "--data", filepath.Join(dir, "data"), "--json")
	cmd.Env = append(os.Environ(), "PW="+w.m.Password)
	return cmd
}

// grow copies all of the database once.
func (w *world) grow(bin string, g growth) growth {
	w.Helper()
	heartbeats := max(g.partitions, 1) // one each
	cmd := w.wholeTask(bin, g.database, g.tables, heartbeats, "schema: false\nfull: true\nincremental: false")
	w.calm()
	p := begin(w.T, cmd)
	pid := cmd.Process.Pid
	w.reach(p, "growth", int64(heartbeats+1), 20*time.Minute)
	a := w.look(p)
	g.Start = a.at.Sub(p.began).Seconds()
	w.reach(p, "growth", int64(g.Rows+heartbeats), 30*time.Minute)
	b := w.look(p)
	g.PeakMB = memoryOf(pid, "VmHWM")
	<-p.done
	g.Seconds = time.Since(a.at).Seconds()
	g.CPU, g.Source = float64((b.it-a.it).Microseconds())/float64(g.Rows), float64((b.source-a.source).Microseconds())/float64(g.Rows)
	if code := p.cmd.ProcessState.ExitCode(); code != 0 {
		w.Fatalf("it ended with %d:\n%s", code, p.said())
	}
	p.stop(syscall.SIGKILL)
	sent := regexp.MustCompile(`"acknowledged_bytes":(\d+)`).FindAllStringSubmatch(p.said(), -1)
	if len(sent) == 0 {
		w.Fatalf("it does not say how much it sent:\n%s", p.said())
	}
	var err error
	if g.Bytes, err = strconv.ParseInt(sent[len(sent)-1][1], 10, 64); err != nil {
		w.Fatal(err)
	}
	if n := w.count("growth"); n != int64(g.Rows+heartbeats) {
		w.Errorf("%d records of %d rows", n, g.Rows)
	}
	return g
}

// forget reads the rows of the tables on as many connections as the copy had, and does nothing with them.
func (w *world) forget(g growth) growth {
	w.Helper()
	var conns []*client.Conn
	for range min(g.tables, task.DefaultWorkers) {
		c := w.m.Conn(w, g.database)
		defer c.Close()
		conns = append(conns, c)
	}
	o := w.alone("select", int64(g.Rows), func() {
		var wg sync.WaitGroup
		var next atomic.Int64
		for _, c := range conns {
			wg.Go(func() {
				for i := next.Add(1) - 1; i < int64(g.tables); i = next.Add(1) - 1 {
					var result mysql.Result
					if err := c.ExecuteSelectStreaming("SELECT * FROM "+tableName(int(i)), &result, func([]mysql.FieldValue) error { return nil }, nil); err != nil {
						w.Error(err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
	g.LeastSeconds, g.LeastSource = o.Seconds, o.SourceMicros
	return g
}
