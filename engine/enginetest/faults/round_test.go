package faults

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

var (
	pairs  = flag.String("faults.pair", "", "pairs of source and target, with commas, like mysql-8.0.33/kafka-4.4; none: the fixed form of `task test`")
	seed   = flag.Uint64("faults.seed", 1, "of the schedule and the workload; the rounds after the first count on from it")
	number = flag.Int("faults.n", 60, "faults for each pair")
	each   = flag.Int("faults.round", 20, "faults in a round, which has servers and a task of its own")
	out    = flag.String("faults.out", "", "folder for the results as JSON")
	most   = flag.Duration("faults.for", time.Hour, "no fault of a round begins after this time")
	only   = flag.String("faults.only", "", "kinds of faults, with commas; none: all")
)

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

const (
	fixedPair  = "mysql-8.0.33/kafka-4.4"
	fixedLeast = 40
)

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// TestFaults plays rounds of faults and judges every record after each.
func TestFaults(t *testing.T) {
	if *pairs == "" {
		round(t, fixedPair, *seed, 0, true)
		return
	}
	for _, pair := range strings.Split(*pairs, ",") {
		for i := 0; i*(*each) < *number; i++ {
			s := *seed + uint64(i)
			n := min(*each, *number-i*(*each))
			t.Run(fmt.Sprintf("%s/seed=%d", pair, s), func(t *testing.T) { round(t, pair, s, n, false) })
		}
	}
}

// round is one task, hurt n times and judged.
func round(t *testing.T, pair string, seed uint64, n int, short bool) {
	began := time.Now()
	bin := driver.Binary(t)
	src, target := split(t, pair)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	w := &world{t: t, ctx: ctx, g: rand.New(rand.NewPCG(seed, 7)), short: short, plain: strings.Contains(pair, "/"+string(servers.Kafka010)), line: newProxy(t, "source")}
	w.source = servers.StartMySQL(t, src.kind, src.options...)
	w.line.to(t, w.source.Addr)
	w.brokers = target(t)
	six := !short && seed%2 == 0
	o := workload.Options{Seed: seed, Rows: map[string]int{"t_int": 60_000}, Rate: 60, Reconnect: true, Truncate: !six}
	if err := workload.Setup(ctx, w.source.Addr, w.source.RootUser, w.source.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	// A task without GTID begins with the current file: what was loaded is not to come through the narrow line twice.
	w.source.Exec(t, "FLUSH BINARY LOGS")
	w.beats = startBeats(t, w.source)
	var err error
	if w.writing, err = workload.Start(ctx, w.source.Addr, w.source.RootUser, w.source.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	tables := append([]string{beatTable}, workload.Tables()...)
	w.task = w.newTask(bin, tables, six, src.rowLock)
	w.beats.watch(t, w.seeds(), topic, w.dial)

	r := &result{Pair: pair, Seed: seed, Date: began.UTC().Truncate(time.Second), Partitions: 1,
		Command: fmt.Sprintf("go test ./engine/enginetest/faults -v -run TestFaults -faults.pair=%s -faults.seed=%d -faults.n=%d -faults.round=%d", pair, seed, n, n)}
	if six {
		r.Partitions = 6
	}
	defer func() { // also of a round that failed
		r.Seconds = time.Since(began).Round(time.Second).Seconds()
		if *out != "" {
			r.write(t, *out)
		}
	}()
	w.play(n, r, began)
	w.beats.stop()
	stats, err := w.writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	r.Committed, r.DDL = stats.Committed, stats.DDL
	w.stop()
	end, err := w.task.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("the last run ended with code %d: %v %s", end.Code, err, end.Stderr)
	}
	r.Report, _ = driver.Judge(t, w.source, w.seeds(), topic, tables, oracle.CheckOptions{OnePartition: !six})
	t.Logf("%d faults in %s, longest recovery %s\n%s", len(r.Faults), time.Since(began).Round(time.Second), r.longest(), r.Report)
	if !r.Report.OK() {
		t.Fail()
	}
	if short && len(r.Faults) < fixedLeast {
		t.Errorf("%d faults, fewer than %d", len(r.Faults), fixedLeast)
	}
}

func (w *world) newTask(bin string, tables []string, six, rowLock bool) *driver.Task {
	m := *w.source
	m.Addr = w.line.addr
	spec := driver.Spec{Source: &m, Brokers: w.seeds(), Schema: "work", Tables: tables,
		Topic: topic, Partitions: 1, Replicas: len(w.brokers), Policy: "zero", Extra: "workers: 2", RowLock: rowLock}
	if six {
		spec.Partitions, spec.Policy = 6, "key"
	}
	x := driver.New(w.t, bin, spec)
	disk := filepath.Join(w.t.TempDir(), "disk")
	w.mounted = mount(w.t, disk)
	x.Data = filepath.Join(disk, "data")
	return x
}

// play injects n faults, one after the other. The full copy is held back during the first third of them by a narrow
// line, so that they meet it.
func (w *world) play(n int, r *result, began time.Time) {
	widen := w.poison(toSource, "bandwidth", "downstream", `"rate": 400`)
	w.start("")
	w.recovered(1)
	wide := sync.OnceFunc(widen)
	defer wide()
	deck := w.schedule(n)
	for i, k := range deck {
		if time.Since(began) > *most {
			break
		}
		if i == len(deck)/3 {
			wide()
		}
		before, _ := w.process.Said()
		p := w.process
		f := &fault{Kind: k.name, Phase: w.phase()}
		r.Faults = append(r.Faults, f)
		w.t.Logf("%2d %s (%s)", i+1, k.name, f.Phase)
		w.back = time.Time{}
		healed, detail := k.play(w)
		at := w.recovered(w.beats.next())
		if !w.back.IsZero() {
			at = w.back
		}
		f.Survived, f.Detail, f.Said, f.Recovery = true, detail, w.said(p, before), at.Sub(healed).Round(time.Millisecond).Seconds()
		w.t.Logf("   %s: back after %.2f s %v", detail, f.Recovery, f.Said)
	}
}
