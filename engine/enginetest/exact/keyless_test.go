package exact

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
)

const (
	heapRows   = 60_000
	heapRow    = 3600      // bytes
	heapMemory = 150 << 20 // resident at most, less than the table and its file
)

// TestKeyless copies a table without a key that is larger than the memory it may take, while it is written to with
// short pauses, and kills the process in the middle of its SELECT and among its rows.
func TestKeyless(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	for i, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			m := servers.StartMySQL(t, kind)
			topic := fmt.Sprintf("keyless%d", i)
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			fillHeap(t, m)
			writing, stop := context.WithCancel(ctx)
			written := make(chan int)
			go func() { written <- writeHeap(writing, m) }()
			x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: []string{"heap"}, Topic: topic, Partitions: 3, Policy: "key"})
			peak := 0
			for _, point := range []string{"reading:30000", "row:20000", "row:15000"} {
				o, most := measured(ctx, t, x, point)
				check(t, o, nil, point)
				peak = max(peak, most)
			}
			stop()
			n := <-written
			o, err := x.Run(ctx, "", nil, "--until", "caught-up")
			if err != nil || o.Code != 0 {
				t.Fatalf("the last run ended with code %d: %v %s", o.Code, err, o.Stderr)
			}
			report, _ := driver.Judge(t, m, []string{k.Plain}, topic, []string{"heap"}, oracle.CheckOptions{})
			t.Logf("%d transactions, %d MiB resident at most\n%s", n, peak>>20, report)
			if !report.OK() {
				t.Fail()
			}
			if peak > heapMemory || peak == 0 {
				t.Errorf("the process took %d MiB for a table of %d MiB", peak>>20, heapRows*heapRow>>20)
			}
		})
	}
}

// measured runs the process to the point and gives how much memory it took.
func measured(ctx context.Context, t *testing.T, x *driver.Task, point string) (driver.Outcome, int) {
	p, err := x.Start(point)
	if err != nil {
		t.Fatal(err)
	}
	peak := 0
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-p.Done():
			return p.Outcome(), peak
		case <-tick.C:
			peak = max(peak, resident(p.PID()))
		case <-ctx.Done():
			t.Fatal("the process did not come to " + point)
		}
	}
}

// fillHeap makes the table; some of its rows are alike.
func fillHeap(t *testing.T, m *servers.MySQL) {
	m.Exec(t, "CREATE DATABASE work")
	c := m.Conn(t, "work")
	defer c.Close()
	g := rand.New(rand.NewPCG(*seed, 7))
	execute := func(sql string) {
		if _, err := c.Execute(sql); err != nil {
			t.Fatal(err)
		}
	}
	execute("CREATE TABLE heap (a INT, b VARCHAR(4000), KEY (a)) ENGINE=InnoDB")
	for range heapRows / 500 {
		var rows []string
		for range 500 {
			rows = append(rows, fmt.Sprintf("(%d,REPEAT('%c',%d))", g.IntN(1000), 'a'+g.IntN(26), heapRow-g.IntN(3)))
		}
		execute("INSERT INTO heap VALUES " + strings.Join(rows, ","))
	}
}

// writeHeap changes rows until ctx ends, with a pause after each transaction that is longer than a quiet window needs.
func writeHeap(ctx context.Context, m *servers.MySQL) (n int) {
	c, err := client.ConnectWithContext(ctx, m.Addr, m.RootUser, m.RootPassword, "work", 10*time.Second)
	if err != nil {
		return -1
	}
	defer c.Close()
	g := rand.New(rand.NewPCG(*seed, 8))
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		sql := fmt.Sprintf("UPDATE heap SET b=CONCAT('u',b) WHERE a=%d LIMIT 3", g.IntN(1000))
		switch n % 3 {
		case 1:
			sql = fmt.Sprintf("DELETE FROM heap WHERE a=%d LIMIT 1", g.IntN(1000))
		case 2:
			sql = fmt.Sprintf("INSERT INTO heap VALUES (%d,'new'),(%[1]d,'new')", g.IntN(1000))
		}
		if _, err := c.Execute(sql); err != nil {
			return n
		}
		n++
		select {
		case <-ctx.Done():
			return n
		case <-pause.C:
		}
	}
}

var highest = regexp.MustCompile(`VmHWM:\s+(\d+) kB`)

// resident gives the most bytes of memory that a process had so far.
func resident(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := highest.FindSubmatch(b)
	if found == nil {
		return 0
	}
	n, _ := strconv.Atoi(string(found[1]))
	return n << 10
}
