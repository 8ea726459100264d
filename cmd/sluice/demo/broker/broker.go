// Package broker is the demo broker: it speaks Kafka's protocol, runs in this process and keeps its topics in a folder.
// It is one node on the loopback address, made for demos: nothing is replicated.
package broker

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"

	"sluice/engine/kafka"
	"sluice/engine/task"
)

// Topic is one that the broker begins with.
type Topic struct {
	Name       string
	Partitions int
}

// Topics are those that the broker begins with.
var Topics = []Topic{{"shop", 3}, {"shop-orders", 6}, {"audit", 1}}

// keep bounds each partition, so that a demo that is left running does not fill the disk.
var keep = map[string]string{
	"retention.bytes": strconv.Itoa(1 << 30),
	"segment.bytes":   strconv.Itoa(64 << 20),
}

// tidy is how often what is beyond the bound is removed.
const tidy = time.Minute

// Broker is a running one.
type Broker struct {
	Addr    string
	cluster *kfake.Cluster
	stop    chan struct{}
	over    sync.WaitGroup
}

// Start runs the broker on what dir holds.
func Start(ctx context.Context, dir string, port int) (*Broker, error) {
	cluster, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.Ports(port), kfake.ClusterID("sluice-demo-broker"),
		kfake.DataDir(filepath.Clean(dir)), kfake.DefaultNumPartitions(1),
		kfake.BrokerConfigs(map[string]string{
			"default.replication.factor": "1",
			"min.insync.replicas":        "1",
			"log.retention.bytes":        keep["retention.bytes"],
			"log.segment.bytes":          keep["segment.bytes"],
		}),
	)
	if err != nil {
		return nil, fmt.Errorf("starting the demo broker: %w", err)
	}
	b := &Broker{Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), cluster: cluster, stop: make(chan struct{})}
	if err := b.create(ctx); err != nil {
		cluster.Close()
		return nil, err
	}
	b.over.Go(b.tidy)
	return b, nil
}

// tidy removes old messages: the library does so by itself only after a topic was made or changed.
func (b *Broker) tidy() {
	tick := time.NewTicker(tidy)
	defer tick.Stop()
	for {
		select {
		case <-b.stop:
			return
		case <-tick.C:
			b.cluster.ApplyRetention()
		}
	}
}

// create makes the topics that are missing.
func (b *Broker) create(ctx context.Context) error {
	c, err := kafka.Open(ctx, task.Target{Brokers: []string{b.Addr}})
	if err != nil {
		return err
	}
	defer c.Close()
	there, err := c.Topics(ctx)
	if err != nil || len(there) > 0 {
		return err
	}
	for _, t := range Topics {
		if err := c.CreateTopic(ctx, t.Name, t.Partitions, 1, keep); err != nil {
			return err
		}
	}
	return nil
}

// Close ends the broker; all that it acknowledged is kept.
func (b *Broker) Close() {
	close(b.stop)
	b.over.Wait()
	b.cluster.Close()
}
