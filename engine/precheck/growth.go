package precheck

import (
	"context"
	"time"

	"sluice/engine/retention"
)

// growthWindow is the least time between the two looks at the binlog that show how it grows.
const growthWindow = 3 * time.Second

// leastHistory is how far back the binlog must reach for its average growth to mean something.
const leastHistory = time.Minute

// lookedAt is the binlog as it was listed at a time.
type lookedAt struct {
	at    time.Time
	files []retention.File
}

// listBinlog keeps the first list for growth.
func (f *facts) listBinlog(ctx context.Context) ([]retention.File, error) {
	files, err := f.source.Binlogs(ctx)
	if err == nil && f.binlog.at.IsZero() {
		f.binlog = lookedAt{time.Now(), files}
	}
	return files, err
}

// growth tells how the binlog grows.
type growth struct {
	now, average float64 // bytes a second; the average is negative where it is not known
	reach        time.Duration
	purged       bool // whether files were purged before the oldest that is there
}

// rate is the greater of the two: a source has quiet hours.
func (g growth) rate() float64 { return max(g.now, g.average) }

// during gives the bytes that come in a time.
func (g growth) during(d time.Duration) int64 { return int64(g.rate() * d.Seconds()) }

// growth looks twice at the sizes of the files, and takes the average since the oldest was begun.
func (f *facts) growth(ctx context.Context) (growth, error) {
	g := growth{average: -1}
	if _, err := f.listBinlog(ctx); err != nil {
		return g, err
	}
	select {
	case <-time.After(time.Until(f.binlog.at.Add(growthWindow))):
	case <-ctx.Done():
		return g, ctx.Err()
	}
	files, err := f.source.Binlogs(ctx)
	if err != nil || len(files) == 0 {
		return g, err
	}
	g.now = float64(retention.Grown(f.binlog.files, files)) / time.Since(f.binlog.at).Seconds()
	begun, err := f.source.Begun(ctx, files[0].Name)
	if err != nil {
		return g, err
	}
	g.reach, g.purged = time.Since(begun), retention.Purged(files)
	if g.reach >= leastHistory {
		g.average = float64(retention.Total(files)) / g.reach.Seconds()
	}
	return g, nil
}

// perSecond writes a rate for a person; "–" where it is not known.
func perSecond(rate float64) string {
	if rate < 0 {
		return "–"
	}
	return size(int64(rate)) + "/s"
}
