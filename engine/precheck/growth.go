package precheck

import (
	"context"
	"strconv"
	"strings"
	"time"
)

// growthWindow is the least time between the two looks at the binlog that show how it grows.
const growthWindow = 3 * time.Second

// leastHistory is how far back the binlog must reach for its average growth to mean something.
const leastHistory = time.Minute

// lookedAt is the binlog as it was listed at a time.
type lookedAt struct {
	at    time.Time
	files []Binlog
}

// listBinlog keeps the first list for growth.
func (f *facts) listBinlog(ctx context.Context) ([]Binlog, error) {
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
	g.now = float64(grown(f.binlog.files, files)) / time.Since(f.binlog.at).Seconds()
	begun, err := f.source.Begun(ctx, files[0].Name)
	if err != nil {
		return g, err
	}
	g.reach, g.purged = time.Since(begun), fileNumber(files[0].Name) > 1
	if g.reach >= leastHistory {
		g.average = float64(grown(nil, files)) / g.reach.Seconds()
	}
	return g, nil
}

// grown adds up what came in between two lists. Files that were purged meanwhile count nothing.
func grown(before, after []Binlog) (sum int64) {
	was := map[string]int64{}
	for _, b := range before {
		was[b.Name] = b.Bytes
	}
	for _, b := range after {
		sum += max(0, b.Bytes-was[b.Name])
	}
	return sum
}

// fileNumber is the number at the end of a file's name: the server begins with 1.
func fileNumber(name string) int {
	n, _ := strconv.Atoi(name[strings.LastIndexByte(name, '.')+1:])
	return n
}

// perSecond writes a rate for a person; "–" where it is not known.
func perSecond(rate float64) string {
	if rate < 0 {
		return "–"
	}
	return size(int64(rate)) + "/s"
}
