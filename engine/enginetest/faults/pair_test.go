package faults

import (
	"fmt"
	"strings"
	"testing"

	"sluice/engine/enginetest/servers"
)

// source is a server that a pair can name.
type source struct {
	kind    servers.Kind
	options []string
	rowLock bool // without GTID: single rows may be locked
}

// A crash must not take back what was sent: the conditions of docs/guarantees.md. The rest widens the window between
// the flush of a transaction and its visibility.
var (
	durable = []string{"sync_binlog=1", "innodb_flush_log_at_trx_commit=1"}
	wide    = append([]string{"binlog_group_commit_sync_delay=2000", "binlog_order_commits=OFF"}, durable...)
)

var sources = map[string]source{
	"mysql-8.0.33":        {servers.MySQL80, wide, false},
	"mysql-8.0.33-nogtid": {servers.MySQL80, append(append([]string(nil), durable...), servers.NoGTID...), true},
	"mysql-9.7":           {servers.MySQL97, wide, false},
	"mariadb-10.11":       {servers.MariaDB1011, durable, false},
}

// targets start the brokers of a target; each of them advertises the address of its proxy.
var targets = map[string]func(t testing.TB) []*broker{
	"kafka-4.4":      one(func(t testing.TB, o ...servers.KafkaOption) *servers.Kafka { return servers.StartKafka(t, o...) }),
	"kafka-4.4x3":    three,
	"kafka-1.0.2":    one(old(servers.Kafka10)),
	"kafka-0.10.1.0": one(old(servers.Kafka010)),
}

func old(v servers.KafkaVersion) func(testing.TB, ...servers.KafkaOption) *servers.Kafka {
	return func(t testing.TB, o ...servers.KafkaOption) *servers.Kafka {
		// The default of the tests is too short for a machine that does all this at once.
		return servers.StartOldKafka(t, v, append(o, servers.KafkaConfig("zookeeper.session.timeout.ms=4000"))...)
	}
}

// one starts a target of a single broker.
func one(start func(testing.TB, ...servers.KafkaOption) *servers.Kafka) func(testing.TB) []*broker {
	return func(t testing.TB) []*broker {
		b := &broker{proxy: newProxy(t, "broker")}
		addr := servers.FreeAddress(t)
		b.to(t, addr)
		b.Kafka = start(t, servers.KafkaListen(addr), servers.KafkaAdvertise(b.addr))
		return []*broker{b}
	}
}

// three starts a cluster; its brokers speak among themselves past the proxies.
func three(t testing.TB) (out []*broker) {
	for i := range 3 {
		out = append(out, &broker{proxy: newProxy(t, fmt.Sprint("broker", i))})
	}
	cluster := servers.StartCluster(t, func(i int) []servers.KafkaOption {
		return []servers.KafkaOption{servers.KafkaAdvertise(out[i].addr)}
	})
	for i, k := range cluster {
		out[i].Kafka = k
		out[i].to(t, k.Plain)
	}
	return out
}

// split takes a pair like mysql-8.0.33/kafka-4.4 apart.
func split(t testing.TB, pair string) (source, func(testing.TB) []*broker) {
	t.Helper()
	s, k, _ := strings.Cut(pair, "/")
	src, known := sources[s]
	target, also := targets[k]
	if !known || !also {
		t.Fatalf("pair %q: sources are %v, targets %v", pair, names(sources), names(targets))
	}
	return src, target
}
