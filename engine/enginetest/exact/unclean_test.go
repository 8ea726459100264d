package exact

import (
	"context"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/wait"
	"sluice/engine/enginetest/workload"
)

// TestUncleanElection: of three brokers the one that leads all partitions is alone in sync, takes some thousand messages
// and dies; the other replica, which lacks them, is elected. The task notices, sends what was lost again, and the oracle
// finds every change once, in order.
func TestUncleanElection(t *testing.T) {
	const topic, partitions = "unclean", 2
	bin := driver.Binary(t)
	m := servers.StartMySQL(t, servers.MySQL80, wideMySQL...)
	cluster := servers.StartCluster(t, func(int) []servers.KafkaOption { return nil })
	leader, behind := cluster[0], cluster[1] // the third has a vote among controllers and no replica
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	u := uncleanTopic{T: t, ctx: ctx, name: topic, partitions: partitions}
	for _, k := range cluster {
		u.seeds = append(u.seeds, k.Plain)
	}
	u.create(1, 2)

	o := workload.Options{Seed: *seed, Schema: "work", Rows: map[string]int{"t_int": 2000}}
	if err := workload.Setup(ctx, m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	writing, err := workload.Start(ctx, m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	x := driver.New(t, bin, driver.Spec{Source: m, Brokers: u.seeds, Schema: "work", Tables: workload.Tables(), Topic: topic, Partitions: partitions, Replicas: 2, Policy: "key"})
	p, err := x.Start("")
	if err != nil {
		t.Fatal(err)
	}
	reach(ctx, t, p, "incremental")

	behind.Kill9(t)
	u.until("the leader is alone in sync", func(p *kmsg.MetadataResponseTopicPartition) bool { return p.Leader == 1 && len(p.ISR) == 1 })
	alone := u.ends()
	acked := u.grown(alone, 1000)
	repaired := told(ctx, p, "target.repaired")
	leader.Kill9(t)
	behind.Restart(t)
	u.until("the other is elected", func(p *kmsg.MetadataResponseTopicPartition) bool { return p.Leader == 2 })
	leader.Restart(t)
	if !<-repaired {
		t.Fatalf("it did not see what was lost: %+v", p.Last())
	}
	stats, err := writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	p.Signal(syscall.SIGTERM)
	if _, err := p.Wait(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := x.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil {
		t.Fatal(err)
	}
	if after.Code != 0 {
		t.Fatalf("code %d: %s", after.Code, after.Stderr)
	}
	t.Logf("workload %+v; in sync up to %v, acknowledged up to %v", stats, alone, acked)
	report, _ := driver.Judge(t, m, u.seeds, topic, workload.Tables(), oracle.CheckOptions{})
	t.Log(report)
	if !report.OK() {
		t.Fail()
	}
}

// told watches a process until it has given a notice: newer ones push older ones out.
func told(ctx context.Context, p *driver.Process, code string) <-chan bool {
	heard := make(chan bool, 1)
	go func() {
		for {
			_, more := p.Said()
			for _, n := range p.Last().Notices {
				if n.Code == code {
					heard <- true
					return
				}
			}
			select {
			case <-more:
			case <-p.Done():
				heard <- false
				return
			case <-ctx.Done():
				heard <- false
				return
			}
		}
	}()
	return heard
}

// uncleanTopic is a topic that elects a replica which is not in sync rather than wait.
type uncleanTopic struct {
	*testing.T
	ctx        context.Context
	name       string
	partitions int
	seeds      []string
}

func (u *uncleanTopic) client() *kgo.Client {
	u.Helper()
	c, err := kgo.NewClient(kgo.SeedBrokers(u.seeds...), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		u.Fatal(err)
	}
	return c
}

func (u *uncleanTopic) create(replicas ...int32) {
	u.Helper()
	c := u.client()
	defer c.Close()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = u.name, -1, -1
	for i := range u.partitions {
		a := kmsg.NewCreateTopicsRequestTopicReplicaAssignment()
		a.Partition, a.Replicas = int32(i), replicas
		topic.ReplicaAssignment = append(topic.ReplicaAssignment, a)
	}
	for name, value := range map[string]string{"min.insync.replicas": "1", "unclean.leader.election.enable": "true"} {
		s := kmsg.NewCreateTopicsRequestTopicConfig()
		s.Name, s.Value = name, kmsg.StringPtr(value)
		topic.Configs = append(topic.Configs, s)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Topics, request.TimeoutMillis = append(request.Topics, topic), 10_000
	made, err := request.RequestWith(u.ctx, c)
	if err == nil {
		err = kerr.ErrorForCode(made.Topics[0].ErrorCode)
	}
	if err != nil {
		u.Fatal(err)
	}
}

// until waits until all partitions are so.
func (u *uncleanTopic) until(what string, so func(*kmsg.MetadataResponseTopicPartition) bool) {
	u.Helper()
	c := u.client()
	defer c.Close()
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(u.name)
	request.Topics = append(request.Topics, topic)
	err := wait.Until(u.ctx, func() error {
		m, err := request.RequestWith(u.ctx, c)
		if err != nil {
			return err
		}
		all := len(m.Topics[0].Partitions) > 0
		for i := range m.Topics[0].Partitions {
			all = all && so(&m.Topics[0].Partitions[i])
		}
		if !all {
			return fmt.Errorf("%+v", m)
		}
		return nil
	})
	if err != nil {
		u.Fatalf("%s: %v", what, err)
	}
}

// ends asks the leader where the partitions end.
func (u *uncleanTopic) ends() []int64 {
	u.Helper()
	c := &kafka.Client{Addr: kafka.TCP(u.seeds...)}
	var asked []kafka.OffsetRequest
	for i := range u.partitions {
		asked = append(asked, kafka.LastOffsetOf(i))
	}
	answer, err := c.ListOffsets(u.ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{u.name: asked}})
	if err != nil {
		u.Fatal(err)
	}
	ends := make([]int64, u.partitions)
	for _, p := range answer.Topics[u.name] {
		if p.Error != nil {
			u.Fatal(p.Error)
		}
		ends[p.Partition] = p.LastOffset
	}
	return ends
}

// grown waits until each partition has so many messages more, and gives its ends.
func (u *uncleanTopic) grown(from []int64, by int64) (ends []int64) {
	u.Helper()
	err := wait.Until(u.ctx, func() error {
		ends = u.ends()
		for p, end := range ends {
			if end < from[p]+by {
				return fmt.Errorf("it does not grow: from %v to %v", from, ends)
			}
		}
		return nil
	})
	if err != nil {
		u.Fatal(err)
	}
	return ends
}
