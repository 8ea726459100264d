package exact

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

var (
	rows      = flag.Int("exact.rows", 200_000, "rows of the largest table")
	kills     = flag.Int("exact.kills", 3, "kills at random moments, on top of one at each named fault point")
	seconds   = flag.Int("exact.seconds", 8, "how long the tables are written to at least")
	seed      = flag.Uint64("exact.seed", 1, "of the workload and the kills")
	allFaults = flag.Bool("exact.allfaults", false, "all fault points at every source")
	both      = flag.Bool("exact.readers", false, "have every message read by the two independent readers, too")
)

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

const (
	limit    = 5 * time.Minute // of one exercise
	patience = 4 * time.Second // for a fault point to be reached
)

// points are all named fault points of the engine; the process kills itself when it reaches one. In their order:
// begun; the lanes fenced, in the scan of a restart; in the middle of a chunk's SELECT and after it; before and after
// SEALED is stored; among a chunk's rows, after a piece of them, and among the changes queued behind them; after a
// request before its answer is counted, between the answer and the note, after the note.
var points = []string{"begun:1", "fenced:1", "reading:700", "read:2", "sealing:2", "sealed:3", "row:1500", "handing:4", "queued:2",
	"scanning:1", "sent:5", "acked:6", "noted:1", "scanning:40", "sealed:1", "reading:20", "row:1", "acked:40", "queued:1", "scanning:2"}

type shape struct {
	name       string
	kind       servers.Kind
	options    []string
	partitions int
	policy     string
	truncate   bool
	rowLock    bool
	points     []string
	rotate     bool        // a new binlog file each half second
	plain      *plainShape // for a target without producer ids; nil: with
	format     string      // a line of the task file; empty: the default
}

// The options widen the window between the flush of a transaction and its visibility, in which the naive watermark
// loses rows.
var (
	wideMySQL   = []string{"sync_binlog=1", "binlog_group_commit_sync_delay=5000", "binlog_order_commits=OFF"}
	wideMariaDB = []string{"sync_binlog=1"}
)

func shapes() []shape {
	minimal := func(o []string) []string { return append(append([]string(nil), o...), "binlog_row_metadata=MINIMAL") }
	return []shape{
		{"mysql/one-partition/full", servers.MySQL80, wideMySQL, 1, "zero", true, false, nil, false, nil, ""},
		{"mysql/six-partitions/minimal", servers.MySQL80, minimal(wideMySQL), 6, "key", false, false, nil, false, nil, ""},
		{"mariadb/one-partition/minimal", servers.MariaDB1011, minimal(wideMariaDB), 1, "zero", true, false, nil, false, nil, ""},
		{"mariadb/sixty-partitions/full", servers.MariaDB1011, wideMariaDB, 60, "key", false, false, nil, false, nil, ""},
	}
}

// sources are shapes whose faults were tried with the others; what differs is how the source is read.
func sources() []shape {
	return []shape{
		{"no-gtid/barrier", servers.MySQL80, slices.Concat(wideMySQL, servers.NoGTID), 1, "zero", true, false, nil, true, nil, ""},
		{"no-gtid/row-lock", servers.MySQL80, slices.Concat(wideMySQL, servers.NoGTID, []string{"binlog_order_commits=ON"}), 6, "key", true, true, nil, false, nil, ""},
		{"mysql-9.7", servers.MySQL97, wideMySQL, 6, "key", true, false, nil, false, nil, ""},
	}
}

// TestExactSources is TestExact with few faults, unless asked for more.
func TestExactSources(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	few := points[3:11]
	if *allFaults {
		few = points
	}
	for i, s := range sources() {
		t.Run(s.name, func(t *testing.T) {
			s.points = few
			report := exercise(t, bin, k, s, fmt.Sprintf("source%d", i), map[string]bool{})
			t.Log(report)
			if !report.OK() {
				t.Fail()
			}
		})
	}
}

// TestExact copies and follows tables that eight writers and a DDL session change, kills the process at random and at
// every named point, and lets the oracle judge every record.
func TestExact(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	reached := map[string]bool{}
	for i, s := range shapes() {
		t.Run(s.name, func(t *testing.T) {
			s.points = points
			report := exercise(t, bin, k, s, fmt.Sprintf("exact%d", i), reached)
			t.Log(report)
			if !report.OK() {
				t.Fail()
			}
		})
	}
	for _, p := range points {
		if !reached[p] {
			t.Errorf("no process came to point %s", p)
		}
	}
}

// exercise plays one shape; the points at which a process killed itself go into reached, nil is without faults.
func exercise(t *testing.T, bin string, k *servers.Kafka, s shape, topic string, reached map[string]bool) *oracle.Report {
	m := servers.StartMySQL(t, s.kind, s.options...)
	o := workload.Options{Seed: *seed, Schema: "work", Rows: map[string]int{"t_int": *rows, "t_text": 24_000, "t_words": 36_000, "t_mixed": 9000, "t_bin": 6000}, Truncate: s.truncate, XA: true}
	var env []string
	if s.plain != nil {
		o.Rows["t_int"] = *rows / 10
		env = []string{"SLUICE_KAFKA_TIMEOUT=2s"} // each take-over waits as long
	}
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := workload.Setup(ctx, m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	writing, err := workload.Start(ctx, m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: workload.Tables(), Topic: topic, Partitions: s.partitions, Policy: s.policy, RowLock: s.rowLock, Env: env, Extra: s.format})
	if s.rotate {
		go rotate(ctx, m)
	}
	until := time.Now().Add(time.Duration(*seconds) * time.Second)
	killed := 0
	switch {
	case s.plain != nil:
		killed = s.plain.attack(ctx, t, x)
	case reached != nil:
		killed = attack(ctx, t, x, s.points, reached)
	}
	if left := time.Until(until); left > 0 { // the stream is followed for a while without faults
		runFor(ctx, t, x, left)
	}
	stats, err := writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if s.rowLock {
		// After a DDL statement a lock proves nothing until a row is changed, which now nobody does.
		m.Exec(t, "FLUSH BINARY LOGS")
	}
	end, err := x.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("the last run ended with code %d: %v %s", end.Code, err, end.Stderr)
	}
	t.Logf("workload %+v; process killed %d times", stats, killed)
	if s.plain != nil {
		s.plain.last = end.Last
	}
	return judge(t, m, k, topic, s)
}

// TestExactCanal is TestExact in Canal JSON, small.
func TestExactCanal(t *testing.T) {
	was := *rows
	*rows = min(was, 20_000)
	defer func() { *rows = was }()
	s := shape{name: "canal", kind: servers.MySQL80, options: wideMySQL, partitions: 3, policy: "key", truncate: true, format: "format: canal-json", points: points[1:13]}
	report := exercise(t, driver.Binary(t), servers.SharedKafka(t), s, "canal", map[string]bool{})
	t.Log(report)
	if !report.OK() {
		t.Fail()
	}
}

// rotate begins new binlog files, as a person does who helps a full copy on without GTID.
func rotate(ctx context.Context, m *servers.MySQL) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = m.TryExec("FLUSH BINARY LOGS") // the server may be gone already
		}
	}
}

// attack kills the process at each named point, then at random moments.
func attack(ctx context.Context, t *testing.T, x *driver.Task, points []string, reached map[string]bool) (killed int) {
	g := rand.New(rand.NewPCG(*seed, 99))
	for _, p := range points {
		// A point that is not reached any more (the copy is done) must not hold the test up.
		began := time.Now()
		o, err := x.Run(ctx, p, time.After(patience))
		check(t, o, err, p)
		killed++
		reached[p] = reached[p] || time.Since(began) < patience
	}
	for range *kills {
		o, err := x.Run(ctx, "", time.After(time.Duration(200+g.IntN(2500))*time.Millisecond))
		check(t, o, err, "a random moment")
		killed++
	}
	return killed
}

func check(t *testing.T, o driver.Outcome, err error, when string) {
	t.Helper()
	if err != nil {
		t.Fatalf("killing at %s: %v", when, err)
	}
	if !o.Killed {
		t.Fatalf("killing at %s: the process ended by itself with code %d: %s", when, o.Code, o.Stderr)
	}
}

func runFor(ctx context.Context, t *testing.T, x *driver.Task, d time.Duration) {
	o, err := x.Run(ctx, "", time.After(d))
	check(t, o, err, "the end of the undisturbed time")
}

func judge(t *testing.T, m *servers.MySQL, k *servers.Kafka, topic string, s shape) *oracle.Report {
	report, topics := driver.Judge(t, m, []string{k.Plain}, topic, workload.Tables(), oracle.CheckOptions{OnePartition: s.partitions == 1})
	if *both && s.format == "" { // they read DTS Avro alone
		readAll(t, k, topic, len(topics.Records))
	}
	return report
}

// readAll has every message of the topic read by the official reader and by the other one, which must see the same.
func readAll(t *testing.T, k *servers.Kafka, topic string, want int) {
	const at = 20_000 // messages at once
	var values [][]byte
	n := 0
	flush := func() {
		n += len(readers.Agree(t, values))
		values = values[:0]
	}
	err := oracle.EachValue(t.Context(), []string{k.Plain}, []string{topic}, func(v []byte) {
		if values = append(values, v); len(values) == at {
			flush()
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	flush()
	if n < want || want == 0 {
		t.Errorf("the readers read %d messages, the oracle %d records", n, want)
	}
	t.Logf("%d messages read by both readers", n)
}
