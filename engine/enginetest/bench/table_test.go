package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"sluice/engine/enginetest/page"
)

var update = flag.Bool("bench.update", false, "write the table of docs/performance.md anew from results/race.json")

const (
	performance = "../../../docs/performance.md"
	tableBegin  = "<!-- race: go test ./engine/enginetest/bench -run TestTable -bench.update -->\n"
	tableEnd    = "<!-- end of the table -->\n"
)

// TestTable holds the page's table against the results.
func TestTable(t *testing.T) {
	r := &race{}
	kept, err := os.ReadFile("results/race.json")
	if err == nil {
		err = json.Unmarshal(kept, r)
	}
	if err != nil {
		t.Fatal(err)
	}
	page.Hold(t, performance, *update, page.Table{Begin: tableBegin, End: tableEnd, Text: r.table()})
}

// line is one row of the table: what is measured of a contest, and how.
type line struct {
	what, contest, unit string
	of                  func(outcome) float64
	less                bool // is better
	digits              int
	limits              []string // what its limit costs, where there is one
}

func speed(o outcome) float64 { return o.RowsPerSecond / 1000 }
func cpu(o outcome) float64   { return o.CPUMicros }
func peak(o outcome) float64  { return o.PeakMB }
func p50(o outcome) float64   { return o.P50 }
func p99(o outcome) float64   { return o.P99 }
func start(o outcome) float64 { return o.Start }
func idle(o outcome) float64  { return o.IdleMB }

var lines = []line{
	{"full copy, 4 columns, 1 partition", "copy-1", "thousand rows/s", speed, false, 0, []string{"select-sbtest1", "produce-copy-1"}},
	{"the same", "copy-1", "µs of CPU a row", cpu, true, 2, nil},
	{"full copy, 4 columns, 6 partitions", "copy-6", "thousand rows/s", speed, false, 0, []string{"select-sbtest1", "produce-copy-1"}},
	{"full copy, 20 columns, 1 partition", "orders-1", "thousand rows/s", speed, false, 0, []string{"select-orders", "produce-orders-1"}},
	{"the same", "orders-1", "µs of CPU a row", cpu, true, 2, nil},
	{"backlog, 10 changes a transaction, 1 partition", "backlog-1", "thousand rows/s", speed, false, 0, []string{"dump", "produce-backlog-1"}},
	{"the same", "backlog-1", "µs of CPU a row", cpu, true, 2, nil},
	{"backlog, 6 partitions", "backlog-6", "thousand rows/s", speed, false, 0, []string{"dump", "produce-backlog-1"}},
	{"commit to consumer at 1,000 changes/s, half of them", "rate-1000", "ms", p50, true, 2, []string{"carry-1000"}},
	{"99 % of them", "rate-1000", "ms", p99, true, 1, nil},
	{"commit to consumer at 20,000 changes/s, half of them", "rate-20000", "ms", p50, true, 2, []string{"carry-20000"}},
	{"99 % of them", "rate-20000", "ms", p99, true, 1, nil},
	{"start of the process to its first record", "copy-1", "s", start, true, 2, nil},
	{"memory, idle", "rate-1000", "MB", idle, true, 0, nil},
	{"memory at the peak of a full copy", "copy-1", "MB", peak, true, 0, nil},
	{"memory at the peak of a backlog", "backlog-1", "MB", peak, true, 0, nil},
}

// table is the medians of all turns.
func (r *race) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s; %s, %s; Debezium %s, Maxwell %s; `%s`.\n\n", r.Date, r.Machine, r.Versions["source"], r.Versions["broker"], r.Versions["Debezium"], r.Versions["Maxwell"], r.Command)
	b.WriteString("| | unit | Sluice | Debezium | Maxwell | × Debezium | × Maxwell | of the limit |\n|---|---|--:|--:|--:|--:|--:|--:|\n")
	for _, l := range lines {
		ours, had := r.median(l.contest, "Sluice", l.of)
		if !had {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | **%.*f** |", l.what, l.unit, l.digits, ours)
		var ratios string
		for _, peer := range []string{"Debezium", "Maxwell"} {
			theirs, had := r.median(l.contest, peer, l.of)
			if !had {
				b.WriteString(" – |")
				ratios += " – |"
				continue
			}
			ratio := ours / theirs
			if l.less {
				ratio = theirs / ours
			}
			fmt.Fprintf(&b, " %.*f |", l.digits, theirs)
			ratios += fmt.Sprintf(" %.1f |", ratio)
		}
		b.WriteString(ratios)
		if limit, had := r.limit(&l); had && l.less {
			fmt.Fprintf(&b, " %.2f |\n", limit/ours)
		} else if had {
			fmt.Fprintf(&b, " %.2f |\n", ours/limit)
		} else {
			b.WriteString(" |\n")
		}
	}
	b.WriteString("\n| alone | thousand rows/s | µs of CPU a row | of which the servers |\n|---|--:|--:|--:|\n")
	for _, l := range [][2]string{
		{"select-sbtest1", "SELECT of the 4 columns, streamed to nowhere"}, {"select-orders", "SELECT of the 20 columns"}, {"dump", "binlog of the backlog, to nowhere"},
		{"produce-copy-1", "producer of the full copy's bytes, 4 columns"}, {"produce-orders-1", "producer of the full copy's bytes, 20 columns"}, {"produce-backlog-1", "producer of the backlog's bytes"},
	} {
		if own, had := r.median(l[0], "alone", cpu); had {
			per, _ := r.median(l[0], "alone", speed)
			servers, _ := r.median(l[0], "alone", func(o outcome) float64 { return o.SourceMicros + o.BrokerMicros })
			fmt.Fprintf(&b, "| %s | %.0f | %.2f | %.2f |\n", l[1], per, own+servers, servers)
		}
	}
	if foreign := r.most(func(o outcome) float64 { return o.Foreign }); foreign > 0.02 {
		fmt.Fprintf(&b, "\nOther processes took up to %.0f %% of the machine.\n", foreign*100)
	}
	return b.String()
}

func (r *race) median(contest, contestant string, of func(outcome) float64) (float64, bool) {
	var all []float64
	for _, o := range r.Outcomes {
		if o.Contest == contest && o.Contestant == contestant {
			all = append(all, of(o))
		}
	}
	if len(all) == 0 {
		return 0, false
	}
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2, true
}

// limit is thousands of rows a second if both processors did nothing but what its parts cost alone, servers included; of a
// delay it is the part that broker and consumer alone have.
func (r *race) limit(l *line) (float64, bool) {
	var micros float64
	for _, c := range l.limits {
		if l.less {
			return r.median(c, "alone", l.of)
		}
		m, had := r.median(c, "alone", func(o outcome) float64 { return o.CPUMicros + o.SourceMicros + o.BrokerMicros })
		if !had {
			return 0, false
		}
		micros += m
	}
	return float64(r.Processors) * 1e3 / micros, micros > 0
}

func (r *race) most(of func(outcome) float64) (most float64) {
	for _, o := range r.Outcomes {
		if o.Contestant == "Sluice" {
			most = max(most, of(o))
		}
	}
	return most
}
