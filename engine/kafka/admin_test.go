package kafka_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

func TestTopicsAsTheyAre(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c, other := open(t, plainTarget(addr)), open(t, plainTarget(addr))
		name := newTopic(t, c, 3, map[string]string{"retention.ms": "86400000", "retention.bytes": "5000000", "max.message.bytes": "2000000", "cleanup.policy": "compact", "min.insync.replicas": "1"})
		want := kafka.Settings{RetentionMillis: 86400000, RetentionBytes: 5000000, MaxMessageBytes: 2000000, CleanupPolicy: "compact", MinInsyncReplicas: 1}
		list, err := other.Topics(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var found *kafka.Topic
		for i := range list {
			if list[i].Name == name {
				found = &list[i]
			}
			if i > 0 && list[i-1].Name >= list[i].Name {
				t.Fatalf("%q before %q", list[i-1].Name, list[i].Name)
			}
		}
		one, err := other.Topic(t.Context(), name)
		if err != nil || found == nil || !reflect.DeepEqual(*found, one) {
			t.Fatal(found, one, err)
		}
		if one.Partitions != 3 || one.Replication != 1 || one.Internal || len(one.Leaders) != 3 || one.Leaders[0] < 0 {
			t.Fatalf("%+v", one)
		}
		if one.Settings == nil || *one.Settings != want {
			t.Fatalf("%+v", one.Settings)
		}
		if n, err := other.Partitions(t.Context(), name); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		plain := newTopic(t, c, 1, nil)
		limits, err := other.Limits(t.Context(), []string{name, plain})
		if err != nil || limits[name] != 2000000 || limits[plain] < 1000012 || len(limits) != 2 {
			t.Fatal(limits, err)
		}
	})
}

// What only a real broker refuses is asked of a real one.
func TestTopicsThatCannotBeMade(t *testing.T) {
	t.Parallel()
	c := open(t, plainTarget(servers.SharedKafka(t).Plain))
	there := newTopic(t, c, 1, nil)
	for _, m := range []struct {
		name        string
		replication int
		configs     map[string]string
		code        string
	}{
		{there, 1, nil, "target.topic_exists"},
		{"no spaces please", 1, nil, "target.topic_invalid"},
		{"too-many-copies", 5, nil, "target.replication_invalid"},
		{"wrong-config", 1, map[string]string{"cleanup.policy": "keep it all"}, "target.topic_refused"},
	} {
		if err := c.CreateTopic(t.Context(), m.name, 1, m.replication, m.configs); task.Code(err) != m.code {
			t.Errorf("%s: %v, want %s", m.name, err, m.code)
		}
		if err := c.MayCreate(t.Context(), []string{"good-" + there, m.name}, 1, m.replication); m.configs == nil && task.Code(err) != m.code {
			t.Errorf("asked for %s: %v, want %s", m.name, err, m.code)
		}
	}
	began := time.Now()
	if err := c.MayCreate(t.Context(), []string{"good-" + there, "better-" + there}, 2, 1); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > c.RequestTimeout()/2 {
		t.Errorf("asking took %s: it waits for topics that nobody makes", took)
	}
	if _, err := c.Topic(t.Context(), "good-"+there); task.Code(err) != "target.topic_absent" {
		t.Errorf("it was created, though only asked for: %v", err)
	}
}

func TestAbsentTopic(t *testing.T) {
	onBrokers(t, func(t *testing.T, addr string) {
		c := open(t, plainTarget(addr))
		if _, err := c.Topic(t.Context(), "not-there"); task.Code(err) != "target.topic_absent" {
			t.Error(err)
		}
		if _, err := c.Partitions(t.Context(), "not-there"); task.Code(err) != "target.topic_absent" {
			t.Error(err)
		}
	})
}

// TestCreatedTopicIsNotAbsent: a leader that has not heard of a topic that was just made is waited for; a busy cluster
// needs a while for it.
func TestCreatedTopicIsNotAbsent(t *testing.T) {
	t.Parallel()
	cluster := fake(t)
	c := open(t, plainTarget(cluster.ListenAddrs()[0]))
	asked := 0
	cluster.ControlKey(int16(kmsg.ListOffsets), func(r kmsg.Request) (kmsg.Response, error, bool) {
		if asked++; asked > 3 {
			return nil, nil, false
		}
		cluster.KeepControl()
		req, res := r.(*kmsg.ListOffsetsRequest), r.ResponseKind().(*kmsg.ListOffsetsResponse)
		for _, topic := range req.Topics {
			out := kmsg.NewListOffsetsResponseTopic()
			out.Topic = topic.Topic
			for _, p := range topic.Partitions {
				partition := kmsg.NewListOffsetsResponseTopicPartition()
				partition.Partition, partition.ErrorCode = p.Partition, 3 // unknown topic or partition
				out.Partitions = append(out.Partitions, partition)
			}
			res.Topics = append(res.Topics, out)
		}
		return res, nil, true
	})
	if err := c.CreateTopic(t.Context(), "fresh", 2, 1, nil); err != nil {
		t.Fatal(err)
	}
	if asked != 4 {
		t.Errorf("the leaders were asked %d times", asked)
	}
}
