package precheck

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sluice/engine/task"
)

// leastFree is what the data folder should have free: chunk files of a full copy, and the database of progress.
const leastFree = 1 << 30

// targetChecks look at the cluster, the mapping onto it and the data folder.
func targetChecks() []check {
	return []check{
		{"target.connect", "target", Error, "a broker answers and takes the sign-in", nothing, connectTarget},
		{"target.version", "target", Error, "Kafka 0.11 or later", nothing, targetVersion},
		{"target.topics", "target", Error, "every topic is there, or will be created", aTarget, topicsThere},
		{"objects.mapping", "objects", Error, "names, columns, topics and partitions fit together", aTarget, mapping},
		{"target.write", "target", Error, "the user may write to every topic", aTarget, writable},
		{"target.safety", "target", Warning, "at least 2 replicas, min.insync.replicas of 2, no unclean leader election, not compacted", aTarget, safety},
		{"task.spool", "task", Error, "1 GiB free for the data folder", nothing, spool},
	}
}

// connectTarget leaves the error of a broker that is too old to targetVersion.
func connectTarget(ctx context.Context, f *facts) finding {
	t, err := f.OpenTarget(ctx)
	if f.tooOld = nil; strings.HasPrefix(task.Code(err), "target.version") {
		f.tooOld, err = err, nil
	}
	if err != nil {
		return refused(err)
	}
	f.target = t
	return passed(strings.Join(f.Spec.Target.Brokers, ", "))
}

func targetVersion(_ context.Context, f *facts) finding {
	switch {
	case f.tooOld != nil:
		return refused(f.tooOld)
	case f.target == nil:
		return finding{skipped: true, observed: noTarget}
	}
	return passed("the broker knows all requests that are needed")
}

// wanted gives the names of all topics, in order.
func (f *facts) wanted() []string {
	names := map[string]bool{}
	for _, t := range f.Spec.Tables {
		name := t.Topic
		if name == "" {
			name = f.Spec.Target.Topic
		}
		names[name] = true
	}
	return slices.Sorted(maps.Keys(names))
}

func topicsThere(ctx context.Context, f *facts) finding {
	names := f.wanted()
	var err error
	if f.topics, err = f.target.Topics(ctx, names); err != nil {
		return refused(err)
	}
	var absent, there []string
	for _, n := range names {
		if t, ok := f.topics[n]; ok {
			there = append(there, fmt.Sprintf("%s (%d partitions)", n, t.Partitions))
		} else {
			absent = append(absent, n)
		}
	}
	switch {
	case len(absent) == 0:
		return passed(list(there))
	case f.Spec.Schema:
		return passed("will be created: " + list(absent))
	}
	return finding{failed: true, observed: "absent: " + list(absent), cause: "the topics do not exist, and only the schema phase creates topics",
		fix: "Choose the schema phase, or create them: kafka-topics.sh --create --topic " + absent[0] + " --partitions N --replication-factor N"}
}

// mapping holds the specification against the tables that could be read and the topics as they are or will be.
func mapping(_ context.Context, f *facts) finding {
	counts := map[string]int{}
	for _, name := range f.wanted() {
		counts[name] = max(f.Spec.Target.Partitions, 1)
		if t, ok := f.topics[name]; ok {
			counts[name] = t.Partitions
		}
	}
	if len(f.tables) == 0 {
		return finding{skipped: true, observed: noTable}
	}
	var texts, fixes []string
	for _, err := range f.Mapping(counts, f.tables) {
		var e *task.Error
		if errors.As(err, &e) {
			texts, fixes = append(texts, e.Text), append(fixes, e.Hint)
		} else {
			texts = append(texts, err.Error())
		}
	}
	if len(texts) > 0 {
		return finding{failed: true, observed: list(texts), cause: "the task file does not fit the tables", fix: strings.Join(slices.Compact(fixes), "\n")}
	}
	return passed("fits")
}

func writable(_ context.Context, f *facts) finding {
	var denied, unknown []string
	for _, name := range slices.Sorted(maps.Keys(f.topics)) {
		switch w := f.topics[name].Write; {
		case w == nil:
			unknown = append(unknown, name)
		case !*w:
			denied = append(denied, name)
		}
	}
	if len(denied) > 0 {
		user := f.Spec.Target.User
		if user == "" {
			user = "ANONYMOUS"
		}
		return finding{failed: true, observed: "not allowed: " + list(denied), cause: "the user lacks WRITE",
			fix: "kafka-acls.sh --add --allow-principal User:" + user + " --operation Write --operation Describe --operation Read --topic " + denied[0]}
	}
	if len(unknown) > 0 {
		return passed("the broker does not say; the first record of the run will show it")
	}
	return passed("allowed")
}

// safety looks at whether the target may lose or drop what it acknowledged.
func safety(_ context.Context, f *facts) finding {
	var found []string
	compacted := false
	for _, name := range slices.Sorted(maps.Keys(f.topics)) {
		t := f.topics[name]
		if t.Replication < 2 {
			found = append(found, fmt.Sprintf("%s: %d replica", name, t.Replication))
		}
		if t.Cleanup == "" {
			continue
		}
		if t.MinInsync < 2 {
			found = append(found, fmt.Sprintf("%s: min.insync.replicas=%d", name, t.MinInsync))
		}
		if t.Unclean {
			found = append(found, name+": unclean.leader.election.enable=true")
		}
		if strings.Contains(t.Cleanup, "compact") {
			compacted = true
			found = append(found, name+": cleanup.policy="+t.Cleanup)
		}
	}
	if len(found) == 0 {
		return passed("safe")
	}
	out := finding{failed: true, observed: list(found), cause: "the loss of one broker may lose acknowledged records",
		fix: "Use 3 replicas, min.insync.replicas=2 and unclean.leader.election.enable=false, or accept it."}
	if compacted {
		out.severity, out.cause = Error, "compaction drops records of a change log"
		out.fix = "kafka-configs.sh --alter --entity-type topics --entity-name NAME --add-config cleanup.policy=delete"
	}
	return out
}

func spool(_ context.Context, f *facts) finding {
	free, err := f.Free()
	if err != nil {
		return refused(err)
	}
	observed := fmt.Sprintf("%.1f GiB free", float64(free)/(1<<30))
	if free >= leastFree {
		return passed(observed)
	}
	return finding{failed: true, observed: observed, cause: "the full copy keeps chunks in files until the target has them", fix: "Free space, or name a data folder on another disk."}
}
