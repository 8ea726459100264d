package main

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/segmentio/kafka-go"

	"sluice/engine/enginetest/servers"
)

// documented gives the code block of docs/security.md whose first line holds the words.
func documented(t *testing.T, words string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```\\w+\n(.*?)```").FindAllStringSubmatch(string(page), -1) {
		if first, _, _ := strings.Cut(m[1], "\n"); strings.Contains(first, words) {
			return m[1]
		}
	}
	t.Fatalf("docs/security.md has no block that begins with %q", words)
	return ""
}

// allow carries out the kafka-acls.sh commands of the block for a user and a topic.
func allow(t *testing.T, broker, user, topic, block string) {
	t.Helper()
	block = strings.ReplaceAll(block, "\\\n", "")
	operations := regexp.MustCompile(`--operation (\w+)`)
	client := &kafka.Client{Addr: kafka.TCP(broker)}
	for line := range strings.Lines(block) {
		if !strings.HasPrefix(line, "kafka-acls.sh") {
			continue
		}
		entry := kafka.ACLEntry{ResourceType: kafka.ResourceTypeTopic, ResourceName: topic, ResourcePatternType: kafka.PatternTypeLiteral,
			Principal: "User:" + user, Host: "*", PermissionType: kafka.ACLPermissionTypeAllow}
		if strings.Contains(line, "--cluster") {
			continue // for older brokers than the one here
		}
		for _, m := range operations.FindAllStringSubmatch(line, -1) {
			if err := entry.Operation.UnmarshalText([]byte(m[1])); err != nil {
				t.Fatal(err)
			}
			res, err := client.CreateACLs(t.Context(), &kafka.CreateACLsRequest{ACLs: []kafka.ACLEntry{entry}})
			if err != nil || res.Errors[0] != nil {
				t.Fatal(err, res)
			}
		}
	}
}

// The rights that docs/security.md names as the least are enough for a precheck and all three phases.
func TestDocumentedRights(t *testing.T) {
	t.Parallel()
	broker := servers.StartKafka(t, servers.KafkaConfig(
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users=User:ANONYMOUS"))
	eachKind(t, func(t *testing.T, kind servers.Kind) {
		b := &bench{T: t, my: servers.SharedMySQL(t, kind), kafka: broker, dir: t.TempDir(), name: database(kind, "rights")}
		b.my.Exec(t, "DROP DATABASE IF EXISTS "+b.name, "CREATE DATABASE "+b.name, "DROP USER IF EXISTS least@'%'")
		b.rows("orders", 700)
		sql := documented(t, map[servers.Kind]string{servers.MySQL80: "MySQL 8.0", servers.MariaDB1011: "MariaDB 10.5"}[kind])
		sql = strings.NewReplacer("'sluice'@'10.0.0.5'", "'least'@'%'", "'...'", "'"+b.my.Password+"'", " REQUIRE SSL", "", "`shop`", "`"+b.name+"`").Replace(sql)
		for _, statement := range regexp.MustCompile(`(?m)^(?:CREATE|GRANT)[^;]*`).FindAllString(sql, -1) {
			b.my.Exec(t, statement)
		}
		allow(t, broker.Plain, broker.User, b.name, documented(t, "for each topic"))

		file := b.taskFile("user: "+b.my.Account, "user: least", fmt.Sprintf("%q", broker.Plain), fmt.Sprintf("%q", broker.SASL),
			"  topic:", "  user: "+broker.User+"\n  password: {env: SLUICE_KAFKA_PASSWORD}\n  topic:")
		check := b.sluice("precheck", file)
		check.want(t, exitDone)
		b.sluice("run", file, "--until", "caught-up").want(t, exitDone, "finished", "700 copied")
		b.counts(b.decoded(), map[string]int{"DDL": 1, "INIT": 700})
	})
}
