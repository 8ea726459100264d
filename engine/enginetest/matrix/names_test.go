package matrix

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/oracle"
	"sluice/engine/enginetest/readers"
	"sluice/engine/enginetest/servers"
)

// names are of a database, tables and columns: quotes and dots, spaces, words of SQL, numbers, signs of LIKE, paths and
// comments, other scripts, 64 letters. Beyond the Basic Multilingual Plane there are none: TestNamesOfServers.
var names = []string{"a.b", ".", "it's", `quo"te`, "back`tick", "two  spaces", "select", "1st", "12", "per%cent_", `back\slash`, "a/b-c", "x;y -- z", "/*x*/ #",
	"$@{}[]()<>&|!?*+=~^,:", "数据库", "таблица", "ünïcödé", "شركة", "ชื่อ", strings.Repeat("n", 64), strings.Repeat("长", 50)}

// namers are the sources whose names are tried: one in `task test`.
func namers(one servers.Kind) []servers.Kind {
	if *all {
		return sources
	}
	return []servers.Kind{one}
}

// TestNames copies and follows tables of every such name, kills the process between, and has two other readers say which
// names they see.
func TestNames(t *testing.T) {
	beside(t)
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	for _, kind := range namers(servers.MySQL80) {
		t.Run(string(kind), func(t *testing.T) {
			m := servers.SharedMySQL(t, kind)
			topic := "names-" + strings.ReplaceAll(string(kind), ".", "-")
			databases := []string{"d.b `x` \"y\" 'z' 数据 \\", "select"}
			if !*all {
				databases = databases[:1]
			}
			for i, db := range databases {
				topic := fmt.Sprint(topic, i)
				playNames(t, bin, m, k, db, topic)
				checkNames(t, k, db, topic)
			}
		})
	}
}

func tick(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

func playNames(t *testing.T, bin string, m *servers.MySQL, k *servers.Kafka, db, topic string) {
	c := m.Conn(t, "")
	each := func(format string) {
		t.Helper()
		for _, name := range names {
			sql := strings.NewReplacer("$T", tick(db)+"."+tick(name), "$C", tick(name)).Replace(format)
			if _, err := c.Execute(sql); err != nil {
				t.Fatalf("%v\n%s", err, sql)
			}
		}
	}
	for _, sql := range []string{"SET NAMES utf8mb4", "DROP DATABASE IF EXISTS " + tick(db), "CREATE DATABASE " + tick(db) + " CHARACTER SET utf8mb4"} {
		if _, err := c.Execute(sql); err != nil {
			t.Fatal(err)
		}
	}
	defer m.Exec(t, "DROP DATABASE "+tick(db))
	each("CREATE TABLE $T ($C INT PRIMARY KEY, v VARCHAR(20))")
	each("INSERT INTO $T VALUES (1,'copied')")
	x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: db, Tables: names, Topic: topic, Partitions: 1, Policy: "key"})
	failed, err := x.Precheck(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range failed {
		if f.Severity == "error" {
			t.Errorf("the precheck says %+v", f)
		}
	}
	p := following(t.Context(), t, x)
	each("INSERT INTO $T VALUES (2,'inserted')")
	each("ALTER TABLE $T ADD COLUMN more INT")
	p.Signal(syscall.SIGKILL)
	<-p.Done()
	each("UPDATE $T SET v='updated', more=7 WHERE $C=1")
	each("DELETE FROM $T WHERE $C=2")
	end, err := x.Run(t.Context(), "", time.After(patience), "--until", "caught-up")
	if err != nil || end.Code != 0 {
		t.Fatalf("the last run ended with code %d: %v\n%s", end.Code, err, end.Stderr)
	}
}

func valuesOf(t *testing.T, k *servers.Kafka, topic string) (values [][]byte) {
	t.Helper()
	if err := oracle.EachValue(t.Context(), []string{k.Plain}, []string{topic}, func(v []byte) { values = append(values, append([]byte(nil), v...)) }); err != nil {
		t.Fatal(err)
	}
	return values
}

// checkNames wants of each table what was done to it, in order, under its own names.
func checkNames(t *testing.T, k *servers.Kafka, db, topic string) {
	got := map[string][]string{}
	text := func(image map[string]*readers.Value, column string) string {
		if v := image[column]; v != nil {
			return v.Text
		}
		return "NULL"
	}
	for _, r := range readers.Agree(t, valuesOf(t, k, topic)) {
		if r.Operation == "HEARTBEAT" || r.Operation == "DDL" {
			continue
		}
		image := r.After
		if image == nil {
			image = r.Before
		}
		said := r.Operation
		for _, f := range r.Fields {
			said += " " + f.Name + "=" + text(image, f.Name)
		}
		dotted := func(s string) string { return strings.ReplaceAll(s, ".", `\u002E`) }
		if r.Database != db || r.ObjectName != dotted(r.Database)+"."+dotted(r.Table) {
			t.Errorf("object %q, database %q, table %q", r.ObjectName, r.Database, r.Table)
		}
		got[r.Table] = append(got[r.Table], said)
	}
	if len(got) != len(names) {
		t.Errorf("records of %d tables, not of %d", len(got), len(names))
	}
	for _, name := range names {
		n := " " + name + "="
		want := []string{"INIT" + n + "1 v=copied", "INSERT" + n + "2 v=inserted", "UPDATE" + n + "1 v=updated more=7", "DELETE" + n + "2 v=inserted more=NULL"}
		if strings.Join(got[name], "\n") != strings.Join(want, "\n") {
			t.Errorf("%q:\n%s\nwant\n%s", name, strings.Join(got[name], "\n"), strings.Join(want, "\n"))
		}
	}
}

// TestNamesOfServers: what docs/compatibility.md says of names that there are not. MySQL takes those beyond the Basic
// Multilingual Plane and calls the thing "?".
func TestNamesOfServers(t *testing.T) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		m := servers.SharedMySQL(t, kind)
		for _, name := range []string{"😀", "𠀀", "space at the end ", strings.Repeat("x", 65)} {
			if m.TryExec("SET NAMES utf8mb4", "CREATE DATABASE "+tick(name)) != nil {
				continue
			}
			r, err := m.Conn(t, "").Execute("SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = '?'")
			if err != nil {
				t.Fatal(err)
			}
			if n, err := r.GetInt(0, 0); n != 1 || err != nil {
				t.Errorf("%s takes the name %q", kind, name)
			}
			m.Exec(t, "DROP DATABASE "+tick(name))
		}
	}
}

// TestLowerCaseNames: a server that keeps names in lower case is asked for them in another one.
func TestLowerCaseNames(t *testing.T) {
	beside(t)
	bin := driver.Binary(t)
	k := servers.SharedKafka(t)
	for _, kind := range namers(servers.MariaDB1011) {
		t.Run(string(kind), func(t *testing.T) {
			m := servers.StartMySQL(t, kind, "lower_case_table_names=1")
			m.Exec(t, "CREATE DATABASE Mixed", "CREATE TABLE Mixed.Orders (Id INT PRIMARY KEY)", "INSERT INTO mixed.orders VALUES (1)")
			topic := "lower-" + strings.ReplaceAll(string(kind), ".", "-")
			x := driver.New(t, bin, driver.Spec{Source: m, Kafka: k, Schema: "Mixed", Tables: []string{"Orders"}, Topic: topic, Partitions: 1, Policy: "key"})
			if failed, err := x.Precheck(t.Context()); err != nil || slices.ContainsFunc(failed, func(f driver.Finding) bool { return f.Severity == "error" }) {
				t.Errorf("the precheck: %+v %v", failed, err)
			}
			p := following(t.Context(), t, x)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			p.Signal(syscall.SIGTERM)
			if _, err := p.Wait(ctx); err != nil {
				t.Fatal(err)
			}
			m.Exec(t, "INSERT INTO MIXED.ORDERS VALUES (2)", "ALTER TABLE mIXED.oRDERS ADD COLUMN v INT", "UPDATE Mixed.Orders SET v=3")
			if o, err := x.Run(t.Context(), "", time.After(patience), "--until", "caught-up"); err != nil || o.Code != 0 {
				t.Fatalf("code %d, %v\n%s", o.Code, err, o.Stderr)
			}
			var got []string
			for _, r := range readers.Agree(t, valuesOf(t, k, topic)) {
				if r.Operation != "HEARTBEAT" && r.Operation != "DDL" {
					got = append(got, r.Operation+" "+r.ObjectName+" "+r.Fields[0].Name)
				}
			}
			t.Log(got)
			want := []string{"INIT mixed.orders Id", "INSERT mixed.orders Id", "UPDATE mixed.orders Id", "UPDATE mixed.orders Id"}
			if !slices.Equal(got, want) {
				t.Errorf("%q, want %q", got, want)
			}
		})
	}
}
