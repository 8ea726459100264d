package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
	"sluice/engine/enginetest/wait"
)

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

// world is the source and the broker of all contests.
type world struct {
	*testing.T
	m    *servers.MySQL
	k    *servers.Kafka
	kc   *kafka.Client
	rows int

	ballast    ballast
	partitions map[string]int // of the topics that were made here
}

func newWorld(t *testing.T, rows int) *world {
	m := servers.StartMySQL(t, servers.MySQL80, "binlog_row_metadata=MINIMAL", "innodb_buffer_pool_size=1G", "innodb_redo_log_capacity=1G", "max_allowed_packet=64M",
		"default_authentication_plugin=mysql_native_password", "binlog_expire_logs_seconds=0")
	k := servers.StartKafka(t, servers.KafkaMeasured("2g"), servers.KafkaConfig("message.max.bytes=20000000", "log.retention.ms=-1", "log.segment.delete.delay.ms=1000"))
	w := newWorldOf(t, m, k)
	w.rows = rows
	w.load()
	return w
}

func newWorldOf(t *testing.T, m *servers.MySQL, k *servers.Kafka) *world {
	w := &world{T: t, m: m, k: k, kc: &kafka.Client{Addr: kafka.TCP(k.Plain)}, partitions: map[string]int{}}
	t.Cleanup(func() { _ = w.ballast.give(len(w.ballast)) })
	return w
}

// source is where the source listens.
func (w *world) source() (host, port string) {
	host, port, err := net.SplitHostPort(w.m.Addr)
	if err != nil {
		w.Fatal(err)
	}
	return host, port
}

// followed is the table that changes: a copy is of the same rows in every turn.
const followed = "sbtest2"

// load makes the tables of sysbench and of twenty columns, and the procedure that writes a backlog.
func (w *world) load() {
	const numbers = "(WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM n WHERE n < %d) SELECT n FROM n) t"
	many, few := fmt.Sprintf(numbers, w.rows), fmt.Sprintf(numbers, w.rows*3/10)
	w.m.Exec(w, "SET SESSION cte_max_recursion_depth=100000000", "CREATE DATABASE bench CHARACTER SET utf8mb4",
		"CREATE USER bench@'%' IDENTIFIED WITH mysql_native_password BY 'bench'", "GRANT ALL ON *.* TO bench@'%' WITH GRANT OPTION",
		"CREATE TABLE bench.sbtest1 (id INT NOT NULL AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0, c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY k_1 (k))",
		"CREATE TABLE bench.sbtest2 LIKE bench.sbtest1",
		`CREATE TABLE bench.orders (id BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY, order_no VARCHAR(32) NOT NULL, customer_id BIGINT UNSIGNED NOT NULL, status ENUM('new','paid','shipped','done') NOT NULL,
			amount DECIMAL(18,4) NOT NULL, discount DECIMAL(10,2), qty INT NOT NULL, weight DOUBLE, rate FLOAT, is_gift TINYINT(1) NOT NULL, flags SET('a','b','c'), note TEXT, payload JSON, sku CHAR(16),
			created_at DATETIME(6) NOT NULL, updated_at TIMESTAMP(3) NULL, ship_date DATE, ship_time TIME, tag VARBINARY(32), remark VARCHAR(255))`,
		`CREATE PROCEDURE bench.backlog(transactions INT, updated INT) BEGIN
			DECLARE i, j, doomed INT DEFAULT 0;
			SELECT MIN(id) INTO doomed FROM bench.sbtest2 WHERE id > updated;
			WHILE i < transactions DO
				START TRANSACTION;
				SET j = 0;
				WHILE j < 4 DO
					INSERT INTO bench.sbtest2 (k, c, pad) VALUES (0, CONCAT('ins-', i, '-', j, '-', REPEAT('x', 100)), REPEAT('p', 59));
					UPDATE bench.sbtest2 SET k = k + 1 WHERE id = 1 + (i * 4 + j) * 7919 % updated;
					SET j = j + 1;
				END WHILE;
				DELETE FROM bench.sbtest2 WHERE id = doomed;
				DELETE FROM bench.sbtest2 WHERE id = doomed + 1;
				SET doomed = doomed + 2;
				COMMIT;
				SET i = i + 1;
			END WHILE; END`)
	w.m.Exec(w, "SET SESSION cte_max_recursion_depth=100000000", "SET SESSION sql_log_bin=0",
		"INSERT INTO bench.sbtest1 SELECT n, n * 7919 % 1000000, CONCAT_WS('-', SHA1(n), SHA1(n + 1), MD5(n)), CONCAT_WS('-', MD5(n + 2), LEFT(SHA1(n + 3), 26)) FROM "+many,
		"INSERT INTO bench.sbtest2 SELECT * FROM bench.sbtest1",
		`INSERT INTO bench.orders SELECT n, CONCAT('SO', LPAD(n, 12, '0')), n * 97, 1 + n % 4, n * 1.2345, IF(n % 3 = 0, NULL, n % 1000 / 7), n % 50, n / 3, n / 7, n % 2, 1 + n % 7, CONCAT('order note ', REPEAT(MD5(n), 4)),
			JSON_OBJECT('a', n, 'tags', JSON_ARRAY('x', 'y', CAST(n % 10 AS CHAR)), 'city', '杭州'), CONCAT('SKU', LPAD(n % 99999, 8, '0')), '2024-01-01 00:00:00.123456' + INTERVAL n SECOND,
			'2024-06-01 00:00:00.123' + INTERVAL n SECOND, '2024-01-01' + INTERVAL n % 700 DAY, SEC_TO_TIME(n % 86400), UNHEX(MD5(n)), CONCAT('备注信息 remark ', n) FROM `+few,
		"ANALYZE TABLE bench.sbtest1, bench.sbtest2, bench.orders")
}

// topic makes one anew.
func (w *world) topic(name string, partitions int) {
	w.Helper()
	w.drop(name)
	w.partitions[name] = partitions
	made, err := w.kc.CreateTopics(w.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: name, NumPartitions: partitions, ReplicationFactor: 1}}})
	if err == nil {
		err = made.Errors[name]
	}
	if err != nil {
		w.Fatal(err)
	}
}

// drop deletes topics, and waits until they are gone.
func (w *world) drop(names ...string) {
	w.Helper()
	gone, err := w.kc.DeleteTopics(w.Context(), &kafka.DeleteTopicsRequest{Topics: names})
	if err != nil {
		w.Fatal(err)
	}
	for name, err := range gone.Errors {
		if err != nil && !errors.Is(err, kafka.UnknownTopicOrPartition) {
			w.Fatal(name, err)
		}
	}
	ctx, cancel := context.WithTimeout(w.Context(), time.Minute)
	defer cancel()
	err = wait.Until(ctx, func() error {
		m, err := w.kc.Metadata(ctx, &kafka.MetadataRequest{Topics: names})
		if err != nil {
			w.Fatal(err)
		}
		for _, t := range m.Topics {
			if t.Error == nil {
				return fmt.Errorf("topic %s is still there", t.Name)
			}
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
}

// count gives the number of records in a topic that was made here, 0 if it can't be told.
func (w *world) count(name string) (n int64) {
	asked := make([]kafka.OffsetRequest, w.partitions[name])
	for i := range asked {
		asked[i] = kafka.LastOffsetOf(i)
	}
	got, err := w.kc.ListOffsets(w.Context(), &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{name: asked}})
	if err != nil {
		return 0
	}
	for _, p := range got.Topics[name] {
		n += p.LastOffset
	}
	return n
}

// reach waits until a topic holds so many records, and gives what it holds.
func (w *world) reach(p *process, topic string, n int64, patience time.Duration) (have int64) {
	w.Helper()
	w.until(p, patience, func() error {
		if have = w.count(topic); have < n {
			return fmt.Errorf("%d of %d records", have, n)
		}
		return nil
	})
	return have
}

// until waits for what a process brings about while it runs.
func (w *world) until(p *process, patience time.Duration, ask func() error) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), patience)
	defer cancel()
	err := wait.Until(ctx, func() error {
		runs := p.runs()
		err := ask()
		if err != nil && !runs {
			w.Fatalf("it ended: %v\n%s", err, p.said())
		}
		return err
	})
	if err != nil {
		w.Fatalf("%v\n%s", err, p.said())
	}
}

// settle waits until a topic has not grown for a second, and gives what it holds.
func (w *world) settle(topic string) int64 {
	w.Helper()
	last, since := int64(-1), time.Now()
	ctx, cancel := context.WithTimeout(w.Context(), 3*time.Minute)
	defer cancel()
	err := wait.Until(ctx, func() error {
		if n := w.count(topic); n != last {
			last, since = n, time.Now()
		}
		if time.Since(since) < time.Second {
			return fmt.Errorf("topic %s grows: %d records", topic, last)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return last
}
