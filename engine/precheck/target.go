package precheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"sluice/engine/task"
)

// targetChecks look at the cluster and the mapping onto it.
func targetChecks() []check {
	return []check{
		{id: "target.connect", group: "target", run: connectTarget},
		{id: "target.version", group: "target", run: targetVersion},
		{id: "target.listeners", group: "target", needs: aTarget, run: listeners},
		{id: "target.topics", group: "target", needs: aTarget, run: topicsThere},
		{id: "objects.mapping", group: "objects", needs: someTables | theTopics, run: mapping},
		{id: "target.write", group: "target", needs: theTopics, run: writable},
		{id: "target.safety", group: "target", severity: Warning, needs: theTopics, run: safety},
		{id: "target.limits", group: "target", severity: Warning, needs: theTopics, when: buries, run: limits},
		{id: "target.shared", group: "target", severity: Info, when: func(d *Deps) bool { return d.Sharing != nil }, run: shared},
		{id: "objects.max_row", group: "objects", severity: Warning, needs: someTables | theTopics, run: maxRow},
		{id: "target.disk_estimate", group: "target", severity: Info, needs: theList | theTopics, when: copying, run: diskEstimate},
	}
}

func topicsThere(ctx context.Context, f *facts) finding {
	names := f.Spec.Topics()
	var err error
	if f.topics, err = f.target.Topics(ctx, names); err != nil {
		return refused(err)
	}
	var absent, there []string
	for _, n := range names {
		if t, ok := f.topics[n]; ok {
			there = append(there, fmt.Sprintf("%s (partitions=%d)", n, t.Partitions))
		} else {
			absent = append(absent, n)
		}
	}
	switch {
	case len(absent) == 0:
		return passed("topics.ok", "Topics", list(there))
	case f.Spec.Schema:
		return f.creatable(ctx, absent)
	}
	return failed("topics.absent", "Topics", list(absent), "Create", f.creates(absent))
}

// creatable holds the replication of topics that will be created against the brokers that are up.
func (f *facts) creatable(ctx context.Context, absent []string) finding {
	brokers, err := f.target.Brokers(ctx)
	if err != nil {
		return refused(err)
	}
	replication := max(f.Spec.Target.Replication, 1)
	params := []string{"Topics", list(absent), "Replication", strconv.Itoa(replication), "Brokers", strconv.Itoa(len(brokers)), "Partitions", strconv.Itoa(max(f.Spec.Target.Partitions, 1))}
	if replication > len(brokers) {
		return failed("topics.replication", params...)
	}
	if err := f.target.MayCreate(ctx, absent, max(f.Spec.Target.Partitions, 1), replication); err != nil {
		return refused(err)
	}
	return passed("topics.created", params...)
}

// creates gives a command for each topic, for as many as one reads.
func (f *facts) creates(names []string) string {
	var lines []string
	for _, n := range names[:min(len(names), 10)] {
		lines = append(lines, fmt.Sprintf("kafka-topics.sh --bootstrap-server %s --create --topic %s --partitions %d --replication-factor %d",
			f.bootstrap(), n, max(f.Spec.Target.Partitions, 1), max(f.Spec.Target.Replication, 1)))
	}
	return strings.Join(lines, "\n")
}

// configure gives a command for each topic, for as many as one reads.
func (f *facts) configure(topics []string, settings string) string {
	var lines []string
	for _, name := range topics[:min(len(topics), 10)] {
		lines = append(lines, fmt.Sprintf("kafka-configs.sh --bootstrap-server %s --alter --entity-type topics --entity-name %s --add-config %s", f.bootstrap(), name, settings))
	}
	return strings.Join(lines, "\n")
}

func (f *facts) bootstrap() string { return strings.Join(f.Spec.Target.Brokers, ",") }

// user is the one that signs in, as ACLs name him.
func (f *facts) user() string { return cmp.Or(f.Spec.Target.User, "ANONYMOUS") }

// allow gives the command that lets the user do something.
func (f *facts) allow(what string) string {
	return fmt.Sprintf("kafka-acls.sh --bootstrap-server %s --add --allow-principal User:%s %s", f.bootstrap(), f.user(), what)
}

// mapping holds the specification against the tables that could be read and the topics as they are or will be.
func mapping(_ context.Context, f *facts) finding {
	counts := map[string]int{}
	for _, name := range f.Spec.Topics() {
		counts[name] = max(f.Spec.Target.Partitions, 1)
		if t, ok := f.topics[name]; ok {
			counts[name] = t.Partitions
		}
	}
	var texts, fixes, codes []string
	for _, err := range f.Mapping(f.Spec, counts, f.tables) {
		var e *task.Error
		if errors.As(err, &e) {
			texts, fixes, codes = append(texts, e.Text), append(fixes, e.Hint), append(codes, e.Code)
		} else {
			texts = append(texts, err.Error())
		}
	}
	if len(texts) > 0 {
		return failed("mapping.wrong", "Problems", list(texts), "Hints", strings.Join(slices.Compact(fixes), "\n"), "Codes", strings.Join(slices.Compact(codes), " "))
	}
	return passed("mapping.ok")
}

func writable(ctx context.Context, f *facts) finding {
	if len(f.topics) == 0 {
		return skipped("skipped.no_topic")
	}
	var denied, unknown []string
	for _, name := range slices.Sorted(maps.Keys(f.topics)) {
		switch w := f.topics[name].Write; {
		case w == nil:
			unknown = append(unknown, name)
		case !*w:
			denied = append(denied, name)
		}
	}
	switch {
	case len(denied) > 0:
		var lines []string
		for _, name := range denied[:min(len(denied), 10)] {
			lines = append(lines, f.allow("--operation Read --operation Write --operation Describe --topic "+name))
		}
		return failed("write.denied", "Topics", list(denied), "User", f.user(), "Allow", strings.Join(lines, "\n"))
	}
	if found := f.idempotent(ctx); found.status == Failed || len(unknown) == 0 {
		return found
	}
	return passed("write.unknown", "Topics", list(unknown))
}

// idempotent asks for what the right includes since Kafka 3.0 only. Without it the task writes as into a Kafka that has
// no producer ids.
func (f *facts) idempotent(ctx context.Context) finding {
	_, to, err := f.target.Version(ctx)
	if err != nil {
		return refused(err)
	}
	if withoutProducers(to) {
		return passed("write.ok")
	}
	may, err := f.target.Idempotent(ctx)
	if err != nil {
		return refused(err)
	}
	if !may {
		return failed("write.idempotent", "User", f.user(), "Allow", f.allow("--operation IdempotentWrite --cluster")).as(Warning)
	}
	return passed("write.ok")
}

// safety looks at whether the target may lose or drop what it acknowledged.
func safety(_ context.Context, f *facts) finding {
	var found, weak, compacted []string
	for _, name := range f.Spec.Topics() {
		t, there := f.topics[name]
		switch {
		case !there && !f.Spec.Schema:
			continue
		case !there: // it will be created
			t.Replication = max(f.Spec.Target.Replication, 1)
		}
		before := len(found)
		if t.Replication < 2 {
			found = append(found, fmt.Sprintf("%s: replication.factor=%d", name, t.Replication))
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
			compacted = append(compacted, name)
		}
		if len(found) > before && t.Replication > 1 { // with one replica, two in sync would stop all writing
			weak = append(weak, name)
		}
	}
	switch {
	case len(f.topics) == 0 && !f.Spec.Schema:
		return skipped("skipped.no_topic")
	case len(compacted) > 0:
		return failed("safety.compacted", "Topics", list(compacted), "Configure", f.configure(compacted, "cleanup.policy=delete")).as(Error)
	case len(weak) > 0:
		return failed("safety.weak", "Settings", list(found), "Configure", f.configure(weak, "min.insync.replicas=2,unclean.leader.election.enable=false"))
	case len(found) > 0:
		return failed("safety.single", "Settings", list(found))
	}
	return passed("safety.ok")
}
