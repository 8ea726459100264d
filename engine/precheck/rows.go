package precheck

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

const (
	sampledTables = 50
	sampledRows   = 200
	// usualLimit is max.message.bytes where the topic does not say or is still to be made: Kafka's default.
	usualLimit = 1048588
	// An update holds the row twice; the rest is the record around it.
	images, around = 2, 1 << 10
)

// maxRow samples rows with columns that may be large. Without such columns a row has 64 KiB at most.
func maxRow(ctx context.Context, f *facts) finding {
	wide := f.wideTables()
	slices.SortStableFunc(wide, func(a, b wideTable) int { return cmp.Compare(b.perRow, a.perRow) })
	wide = wide[:min(len(wide), sampledTables)]
	var large, raise []string
	var widest int64
	for _, w := range wide {
		bytes, err := f.source.Widest(ctx, w.id, w.columns, sampledRows)
		if err != nil {
			return refused(err)
		}
		bytes = bytes*images + around
		widest = max(widest, bytes)
		topic := cmp.Or(w.topic, f.Spec.Target.Topic)
		limit := int64(cmp.Or(f.topics[topic].MaxMessage, usualLimit))
		if bytes > limit {
			large = append(large, fmt.Sprintf("%s %s > %s (%s)", w.id, size(bytes), size(limit), topic))
			raise = append(raise, fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config max.message.bytes=%d", f.bootstrap(), topic, 2*bytes))
		}
	}
	if len(large) > 0 {
		return failed("max_row.large", "Tables", list(large), "Configure", strings.Join(slices.Compact(raise[:min(len(raise), 10)]), "\n"))
	}
	return passed("max_row.ok", "Widest", size(widest), "Sampled", fmt.Sprint(len(wide)))
}

// limits wants to know what the topics of rows take: without that no row is known to be too large, and one that is stops
// the task although there is a topic for dead letters.
func limits(_ context.Context, f *facts) finding {
	rows := *f.Spec
	rows.DDLTopic, rows.DeadLetterTopic = "", ""
	var known, unknown, allow []string
	for _, name := range rows.Topics() {
		switch t, there := f.topics[name]; {
		case !there: // it will be created
		case t.MaxMessage == 0:
			unknown = append(unknown, name)
			allow = append(allow, f.allow("--operation DescribeConfigs --topic "+name))
		default:
			known = append(known, fmt.Sprintf("%s (max.message.bytes=%d)", name, t.MaxMessage))
		}
	}
	switch {
	case len(unknown) > 0:
		return failed("limits.unknown", "Topics", list(unknown), "Allow", strings.Join(allow[:min(len(allow), 10)], "\n"))
	case len(known) == 0:
		return skipped("skipped.no_topic")
	}
	return passed("limits.ok", "Topics", list(known))
}

// wideTable is a table with columns that may be large.
type wideTable struct {
	id      cdc.TableID
	topic   string
	columns []string
	perRow  int64 // on average, as the server estimates: those that have the largest come first
}

func (f *facts) wideTables() []wideTable {
	selected := map[cdc.TableID]task.Table{}
	for _, t := range f.Spec.Tables {
		selected[cdc.TableID{Schema: t.Schema, Name: t.Name}] = t
	}
	var out []wideTable
	for _, t := range f.tables {
		chosen := selected[t.TableID]
		w := wideTable{id: t.TableID, topic: chosen.Topic}
		for _, c := range t.Columns {
			if large(c.Type) && chosen.Carries(c.Name) {
				w.columns = append(w.columns, c.Name)
			}
		}
		if info := f.listed[t.TableID]; len(w.columns) > 0 {
			if info.Rows > 0 {
				w.perRow = info.Bytes / info.Rows
			}
			out = append(out, w)
		}
	}
	return out
}

// large tells the types whose values may be larger than 64 KiB.
func large(t cdc.Type) bool {
	switch t {
	case cdc.MediumText, cdc.LongText, cdc.MediumBlob, cdc.LongBlob, cdc.Text, cdc.Blob, cdc.JSON:
		return true
	}
	return false
}

// inTopics is how much larger a copy is in the topics than in the tables: texts instead of binary values, and the
// record around each row.
const inTopics = 2

// diskEstimate shows what the copy needs in the topics, and whether they keep it until it is over.
func diskEstimate(_ context.Context, f *facts) finding {
	copies, needs := f.copyTime(), f.bytes()*inTopics
	params := []string{"Size", size(needs), "Copy", copies.String(), "Needed", (2 * copies).String()}
	var short, names []string
	for _, name := range f.Spec.Topics() {
		t, ok := f.topics[name]
		if !ok || t.Cleanup == "" {
			continue
		}
		before := len(short)
		if t.Retention >= 0 && t.Retention < 2*copies {
			short = append(short, fmt.Sprintf("%s retention.ms=%d", name, t.Retention.Milliseconds()))
		}
		// Of several topics and partitions it is not known which gets how much: one that could not hold all is named.
		if t.RetentionBytes >= 0 && t.RetentionBytes*int64(t.Partitions) < needs {
			short = append(short, fmt.Sprintf("%s retention.bytes=%d", name, t.RetentionBytes))
		}
		if len(short) > before {
			names = append(names, name)
		}
	}
	if len(short) > 0 {
		settings := fmt.Sprintf("retention.ms=%d,retention.bytes=-1", max(2*copies, 7*24*time.Hour).Milliseconds())
		return failed("disk_estimate.short", append(params, "Topics", list(short), "Configure", f.configure(names, settings))...)
	}
	return passed("disk_estimate.ok", params...)
}
