package main

import (
	"context"

	"sluice/engine"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

// topics lets the engine administrate the topics of a Kafka client.
type topics struct {
	*kafka.Client
}

var _ engine.Topics = topics{}

func (t topics) Partitions(ctx context.Context, names []string) (map[string]int, error) {
	counts := make(map[string]int, len(names))
	for _, name := range names {
		n, err := t.Client.Partitions(ctx, name)
		if task.Code(err) == "target.topic_absent" {
			continue
		}
		if err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, nil
}

// Create takes a topic that another process made in the meantime as it is only where its partitions are as asked.
func (t topics) Create(ctx context.Context, name string, partitions, replication int) error {
	err := t.CreateTopic(ctx, name, partitions, replication, nil)
	if task.Code(err) != "target.topic_exists" {
		return err
	}
	n, cerr := t.Client.Partitions(ctx, name)
	if cerr != nil || n != partitions {
		return err
	}
	return nil
}
