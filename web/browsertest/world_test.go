package browsertest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
	"sluice/store"
)

// World is a schema with two tables on a real server, and a topic name on a real broker.
type World struct {
	t      testing.TB
	db     *servers.MySQL
	kafka  *servers.Kafka
	schema string
	topic  string
	user   string // the account at the source
	secret string
}

// newWorld makes the tables with rows in them; name tells tests apart.
func newWorld(t testing.TB, name string, rows int) *World {
	t.Helper()
	w := &World{t: t, db: servers.SharedMySQL(t, servers.MariaDB1011), kafka: servers.SharedKafka(t), schema: "shop_" + name, topic: "orders_" + name}
	w.user, w.secret = w.db.Account, w.db.Password
	w.exec("DROP DATABASE IF EXISTS "+w.schema, "CREATE DATABASE "+w.schema,
		"CREATE TABLE "+w.schema+".orders (id INT AUTO_INCREMENT PRIMARY KEY, customer VARCHAR(40) NOT NULL, amount DECIMAL(10,2) NOT NULL, placed DATETIME NOT NULL) CHARSET utf8mb4",
		"CREATE TABLE "+w.schema+".customers (id INT PRIMARY KEY, name VARCHAR(40) NOT NULL, city VARCHAR(40)) CHARSET utf8mb4",
		"INSERT INTO "+w.schema+".customers VALUES (1, 'Meridian GmbH', 'Bremen'), (2, '晨光贸易', '杭州'), (3, 'Northwind', NULL)")
	w.write(rows)
	return w
}

func (w *World) exec(sql ...string) {
	w.t.Helper()
	w.db.Exec(w.t, sql...)
}

// write adds rows in one transaction.
func (w *World) write(rows int) {
	w.t.Helper()
	if rows > 0 {
		w.exec(fmt.Sprintf("INSERT INTO %[1]s.orders (customer, amount, placed) SELECT concat('customer ', seq), seq / 100, '2026-11-22 17:03:11' FROM %[1]s.seq_1_to_%[2]d", w.schema, rows))
	}
}

// spec is a task for both tables.
func (w *World) spec(name string) task.Spec {
	w.t.Helper()
	host, text, err := net.SplitHostPort(w.db.Addr)
	must(w.t, err)
	port, err := strconv.Atoi(text)
	must(w.t, err)
	return task.Spec{Name: name, Source: task.Source{Host: host, Port: port, User: w.db.Account, Password: task.Secret(w.db.Password)},
		Target: task.Target{Brokers: []string{w.kafka.Plain}, Topic: w.topic, Partitions: 3}, Schema: true, Full: true, Incremental: true, Policy: task.PolicyKey,
		Tables: []task.Table{{Schema: w.schema, Name: "customers"}, {Schema: w.schema, Name: "orders"}}}
}

// add keeps a task that has not started yet.
func (w *World) add(ctx context.Context, st *store.Store, name string) string {
	w.t.Helper()
	id, err := st.AddTask(ctx, "", w.spec(name), task.About{Group: "Hangzhou"})
	must(w.t, err)
	return id
}

// elsewhere is the specification of tasks that never run: their servers do not exist.
func elsewhere(name string) task.Spec {
	return task.Spec{Name: name, Source: task.Source{Host: "db.example", Port: 3306, User: "dts", Password: "Never-shown-1"},
		Target: task.Target{Brokers: []string{"kafka.example:9092"}, User: "writer", Password: "Never-shown-2", Topic: "orders"},
		Schema: true, Full: true, Incremental: true, Policy: task.PolicyTable,
		Tables: []task.Table{{Schema: "shop", Name: "orders", Where: "region = 'cn'", Exclude: []string{"note"}}, {Schema: "shop", Name: "customers", ToName: "clients", DML: []string{"insert"}}}}
}

// settled are tasks of every state that needs no running process, by their states.
func settled(t testing.TB, ctx context.Context, st *store.Store) map[string]string {
	t.Helper()
	out := map[string]string{}
	add := func(state, name, group string, spec func(*task.Spec)) string {
		s := elsewhere(name)
		if spec != nil {
			spec(&s)
		}
		id, err := st.AddTask(ctx, "", s, task.About{Group: group})
		must(t, err)
		out[state] = id
		return id
	}
	run := func(id string, last string, end task.State, cause error) {
		h, err := st.OpenTask(ctx, id)
		must(t, err)
		_, err = h.Start(ctx)
		must(t, err)
		must(t, h.Event(ctx, store.Info, "task.started", nil))
		if cause != nil {
			must(t, h.Event(ctx, store.Error, "task.failed", map[string]string{"code": task.Code(cause)}))
		}
		must(t, st.Last(ctx, id, []byte(last)))
		must(t, h.End(ctx, end, cause))
	}
	add("new", "crm-to-kafka", "Beijing", func(s *task.Spec) { s.Source.Host, s.Source.Port = "127.0.0.1", 1 }) // if it is started, nobody answers
	must(t, st.StartAt(ctx, add("scheduled", "nightly-copy", "Beijing", func(s *task.Spec) { s.Incremental = false }), time.Now().Add(24*time.Hour)))
	run(add("paused", "users-full", "Hangzhou", nil), `{"state":"stopped","phase":"full","copied":41200,"acked":41200,"acked_bytes":31234567,"estimate":88000,"position":"binlog.000231:88123311","low":"binlog.000231:88120000","log":"binlog","set":"3e11fa47-71ca-11e1-9e33-c80aa9429562:1-99812,8a94f357-aab4-11df-86ab-c80aa9429563:1-7","measured":"2026-11-22T17:03:11Z"}`, task.Stopped, nil)
	run(add("failed", "payments", "Hangzhou", nil), `{"state":"failed","phase":"incremental","copied":900,"inserts":12,"acked":912,"acked_bytes":691234,"position":"binlog.000231:4711","low":"binlog.000231:4000","measured":"2026-11-22T17:03:11Z"}`, task.Failed,
		&task.Error{Code: "source.binlog_purged", Text: "The binlog does not reach back to binlog.000231:4000.", Hint: "Make a new task: this one cannot go on.",
			Err: errors.New("ERROR 1236 (HY000): Could not find first log file name in binary log index file")})
	run(add("finished", "orders-2025", "", nil), `{"state":"finished","phase":"finished","copied":120000,"inserts":340,"updates":88,"acked":120428,"acked_bytes":91234567,"position":"binlog.000231:88190002","low":"binlog.000231:88190002","measured":"2026-11-22T17:03:11Z"}`, task.Finished, nil)
	body, err := json.Marshal(map[string]any{"v": 1, "spec": elsewhere("half-configured"), "about": task.About{}})
	must(t, err)
	d, err := st.NewDraft(ctx, task.Draft{Name: "half-configured", Step: "connections", Body: body, Owner: userName})
	must(t, err)
	out["draft"] = d.ID
	return out
}

// noSecrets fails where a page shows a password of the tasks above.
func (tb *Tab) noSecrets() {
	tb.t.Helper()
	page := eval[string](tb, `document.documentElement.outerHTML`)
	for _, secret := range []string{"Never-shown-", "Sluice-pass1"} {
		if strings.Contains(page, secret) {
			tb.t.Errorf("%s shows a password", tb.path())
		}
	}
}

// decoded counts the messages of the topic by operation and object.
func (w *World) decoded() map[string]int {
	w.t.Helper()
	out, err := exec.Command(driver.Binary(w.t), "decode", "--brokers", w.kafka.Plain, "--topic", w.topic).Output()
	must(w.t, err)
	got := map[string]int{}
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var m struct{ Operation, Object string }
		err := lines.Decode(&m)
		if errors.Is(err, io.EOF) {
			return got
		}
		must(w.t, err)
		got[m.Operation+" "+m.Object]++
	}
}
