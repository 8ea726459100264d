package values

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"maps"
	"net"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
	"sluice/engine/mysql"
	"sluice/engine/task"
)

var all = flag.Bool("values.all", false, "the servers too that .ci/fetch matrix brings")

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

const (
	before = 12  // rows that are copied; the last is all NULL
	fresh  = 100 // added to the ids of rows that are inserted later
)

// TestValues copies and follows tables of all types and holds every value that two independent readers see against
// what the server prints.
func TestValues(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	kinds := []servers.Kind{servers.MySQL80, servers.MySQL97, servers.MariaDB1011}
	if *all {
		kinds = append(kinds, servers.MariaDB114, servers.MariaDB118)
	}
	for _, kind := range kinds {
		for _, metadata := range []string{"FULL", "MINIMAL"} {
			if kind == servers.MySQL97 && metadata == "MINIMAL" {
				continue // as 8.0 does
			}
			t.Run(string(kind)+"/"+metadata, func(t *testing.T) {
				topic := fmt.Sprintf("values-%s-%s", strings.ReplaceAll(string(kind), ".", "-"), strings.ToLower(metadata))
				m := servers.StartMySQL(t, kind, "binlog_row_metadata="+metadata, "default_time_zone=+05:30")
				w := newWorld(t, m)
				w.migrate(bin, k, topic, "")
				w.judge(consume(t, k, topic))
			})
		}
	}
}

// TestRefusedTypes holds that a column that can't be carried stops the task before anything is written, and that the
// rest of its table travels without it.
func TestRefusedTypes(t *testing.T) {
	bin, k := driver.Binary(t), servers.SharedKafka(t)
	for _, kind := range []servers.Kind{servers.MySQL80} { // the others have no such column
		m := servers.SharedMySQL(t, kind)
		m.Exec(t, "CREATE DATABASE refused", "CREATE TABLE refused.t (id INT PRIMARY KEY, g ENUM('🙂', 'x'), b SET('🙂', 'y'))",
			"INSERT INTO refused.t (id, g, b) VALUES (1, '🙂', '🙂')")
		topic := "refused-" + strings.ReplaceAll(string(kind), ".", "-")
		for each, want := range map[string]string{"exclude: [b]": "table refused.t: column g ", "exclude: [g]": "table refused.t: column b ", "exclude: [b, g]": ""} { // the last has id alone
			x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "refused", Tables: []string{"t"}, Topic: topic, Partitions: 1, Policy: "zero", Each: each})
			if want == "" {
				if o, err := x.RunUntil(t.Context(), "incremental"); err != nil || o.Code == 1 {
					t.Fatalf("%v %+v", err, o)
				}
				m.Exec(t, "INSERT INTO refused.t VALUES (2, '🙂', 'y')", "UPDATE refused.t SET g='x', id=3 WHERE id=1")
			}
			o, err := x.Run(t.Context(), "", nil, "--until", "caught-up")
			if err != nil || (o.Code == 0) != (want == "") || !strings.Contains(o.Stderr, want) {
				t.Errorf("%s, %s: %v, exit code %d, want %q in: %s", kind, each, err, o.Code, want, o.Stderr)
			}
		}
		var ops []string
		for _, r := range readers.Agree(t, consume(t, k, topic)) {
			ops = append(ops, r.Operation)
			if r.Operation == "INSERT" && (len(r.After) != 1 || part(r.After["id"], "value") != "2") {
				t.Errorf("%s: %+v", kind, r)
			}
		}
		slices.Sort(ops)
		if got := strings.Join(ops, " "); got != "DDL HEARTBEAT HEARTBEAT INIT INSERT UPDATE" {
			t.Errorf("%s: messages %s", kind, got)
		}
	}
}

// image is a row as the server prints it: column to text, absent is NULL.
type image map[string]string

// world is one server with its tables and what they held.
type world struct {
	*testing.T
	m       *servers.MySQL
	c       *client.Conn
	tables  map[string][]column
	printed map[string][]map[int]image // by table: at the copy, after the updates
}

func newWorld(t *testing.T, m *servers.MySQL) *world {
	w := &world{T: t, m: m, tables: map[string][]column{}, printed: map[string][]map[int]image{}}
	for _, c := range columns(m.Kind) {
		w.tables[c.table] = append(w.tables[c.table], c)
	}
	m.Exec(t, "CREATE DATABASE vals CHARACTER SET utf8mb4")
	w.c = m.Conn(t, "vals")
	w.exec("SET sql_mode='', time_zone='+00:00'")
	for table, cs := range w.tables {
		defs := []string{"id INT PRIMARY KEY"}
		for _, c := range cs {
			defs = append(defs, c.name+" "+c.declared)
		}
		w.exec("CREATE TABLE " + table + " (" + strings.Join(defs, ", ") + ")")
		for row := range before - 1 {
			w.insert(table, row, row)
		}
		w.exec(fmt.Sprintf("INSERT INTO %s (id) VALUES (%d)", table, before-1))
		w.look(table)
	}
	w.described()
	return w
}

// described holds what tables are described as together against what each is by itself.
func (w *world) described() {
	w.Helper()
	host, port, err := net.SplitHostPort(w.m.Addr)
	if err != nil {
		w.Fatal(err)
	}
	n, _ := strconv.Atoi(port)
	s, err := mysql.Open(w.Context(), task.Source{Host: host, Port: n, User: w.m.Account, Password: task.Secret(w.m.Password)}, mysql.Options{})
	if err != nil {
		w.Fatal(err)
	}
	defer s.Close()
	var ids []cdc.TableID
	for table := range w.tables {
		ids = append(ids, cdc.TableID{Schema: "vals", Name: table})
	}
	together, err := s.Definitions(w.Context(), ids)
	if err != nil || len(together) != len(ids) || len(ids) < 2 {
		w.Fatalf("%d of %d tables: %v", len(together), len(ids), err)
	}
	for _, id := range ids {
		alone, err := s.Table(w.Context(), id)
		if err != nil {
			w.Fatal(err)
		}
		if !reflect.DeepEqual(together[id], alone) {
			w.Errorf("%s is\n%+v\nby itself\n%+v", id, together[id], alone)
		}
	}
}

func (w *world) exec(sql string) {
	w.Helper()
	if _, err := w.c.Execute(sql); err != nil {
		w.Fatalf("%v: %.300s", err, sql)
	}
}

func (w *world) insert(table string, id, row int) {
	names, values := []string{"id"}, []string{strconv.Itoa(id)}
	for _, c := range w.tables[table] {
		names = append(names, c.name)
		values = append(values, c.literals[row%len(c.literals)])
	}
	w.exec(fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table, strings.Join(names, ", "), strings.Join(values, ", ")))
}

// look keeps how the server prints the table now.
func (w *world) look(table string) {
	exprs := []string{"id"}
	for _, c := range w.tables[table] {
		exprs = append(exprs, c.form.Expr(c.name))
	}
	r, err := w.c.Execute("SELECT " + strings.Join(exprs, ", ") + " FROM " + table)
	if err != nil {
		w.Fatal(err)
	}
	rows := map[int]image{}
	for i := range r.RowNumber() {
		id, err := r.GetInt(i, 0)
		if err != nil {
			w.Fatal(err)
		}
		im := image{}
		for j, c := range w.tables[table] {
			if null, err := r.IsNull(i, j+1); err != nil {
				w.Fatal(err)
			} else if null {
				continue
			}
			s, err := r.GetString(i, j+1)
			if err != nil {
				w.Fatal(err)
			}
			im[c.name] = s
		}
		rows[int(id)] = im
	}
	w.printed[table] = append(w.printed[table], rows)
}

// migrate copies, then follows: rows inserted, all updated to their next value, every third deleted.
func (w *world) migrate(bin string, k *servers.Kafka, topic, extra string) {
	x := driver.New(w, bin, driver.Spec{Source: w.m, Kafka: k, Schema: "vals", Tables: slices.Sorted(maps.Keys(w.tables)), Topic: topic, Partitions: 1, Policy: "zero", Extra: extra})
	if o, err := x.RunUntil(w.Context(), "incremental"); err != nil || o.Code == 1 {
		w.Fatalf("%v %+v", err, o)
	}
	for table, cs := range w.tables {
		for row := range before - 1 {
			w.insert(table, fresh+row, row+2)
		}
		w.exec(fmt.Sprintf("INSERT INTO %s (id) VALUES (%d)", table, fresh+before-1))
		w.look(table)
		for row := range before {
			var sets []string
			for _, c := range cs {
				if c.literals[0] != "DEFAULT" {
					sets = append(sets, c.name+"="+c.literals[(row+1)%len(c.literals)])
				}
			}
			w.exec(fmt.Sprintf("UPDATE %s SET %s WHERE id=%d", table, strings.Join(sets, ", "), row))
		}
		w.look(table)
		w.exec("DELETE FROM " + table + " WHERE id % 3 = 0")
	}
	if o, err := x.Run(context.WithoutCancel(w.Context()), "", nil, "--until", "caught-up"); err != nil || o.Code != 0 {
		w.Fatalf("%v %+v", err, o)
	}
}

// judge holds every image against what the server printed, and counts them.
func (w *world) judge(messages [][]byte) {
	ops, values := map[string]int{}, 0
	for _, r := range readers.Agree(w, messages) {
		if r.Operation == "HEARTBEAT" || r.Operation == "DDL" {
			continue
		}
		ops[r.Operation]++
		versions := w.printed[r.Table]
		from, to := versions[1], versions[1]
		switch r.Operation {
		case "INIT":
			to = versions[0]
		case "UPDATE":
			to = versions[2]
		case "DELETE":
			from = versions[2]
		}
		values += w.compare(r, "before", r.Before, from, r.Operation == "UPDATE" || r.Operation == "DELETE")
		values += w.compare(r, "after", r.After, to, r.Operation != "DELETE")
	}
	rows := before * len(w.tables)
	deleted := 0
	for _, versions := range w.printed {
		for id := range versions[2] {
			if id%3 == 0 {
				deleted++
			}
		}
	}
	want := map[string]int{"INIT": rows, "INSERT": rows, "UPDATE": w.changed(), "DELETE": deleted}
	if !maps.Equal(ops, want) {
		w.Errorf("messages %v, want %v", ops, want)
	}
	if values < 4900 {
		w.Errorf("only %d values were compared", values)
	}
	w.Logf("%d messages, %d values as the server prints them, by both readers; %v", len(messages), values, ops)
}

// changed counts the updates that changed a row: the server logs no others.
func (w *world) changed() (n int) {
	for _, versions := range w.printed {
		for id, after := range versions[2] {
			if id < fresh && !maps.Equal(after, versions[1][id]) {
				n++
			}
		}
	}
	return n
}

func (w *world) compare(r readers.Record, side string, got map[string]*readers.Value, rows map[int]image, wanted bool) (n int) {
	if (got != nil) != wanted {
		w.Errorf("%s of %s: %s image %v", r.Operation, r.Table, side, got)
	}
	if got == nil {
		return 0
	}
	id, err := strconv.Atoi(part(got["id"], "value"))
	want, ok := rows[id]
	if err != nil || !ok || len(got) != len(w.tables[r.Table])+1 {
		w.Errorf("%s of %s: %s image of id %d with %d columns", r.Operation, r.Table, side, id, len(got))
		return 0
	}
	for _, c := range w.tables[r.Table] {
		v, printed := got[c.name], want[c.name]
		_, there := want[c.name]
		if v == nil || !there {
			if (v == nil) == there {
				w.Errorf("%s of %s.%s (%s) id %d %s: got %+v, the server prints %q", r.Operation, r.Table, c.name, c.declared, id, side, v, printed)
			}
			n++
			continue
		}
		if v.Branch == "BinaryGeometry" {
			v.Parts["srid"] = cmp.Or(r.Tags[side+"_srid."+c.name], "0")
		}
		if text, ok := c.form.Equal(v, printed); !ok {
			w.Errorf("%s of %s.%s (%s) id %d %s: got %.200q of %.300v, the server prints %.200q", r.Operation, r.Table, c.name, c.declared, id, side, text, v, printed)
		}
		n++
	}
	return n
}

// consume reads the whole topic.
func consume(t *testing.T, k *servers.Kafka, topic string) (values [][]byte) {
	t.Helper()
	if err := oracle.EachValue(t.Context(), []string{k.Plain}, []string{topic}, func(v []byte) { values = append(values, v) }); err != nil {
		t.Fatal(err)
	}
	return values
}
