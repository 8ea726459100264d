package servers

import (
	"bytes"
	"cmp"
	"context"
	crand "crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	kafkaPart     = "kafka-4.4.0"
	kafkaUser     = "bob"
	kafkaPassword = "bob-secret"
)

// Kafka is a running one-node Kafka, 4.4 where nothing else is said.
type Kafka struct {
	Plain   string // host:port without encryption or login
	SASL    string // SASL_PLAINTEXT: SCRAM-SHA-256, SCRAM-SHA-512 or PLAIN
	SASLSSL string // SASL_SSL, same mechanisms
	SSL     string // encryption without login

	CAFile   string // PEM of the CA that signed the certificate for localhost and 127.0.0.1
	User     string
	Password string
	Dir      string // empty for a broker given by the environment

	proc   *process
	keeper *process // ZooKeeper of an old broker; nil: it needs none
}

type kafkaSettings struct {
	lines      []string
	heap       string
	java       []string // options of the JVM, over those of java
	cluster    string   // id; empty: one of its own
	controller string   // address; empty: chosen
	listen     string   // address of the plain listener; empty: chosen
	advertise  string   // address that clients are told instead of Plain
	inner      string   // address of the listener between brokers; empty: PLAINTEXT is it
	secure     bool     // an old broker: see KafkaSecure
}

// KafkaOption changes how a broker starts.
type KafkaOption func(*kafkaSettings)

// KafkaConfig adds server.properties lines like "message.max.bytes=2000000".
func KafkaConfig(lines ...string) KafkaOption {
	return func(s *kafkaSettings) { s.lines = append(s.lines, lines...) }
}

// KafkaListen gives the plain listener an address that is known before the start, so that a proxy may be there first.
func KafkaListen(addr string) KafkaOption {
	return func(s *kafkaSettings) { s.listen = addr }
}

// FreeAddress is one that no server listens on, and that the kernel gives to no connection meanwhile.
func FreeAddress(t testing.TB) string {
	t.Helper()
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	return address(port)
}

// KafkaAdvertise tells clients of the plain listener to come by another address: that of a proxy before it. Old
// brokers have to be able to reach themselves by it.
func KafkaAdvertise(addr string) KafkaOption {
	return func(s *kafkaSettings) {
		s.advertise = addr
		s.lines = append(s.lines, "advertised.listeners=PLAINTEXT://"+addr)
	}
}

// KafkaHeap sets the JVM's -Xmx, like "1g" (default 512m).
func KafkaHeap(size string) KafkaOption {
	return func(s *kafkaSettings) { s.heap = size }
}

// KafkaMeasured sets the JVM up as Kafka's documentation does, for brokers whose work is measured.
func KafkaMeasured(heap string) KafkaOption {
	return func(s *kafkaSettings) {
		s.heap = heap
		s.java = []string{"-Xms" + heap, "-XX:-UseSerialGC", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
			"-XX:G1HeapRegionSize=16M", "-XX:+ExplicitGCInvokesConcurrent", "-XX:TieredStopAtLevel=4"}
	}
}

// StartKafka runs a broker of the test's own, which ends with the test.
func StartKafka(t testing.TB, opts ...KafkaOption) *Kafka {
	t.Helper()
	k, err := LaunchKafka(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

// LaunchKafka is StartKafka without a test; the caller must Close it.
func LaunchKafka(opts ...KafkaOption) (*Kafka, error) {
	home, err := Fetched(kafkaPart)
	if err != nil {
		return nil, err
	}
	// The number at the end changes with what initKafka does.
	template, err := prepared("data-"+kafkaPart+"-1", func(dir string) error { return initKafka(home, dir) })
	if err != nil {
		return nil, err
	}
	archive := filepath.Join(template, "classes.jsa")
	return launchKafka(home, filepath.Join(template, "data"), []string{"-XX:SharedArchiveFile=" + archive}, opts)
}

func launchKafka(home, data string, jvm []string, opts []KafkaOption) (*Kafka, error) {
	dir, err := newDir()
	if err != nil {
		return nil, err
	}
	k, err := runKafka(home, data, dir, jvm, opts)
	if err != nil {
		os.RemoveAll(dir)
	}
	return k, err
}

func runKafka(home, data, dir string, jvm []string, opts []KafkaOption) (*Kafka, error) {
	set := kafkaSettings{heap: "512m"}
	for _, o := range opts {
		o(&set)
	}
	if err := os.CopyFS(filepath.Join(dir, "data"), os.DirFS(data)); err != nil {
		return nil, err
	}
	if err := newIDs(filepath.Join(dir, "data/meta.properties"), set); err != nil {
		return nil, err
	}
	if err := writeCerts(dir, nil); err != nil {
		return nil, err
	}
	k := &Kafka{CAFile: filepath.Join(dir, "ca.pem"), User: kafkaUser, Password: kafkaPassword, Dir: dir}
	controller := set.controller
	k.Plain = set.listen
	for _, addr := range []*string{&controller, &k.Plain, &k.SASL, &k.SASLSSL, &k.SSL} {
		if *addr != "" {
			continue
		}
		port, err := freePort()
		if err != nil {
			return nil, err
		}
		*addr = address(port)
	}
	if set.inner != "" {
		set.lines = append(set.lines, "inter.broker.listener.name=INNER",
			"listeners=CONTROLLER://"+controller+",INNER://"+set.inner+",PLAINTEXT://"+k.Plain,
			"advertised.listeners=INNER://"+set.inner+",PLAINTEXT://"+cmp.Or(set.advertise, k.Plain),
			"listener.security.protocol.map=CONTROLLER:PLAINTEXT,INNER:PLAINTEXT,PLAINTEXT:PLAINTEXT")
	}
	config, err := writeKafkaConfig(dir, controller, k, set.lines)
	if err != nil {
		return nil, err
	}
	argv := slices.Concat(java(home, set.heap), set.java, jvm)
	argv = append(argv, "-Dlog4j2.configurationFile="+filepath.Join(dir, "log4j2.properties"), "kafka.Kafka", config)
	k.proc = &process{name: kafkaPart, dir: dir, argv: argv, ready: func(ctx context.Context) error { return brokerReady(ctx, k.Plain) }}
	if err := k.proc.start(); err != nil {
		return nil, err
	}
	return k, nil
}

// java is the command line up to the main class. The quick compiler alone
// saves more in a short test than the good one would win back.
func java(home, heap string) []string {
	// Sorted and spelled out: the class archive is valid for this very class path.
	jars, _ := filepath.Glob(filepath.Join(home, "lib/*.jar"))
	return []string{javaProgram("java"), "-Xms128m", "-Xmx" + heap, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Xlog:disable", "-Xlog:all=error:stderr", "-cp", strings.Join(jars, string(os.PathListSeparator))}
}

// javaProgram is one of the programs that come with Java.
func javaProgram(name string) string {
	if dir := os.Getenv("JAVA_HOME"); dir != "" {
		return filepath.Join(dir, "bin", name)
	}
	return name
}

// initKafka makes the storage that every broker starts with a copy of, and an
// archive of the loaded classes, which halves the start of the JVM.
func initKafka(home, dir string) error {
	nobody := &Kafka{Plain: address(1), SASL: address(2), SASLSSL: address(3), SSL: address(4)}
	config, err := writeKafkaConfig(dir, address(5), nobody, nil)
	if err != nil {
		return err
	}
	argv := append(java(home, "256m"), "kafka.tools.StorageTool", "format", "-t", randomID(), "-c", config)
	for _, mechanism := range []string{"SCRAM-SHA-256", "SCRAM-SHA-512"} {
		argv = append(argv, "--add-scram", fmt.Sprintf("%s=[name=%s,password=%s]", mechanism, kafkaUser, kafkaPassword))
	}
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	cmd.SysProcAttr = dieWithParent()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := spawn(cmd); err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("StorageTool: %w\n%s", err, out.Bytes())
	}
	// Without the archive the brokers start too, only slower; so its failure is none.
	k, err := launchKafka(home, filepath.Join(dir, "data"), []string{"-XX:ArchiveClassesAtExit=" + filepath.Join(dir, "classes.jsa")}, nil)
	if err != nil {
		return err
	}
	defer k.Close()
	k.proc.stop()
	return nil
}

func writeKafkaConfig(dir, controller string, k *Kafka, more []string) (string, error) {
	clients := fmt.Sprintf("PLAINTEXT://%s,SASL_PLAINTEXT://%s,SASL_SSL://%s,SSL://%s", k.Plain, k.SASL, k.SASLSSL, k.SSL)
	lines := []string{
		"process.roles=broker,controller",
		"node.id=1",
		"controller.quorum.voters=1@" + controller,
		"controller.listener.names=CONTROLLER",
		"listeners=CONTROLLER://" + controller + "," + clients,
		"advertised.listeners=" + clients,
		"inter.broker.listener.name=PLAINTEXT",
		// A killed broker may come back only after its session, by default 9 s.
		"broker.session.timeout.ms=4000",
		"broker.heartbeat.interval.ms=500",
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL",
		"ssl.keystore.type=PEM",
		"ssl.keystore.location=" + filepath.Join(dir, "server.pem"),
		"sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512,PLAIN",
		"log.dirs=" + filepath.Join(dir, "data"),
		"auto.create.topics.enable=false",
		// The defaults want three brokers, and wait for more members of a group.
		"offsets.topic.replication.factor=1",
		"offsets.topic.num.partitions=5",
		"transaction.state.log.replication.factor=1",
		"transaction.state.log.min.isr=1",
		"transaction.state.log.num.partitions=5",
		"share.coordinator.state.topic.replication.factor=1",
		"share.coordinator.state.topic.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		// Else 128 MiB of heap.
		"log.cleaner.threads=1",
		"log.cleaner.dedupe.buffer.size=16777216",
	}
	for _, listener := range []string{"sasl_plaintext", "sasl_ssl"} {
		for _, mechanism := range []string{"scram-sha-256", "scram-sha-512"} {
			lines = append(lines, fmt.Sprintf("listener.name.%s.%s.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;", listener, mechanism))
		}
		lines = append(lines, fmt.Sprintf("listener.name.%s.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_%s=\"%s\";", listener, kafkaUser, kafkaPassword))
	}
	config := filepath.Join(dir, "server.properties")
	if err := os.WriteFile(config, []byte(strings.Join(append(lines, more...), "\n")+"\n"), 0o644); err != nil {
		return "", err
	}
	return config, os.WriteFile(filepath.Join(dir, "log4j2.properties"), []byte(`rootLogger.level=warn
rootLogger.appenderRef.out.ref=out
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=%d %p %c{1} %m%n
`), 0o644)
}

// newIDs tells clusters, brokers and folders apart that began as copies of one storage.
func newIDs(meta string, set kafkaSettings) error {
	text, err := os.ReadFile(meta)
	if err != nil {
		return err
	}
	ids := map[string]string{"cluster.id": cmp.Or(set.cluster, randomID()), "directory.id": randomID()}
	for _, line := range set.lines {
		if id, ok := strings.CutPrefix(line, "node.id="); ok {
			ids["node.id"] = id
		}
	}
	for key, id := range ids {
		text = regexp.MustCompile("(?m)^"+key+"=.*$").ReplaceAll(text, []byte(key+"="+id))
	}
	return os.WriteFile(meta, text, 0o644)
}

func randomID() string {
	var b [16]byte
	crand.Read(b[:])
	// An id that begins with a dash would be taken for an option.
	b[0] &= 0x7f
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// brokerReady asks for the cluster's metadata: the port opens before the
// broker is registered, and until then no topic can be made on it.
func brokerReady(ctx context.Context, addr string) error { return brokersReady(ctx, addr, 1) }

// brokersReady wants so many brokers in the cluster.
func brokersReady(ctx context.Context, addr string, n uint32) error {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	// Metadata, version 1: key, version, correlation id, no client id, no topics.
	request := []byte{0, 3, 0, 1, 0, 0, 0, 1, 0xff, 0xff, 0, 0, 0, 0}
	if _, err := c.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(request))), request...)); err != nil {
		return err
	}
	var head [12]byte // size, correlation id, number of brokers
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return err
	}
	if have := binary.BigEndian.Uint32(head[8:]); have < n {
		return fmt.Errorf("%d of %d brokers are registered yet", have, n)
	}
	return nil
}

// PID is the broker's process.
func (k *Kafka) PID() int { return k.proc.cmd.Process.Pid }

// Kill9 ends the broker as a crash would.
func (k *Kafka) Kill9(t testing.TB) {
	t.Helper()
	k.mustOwn(t)
	k.proc.kill()
}

// Freeze stops the broker without closing its ports: it takes connections and answers nothing, until Thaw.
func (k *Kafka) Freeze(t testing.TB) {
	t.Helper()
	k.mustOwn(t)
	if err := k.proc.freeze(); err != nil {
		t.Fatal(err)
	}
}

// Thaw lets a frozen broker go on.
func (k *Kafka) Thaw(t testing.TB) {
	t.Helper()
	if err := k.proc.thaw(); err != nil {
		t.Fatal(err)
	}
}

// Stop ends the broker in order.
func (k *Kafka) Stop(t testing.TB) {
	t.Helper()
	k.mustOwn(t)
	if err := k.proc.stop(); err != nil {
		t.Fatal(err)
	}
}

// Restart starts the broker again on its data and ports, stopping it first if it runs.
func (k *Kafka) Restart(t testing.TB) {
	t.Helper()
	k.Stop(t)
	start := k.proc.start
	if k.keeper != nil {
		start = k.restartOld
	}
	if err := start(); err != nil {
		t.Fatal(err)
	}
}

// Close ends the broker and removes its folder.
func (k *Kafka) Close() {
	if k.proc != nil {
		k.proc.discard()
	}
	if k.keeper != nil {
		k.keeper.discard()
	}
}

func (k *Kafka) mustOwn(t testing.TB) {
	t.Helper()
	if k.proc == nil {
		t.Fatalf("the broker at %s comes from the environment; this needs one that the test started", k.Plain)
	}
}
