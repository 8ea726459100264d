package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// KafkaVersion is a broker of the time of ZooKeeper; its value is the fetched part.
type KafkaVersion string

// What `task fetch` brings. Others run too after `.ci/fetch kafka-2.8.2` and the like.
const (
	Kafka010 KafkaVersion = "kafka-0.10.1.0" // messages of format 1, no producer ids
	Kafka10  KafkaVersion = "kafka-1.0.2"
)

// scram reports whether the broker knows SCRAM: since 0.10.2.
func (v KafkaVersion) scram() bool { return !strings.HasPrefix(string(v), "kafka-0.10.1") }

// StartOldKafka runs one broker with a ZooKeeper of its own, which both end with the test. It has a plain listener and
// one with SASL, no encryption: where there is SCRAM, its users are still to be made; PLAIN knows User.
func StartOldKafka(t testing.TB, version KafkaVersion, opts ...KafkaOption) *Kafka {
	t.Helper()
	k, err := LaunchOldKafka(version, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// LaunchOldKafka is StartOldKafka without a test; the caller must Close it.
func LaunchOldKafka(version KafkaVersion, opts ...KafkaOption) (*Kafka, error) {
	home, err := Fetched(string(version))
	if err != nil {
		return nil, err
	}
	dir, err := newDir()
	if err != nil {
		return nil, err
	}
	k := &Kafka{User: kafkaUser, Password: kafkaPassword, Dir: dir}
	if err := k.runOld(home, version, opts); err != nil {
		k.Close()
		os.RemoveAll(dir)
		return nil, err
	}
	return k, nil
}

func (k *Kafka) runOld(home string, version KafkaVersion, opts []KafkaOption) error {
	set := kafkaSettings{heap: "256m"}
	for _, o := range opts {
		o(&set)
	}
	var keeper string
	k.Plain = set.listen
	for _, addr := range []*string{&keeper, &k.Plain, &k.SASL} {
		if *addr != "" {
			continue
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		*addr = address(port)
	}
	if err := writeOldConfig(k, keeper, version, set.lines); err != nil {
		return err
	}
	start := func(dir, heap, class string, ready func(context.Context) error) (*process, error) {
		argv := append(java(home, heap), "-Dlog4j.configuration=file:"+filepath.Join(k.Dir, "log4j.properties"),
			"-Djava.security.auth.login.config="+filepath.Join(k.Dir, "jaas.conf"), class, filepath.Join(dir, "server.properties"))
		p := &process{name: string(version), dir: dir, argv: argv, ready: ready}
		return p, p.start()
	}
	var err error
	k.keeper, err = start(filepath.Join(k.Dir, "zookeeper"), "128m", "org.apache.zookeeper.server.quorum.QuorumPeerMain", func(ctx context.Context) error {
		c, err := new(net.Dialer).DialContext(ctx, "tcp", keeper)
		if err == nil {
			c.Close()
		}
		return err
	})
	if err != nil {
		return err
	}
	k.proc, err = start(k.Dir, set.heap, "kafka.Kafka", func(ctx context.Context) error { return brokerReady(ctx, k.Plain) })
	return err
}

func writeOldConfig(k *Kafka, keeper string, version KafkaVersion, more []string) error {
	_, port, _ := net.SplitHostPort(keeper)
	mechanisms, modules := "PLAIN", ""
	if version.scram() {
		mechanisms += ",SCRAM-SHA-256,SCRAM-SHA-512"
		modules = "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
	}
	broker := append([]string{
		"broker.id=1",
		"zookeeper.connect=" + keeper,
		// A killed broker may come back only after its session.
		"zookeeper.session.timeout.ms=1000",
		"zookeeper.connection.timeout.ms=30000",
		fmt.Sprintf("listeners=PLAINTEXT://%s,SASL_PLAINTEXT://%s", k.Plain, k.SASL),
		"security.inter.broker.protocol=PLAINTEXT",
		"sasl.enabled.mechanisms=" + mechanisms,
		"log.dirs=" + filepath.Join(k.Dir, "data"),
		"auto.create.topics.enable=false",
		"delete.topic.enable=true",
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=5",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=5",
		"group.initial.rebalance.delay.ms=0",
		"log.cleaner.dedupe.buffer.size=16777216",
	}, more...)
	for name, lines := range map[string][]string{
		"server.properties": broker,
		"zookeeper/server.properties": {
			"dataDir=" + filepath.Join(k.Dir, "zookeeper/data"),
			"clientPort=" + port,
			"clientPortAddress=127.0.0.1",
			"maxClientCnxns=0",
			"admin.enableServer=false",
			"tickTime=500",
		},
		"jaas.conf": {fmt.Sprintf("KafkaServer {\n%sorg.apache.kafka.common.security.plain.PlainLoginModule required user_%s=\"%s\";\n};", modules, kafkaUser, kafkaPassword)},
		"log4j.properties": {
			"log4j.rootLogger=WARN, out",
			"log4j.appender.out=org.apache.log4j.ConsoleAppender",
			"log4j.appender.out.layout=org.apache.log4j.PatternLayout",
			"log4j.appender.out.layout.ConversionPattern=%d %p %c{1} %m%n",
		},
	} {
		path := filepath.Join(k.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// restartOld starts the broker again. ZooKeeper remembers a killed one until its session ends, and a broker that finds
// itself there ends.
func (k *Kafka) restartOld() error {
	began := time.Now()
	for {
		err := k.proc.start()
		if err == nil || time.Since(began) > startWait {
			return err
		}
	}
}
