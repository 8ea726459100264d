package mysql

import (
	"fmt"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
)

// TestFewRows: the lock tells the tables of which no more than a few rows need be counted; one that can't be counted soon is
// locked and described all the same.
func TestFewRows(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE none (id INT PRIMARY KEY)", "CREATE TABLE few (id INT PRIMARY KEY)", "CREATE TABLE more (id INT PRIMARY KEY)", "CREATE TABLE digits (n INT PRIMARY KEY)",
			"INSERT INTO digits VALUES (0), (1), (2), (3), (4), (5), (6), (7), (8), (9)",
			fmt.Sprintf("INSERT INTO few SELECT a.n + 10*b.n + 100*c.n + 1000*d.n FROM digits a, digits b, digits c, digits d WHERE a.n + 10*b.n + 100*c.n + 1000*d.n < %d", fewRows),
			"INSERT INTO more SELECT * FROM few", "INSERT INTO more VALUES (-1)", "CREATE VIEW slow AS SELECT n FROM digits WHERE SLEEP(n + 5) = 0")
		few := func(names ...string) (out []bool) {
			ids := make([]cdc.TableID, len(names))
			for i, name := range names {
				ids[i] = cdc.TableID{Schema: db, Name: name}
			}
			d := describer{source: s}
			defer d.close()
			list := make([]snapshot.Locked, len(ids))
			if found, err := d.together(testContext(t), ids, list); err != nil || !found {
				t.Fatalf("%v are not described together: %v", names, err)
			}
			for _, l := range list {
				out = append(out, l.Few)
			}
			return out
		}
		if got := fmt.Sprint(few("more", "none", "few", "digits")); got != "[false true true true]" {
			t.Errorf("few rows: %s", got)
		}
		if got := fmt.Sprint(few("none", "slow")); got != "[false false]" {
			t.Errorf("few rows, where counting takes long: %s", got)
		}
	})
}

// TestStatementsOfTables holds how often a table is opened, and how many statements it takes, to what they are meant to be.
func TestStatementsOfTables(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		ids := make([]cdc.TableID, describedAtOnce)
		for i := range ids {
			ids[i] = cdc.TableID{Schema: db, Name: fmt.Sprint("t", i)}
			run(t, c, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, c%d INT)", i, i), fmt.Sprintf("INSERT INTO t%d VALUES (1, 2)", i))
		}
		// counted gives what the steps took of the connection's server.
		counted := func(c *conn, steps func()) (statements, opened int) {
			read := func() (list [2]int) {
				err := c.query("SHOW SESSION STATUS WHERE Variable_name IN ('Opened_tables', 'Questions')", func(row []string) error {
					if row[0] == "Questions" {
						list[0] = number(row[1])
					} else {
						list[1] = number(row[1])
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				return list
			}
			before := read()
			steps()
			after := read()
			return after[0] - before[0] - 1, after[1] - before[1]
		}
		d := describer{source: s}
		defer d.close()
		describe := func() {
			if found, err := d.together(testContext(t), ids, make([]snapshot.Locked, len(ids))); err != nil || !found {
				t.Fatal("not described together", err)
			}
		}
		const few = 5 // of the server's own
		describe()    // what the server itself has to open first
		n, opened := counted(d.conn, describe)
		if most := len(ids) + len(ids)/openedAtOnce + 8; n > most || opened > len(ids)+few {
			t.Errorf("%d tables are described with %d statements, %d at most, and opened %d times", len(ids), n, most, opened)
		}
		opening, err := s.View(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		defer opening.Close()
		ids = ids[:64]
		n, opened = counted(opening.(*view).conn, func() {
			list, err := opening.Lock(testContext(t), ids...)
			if err != nil {
				t.Fatal(err)
			}
			for i := range ids {
				if n, err := opening.Rows(testContext(t), snapshot.Query{Table: list[i].Table, Key: []int{0}, Limit: 10}, func(cdc.Row) error { return nil }); n != 1 || err != nil {
					t.Fatal(n, err)
				}
			}
		})
		if most := 2*len(ids) + len(ids)/openedAtOnce + 1; n > most || opened > len(ids)+few {
			t.Errorf("%d tables are read with %d statements, %d at most, and opened %d times", len(ids), n, most, opened)
		}
	})
}
