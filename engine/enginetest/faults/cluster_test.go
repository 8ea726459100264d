package faults

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"sluice/engine/enginetest/wait"
)

// metadata asks the brokers, past their proxies, what they know of the topic.
func (w *world) metadata(ctx context.Context) (*kmsg.MetadataResponse, error) {
	c, err := kgo.NewClient(kgo.SeedBrokers(w.seeds()...), kgo.Dialer(w.dial))
	if err != nil {
		return nil, err
	}
	defer c.Close()
	req := kmsg.NewPtrMetadataRequest()
	rt := kmsg.NewMetadataRequestTopic()
	rt.Topic = kmsg.StringPtr(topic)
	req.Topics = append(req.Topics, rt)
	m, err := req.RequestWith(ctx, c)
	if err == nil && len(m.Topics) == 1 {
		err = kerr.ErrorForCode(m.Topics[0].ErrorCode)
	}
	return m, err
}

// leader gives the broker that leads the partition in which the beats arrive.
func (w *world) leader() *broker {
	w.t.Helper()
	m, err := w.metadata(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	partition := w.beats.partition()
	for _, p := range m.Topics[0].Partitions {
		if p.Partition != partition {
			continue
		}
		for _, b := range m.Brokers {
			for _, ours := range w.brokers {
				if b.NodeID == p.Leader && fmt.Sprintf("%s:%d", b.Host, b.Port) == ours.addr {
					return ours
				}
			}
		}
	}
	w.t.Fatalf("partition %d has no leader", partition)
	return nil
}

// inSync waits until all replicas of the topic are in sync.
func (w *world) inSync() {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.ctx, patience)
	defer cancel()
	err := wait.Until(ctx, func() error {
		m, err := w.metadata(ctx)
		if err != nil {
			return err
		}
		behind := 0
		for _, p := range m.Topics[0].Partitions {
			behind += len(p.Replicas) - len(p.ISR)
		}
		if behind > 0 || len(m.Brokers) != len(w.brokers) {
			return fmt.Errorf("%d brokers, %d replicas not in sync", len(m.Brokers), behind)
		}
		return nil
	})
	if err != nil {
		w.t.Fatal("the replicas are not in sync again:", err)
	}
}
