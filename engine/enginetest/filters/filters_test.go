package filters

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
	"sluice/engine/filter"
	"sluice/engine/mysql"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

// column is a type with literals of values and of constants, as SQL.
type column struct {
	declared  string
	order     bool // other comparisons than equality
	values    []string
	constants []string
}

// within are whole numbers and others between two bounds.
func within(low, high string, more ...string) []string {
	return append([]string{low, high, "0", "1", "2", "12", "00012", "1.0", "100"}, more...)
}

func columns(kind servers.Kind) []column {
	text := []string{"''", "'a'", "'a '", "'A'", "'b'", "'a\t'", "'é'", "'e'", "'it''s'"}
	days := []string{"'2024-02-29'", "'1000-01-01'", "'9999-12-31'", "'2023-12-31'", "'2024-03-01'"}
	moments := append([]string{"'2024-02-29 23:59:59'", "'2024-02-29 00:00:00'", "'2023-12-31 12:30:00'"}, days...)
	fine := append([]string{"'2024-02-29 23:59:59.5'", "'2024-02-29 23:59:59.123'", "'2024-02-29 23:59:59.120'"}, moments...)
	stamps := []string{"'2024-02-29 23:59:59'", "'1970-01-01 00:00:01'", "'2038-01-19 03:14:07'", "'2024-02-29'"}
	clocks := []string{"'00:00:00'", "'-00:00:01'", "'838:59:59'", "'-838:59:59'", "'12:34:56'", "'100:00:00'"}
	all := []column{
		{"TINYINT", true, []string{"0", "1", "-1", "127", "-128", "2", "12"}, within("-128", "127", "-1", "-0")},
		{"SMALLINT UNSIGNED", true, []string{"0", "1", "255", "256", "65535", "12"}, within("0", "65535", "256")},
		{"INT NOT NULL DEFAULT 7", true, []string{"0", "1", "-1", "100", "12"}, within("-2147483648", "2147483647", "-1", "-00007")},
		{"BIGINT", true, []string{"0", "-1", "9223372036854775807", "-9223372036854775808", "100"}, within("-9223372036854775808", "9223372036854775807", "-1")},
		{"BIGINT UNSIGNED", true, []string{"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"}, within("0", "18446744073709551615", "9223372036854775807", "9223372036854775808")},
		{"DECIMAL(10,3)", true, []string{"0", "1.5", "-0.5", "0.990", "-128", "2.001", "1"}, within("-9999999.999", "9999999.999", "1.5", "-.5", "0.99", "2.001", "-128", "-0")},
		{"DECIMAL(30,0) UNSIGNED", true, []string{"0", "18446744073709551616", "9223372036854775808", "1"}, within("0", "999999999999999999999999999999", "18446744073709551616", "9223372036854775808")},
		{"YEAR", true, []string{"0", "1901", "2024", "2155"}, []string{"1901", "2024", "2155", "2000"}},
		{"DATE", true, append([]string{"'0000-00-00'", "'2023-11-00'"}, days...), days},
		{"DATETIME", true, append([]string{"'0000-00-00 00:00:00'"}, moments...), moments},
		{"DATETIME(3)", true, append([]string{"'2024-02-29 23:59:59.1239'"}, fine...), fine},
		{"TIMESTAMP NULL", true, append([]string{"'0000-00-00 00:00:00'"}, stamps...), stamps},
		{"TIMESTAMP(2) NULL", true, append([]string{"'2024-02-29 23:59:59.5'"}, stamps...), append([]string{"'2024-02-29 23:59:59.5'", "'2024-02-29 23:59:59.50'"}, stamps...)},
		{"TIME", true, clocks, clocks},
		{"TIME(1)", true, append([]string{"'-00:00:00.5'", "'12:34:56.7'"}, clocks...), append([]string{"'-00:00:00.5'", "'12:34:56.7'"}, clocks...)},
		{"ENUM('a','Bé','0','1')", false, []string{"'a'", "'Bé'", "'0'", "'1'", "0"}, []string{"'a'", "'Bé'", "'0'", "'1'"}},
		{"VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", false, text, text},
		{"CHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", false, text, text},
		{"TEXT CHARACTER SET utf8mb3 COLLATE utf8mb3_bin", false, text, text},
		{"VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_bin", false, text, slices.DeleteFunc(slices.Clone(text), func(s string) bool { return s == "'é'" })},
		{"VARCHAR(9) CHARACTER SET ascii COLLATE ascii_general_ci", false, slices.DeleteFunc(slices.Clone(text), func(s string) bool { return s == "'é'" }), []string{"''", "'a'", "'A '", "'B'", "'a\t'", "'IT''S'"}},
		{"VARBINARY(9)", false, []string{"''", "'a'", "'a '", "'A'", "x'00'", "x'ff00'"}, []string{"''", "'a'", "'a '", "x'00'", "X'FF00'", "x''"}},
		{"BINARY(3)", false, []string{"'a'", "'abc'", "x'00ff00'"}, []string{"'a'", "'abc'", "x'610000'", "x'00ff00'"}},
		{"BLOB", false, []string{"'a'", "x'00'"}, []string{"'a'", "x'00'"}},
	}
	if kind == servers.MySQL80 {
		all = append(all, column{"VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_0900_bin", false, text, text})
	} else {
		all = append(all, column{"VARCHAR(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin", false, text, text})
	}
	return all
}

// TestFilters: random filters let the same rows through here and at the server, of columns with an index and without.
func TestFilters(t *testing.T) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) { differ(t, kind) })
	}
}

func differ(t *testing.T, kind servers.Kind) {
	m := servers.SharedMySQL(t, kind)
	g := rand.New(rand.NewPCG(7, 7))
	cols := columns(kind)
	m.Exec(t, "DROP DATABASE IF EXISTS filters", "CREATE DATABASE filters CHARACTER SET utf8mb4")
	c := m.Conn(t, "filters")
	run := func(sql string) {
		if _, err := c.Execute(sql); err != nil {
			t.Fatalf("%v: %.300s", err, sql)
		}
	}
	run("SET NAMES utf8mb4")
	run("SET SESSION sql_mode='', time_zone='+00:00'")
	defs := []string{"id INT PRIMARY KEY"}
	for i, c := range cols {
		defs = append(defs, fmt.Sprintf("c%d %s", i, c.declared))
		if i%2 == 0 && c.declared != "BLOB" && !strings.HasPrefix(c.declared, "TEXT") {
			defs = append(defs, fmt.Sprintf("KEY (c%d)", i))
		}
	}
	run("CREATE TABLE t (" + strings.Join(defs, ", ") + ")")
	const rows = 60
	for id := range rows {
		values := []string{strconv.Itoa(id)}
		for _, c := range cols {
			v := c.values[g.IntN(len(c.values))]
			if g.IntN(8) == 0 {
				v = "DEFAULT"
			}
			values = append(values, v)
		}
		run("INSERT INTO t VALUES (" + strings.Join(values, ", ") + ")")
	}
	run("ANALYZE TABLE t")
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	s, err := mysql.Open(t.Context(), task.Source{Host: host, Port: n, User: m.Account, Password: task.Secret(m.Password)}, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := s.Server(t.Context()); err != nil {
		t.Fatal(err)
	}
	v, err := s.View(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	list, err := v.Lock(t.Context(), cdc.TableID{Schema: "filters", Name: "t"})
	if err != nil {
		t.Fatal(err)
	}
	locked := list[0]
	read := func(where string) (out []cdc.Row) {
		q := snapshot.Query{Table: locked.Table, Key: locked.Table.Key(), Where: where}
		if _, err := v.Rows(t.Context(), q, func(r cdc.Row) error { out = append(out, r.Clone()); return nil }); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		return out
	}
	all := read("")
	if len(all) != rows {
		t.Fatalf("%d rows", len(all))
	}
	some, judged := 0, 0
	check := func(where string) {
		e, err := filter.Parse(where)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		f, err := e.Bind(locked.Table)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		var here, there []int64
		for _, r := range all {
			if f.Passes(r) {
				here = append(here, r[0].Num)
			}
		}
		for _, r := range read(where) {
			there = append(there, r[0].Num)
		}
		slices.Sort(there)
		if !slices.Equal(here, there) {
			t.Errorf("%s: rows %v here, %v at the server", where, here, there)
		}
		judged += rows
		if len(here) > 0 && len(here) < rows {
			some++
		}
	}
	for i := range cols { // each operator with each constant
		for _, one := range cols[i].constants {
			for _, op := range []string{"=", "<>", "<", "<=", ">", ">="} {
				if cols[i].order || op == "=" || op == "<>" {
					check(fmt.Sprintf("c%d %s %s", i, op, one))
				}
			}
		}
	}
	for range 600 {
		check(draw(g, cols, 3))
	}
	if some < 400 {
		t.Errorf("only %d filters parted the rows", some)
	}
	t.Logf("%d rows judged as the server does; %d filters parted them", judged, some)
}

// draw makes a condition.
func draw(g *rand.Rand, cols []column, depth int) string {
	if depth > 0 && g.IntN(3) > 0 {
		a, b := draw(g, cols, depth-1), draw(g, cols, depth-1)
		switch g.IntN(4) {
		case 0:
			return a + " AND " + b
		case 1:
			return a + " OR " + b
		case 2:
			return "(" + a + " OR " + b + ") AND " + draw(g, cols, 0)
		}
		return "NOT (" + a + ")"
	}
	i := g.IntN(len(cols))
	c := cols[i]
	name := fmt.Sprintf("c%d", i)
	one := func() string { return c.constants[g.IntN(len(c.constants))] }
	if g.IntN(2) == 0 {
		name = "`" + name + "`"
	}
	not := []string{"", "NOT "}[g.IntN(2)]
	switch k := g.IntN(6); {
	case k == 0 && !strings.Contains(c.declared, "NOT NULL"):
		return name + " IS " + not + "NULL"
	case k < 3:
		list := []string{one()}
		for range g.IntN(4) {
			list = append(list, one())
		}
		return name + " " + not + "IN (" + strings.Join(list, ", ") + ")"
	case k == 3 && c.order:
		return name + " " + not + "BETWEEN " + one() + " AND " + one()
	}
	ops := []string{"=", "<>", "!=", "<", "<=", ">", ">="}
	if !c.order {
		ops = ops[:3]
	}
	return name + ops[g.IntN(len(ops))] + one()
}
