package servers

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sluice/engine/enginetest/wait"
)

// StartCluster runs three brokers of Kafka 4.4 as one cluster, whose topics have three replicas, two of which have to
// be in sync. Any one broker may be killed: the others elect. options are for each broker in turn; the brokers speak
// among themselves past the listeners of clients.
func StartCluster(t testing.TB, options func(broker int) []KafkaOption) []*Kafka {
	t.Helper()
	const n = 3
	id := randomID()
	controllers, inner := make([]string, n), make([]string, n)
	var voters []string
	for i := range n {
		for _, addr := range []*string{&controllers[i], &inner[i]} {
			port, err := freePort()
			if err != nil {
				t.Fatal(err)
			}
			*addr = address(port)
		}
		voters = append(voters, fmt.Sprintf("%d@%s", i+1, controllers[i]))
	}
	// None is ready before two of the three are there.
	brokers, errs := make([]*Kafka, n), make([]error, n)
	var starting sync.WaitGroup
	for i := range n {
		member := func(s *kafkaSettings) {
			s.heap, s.cluster, s.controller = "256m", id, controllers[i]
			s.inner = inner[i]
			s.lines = append(s.lines, fmt.Sprint("node.id=", i+1), "controller.quorum.voters="+strings.Join(voters, ","),
				"min.insync.replicas=2", "default.replication.factor=3", "offsets.topic.replication.factor=3",
				// So that a dead leader is replaced, and a follower that hangs is left behind, within seconds.
				"replica.lag.time.max.ms=4000", "controller.quorum.election.timeout.ms=500", "controller.quorum.fetch.timeout.ms=1000",
				"controller.quorum.election.backoff.max.ms=500", "unclean.leader.election.enable=false")
		}
		starting.Go(func() { brokers[i], errs[i] = LaunchKafka(append([]KafkaOption{member}, options(i)...)...) })
	}
	starting.Wait()
	for _, k := range brokers {
		if k != nil {
			t.Cleanup(k.Close)
		}
	}
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), startWait)
	defer cancel()
	if err := wait.Until(ctx, func() error { return brokersReady(ctx, brokers[0].Plain, n) }); err != nil {
		t.Fatal(err)
	}
	return brokers
}
