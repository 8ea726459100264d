package exact

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
)

var large = flag.Int("exact.large", 64, "megabytes of the one transaction that TestLargeTransaction reads")

// mostMemory is what the process may hold at its peak, however large a transaction is. A compressed one is a single event
// of the log, which comes as a whole: it counts a few times over, as buffers grow to hold it.
const (
	mostMemory = 300 << 20
	perEvent   = 5
)

// TestLargeTransaction reads one transaction of many rows, as it is and compressed, through the spool: it is never held as a
// whole.
func TestLargeTransaction(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	for _, compression := range []string{"OFF", "ON"} {
		t.Run("compression "+compression, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			m := servers.StartMySQL(t, servers.MySQL80, "binlog_transaction_compression="+compression, "max_allowed_packet=1G", "cte_max_recursion_depth=100000000")
			m.Exec(t, "CREATE DATABASE work", "CREATE TABLE work.big (id INT PRIMARY KEY, v VARCHAR(2000))", "INSERT INTO work.big VALUES (0,'')")
			topic := "large-" + compression
			x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: []string{"big"}, Topic: topic, Partitions: 3, Policy: "key"})
			p, err := x.Start("")
			if err != nil {
				t.Fatal(err)
			}
			reach(ctx, t, p, "incremental")
			p.Signal(syscall.SIGTERM)
			if o, err := p.Wait(ctx); err != nil || o.Code != 3 {
				t.Fatalf("%v %+v", err, o)
			}
			before := binlogBytes(t, m)
			rows := *large << 20 / 2000
			m.Exec(t, fmt.Sprintf("INSERT INTO work.big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < %d) "+
				"SELECT i, REPEAT(CONCAT(MD5(i), SHA2(i, 512)), 12) FROM n", rows))
			logged := binlogBytes(t, m) - before
			began := time.Now()
			if p, err = x.Start("", "--until", "caught-up"); err != nil {
				t.Fatal(err)
			}
			peak := peakOf(ctx, p)
			if o, err := p.Wait(ctx); err != nil || o.Code != 0 {
				t.Fatalf("%v %+v", err, o)
			}
			took := time.Since(began)
			got := 0
			if err := oracle.EachValue(ctx, []string{k.Plain}, []string{topic}, func(v []byte) {
				if len(v) > 1900 {
					got++
				}
			}); err != nil {
				t.Fatal(err)
			}
			t.Logf("%d MB in %d rows, %d MB of log: %s, %d MB of memory at the peak", *large, rows, logged>>20, took.Round(time.Millisecond), peak>>20)
			if got != rows {
				t.Errorf("%d of %d rows are in the topic", got, rows)
			}
			most := int64(mostMemory)
			if compression == "ON" {
				most += perEvent * logged
			}
			if peak > most {
				t.Errorf("%d MB of memory", peak>>20)
			}
		})
	}
}

// peakOf waits for the end of a process and gives the most memory that it was seen to hold. What the kernel tells of a
// process that has ended counts the memory of the one that started it, too.
func peakOf(ctx context.Context, p *driver.Process) (peak int64) {
	for {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.PID()))
		if _, rest, ok := strings.Cut(string(status), "VmHWM:"); ok {
			var kb int64
			fmt.Sscan(rest, &kb)
			peak = max(peak, kb<<10)
		}
		select {
		case <-p.Done():
			return peak
		case <-ctx.Done():
			return peak
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binlogBytes is the size of all files.
func binlogBytes(t *testing.T, m *servers.MySQL) (sum int64) {
	r, err := m.Conn(t, "").Execute("SHOW BINARY LOGS")
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Values {
		size, err := r.GetInt(i, 1)
		if err != nil {
			t.Fatal(err)
		}
		sum += size
	}
	return sum
}
