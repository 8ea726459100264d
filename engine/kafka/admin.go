package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	kafka "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/describeconfigs"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"sluice/engine"
)

// Topic is one topic of the cluster.
type Topic struct {
	Name        string
	Partitions  int
	Replication int  // of the partition that has the fewest replicas
	Internal    bool // Kafka's own
	// Leaders holds the broker id of each partition's leader, -1 where there is none now.
	Leaders []int
	// Settings is nil where the broker or the user's rights do not allow to read them.
	Settings *Settings
}

// Settings of a topic that decide whether a change log is safe in it.
type Settings struct {
	RetentionMillis       int64 // -1 is for ever
	RetentionBytes        int64 // of each partition; -1 is no limit
	MaxMessageBytes       int
	CleanupPolicy         string // delete, compact, or both joined by a comma
	MinInsyncReplicas     int
	UncleanLeaderElection bool
}

// Topics lists the topics that the user may see, by name, as they are now.
func (c *Client) Topics(ctx context.Context) (list []Topic, err error) {
	err = c.patiently(ctx, shortPatience, "listing topics", "", func() error {
		list, err = c.list(ctx)
		return err
	})
	return list, err
}

func (c *Client) list(ctx context.Context) ([]Topic, error) {
	m, err := c.metadata(ctx, nil)
	if err != nil {
		return nil, err
	}
	var out []Topic
	var names []string
	for i := range m.Topics {
		if t := &m.Topics[i]; usable(t) {
			out = append(out, describe(t))
			names = append(names, t.Name)
		}
	}
	slices.SortFunc(out, func(a, b Topic) int { return strings.Compare(a.Name, b.Name) })
	settings, err := c.settings(ctx, names)
	for i := range out {
		out[i].Settings = settings[out[i].Name]
	}
	return out, err
}

// Topic describes one topic as it is now; *task.Error target.topic_absent if there is none.
func (c *Client) Topic(ctx context.Context, name string) (t Topic, err error) {
	err = c.patiently(ctx, shortPatience, fmt.Sprintf("looking at topic %q", name), name, func() error {
		if t, err = c.topic(ctx, name); err != nil {
			return err
		}
		settings, err := c.settings(ctx, []string{name})
		t.Settings = settings[name]
		return err
	})
	return t, err
}

// Partitions gives the number of partitions that a topic has now.
func (c *Client) Partitions(ctx context.Context, topic string) (int, error) {
	var t Topic
	err := c.patiently(ctx, shortPatience, fmt.Sprintf("counting the partitions of topic %q", topic), topic, func() (err error) {
		t, err = c.topic(ctx, topic)
		return err
	})
	return t.Partitions, err
}

// Limits gives max.message.bytes of each topic, the most that a batch may hold, where it can be read.
func (c *Client) Limits(ctx context.Context, topics []string) (map[string]int, error) {
	var settings map[string]*Settings
	err := c.patiently(ctx, shortPatience, "reading max.message.bytes", "", func() (err error) {
		settings, err = c.settings(ctx, topics)
		return err
	})
	if err != nil {
		return nil, err
	}
	out := make(map[string]int, len(topics))
	for _, t := range topics {
		if s := settings[t]; s != nil && s.MaxMessageBytes > 0 {
			out[t] = s.MaxMessageBytes
		}
	}
	return out, nil
}

// CreateTopic makes a topic and returns when the leaders of all partitions answer. Partitions and replication of 0 are 1.
// An existing topic is *task.Error target.topic_exists.
func (c *Client) CreateTopic(ctx context.Context, name string, partitions, replication int, configs map[string]string) error {
	op := fmt.Sprintf("creating topic %q", name)
	t := kafka.TopicConfig{Topic: name, NumPartitions: max(partitions, 1), ReplicationFactor: max(replication, 1)}
	for _, k := range slices.Sorted(maps.Keys(configs)) {
		t.ConfigEntries = append(t.ConfigEntries, kafka.ConfigEntry{ConfigName: k, ConfigValue: configs[k]})
	}
	res, err := c.kafka.CreateTopics(ctx, &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{t}})
	if err == nil {
		err = res.Errors[name]
	}
	if err != nil {
		return c.explain(op, name, err)
	}
	return c.patiently(ctx, c.timeout, op, name, func() error { return c.ready(ctx, name, max(partitions, 1)) })
}

// MayCreate asks whether the topics would be created, without doing it.
func (c *Client) MayCreate(ctx context.Context, names []string, partitions, replication int) error {
	const op = "asking whether topics may be created"
	req := &createtopics.Request{TimeoutMs: int32(c.timeout.Milliseconds()), ValidateOnly: true}
	for _, name := range names {
		req.Topics = append(req.Topics, createtopics.RequestTopic{Name: name, NumPartitions: int32(max(partitions, 1)), ReplicationFactor: int16(max(replication, 1))})
	}
	// The library would wait for the topics to appear.
	m, err := c.roundTrip(ctx, &direct{request: req, broker: controllerNode})
	if err != nil {
		return c.explain(op, names[0], err)
	}
	for _, t := range m.(*createtopics.Response).Topics {
		if t.ErrorCode != 0 {
			return c.explain(op, t.Name, fmt.Errorf("%w: %s", kafka.Error(t.ErrorCode), t.ErrorMessage))
		}
	}
	return nil
}

// ready asks the leaders themselves: they are named a little before they know that they are, or of the topic at all.
func (c *Client) ready(ctx context.Context, topic string, partitions int) error {
	err := c.answers(ctx, topic, partitions)
	if errors.Is(err, kafka.UnknownTopicOrPartition) || errors.Is(err, protocol.ErrNoTopic) { // it was made: it is not absent
		return kafka.LeaderNotAvailable
	}
	return err
}

func (c *Client) answers(ctx context.Context, topic string, partitions int) error {
	t, err := c.topic(ctx, topic)
	if err != nil {
		return err
	}
	if t.Partitions < partitions || slices.Contains(t.Leaders, -1) {
		return kafka.LeaderNotAvailable
	}
	ps := make([]engine.Partition, t.Partitions)
	for i := range ps {
		ps[i] = engine.Partition{Topic: topic, ID: i}
	}
	_, _, err = c.listOffsets(ctx, ps, kafka.LastOffset)
	return err
}

// metadata asks a broker, not the transport's cache; nil topics are all. A broker before 0.11 may create a topic that it
// is asked for by name: it is asked for all.
func (c *Client) metadata(ctx context.Context, topics []string) (*metadata.Response, error) {
	if c.old && len(topics) > 0 {
		topics = nil
	}
	m, err := c.roundTrip(ctx, &direct{request: &metadata.Request{TopicNames: topics}, broker: anyBroker})
	if err != nil {
		return nil, err
	}
	return m.(*metadata.Response), nil
}

func (c *Client) topic(ctx context.Context, name string) (Topic, error) {
	m, err := c.metadata(ctx, []string{name})
	if err != nil {
		return Topic{}, err
	}
	for i := range m.Topics {
		if t := &m.Topics[i]; t.Name == name {
			if !usable(t) {
				return Topic{}, kafka.Error(t.ErrorCode)
			}
			return describe(t), nil
		}
	}
	return Topic{}, protocol.NewErrNoTopic(name)
}

// usable is true also while a partition waits for its leader.
func usable(t *metadata.ResponseTopic) bool {
	return t.ErrorCode == 0 || kafka.Error(t.ErrorCode) == kafka.LeaderNotAvailable
}

func describe(t *metadata.ResponseTopic) Topic {
	out := Topic{Name: t.Name, Partitions: len(t.Partitions), Internal: t.IsInternal, Leaders: make([]int, len(t.Partitions))}
	for _, p := range t.Partitions {
		if i := int(p.PartitionIndex); i < len(out.Leaders) {
			out.Leaders[i] = int(p.LeaderID)
		}
		if n := len(p.ReplicaNodes); out.Replication == 0 || n < out.Replication {
			out.Replication = n
		}
	}
	return out
}

// settings leaves out topics whose settings may not be read.
func (c *Client) settings(ctx context.Context, topics []string) (map[string]*Settings, error) {
	out := make(map[string]*Settings, len(topics))
	if len(topics) == 0 {
		return out, nil
	}
	req := &describeconfigs.Request{}
	for _, t := range topics {
		req.Resources = append(req.Resources, describeconfigs.RequestResource{
			ResourceType: int8(kafka.ResourceTypeTopic), ResourceName: t,
			ConfigNames: []string{"retention.ms", "retention.bytes", "max.message.bytes", "cleanup.policy", "min.insync.replicas", "unclean.leader.election.enable"},
		})
	}
	// Any broker knows the settings of topics; the library would ask the controller, which may be away.
	m, err := c.roundTrip(ctx, &direct{request: req, broker: anyBroker})
	if errors.Is(err, kafka.UnsupportedVersion) {
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	res := m.(*describeconfigs.Response)
	for _, r := range res.Resources {
		if r.ErrorCode != 0 {
			continue
		}
		values := make(map[string]string, len(r.ConfigEntries))
		for _, e := range r.ConfigEntries {
			values[e.ConfigName] = e.ConfigValue
		}
		out[r.ResourceName] = parseSettings(values)
	}
	return out, nil
}

func parseSettings(v map[string]string) *Settings {
	number := func(name string) int64 {
		n, _ := strconv.ParseInt(v[name], 10, 64)
		return n
	}
	return &Settings{
		RetentionMillis: number("retention.ms"), RetentionBytes: number("retention.bytes"),
		MaxMessageBytes: int(number("max.message.bytes")), CleanupPolicy: v["cleanup.policy"],
		MinInsyncReplicas:     int(number("min.insync.replicas")),
		UncleanLeaderElection: v["unclean.leader.election.enable"] == "true",
	}
}
