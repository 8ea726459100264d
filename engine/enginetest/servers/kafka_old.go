package servers

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
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
	// What `.ci/fetch matrix` brings.
	Kafka0102 KafkaVersion = "kafka-0.10.2.2"
	Kafka28   KafkaVersion = "kafka-2.8.2"
	Kafka39   KafkaVersion = "kafka-3.9.1"
)

// KafkaSecure gives an old broker the listeners with encryption, too, and makes its SCRAM users.
func KafkaSecure() KafkaOption { return func(s *kafkaSettings) { s.secure = true } }

// scram reports whether the broker knows SCRAM: since 0.10.2.
func (v KafkaVersion) scram() bool { return !strings.HasPrefix(string(v), "kafka-0.10.1") }

// StartOldKafka runs one broker with a ZooKeeper of its own, which both end with the test. It has a plain listener and
// one with SASL, of which PLAIN knows User; the rest is for KafkaSecure.
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
	addrs := []*string{&keeper, &k.Plain, &k.SASL}
	if set.secure {
		addrs = append(addrs, &k.SASLSSL, &k.SSL)
	}
	for _, addr := range addrs {
		if *addr != "" {
			continue
		}
		port, err := freePort()
		if err != nil {
			return err
		}
		*addr = address(port)
	}
	if set.secure {
		lines, err := k.keystore()
		if err != nil {
			return err
		}
		set.lines = append(lines, set.lines...)
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
	if set.secure && version.scram() {
		if err := k.scramUsers(home, keeper); err != nil {
			return err
		}
	}
	k.proc, err = start(k.Dir, set.heap, "kafka.Kafka", func(ctx context.Context) error { return brokerReady(ctx, k.Plain) })
	return err
}

// scramUsers makes them where brokers before 2.7 keep them, and the others do until they are told otherwise.
func (k *Kafka) scramUsers(home, keeper string) error {
	argv := append(java(home, "128m"), "-Dlog4j.configuration=file:"+filepath.Join(k.Dir, "log4j.properties"), "kafka.admin.ConfigCommand", "--zookeeper", keeper,
		"--alter", "--entity-type", "users", "--entity-name", kafkaUser,
		"--add-config", fmt.Sprintf("SCRAM-SHA-256=[iterations=4096,password=%s],SCRAM-SHA-512=[iterations=4096,password=%[1]s]", kafkaPassword))
	return k.tool(argv)
}

// keystore makes a certificate in a form that old brokers read, and gives the lines by which they do.
func (k *Kafka) keystore() ([]string, error) {
	file := filepath.Join(k.Dir, "server.p12")
	k.CAFile = filepath.Join(k.Dir, "ca.pem")
	store := []string{"-keystore", file, "-storetype", "PKCS12", "-storepass", kafkaPassword, "-alias", "server"}
	program := javaProgram("keytool")
	err := k.tool(append([]string{program, "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "7", "-dname", "CN=localhost", "-ext", "san=dns:localhost,ip:127.0.0.1"}, store...))
	if err == nil {
		// It is signed by itself.
		err = k.tool(append([]string{program, "-exportcert", "-rfc", "-file", k.CAFile}, store...))
	}
	return []string{"ssl.keystore.type=PKCS12", "ssl.keystore.location=" + file, "ssl.keystore.password=" + kafkaPassword, "ssl.key.password=" + kafkaPassword}, err
}

func (k *Kafka) tool(argv []string) error {
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = k.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", filepath.Base(argv[0]), err, out)
	}
	return nil
}

func writeOldConfig(k *Kafka, keeper string, version KafkaVersion, more []string) error {
	_, port, _ := net.SplitHostPort(keeper)
	mechanisms, modules := "PLAIN", ""
	if version.scram() {
		mechanisms += ",SCRAM-SHA-256,SCRAM-SHA-512"
		modules = "org.apache.kafka.common.security.scram.ScramLoginModule required;\n"
	}
	listeners := fmt.Sprintf("PLAINTEXT://%s,SASL_PLAINTEXT://%s", k.Plain, k.SASL)
	if k.SSL != "" {
		listeners += fmt.Sprintf(",SASL_SSL://%s,SSL://%s", k.SASLSSL, k.SSL)
	}
	broker := append([]string{
		"broker.id=1",
		"zookeeper.connect=" + keeper,
		// A killed broker may come back only after its session.
		"zookeeper.session.timeout.ms=1000",
		"zookeeper.connection.timeout.ms=30000",
		"listeners=" + listeners,
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
