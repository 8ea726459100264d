package servers

import (
	"testing"

	"github.com/segmentio/kafka-go"
)

// CreateTopic makes a topic with one setting.
func (k *Kafka) CreateTopic(t testing.TB, name string, partitions int, setting, value string) {
	t.Helper()
	made, err := (&kafka.Client{Addr: kafka.TCP(k.Plain)}).CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{
		{Topic: name, NumPartitions: partitions, ReplicationFactor: 1, ConfigEntries: []kafka.ConfigEntry{{ConfigName: setting, ConfigValue: value}}}}})
	if err == nil {
		err = made.Errors[name]
	}
	if err != nil {
		t.Fatal(err)
	}
}
