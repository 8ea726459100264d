package precheck

import (
	"context"
	"strconv"
	"time"

	"sluice/engine/retention"
	"sluice/engine/task"
)

// retained compares how long the binlog is kept, by its age and by its size, with how long the full copy may take.
func retained(ctx context.Context, f *facts) finding {
	vars, err := f.source.Variables(ctx, retention.Variables()...)
	if err != nil {
		return refused(err)
	}
	g, err := f.growth(ctx)
	if task.Code(err) == "source.privilege_missing" { // told by the check of the privileges
		return skipped("retention.denied", "Detail", refused(err).params["Detail"]) // what the server said, beside the text
	}
	if err != nil {
		return refused(err)
	}
	copies := f.copyTime()
	needed := 2 * copies
	params := []string{"Copy", copies.String(), "Size", size(f.bytes()), "Needed", needed.String(),
		"Now", perSecond(g.now), "Average", perSecond(g.average), "Grows", size(g.during(copies))}
	kept, ever := retention.KeptFor(vars)
	if name, limit := retention.SizeLimit(vars); limit > 0 && g.rate() > 0 && g.during(needed) > limit {
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
