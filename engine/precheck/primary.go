package precheck

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
)

// Above these a source has little to spare for a full copy.
const (
	mostRunning = 30 // threads
	mostBehind  = 10 // seconds of a replica
	mostTime    = 10 * time.Second
)

// primary refuses a replica that keeps what it replicates out of its binlog. Where the account may not read the state
// of replication, a server that takes writes counts as a primary.
func primary(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "read_only", "log_slave_updates", "log_replica_updates")
	if err != nil {
		return refused(err)
	}
	r, err := f.source.Replication(ctx)
	if err != nil {
		return refused(err)
	}
	logs := vars["log_slave_updates"] == "ON" || vars["log_replica_updates"] == "ON"
	reads := vars["read_only"] != "OFF" && vars["read_only"] != ""
	setting := "log_replica_updates"
	if f.flavor == cdc.MariaDB {
		setting = "log_slave_updates"
	}
	switch {
	case logs && r != nil && r.Sources > 0:
		return passed("primary.replica", "Setting", setting)
	case logs:
		return passed("primary.logs", "Setting", setting)
	case r != nil && r.Sources > 0:
		return failed("primary.silent", "Setting", setting)
	case r == nil && reads:
		return failed("primary.unknown", "Setting", setting).as(Warning)
	}
	return passed("primary.ok")
}

// load tells what the source does already.
func load(ctx context.Context, f *facts) finding {
	status, err := f.source.Status(ctx, "Threads_running")
	if err != nil {
		return refused(err)
	}
	long, err := f.source.LongStatements(ctx, mostTime)
	if err != nil {
		return refused(err)
	}
	r, err := f.source.Replication(ctx)
	if err != nil {
		return refused(err)
	}
	running, _ := strconv.Atoi(status["Threads_running"])
	behind, late := "–", false
	switch {
	case r == nil || r.Sources == 0:
	case r.Stopped:
		behind, late = "∞", true
	default:
		behind, late = strconv.Itoa(r.Behind), r.Behind > mostBehind
	}
	params := []string{"Running", strconv.Itoa(running), "Long", strconv.Itoa(long), "Behind", behind, "Size", size(f.bytes()),
		"MostRunning", strconv.Itoa(mostRunning), "MostBehind", strconv.Itoa(mostBehind)}
	if running > mostRunning || long > 0 || late {
		return failed("load.high", params...)
	}
	return passed("load.ok", params...)
}

// bytes estimates what the selected tables hold.
func (f *facts) bytes() (sum int64) {
	for _, id := range f.ids() {
		sum += f.listed[id].Bytes
	}
	return sum
}

// size writes bytes for a person.
func size(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d B", n)
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}

// session compares what a session has with what every connection of a task sets.
func session(ctx context.Context, f *facts) finding {
	zone, charset, err := f.source.Session(ctx)
	if err != nil {
		return refused(err)
	}
	if zone != "+00:00" || !strings.EqualFold(charset, "utf8mb4") {
		return failed("session.refused", "Zone", zone, "Charset", charset)
	}
	return passed("session.ok", "Zone", zone, "Charset", charset)
}
