package kafka_test

import (
	"strings"
	"testing"
	"time"

	"sluice/engine"
	"sluice/engine/enginetest/servers"
	"sluice/engine/kafka"
	"sluice/engine/task"
)

// A user without rights is told which command grants them, also where a broker only hides the topic.
func TestMissingRights(t *testing.T) {
	t.Parallel()
	k := servers.StartKafka(t, servers.KafkaConfig(
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS"))
	admin := open(t, plainTarget(k.Plain))
	topic := newTopic(t, admin, 1, nil)
	p := engine.Partition{Topic: topic}
	c := open(t, task.Target{Brokers: []string{k.SASL}, User: k.User, Password: task.Secret(k.Password)}, kafka.WithTimeout(5*time.Second))
	denied := func(err error, code, operation string) {
		t.Helper()
		e, ok := err.(*task.Error)
		if f, is := err.(*engine.ProduceFailure); is {
			if f.Kind != engine.ProduceRefused {
				t.Errorf("%v is of kind %d", err, f.Kind)
			}
			e, ok = f.Err.(*task.Error)
		}
		if !ok || e.Code != code || e.Retry || !strings.Contains(e.Hint, "--allow-principal User:bob") || !strings.Contains(e.Hint, operation) {
			t.Errorf("got %v (hint %q), want %s", err, e.Hint, code)
		}
	}
	_, err := c.Produce(t.Context(), p, batch(producer(t, admin), 0, 0, "a"))
	denied(err, "target.topic_denied", "--operation Write")
	_, _, err = c.Ends(t.Context(), []engine.Partition{p})
	denied(err, "target.topic_denied", "--topic "+topic)
	denied(c.Scan(t.Context(), p, 0, 1, func(int64, engine.Message) error { return nil }), "target.topic_denied", "--operation Read")
	_, err = c.Topic(t.Context(), topic)
	denied(err, "target.topic_denied", "--operation Describe")
	denied(c.MayCreate(t.Context(), []string{topic + "-mine"}, 1, 1), "target.topic_denied", "--operation Create")
	if id, err := c.NewProducer(t.Context()); id != engine.NoProducer || err != nil {
		t.Error(id, err)
	}
	denied(c.CreateTopic(t.Context(), topic+"-mine", 1, 1, nil), "target.topic_denied", "--operation Create")
	if list, err := c.Topics(t.Context()); err != nil || len(list) != 0 {
		t.Error(list, err)
	}
}
