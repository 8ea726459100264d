package exact

import (
	"context"
	"flag"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

var stops = flag.Int("exact.stops", 2, "orderly stops in each phase")

// mostDraining is how long a stop may take.
const mostDraining = 10 * time.Second

// TestStopsUnderLoad stops the process by SIGTERM again and again, in the full copy and in the stream, while eight
// writers write as fast as they can: it drains, ends within seconds, and goes on.
func TestStopsUnderLoad(t *testing.T) {
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	m := servers.StartMySQL(t, servers.MySQL80)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	o := workload.Options{Seed: *seed, Schema: "work", Rows: map[string]int{"t_int": *rows / 2}}
	if err := workload.Setup(ctx, m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	writing, err := workload.Start(ctx, m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: workload.Tables(), Topic: "stops", Partitions: 6, Policy: "key", Extra: "workers: 1"})
	for _, phase := range []string{"full", "incremental"} {
		var longest time.Duration
		for range *stops {
			fault := ""
			if phase == "full" {
				fault = slowCopy
			}
			p, err := x.Start(fault)
			if err != nil {
				t.Fatal(err)
			}
			reach(ctx, t, p, phase)
			began := time.Now()
			p.Signal(syscall.SIGTERM)
			out, err := p.Wait(ctx)
			longest = max(longest, time.Since(began))
			if err != nil || out.Code != 3 {
				t.Fatalf("exit code %d: %v %s", out.Code, err, out.Stderr)
			}
		}
		if t.Logf("phase %s: the longest of %d stops took %s", phase, *stops, longest.Round(time.Millisecond)); longest > mostDraining {
			t.Errorf("a stop took %s", longest)
		}
		if copied := x.Copied.Load(); copied != (phase == "incremental") {
			t.Errorf("after the stops in phase %s the full copy is done: %t", phase, copied)
		}
	}
	stats, err := writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("workload %+v", stats)
	end, err := x.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("the last run ended with code %d: %v %s", end.Code, err, end.Stderr)
	}
	report, _ := driver.Judge(t, m, []string{k.Plain}, "stops", workload.Tables(), oracle.CheckOptions{})
	t.Log(report)
	if !report.OK() {
		t.Fail()
	}
}
