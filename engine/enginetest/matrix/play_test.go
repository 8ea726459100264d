package matrix

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/workload"
)

var (
	all   = flag.Bool("matrix.all", false, "every cell")
	pairs = flag.String("matrix.pairs", "", "these cells, like mysql-8.0.33/kafka-4.4.0,mariadb-11.8/kafka-4.4.0/time_zone")
	out   = flag.String("matrix.out", "", "folder for the results")
)

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

const (
	limit    = 4 * time.Minute  // of one cell
	patience = 40 * time.Second // for a fault point to be reached
)

// TestMatrix plays the cells.
func TestMatrix(t *testing.T) {
	beside(t)
	playAll(t, chosen(t, append(grid(), settled()...)))
}

// beside lets tests run at the same time where they are few: half of a cell is waiting.
func beside(t *testing.T) {
	if !*all {
		t.Parallel()
	}
}

// playAll starts each broker once, and each source that has no settings of its own.
func playAll(t *testing.T, cells []*cell) {
	bin := driver.Binary(t)
	b := &bench{t: t, running: map[string]*servers.MySQL{}}
	b.ca, b.certificate = servers.Certificate(t, nil)
	for len(cells) > 0 {
		target := cells[0].Target
		n := slices.IndexFunc(cells, func(c *cell) bool { return c.Target != target })
		if n < 0 {
			n = len(cells)
		}
		t.Run(target, func(t *testing.T) {
			k := startBroker(t, target)
			for i, c := range cells[:n] {
				t.Run(strings.TrimSuffix(c.Source+"/"+c.Setting, "/"), func(t *testing.T) { c.play(t, bin, b.source(t, c), k, b.ca, fmt.Sprint("cell", i)) })
			}
		})
		cells = cells[n:]
	}
}

func startBroker(t *testing.T, target string) *servers.Kafka {
	if target == newest {
		return servers.StartKafka(t)
	}
	// The session of the tests is too short for a machine that does all this at once: a topic would be made twice.
	return servers.StartOldKafka(t, servers.KafkaVersion(target), servers.KafkaSecure(), servers.KafkaConfig("zookeeper.session.timeout.ms=6000"))
}

// bench are the sources that are kept from cell to cell.
type bench struct {
	t               *testing.T
	ca, certificate string
	running         map[string]*servers.MySQL
}

// source gives a server of the cell's kind and settings with nothing in its log.
func (b *bench) source(t *testing.T, c *cell) *servers.MySQL {
	t.Helper()
	m := b.running[c.Source]
	if m == nil || c.options != nil {
		options := append([]string{"ssl_ca=" + b.ca, "ssl_cert=" + b.certificate, "ssl_key=" + b.certificate}, c.options...)
		if c.options != nil {
			m = servers.StartMySQL(t, servers.Kind(c.Source), options...)
		} else {
			m = servers.StartMySQL(b.t, servers.Kind(c.Source), options...)
			b.running[c.Source] = m
		}
		m.Exec(t, createAccounts(m)...)
	}
	reset := "RESET MASTER"
	if m.Kind == servers.MySQL97 {
		reset = "RESET BINARY LOGS AND GTIDS"
	}
	m.Exec(t, "DROP DATABASE IF EXISTS work", reset)
	return m
}

// account is the name of the cell's account; one for connections with TLS is let in by no other.
func account(plugin, tls string) string {
	if tls != "off" {
		return plugin + "_tls"
	}
	return plugin
}

func createAccounts(m *servers.MySQL) (sql []string) {
	made := map[string]bool{}
	for _, a := range accounts(m.Kind) {
		name := account(a[0], a[1])
		if made[name] {
			continue
		}
		made[name] = true
		by := fmt.Sprintf("IDENTIFIED WITH %s BY '%s'", a[0], m.Password)
		if m.Kind.MariaDB() {
			by = fmt.Sprintf("IDENTIFIED VIA %s USING PASSWORD('%s')", a[0], m.Password)
		}
		if a[0] == ed25519 && !made["plugin"] {
			sql, made["plugin"] = append(sql, "INSTALL SONAME 'auth_ed25519'"), true
		}
		if a[1] != "off" {
			by += " REQUIRE SSL"
		}
		sql = append(sql, fmt.Sprintf("CREATE USER %s@'%%' %s", name, by),
			fmt.Sprintf("GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO %s@'%%'", name))
	}
	return sql
}

// spec is the cell's task.
func (c *cell) spec(m *servers.MySQL, k *servers.Kafka, ca, topic string) driver.Spec {
	s := driver.Spec{Source: m, Kafka: k, Schema: "work", Tables: workload.Tables(), Topic: topic, Partitions: 3, Policy: "key",
		Account: account(c.Account, c.SourceTLS), SourceMore: "tls: " + tlsOf(c.SourceTLS, ca),
		TargetMore: "compression: " + c.Compression + ", tls: " + tlsOf(c.TargetTLS, k.CAFile)}
	if c.SignIn != "none" {
		s.TargetMore += fmt.Sprintf(", user: %s, mechanism: %s, password: {env: KAFKA_PW}", k.User, c.SignIn)
	}
	s.Brokers = []string{map[[2]bool]string{{false, false}: k.Plain, {true, false}: k.SASL, {false, true}: k.SSL, {true, true}: k.SASLSSL}[[2]bool{c.SignIn != "none", c.TargetTLS != "off"}]}
	s.Env = []string{"KAFKA_PW=" + k.Password}
	if strings.HasPrefix(c.Target, "kafka-0.10") {
		// Without producer ids each take-over waits as long, and what a broker holds for longer may stand twice.
		s.Env = append(s.Env, "SLUICE_KAFKA_TIMEOUT=5s")
	}
	return s
}

func tlsOf(mode, ca string) string {
	if mode == "ca" || mode == "full" {
		return fmt.Sprintf("{mode: %s, ca_file: %q}", mode, ca)
	}
	return fmt.Sprintf("{mode: %q}", mode)
}

// lacks are what a broker's version does not have: the code of the refusal, and what is used instead.
func (c *cell) lacks() (code string, instead *cell) {
	with := *c
	switch {
	case strings.HasPrefix(c.SignIn, "SCRAM") && c.Target == string(servers.Kafka010):
		with.SignIn = "PLAIN"
		return "target.mechanism_unsupported", &with
	case c.Compression == "zstd" && slices.Index(targets, c.Target) < slices.Index(targets, string(servers.Kafka28)):
		with.Compression = "gzip"
		return "target.compression_unsupported", &with
	}
	return "", nil
}

// play runs the cell's task to its end, killed twice, and has it judged. What the broker lacks has to be refused first.
func (c *cell) play(t *testing.T, bin string, m *servers.MySQL, k *servers.Kafka, ca, topic string) {
	r := &result{cell: *c, Date: time.Now().UTC().Truncate(time.Second), Version: version(t, m)}
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	defer func() {
		r.Seconds = time.Since(began).Round(100 * time.Millisecond).Seconds()
		if *out != "" {
			r.write(t, *out)
		}
	}()
	o := workload.Options{Seed: 1, Writers: 4, Rate: 400, Schema: "work", Rows: map[string]int{"t_int": 5000}}
	if err := workload.Setup(ctx, m.Addr, m.RootUser, m.RootPassword, o); err != nil {
		t.Fatal(err)
	}
	for code, instead := c.lacks(); instead != nil; code, instead = c.lacks() {
		refused(ctx, t, driver.New(t, bin, c.spec(m, k, ca, topic)), code, code)
		r.Refused = append(r.Refused, code)
		c = instead
	}
	x := driver.New(t, bin, c.spec(m, k, ca, topic))
	failed, err := x.Precheck(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failed {
		if f.Severity == "error" || f.ID == "source.version" {
			t.Fatalf("the precheck says %+v", f)
		}
		r.Warned = append(r.Warned, f.ID)
	}
	writing, err := workload.Start(ctx, m.Addr, m.RootUser, m.RootPassword, o)
	if err != nil {
		t.Fatal(err)
	}
	first, err := x.Run(ctx, "row:1500", time.After(patience))
	if err != nil || !first.Killed {
		t.Fatalf("to be killed in the copy: %v, code %d\n%s", err, first.Code, first.Stderr)
	}
	killFollowing(ctx, t, x, writing)
	stats, err := writing.Stop()
	if err != nil {
		t.Fatal(err)
	}
	end, err := x.Run(ctx, "", nil, "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("the last run ended with code %d: %v\n%s", end.Code, err, end.Stderr)
	}
	r.Committed = stats.Committed
	r.Report, _ = driver.Judge(t, m, []string{k.Plain}, topic, workload.Tables(), oracle.CheckOptions{})
	t.Log(r.Report)
	if !r.Report.OK() || r.Report.Identities == 0 {
		t.Fail()
	}
}

// killFollowing runs the process until it has followed what is written for a moment, and kills it.
func killFollowing(ctx context.Context, t *testing.T, x *driver.Task, writing *workload.Run) {
	t.Helper()
	p := following(ctx, t, x)
	for from := writing.Committed(); writing.Committed() < from+200; {
		said(ctx, t, p)
	}
	p.Signal(syscall.SIGKILL)
	<-p.Done()
}

// following starts the process and waits until it has copied the tables.
func following(ctx context.Context, t *testing.T, x *driver.Task) *driver.Process {
	t.Helper()
	p, err := x.Start("")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for p.Last().Phase != "incremental" {
		said(ctx, t, p)
	}
	return p
}

// said waits until the process says where it is, which it does several times a second.
func said(ctx context.Context, t *testing.T, p *driver.Process) {
	t.Helper()
	_, more := p.Said()
	select {
	case <-more:
	case <-p.Done():
		t.Fatalf("the process ended by itself with code %d\n%s", p.Outcome().Code, p.Outcome().Stderr)
	case <-time.After(patience):
		t.Fatal("the process says nothing")
	case <-ctx.Done():
		t.Fatal(ctx.Err())
	}
}

// version is what the server calls itself.
func version(t *testing.T, m *servers.MySQL) string {
	t.Helper()
	r, err := m.Conn(t, "").Execute("SELECT @@version")
	if err != nil {
		t.Fatal(err)
	}
	text, err := r.GetString(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
