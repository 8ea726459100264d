package oracle

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

func TestReadTopics(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.SeedTopics(3, "topic", "empty"))
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	w := history(t)
	for i := range w.messages {
		r := &kgo.Record{Topic: "topic", Partition: w.messages[i].partition, Value: w.messages[i].encode(t)}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	topics, err := ReadTopics(t.Context(), cluster.ListenAddrs(), []string{"topic", "empty"}, TopicOptions{Keys: w.l.Keys()})
	if err != nil {
		t.Fatal(err)
	}
	if len(topics.Records) != len(w.messages) || topics.Sampled == 0 {
		t.Errorf("%d records, %d of them by goavro, want %d", len(topics.Records), topics.Sampled, len(w.messages))
	}
	if r := Check(w.l, topics, w.contents(), CheckOptions{}); !r.OK() {
		t.Error(r)
	}
	if _, err := ReadTopics(t.Context(), cluster.ListenAddrs(), []string{"absent"}, TopicOptions{}); err == nil {
		t.Error("a topic that is absent was read")
	}
}
