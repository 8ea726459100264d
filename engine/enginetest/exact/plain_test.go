package exact

import (
	"context"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/sasl/plain"
	"github.com/twmb/franz-go/pkg/kgo"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
)

// plainShape is what a run into a target without producer ids does otherwise.
type plainShape struct {
	points []string        // each costs a wait
	before func(run int)   // before each run of the process
	last   driver.Progress // of the last run
}

// slow is how long a point may take to be reached: the wait of the take-over comes first.
const slow = 10 * patience

func (s *plainShape) attack(ctx context.Context, t *testing.T, x *driver.Task) (killed int) {
	for i, p := range s.points {
		s.before(i)
		began := time.Now()
		o, err := x.Run(ctx, p, time.After(slow))
		check(t, o, err, p)
		if time.Since(began) > slow {
			t.Errorf("no process came to point %s", p)
		}
		killed++
	}
	s.before(len(s.points))
	runFor(ctx, t, x, 2*patience) // the stream is followed for a while
	return killed + 1
}

// TestWithoutProducers kills the process while it writes to Kafka 0.10, which can't tell a resend from a new request.
func TestWithoutProducers(t *testing.T) {
	k := servers.StartOldKafka(t, servers.Kafka010)
	s := shape{name: "kafka-0.10", kind: servers.MariaDB1011, options: wideMariaDB, partitions: 3, policy: "key",
		plain: &plainShape{points: []string{"row:1500", "sent:5", "scanning:40", "acked:40"}, before: func(int) {}}}
	report := exercise(t, driver.Binary(t), k, s, "plain", nil)
	t.Log(report)
	if !report.OK() || !s.plain.last.Plain || s.plain.last.Doubled > 0 {
		t.Errorf("the last progress says %+v", s.plain.last)
	}
	t.Logf("%d messages sent again", s.plain.last.Resent)
}

// TestTierChanges takes the right to write idempotently away and gives it back between runs.
func TestTierChanges(t *testing.T) {
	k := servers.StartOldKafka(t, servers.Kafka10, servers.KafkaConfig("authorizer.class.name=kafka.security.auth.SimpleAclAuthorizer",
		"super.users=User:bob", "allow.everyone.if.no.acl.found=true"))
	transport := &kafka.Transport{SASL: plain.Mechanism{Username: k.User, Password: k.Password}}
	t.Cleanup(transport.CloseIdleConnections)
	admin := &kafka.Client{Addr: kafka.TCP(k.SASL), Transport: transport}
	right := func(operation kafka.ACLOperationType) kafka.ACLEntry {
		return kafka.ACLEntry{ResourceType: kafka.ResourceTypeCluster, ResourceName: "kafka-cluster", ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:ANONYMOUS", Host: "*", Operation: operation, PermissionType: kafka.ACLPermissionTypeAllow}
	}
	grant := func(operations ...kafka.ACLOperationType) {
		for _, o := range operations {
			res, err := admin.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{right(o)}})
			if err != nil || res.Errors[0] != nil {
				t.Fatal(err, res)
			}
		}
	}
	grant(kafka.ACLOperationTypeClusterAction, kafka.ACLOperationTypeCreate, kafka.ACLOperationTypeDescribe)
	s := shape{name: "tier-changes", kind: servers.MySQL80, options: wideMySQL, partitions: 1, policy: "zero", truncate: true, plain: &plainShape{points: []string{"row:1500", "sent:5", "handing:4", "acked:40"}, before: func(run int) {
		if run%2 == 0 {
			return
		}
		if run == 1 {
			grant(kafka.ACLOperationTypeIdempotentWrite)
			return
		}
		e := right(kafka.ACLOperationTypeIdempotentWrite)
		res, err := admin.DeleteACLs(t.Context(), &kafka.DeleteACLsRequest{Filters: []kafka.DeleteACLsFilter{{ResourceTypeFilter: e.ResourceType,
			ResourceNameFilter: e.ResourceName, ResourcePatternTypeFilter: e.ResourcePatternType, PrincipalFilter: e.Principal, HostFilter: e.Host,
			Operation: e.Operation, PermissionType: e.PermissionType}}})
		if err != nil || len(res.Results[0].MatchingACLs) != 1 {
			t.Fatal(err, res)
		}
	}}}
	report := exercise(t, driver.Binary(t), k, s, "tiers", nil)
	t.Log(report)
	with, without := producers(t, k.Plain, "tiers", int64(report.Records))
	t.Logf("%d records came from producers with an id, %d from those without", with, without)
	if with == 0 || without == 0 {
		t.Error("one of the tiers was not in use")
	}
	if !report.OK() || !s.plain.last.Plain || s.plain.last.Doubled > 0 {
		t.Errorf("the last progress says %+v", s.plain.last)
	}
}

// producers counts the first records of partition 0 by whether their producer had an id.
func producers(t *testing.T, addr, topic string, n int64) (with, without int64) {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().AtStart()}}))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for with+without < n {
		f := c.PollFetches(ctx)
		if err := f.Err0(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			if r.ProducerID < 0 {
				without++
			} else {
				with++
			}
		})
	}
	return with, without
}
