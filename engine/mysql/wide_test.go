package mysql

import (
	"fmt"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

// TestWideRows: the most columns that the servers allow, rows of many MB, invisible columns and the key that MySQL adds
// come alike by SELECT and from the binlog.
func TestWideRows(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		set, _ := start(t, s)
		columns := func(n int) string {
			names := make([]string, n)
			for i := range names {
				names[i] = fmt.Sprintf("c%d TINYINT NULL", i)
			}
			return strings.Join(names, ", ")
		}
		most := 4096
		if s.server.Flavor == cdc.MariaDB {
			most = 2600 // its definition must fit into 64 KB
		}
		wide := map[string]int{"innodb": 1017, "myisam": most, "large": 3, "hidden": 3}
		run(t, c, "CREATE TABLE innodb (id INT PRIMARY KEY, "+columns(1016)+") ENGINE=InnoDB ROW_FORMAT=DYNAMIC", "INSERT INTO innodb (id, c0, c1015) VALUES (1, NULL, NULL), (2, 5, 6)",
			"CREATE TABLE myisam (id INT PRIMARY KEY, "+columns(most-1)+") ENGINE=MyISAM", fmt.Sprintf("INSERT INTO myisam (id, c0, c%d) VALUES (1, NULL, NULL), (2, 5, 6)", most-2),
			"CREATE TABLE large (id INT PRIMARY KEY, b LONGBLOB, t LONGTEXT)", "INSERT INTO large VALUES (1, REPEAT(x'00ff', 6000000), ''), (2, '', REPEAT('中', 3000000)), (3, NULL, NULL)")
		if s.server.Flavor == cdc.MySQL {
			run(t, c, "SET sql_generate_invisible_primary_key=ON", "CREATE TABLE hidden (a INT INVISIBLE, b INT)")
		} else {
			run(t, c, "CREATE TABLE hidden (id INT INVISIBLE AUTO_INCREMENT PRIMARY KEY, a INT INVISIBLE, b INT)")
		}
		run(t, c, "INSERT INTO hidden (a, b) VALUES (1, 2), (3, 4), (NULL, 5)")
		selected := map[string][]cdc.Row{}
		tables := map[string]*cdc.Table{}
		for name, n := range wide {
			tables[name], selected[name] = read(t, s, cdc.TableID{Schema: db, Name: name}, nil)
			if got := len(tables[name].Columns); got != n || len(tables[name].Primary) != 1 {
				t.Errorf("%s has %d columns and the key %v, want %d", name, got, tables[name].Primary, n)
			}
		}
		for name := range wide {
			run(t, c, "DELETE FROM "+name)
		}
		logged := map[string]map[cdc.Op][]cdc.Row{}
		for _, e := range follow(t, s, set).until(end(t, s)) {
			if e.Kind != cdc.EventRows || e.Rows.Map().Schema != db {
				continue
			}
			name := e.Rows.Map().Name
			if logged[name] == nil {
				logged[name] = map[cdc.Op][]cdc.Row{}
			}
			if name != "hidden" || s.server.Flavor == cdc.MySQL { // MariaDB's map does not tell which columns are invisible
				sameDefinition(t, tables[name], e.Rows.Map().Table)
			}
			err := e.Rows.Decode(tables[name], func(before, after cdc.Row) error {
				row := before
				if row == nil {
					row = after
				}
				logged[name][e.Rows.Op()] = append(logged[name][e.Rows.Op()], row.Clone())
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		for name := range wide {
			sameRows(t, tables[name], name+" INSERT", selected[name], logged[name][cdc.Insert], 0)
			sameRows(t, tables[name], name+" DELETE", selected[name], logged[name][cdc.Delete], 0)
		}
	})
}
