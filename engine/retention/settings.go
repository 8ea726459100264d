// Package retention tells how long a source keeps its binlog, how that grows, and about when a place in it is purged.
// The precheck asks it before a task begins, [Watch] while one runs.
package retention

import (
	"context"
	"strconv"
	"time"

	"sluice/engine/cdc"
)

// File is a file of the source's binlog.
type File struct {
	Name  string
	Bytes int64
}

// Source is what is asked of the server.
type Source interface {
	// Variables gives global variables; those that the server does not know are missing.
	Variables(ctx context.Context, names ...string) (map[string]string, error)
	// Binlogs lists the files of the binlog, the oldest first.
	Binlogs(context.Context) ([]File, error)
	// Begun tells when a file of the binlog was begun.
	Begun(ctx context.Context, file string) (time.Time, error)
}

// Variables are those that say how long the binlog is kept.
func Variables() []string {
	return []string{"binlog_expire_logs_auto_purge", "binlog_expire_logs_seconds", "expire_logs_days",
		"max_binlog_total_size", "binlog_space_limit"}
}

// KeptFor reads how long the server keeps its binlog; of the two settings only one is not 0.
func KeptFor(vars map[string]string) (kept time.Duration, ever bool) {
	seconds, _ := strconv.ParseFloat(vars["binlog_expire_logs_seconds"], 64)
	days, _ := strconv.ParseFloat(vars["expire_logs_days"], 64)
	kept = time.Duration(max(seconds, days*86400) * float64(time.Second))
	return kept, kept == 0 || vars["binlog_expire_logs_auto_purge"] == "OFF"
}

// SizeLimit reads above which size some servers purge their binlog: Percona's have one name for it, MariaDB another.
func SizeLimit(vars map[string]string) (name string, limit int64) {
	for _, name := range []string{"max_binlog_total_size", "binlog_space_limit"} {
		if limit, _ := strconv.ParseInt(vars[name], 10, 64); limit > 0 {
			return name, limit
		}
	}
	return "", 0
}

// Grown adds up what came in between two lists. Files that were purged meanwhile count nothing.
func Grown(before, after []File) (sum int64) {
	was := map[string]int64{}
	for _, b := range before {
		was[b.Name] = b.Bytes
	}
	for _, b := range after {
		sum += max(0, b.Bytes-was[b.Name])
	}
	return sum
}

// Total adds up the sizes.
func Total(files []File) int64 { return Grown(nil, files) }

// number of a file; 0 for a name without one.
func number(f File) uint64 {
	n, _ := cdc.FileNumber(f.Name)
	return n
}

// Purged reports whether files were purged before the oldest that is there: the server begins with number 1.
func Purged(files []File) bool { return len(files) > 0 && number(files[0]) > 1 }
