package precheck

import (
	"context"
	"strconv"
	"strings"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/retention"
	"sluice/engine/task"
)

// leastKept is what the source must keep beside a spool, which receives nothing while the task or its connection is away.
const leastKept = time.Hour

// spooled gives the spool's limit if the binlog of the copy fits into it and there is room on the disk; else 0. A source
// without GTID has none.
func (f *facts) spooled(ctx context.Context, grows int64) int64 {
	limit := int64(f.Spec.SpoolMiB()) << 20
	if f.flavor == cdc.MySQL {
		if vars, err := f.source.Variables(ctx, "gtid_mode"); err != nil || !strings.EqualFold(vars["gtid_mode"], "ON") {
			return 0 // what is wrong with the source, another item tells
		}
	}
	free, err := f.Free()
	if err != nil || grows > limit || uint64(grows)+leastFree > free {
		return 0
	}
	return limit
}

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
	spool := f.spooled(ctx, g.during(needed))
	enough := func(kept time.Duration) bool { return spool > 0 && kept >= leastKept }
	bySpool := func(kept time.Duration) finding {
		return passed("retention.spool", append(params, "Kept", kept.String(), "Spool", size(spool))...)
	}
	if name, limit := retention.SizeLimit(vars); limit > 0 && g.rate() > 0 && g.during(needed) > limit {
		holds := time.Duration(float64(limit) / g.rate() * float64(time.Second))
		if enough(holds) {
			return bySpool(holds.Round(time.Second))
		}
		return failed("retention.space", append(params, "Name", name, "Limit", size(limit), "Kept", holds.Round(time.Second).String(), "Bytes", strconv.FormatInt(2*g.during(needed), 10))...)
	}
	if reach := g.reach.Round(time.Second); g.purged && reach < needed && (ever || reach < kept) {
		if enough(reach) {
			return bySpool(reach)
		}
		return failed("retention.early", append(params, "Kept", reach.String())...)
	}
	if ever {
		return passed("retention.ever", params...)
	}
	params = append(params, "Kept", kept.String())
	if kept >= needed {
		return passed("retention.ok", params...)
	}
	if enough(kept) {
		return bySpool(kept)
	}
	if _, ok := vars["binlog_expire_logs_seconds"]; !ok {
		return failed("retention.days", append(params, "Days", strconv.Itoa(int(needed/(24*time.Hour))+1))...)
	}
	return failed("retention.short", append(params, "Seconds", strconv.Itoa(int(needed.Seconds())))...)
}
