package mysql

import (
	"bytes"
	"fmt"
	"sort"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

// TestSplitText cuts tables of the usual kinds of text keys into ranges of which none is much larger than it should be.
func TestSplitText(t *testing.T) {
	const rows, parts = 80_000, 8
	keys := []struct{ name, value string }{
		{"uuids", "LOWER(CONCAT(LEFT(MD5(i),8),'-',MID(MD5(i),9,4),'-4000-8000-',RIGHT(MD5(i),12)))"},
		{"hashes", "UPPER(MD5(i))"},
		{"numbers", "CONCAT('user-', LPAD(i, 9, '0'))"},
		{"plain", "CAST(i AS CHAR)"},
		{"letters", "CONCAT(CHAR(97 + i MOD 26 USING utf8mb4), CHAR(97 + i DIV 26 MOD 26 USING utf8mb4), i)"},
	}
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, map[servers.Kind]string{servers.MySQL80: "SET SESSION cte_max_recursion_depth = 100000", servers.MariaDB1011: "SET SESSION max_recursive_iterations = 100000"}[m.Kind])
		for _, k := range keys {
			run(t, c, "CREATE TABLE "+k.name+" (k VARCHAR(36) NOT NULL PRIMARY KEY)",
				fmt.Sprintf("INSERT INTO %s WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<%d) SELECT %s FROM n", k.name, rows, k.value))
			id := cdc.TableID{Schema: db, Name: k.name}
			table, all := read(t, s, id, nil)
			cuts, err := s.Split(testContext(t), table, table.Key(), parts)
			if err != nil {
				t.Fatal(err)
			}
			var at []int
			for _, cut := range cuts {
				at = append(at, 1+sort.Search(len(all), func(i int) bool { return bytes.Compare(all[i][0].Bytes, cut[0].Bytes) >= 0 }))
			}
			sort.Ints(at)
			largest, last := 0, 0
			for _, n := range append(at, rows) {
				largest, last = max(largest, n-last), n
			}
			t.Logf("%s: cut at rows %v, the largest range has %d", k.name, at, largest)
			if largest > rows/3 {
				t.Errorf("%s: a range holds %d of %d rows", k.name, largest, rows)
			}
		}
		small, _ := read(t, s, smallTable(t, m, db), nil)
		if cuts, err := s.Split(testContext(t), small, small.Key(), parts); err != nil || cuts != nil {
			t.Errorf("an empty table is cut at %v: %v", cuts, err)
		}
	})
}

func smallTable(t *testing.T, m *servers.MySQL, db string) cdc.TableID {
	m.Exec(t, "CREATE TABLE "+db+".small (k VARCHAR(36) NOT NULL PRIMARY KEY)")
	return cdc.TableID{Schema: db, Name: "small"}
}
