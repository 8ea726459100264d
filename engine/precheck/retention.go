package precheck

import (
	"context"
	"strconv"
	"time"

	"sluice/engine/task"
)

// retention compares how long the binlog is kept, by its age and by its size, with how long the full copy may take.
func retention(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, "binlog_expire_logs_auto_purge", "binlog_expire_logs_seconds", "expire_logs_days",
		"max_binlog_total_size", "binlog_space_limit")
	if err != nil {
		return refused(err)
	}
	g, err := f.growth(ctx)
	if task.Code(err) == "source.privilege_missing" { // told by the check of the privileges
		return skipped("retention.denied", "Detail", refused(err).params["Detail"])
	}
	if err != nil {
		return refused(err)
	}
	copies := f.copyTime()
	needed := 2 * copies
	params := []string{"Copy", copies.String(), "Size", size(f.bytes()), "Needed", needed.String(),
		"Now", perSecond(g.now), "Average", perSecond(g.average), "Grows", size(g.during(copies))}
	kept, ever := keptFor(vars)
	if name, limit := sizeLimit(vars); limit > 0 && g.rate() > 0 && g.during(needed) > limit {
		holds := time.Duration(float64(limit) / g.rate() * float64(time.Second))
		return failed("retention.space", append(params, "Name", name, "Limit", size(limit), "Kept", holds.Round(time.Second).String(), "Bytes", strconv.FormatInt(2*g.during(needed), 10))...)
	}
	if reach := g.reach.Round(time.Second); g.purged && reach < needed && (ever || reach < kept) {
		return failed("retention.early", append(params, "Kept", reach.String())...)
	}
	if ever {
		return passed("retention.ever", params...)
	}
	params = append(params, "Kept", kept.String())
	if kept >= needed {
		return passed("retention.ok", params...)
	}
	if _, ok := vars["binlog_expire_logs_seconds"]; !ok {
		return failed("retention.days", append(params, "Days", strconv.Itoa(int(needed/(24*time.Hour))+1))...)
	}
	return failed("retention.short", append(params, "Seconds", strconv.Itoa(int(needed.Seconds())))...)
}

// keptFor reads how long the server keeps its binlog; of the two settings only one is not 0.
func keptFor(vars map[string]string) (kept time.Duration, ever bool) {
	seconds, _ := strconv.ParseFloat(vars["binlog_expire_logs_seconds"], 64)
	days, _ := strconv.ParseFloat(vars["expire_logs_days"], 64)
	kept = time.Duration(max(seconds, days*86400) * float64(time.Second))
	return kept, kept == 0 || vars["binlog_expire_logs_auto_purge"] == "OFF"
}

// sizeLimit reads above which size some servers purge their binlog: Percona's have one name for it, MariaDB another.
func sizeLimit(vars map[string]string) (name string, limit int64) {
	for _, name := range []string{"max_binlog_total_size", "binlog_space_limit"} {
		if limit, _ := strconv.ParseInt(vars[name], 10, 64); limit > 0 {
			return name, limit
		}
	}
	return "", 0
}
