package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"sluice/engine/enginetest/servers"
	kafkaroom "sluice/engine/kafka"
	"sluice/engine/mysql"
	"sluice/engine/precheck"
	"sluice/engine/task"
)

// found runs checks with the asker's answers, changed by change, and gives the items by id.
func found(t *testing.T, spec *task.Spec, change func(*precheck.Deps), only ...string) map[string]precheck.Item {
	t.Helper()
	a := &asker{spec: spec}
	defer a.close()
	d := a.deps()
	if change != nil {
		change(d)
	}
	items, err := precheck.Run(t.Context(), d, nil, only...)
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]precheck.Item{}
	for _, i := range items {
		byID[i.ID] = i
	}
	return byID
}

// failure is what a failed item should say, in what was observed and in what to do.
type failure struct {
	severity      precheck.Severity
	observed, fix string
}

func wantFailures(t *testing.T, items map[string]precheck.Item, want map[string]failure) {
	t.Helper()
	for id, w := range want {
		i := items[id]
		if i.Status != precheck.Failed || i.Severity != w.severity || !strings.Contains(i.Observed, w.observed) || !strings.Contains(i.Fix, w.fix) {
			t.Errorf("%s: %+v, want %+v", id, i, w)
		}
	}
}

// A server that can be no source of changes at all, and is safe all the same.
func TestPrecheckWithoutBinlog(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		options := []string{"skip_log_bin", "binlog_format=STATEMENT", "server_id=0", "sync_binlog=1", "innodb_flush_log_at_trx_commit=1"}
		want := map[string]failure{
			"source.binlog_on":     {precheck.Error, "log_bin = OFF", "log_bin=mysql-bin"},
			"source.binlog_format": {precheck.Error, "binlog_format = STATEMENT", "SET GLOBAL binlog_format='ROW';"},
			"source.binlog_exist":  {precheck.Error, "writes no binlog", "log_bin"},
		}
		if kind == servers.MariaDB1011 { // it may say that it is another, and does not take 0
			options = slices.Insert(options, 0, "version=10.4.34-MariaDB")
			options = slices.DeleteFunc(options, func(o string) bool { return o == "server_id=0" })
			want["source.version"] = failure{precheck.Error, "MariaDB 10.4.34", "supported version"}
		} else {
			want["source.server_id"] = failure{precheck.Error, "server_id = 0", "server_id=1"}
		}
		my := servers.StartMySQL(t, kind, options...)
		items := found(t, &task.Spec{Source: sourceOf(my), Incremental: true}, nil, "source.version", "source.binlog_on", "source.binlog_format", "source.server_id", "source.binlog_exist", "source.durability")
		wantFailures(t, items, want)
		if i := items["source.durability"]; i.Status != precheck.Passed {
			t.Errorf("%+v", i)
		}
	})
}

// Tables, filters, mappings and a topic that do not do, each by its own check.
func TestPrecheckOfObjects(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := newBench(t, kind, database(kind, "objects"))
		b.rows("orders", 100)
		b.my.Exec(t, "USE "+b.name, "CREATE TABLE part (id INT PRIMARY KEY) ENGINE=MyISAM", "CREATE TABLE merged (id INT PRIMARY KEY) ENGINE=MERGE UNION=(part)",
			"CREATE TABLE worded (k VARCHAR(20) CHARACTER SET latin2 COLLATE latin2_czech_cs PRIMARY KEY)",
			"CREATE TABLE line (id INT PRIMARY KEY, o BIGINT, p BIGINT, CONSTRAINT gone FOREIGN KEY (o) REFERENCES orders (id) ON DELETE CASCADE, CONSTRAINT moved FOREIGN KEY (p) REFERENCES orders (id) ON UPDATE SET NULL)",
			"CREATE TABLE apart (id INT PRIMARY KEY, o BIGINT, FOREIGN KEY (o) REFERENCES orders (id) ON DELETE CASCADE)",
			"CREATE TABLE kept (id INT PRIMARY KEY, o BIGINT, FOREIGN KEY (o) REFERENCES orders (id))")
		c, err := kafkaroom.Open(t.Context(), task.Target{Brokers: []string{b.kafka.Plain}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if err := c.CreateTopic(t.Context(), b.name, 1, 1, map[string]string{"retention.ms": "60000", "retention.bytes": "1000"}); err != nil {
			t.Fatal(err)
		}
		table := func(name string) task.Table { return task.Table{Schema: b.name, Name: name} }
		orders := table("orders")
		orders.Where, orders.Exclude = "id IN (SELECT id FROM "+b.name+".part)", []string{"id"}
		spec := &task.Spec{Source: sourceOf(b.my), Target: task.Target{Brokers: []string{b.kafka.Plain}, Topic: b.name}, Full: true,
			Tables: []task.Table{orders, table("merged"), table("worded"), table("line"), table("kept")}}
		items := found(t, spec, nil, "objects.engine", "objects.key_type", "objects.filter", "objects.mapping", "objects.cascades", "target.safety", "target.disk_estimate")
		wantFailures(t, items, map[string]failure{
			"objects.engine":       {precheck.Error, b.name + ".merged MRG_M", "tables that hold the rows"},
			"objects.key_type":     {precheck.Info, b.name + ".worded.k varchar(20) latin2_czech_cs", "Nothing has to be done"},
			"objects.filter":       {precheck.Error, b.name + ".orders", "columns of the table alone"},
			"objects.mapping":      {precheck.Error, "id", ""},
			"objects.cascades":     {precheck.Warning, b.name + ".line gone, " + b.name + ".line moved", "CASCADE"},
			"target.safety":        {precheck.Warning, b.name + ": replication.factor=1", "3 replicas"},
			"target.disk_estimate": {precheck.Info, b.name + " retention.ms=60000, " + b.name + " retention.bytes=1000", "--entity-name " + b.name + " --add-config retention.ms=604800000,retention.bytes=-1"},
		})
		if i := items["objects.cascades"]; strings.Contains(i.Observed, "apart") || strings.Contains(i.Observed, "kept") {
			t.Errorf("keys of tables that are not selected, or that change nothing: %+v", i)
		}
	})
}

// A replica that has the reader's id is named. The reader of a task takes another one.
func TestPrecheckOfServerID(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		const id = 3_100_000_001
		my := servers.SharedMySQL(t, kind)
		source := sourceOf(my)
		source.User, source.Password = my.RootUser, task.Secret(my.RootPassword) // MariaDB lists replicas to few
		opened := func(ctx context.Context) *mysql.Source {
			s, err := mysql.Open(ctx, source, mysql.Options{ServerID: id})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		}
		check := func() precheck.Item {
			return found(t, &task.Spec{Source: source}, func(d *precheck.Deps) {
				d.OpenSource = func(ctx context.Context, _ *precheck.Trace) (precheck.Source, error) {
					return askedSource{opened(ctx)}, nil
				}
			}, "source.server_id_clash")["source.server_id_clash"]
		}
		if i := check(); i.Status != precheck.Passed {
			t.Errorf("%+v", i)
		}
		replica := opened(t.Context())
		at, err := replica.Start(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream, err := replica.Stream(t.Context(), at.Set)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		wantFailures(t, map[string]precheck.Item{"source.server_id_clash": check()}, map[string]failure{
			"source.server_id_clash": {precheck.Info, fmt.Sprint(id), "draws another one"}})
	})
}

// The binlog of a source that is written to grows, and one that is purged by hand is seen to reach back less far than
// its settings say.
func TestPrecheckOfGrowth(t *testing.T) {
	t.Parallel()
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		my := servers.StartMySQL(t, kind)
		my.Exec(t, "CREATE DATABASE grows", "CREATE TABLE grows.orders (id BIGINT AUTO_INCREMENT PRIMARY KEY, t TEXT)")
		spec := &task.Spec{Source: sourceOf(my), Full: true, Incremental: true, Tables: []task.Table{{Schema: "grows", Name: "orders"}}}
		retention := func() precheck.Item { return found(t, spec, nil, "source.retention")["source.retention"] }
		if i := retention(); i.Status != precheck.Passed || i.Params["Now"] != "0 B/s" {
			t.Errorf("of a quiet source: %+v", i)
		}
		writer, over := my.Conn(t, ""), make(chan struct{})
		ctx, stop := context.WithCancel(t.Context())
		go func() {
			defer close(over)
			for ctx.Err() == nil {
				if _, err := writer.Execute("INSERT INTO grows.orders (t) VALUES (REPEAT('x', 10000))"); err != nil {
					t.Error(err)
					return
				}
			}
		}()
		i := retention()
		stop()
		<-over
		if now := i.Params["Now"]; i.Status != precheck.Passed || !strings.HasSuffix(now, "iB/s") || i.Params["Grows"] == "0 B" {
			t.Errorf("of a busy source: %+v", i)
		}
		files := my.Ledger(t)
		for oldest := files[0]; files[0] == oldest; files = my.Ledger(t) { // MariaDB keeps a file for some time
			if t.Context().Err() != nil {
				t.Fatal("not purged")
			}
			my.Exec(t, "FLUSH BINARY LOGS", "PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY")
		}
		wantFailures(t, map[string]precheck.Item{"source.retention": retention()}, map[string]failure{
			"source.retention": {precheck.Warning, "earlier files were purged", "PURGE BINARY LOGS"}})
	})
}

// What a user of the target may do, right by right.
func TestPrecheckOfRights(t *testing.T) {
	t.Parallel()
	k := servers.StartKafka(t, servers.KafkaConfig(
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS"))
	c, err := kafkaroom.Open(t.Context(), task.Target{Brokers: []string{k.Plain}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.CreateTopic(t.Context(), "there", 1, 1, nil); err != nil {
		t.Fatal(err)
	}
	grant := func(topic string, operation kafka.ACLOperationType) {
		t.Helper()
		client := &kafka.Client{Addr: kafka.TCP(k.Plain)}
		res, err := client.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic,
			ResourcePatternType: kafka.PatternTypeLiteral, Principal: "User:" + k.User, Host: "*", Operation: operation, PermissionType: kafka.ACLPermissionTypeAllow}}})
		if err != nil || res.Errors[0] != nil {
			t.Fatal(err, res)
		}
	}
	spec := func(topic string) *task.Spec {
		return &task.Spec{Target: task.Target{Brokers: []string{k.SASL}, User: k.User, Password: task.Secret(k.Password), Topic: topic},
			Tables: []task.Table{{Schema: "shop", Name: "orders"}}}
	}
	check := func(topic, id string, schema bool) precheck.Item {
		s := spec(topic)
		s.Schema = schema
		return found(t, s, nil, id)[id]
	}
	// A topic that one may not see is hidden, or named with the command that allows it.
	wantFailures(t, map[string]precheck.Item{"target.topics": check("new", "target.topics", true)}, map[string]failure{"target.topics": {precheck.Error, "new", "--operation"}})
	grant("new", kafka.ACLOperationTypeDescribe)
	wantFailures(t, map[string]precheck.Item{"target.topics": check("new", "target.topics", true)}, map[string]failure{"target.topics": {precheck.Error, "new", "--operation Create"}})
	grant("new", kafka.ACLOperationTypeCreate)
	if i := check("new", "target.topics", true); i.Status != precheck.Passed {
		t.Errorf("%+v", i)
	}
	grant("there", kafka.ACLOperationTypeDescribe)
	wantFailures(t, map[string]precheck.Item{"target.write": check("there", "target.write", false)}, map[string]failure{"target.write": {precheck.Error, "there", "--operation Write"}})
	grant("there", kafka.ACLOperationTypeWrite)
	if i := check("there", "target.write", false); i.Status != precheck.Passed || i.Code != "write.ok" {
		t.Errorf("%+v", i)
	}
	// What decides which row is a dead letter is a right of its own.
	grant("dead", kafka.ACLOperationTypeDescribe)
	limits := func() precheck.Item {
		s := spec("there")
		s.DeadLetterTopic = "dead"
		return found(t, s, nil, "target.limits")["target.limits"]
	}
	wantFailures(t, map[string]precheck.Item{"target.limits": limits()}, map[string]failure{"target.limits": {precheck.Warning, "there", "--operation DescribeConfigs --topic there"}})
	grant("there", kafka.ACLOperationTypeDescribeConfigs)
	if i := limits(); i.Status != precheck.Passed || !strings.Contains(i.Observed, "there (max.message.bytes=1048588)") {
		t.Errorf("%+v", i)
	}
}

// Where topics can have three replicas, what makes them safe is told apart from what does not.
func TestPrecheckOfSafety(t *testing.T) {
	t.Parallel()
	brokers := servers.StartCluster(t, func(int) []servers.KafkaOption { return nil })
	c, err := kafkaroom.Open(t.Context(), task.Target{Brokers: []string{brokers[0].Plain}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	safety := func(topic string, configs map[string]string) precheck.Item {
		if err := c.CreateTopic(t.Context(), topic, 1, 3, configs); err != nil {
			t.Fatal(err)
		}
		items := found(t, &task.Spec{Target: task.Target{Brokers: []string{brokers[1].Plain}, Topic: topic}, Tables: []task.Table{{Schema: "shop", Name: "orders"}}}, nil,
			"target.safety", "target.listeners")
		if i := items["target.listeners"]; i.Status != precheck.Passed || strings.Count(i.Observed, ",") != len(brokers)-1 {
			t.Errorf("%+v", i)
		}
		return items["target.safety"]
	}
	if i := safety("safe", map[string]string{"min.insync.replicas": "2"}); i.Status != precheck.Passed {
		t.Errorf("%+v", i)
	}
	wantFailures(t, map[string]precheck.Item{"target.safety": safety("weak", map[string]string{"min.insync.replicas": "1", "unclean.leader.election.enable": "true"})}, map[string]failure{
		"target.safety": {precheck.Warning, "weak: min.insync.replicas=1, weak: unclean.leader.election.enable=true",
			"--entity-name weak --add-config min.insync.replicas=2,unclean.leader.election.enable=false"}})
}
