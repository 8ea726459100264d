package mysql

import (
	"errors"
	"fmt"
	"math/big"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	var e *task.Error
	if !errors.As(err, &e) {
		t.Fatalf("error %v, want %s", err, code)
	}
	if e.Code != code || e.Text == "" || e.Hint == "" {
		t.Fatalf("error %+v, want %s with text and hint", e, code)
	}
}

// TestRowsPages reads a table with a composite key page by page: each row once, in order.
func TestRowsPages(t *testing.T) {
	t.Parallel()
	keys := []struct{ columns, key, values string }{
		{"a INT, b BIGINT UNSIGNED", "a, b", "i % 5 - 2, 18446744073709551600 + i % 7"},
		{"a DECIMAL(10,3), b DATETIME(3)", "a, b", "(i % 10) * 1.5 - 3, '2020-01-01 00:00:00.5' + INTERVAL (i % 9) HOUR"},
		{"a BINARY(4), b VARBINARY(5), c TINYINT", "a, b, c", "UNHEX(LPAD(HEX(i % 3 * 4000000000), 8, '0')), UNHEX(LPAD(HEX(i % 4), 4, '0')), i % 11 - 5"},
		{"a TIMESTAMP(6) NOT NULL, b TIME(2), c DATE", "a, b, c", "'2020-01-01 00:00:00.000001' + INTERVAL (i % 4) DAY, SEC_TO_TIME((i % 5) * 1.25 - 2), '2020-01-31' + INTERVAL (i % 13) MONTH"},
		{"a YEAR, b MEDIUMINT", "a, b", "2000 + i % 5, i % 41 - 20"},
	}
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		for i, k := range keys {
			name := fmt.Sprintf("k%d", i)
			run(t, c, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))", name, k.columns, k.key),
				fmt.Sprintf("INSERT IGNORE INTO %s WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i<150) SELECT %s FROM n", name, k.values))
			id := cdc.TableID{Schema: db, Name: name}
			table, all := read(t, s, id, nil)
			if len(all) < 20 {
				t.Fatalf("%s has only %d rows", k.columns, len(all))
			}
			var paged []cdc.Row
			for {
				_, page := read(t, s, id, func(q *snapshot.Query) {
					q.Limit = 7
					if len(paged) > 0 {
						last := paged[len(paged)-1]
						for _, k := range q.Key {
							q.After = append(q.After, last[k])
						}
					}
				})
				paged = append(paged, page...)
				if len(page) < 7 {
					break
				}
			}
			equalRows(t, table, all, paged)
			checkUpto(t, s, table, all)
		}
	})
}

// checkUpto reads the range between two rows.
func checkUpto(t *testing.T, s *Source, table *cdc.Table, all []cdc.Row) {
	t.Helper()
	low, high := len(all)/4, len(all)/2
	_, part := read(t, s, table.TableID, func(q *snapshot.Query) {
		for _, k := range q.Key {
			q.After = append(q.After, all[low][k])
			q.Upto = append(q.Upto, all[high][k])
		}
	})
	equalRows(t, table, all[low+1:high+1], part)
}

func equalRows(t *testing.T, table *cdc.Table, want, got []cdc.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d rows, want %d", table.TableID, len(got), len(want))
	}
	for i := range want {
		for j := range want[i] {
			if !want[i][j].Equal(got[i][j]) {
				t.Fatalf("%s row %d column %d: %s, want %s", table.TableID, i, j, show(got[i][j]), show(want[i][j]))
			}
		}
	}
}

// TestRowsFilter adds the task's condition, even one that ends in a comment.
func TestRowsFilter(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v VARCHAR(10))", "INSERT INTO a VALUES (1,'x'),(2,'y'),(3,'x')")
		_, rows := read(t, s, cdc.TableID{Schema: db, Name: "a"}, func(q *snapshot.Query) { q.Where = "v = 'x' OR v = 'z' -- why" })
		if len(rows) != 2 || rows[1][0].Num != 3 {
			t.Errorf("%v", rows)
		}
		v, err := s.View(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		table, err := s.Table(testContext(t), cdc.TableID{Schema: db, Name: "a"})
		if err != nil {
			t.Fatal(err)
		}
		_, err = v.Rows(testContext(t), snapshot.Query{Table: table, Where: "nothing ="}, func(cdc.Row) error { return nil })
		wantCode(t, err, "source.syntax")
		defer func() {
			stop := errors.New("stop")
			if _, err := v.Rows(testContext(t), snapshot.Query{Table: table}, func(cdc.Row) error { return stop }); err != stop {
				t.Errorf("the caller's error came back as %v", err)
			}
		}()
		if n, err := v.Rows(testContext(t), snapshot.Query{Table: table}, func(cdc.Row) error { return nil }); n != 3 || err != nil {
			t.Errorf("the view after a refused statement: %d rows, %v", n, err)
		}
	})
}

// TestViewLock reads the definition as it is under the lock, even when it changed after the snapshot was opened, and
// holds DDL off.
func TestViewLock(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1,1)")
		ctx := testContext(t)
		v, err := s.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		run(t, c, "ALTER TABLE a ADD COLUMN w INT NOT NULL, ADD UNIQUE KEY uw (w)")
		changed := end(t, s)
		list, err := v.Lock(ctx, cdc.TableID{Schema: db, Name: "a"})
		if err != nil {
			// MySQL may refuse a table that is newer than the snapshot; the chunk is then read again.
			wantCode(t, err, "source.table_changed")
			return
		}
		locked := list[0]
		if len(locked.Table.Columns) != 3 || len(locked.Table.Uniques) != 1 || locked.End.Before(changed) || locked.Now == 0 || locked.Create == "" {
			t.Fatalf("locked %+v %+v, changed at %s", locked, locked.Table, changed)
		}
		run(t, c, "SET lock_wait_timeout=1")
		if _, err := c.Execute("ALTER TABLE a ADD COLUMN x INT"); err == nil {
			t.Fatal("the table was altered under the lock")
		}
		v.Close()
		run(t, c, "ALTER TABLE a ADD COLUMN x INT")
	})
}

// TestViewLocksTogether locks several tables for one view; where one of them is not to be had, the others are not held for
// long, and the error may pass.
func TestViewLocksTogether(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "CREATE TABLE b (id INT PRIMARY KEY)", "INSERT INTO b VALUES (7)")
		ids := []cdc.TableID{{Schema: db, Name: "a"}, {Schema: db, Name: "b"}}
		ctx := testContext(t)
		v, err := s.View(ctx)
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		before := end(t, s)
		list, err := v.Lock(ctx, ids...)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) != 2 || len(list[0].Table.Columns) != 2 || len(list[1].Table.Columns) != 1 || list[0].End != list[1].End || list[1].End.Before(before) {
			t.Fatalf("%+v", list)
		}
		run(t, c, "SET lock_wait_timeout=1")
		for _, id := range ids {
			if _, err := c.Execute("ALTER TABLE " + id.Name + " ADD COLUMN x INT"); err == nil {
				t.Fatalf("%s was altered under the lock", id.Name)
			}
		}
		var seen int64
		n, err := v.Rows(ctx, snapshot.Query{Table: list[1].Table, Key: []int{0}, Limit: 10}, func(r cdc.Row) error { seen = r[0].Num; return nil })
		if n != 1 || seen != 7 || err != nil {
			t.Fatal(n, seen, err)
		}
		v.Close()
		run(t, c, "ALTER TABLE a ADD COLUMN x INT", "LOCK TABLES b WRITE")
		if v, err = s.View(ctx); err != nil {
			t.Fatal(err)
		}
		_, err = v.Lock(ctx, ids...)
		if err == nil || !task.Retryable(err) {
			t.Errorf("the lock of a table that another has: %v", err)
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
		run(t, c, "UNLOCK TABLES")
	})
}

// TestViewExact: on MariaDB the view is the state of its position, while others write.
func TestViewExact(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		if s.server.Flavor == cdc.MySQL {
			v, err := s.View(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			defer v.Close()
			if p, ok := v.Exact(); ok {
				t.Errorf("MySQL gives %s", p)
			}
			return
		}
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT)", "INSERT INTO a VALUES (1,0)")
		set, _ := start(t, s)
		stop := make(chan struct{})
		stopped := make(chan error, 1)
		go func() {
			for {
				select {
				case <-stop:
					stopped <- nil
					return
				default:
					if _, err := c.Execute("UPDATE a SET v = v + 1"); err != nil {
						stopped <- err
						return
					}
				}
			}
		}()
		type sample struct {
			at cdc.Position
			v  int64
		}
		var samples []sample
		for range 100 {
			v, err := s.View(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			at, ok := v.Exact()
			table, err := s.Table(testContext(t), cdc.TableID{Schema: db, Name: "a"})
			if !ok || err != nil {
				t.Fatal(ok, err)
			}
			if _, err := v.Rows(testContext(t), snapshot.Query{Table: table}, func(r cdc.Row) error {
				samples = append(samples, sample{at, r[1].Num})
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			v.Close()
		}
		close(stop)
		if err := <-stopped; err != nil {
			t.Fatal(err)
		}
		states := map[cdc.Position]int64{}
		value := int64(0)
		for _, e := range follow(t, s, set).until(end(t, s)) {
			if e.Kind == cdc.EventRows && e.Rows.Map().Schema == db {
				if err := e.Rows.Decode(e.Rows.Map().Table, func(_, after cdc.Row) error { value = after[1].Num; return nil }); err != nil {
					t.Fatal(err)
				}
			}
			if e.Kind == cdc.EventCommit {
				states[e.End] = value
			}
		}
		checked := 0
		for _, x := range samples {
			if want, ok := states[x.at]; ok {
				checked++
				if want != x.v {
					t.Errorf("at %s the view shows %d, the binlog says %d", x.at, x.v, want)
				}
			}
		}
		if checked < 50 {
			t.Errorf("only %d of %d views could be checked", checked, len(samples))
		}
	})
}

// TestViewReuse: an idle connection that the server closed is replaced.
func TestViewReuse(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		_, c := database(t, m)
		ctx := testContext(t)
		for range 3 {
			v, err := s.View(ctx)
			if err != nil {
				t.Fatal(err)
			}
			id := v.(*view).conn.GetConnectionID()
			v.Close()
			v.Close()
			run(t, c, "KILL "+itoa(int(id)))
			run(t, c, "KILL "+itoa(int(s.control.GetConnectionID())))
			if _, err := s.End(ctx); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func TestSplit(t *testing.T) {
	t.Parallel()
	cases := []struct {
		low, high string
		n         int
		unsigned  bool
		want      string
	}{
		{"0", "100", 4, false, "[25 50 75]"},
		{"1", "2", 8, false, "[1]"},
		{"5", "5", 3, false, "[]"},
		{"-9223372036854775808", "9223372036854775807", 2, false, "[-1]"},
		{"0", "18446744073709551615", 2, true, "[9223372036854775807]"},
	}
	for _, c := range cases {
		low, _ := new(big.Int).SetString(c.low, 10)
		high, _ := new(big.Int).SetString(c.high, 10)
		var got []string
		for _, r := range cuts(low, high, c.n, c.unsigned) {
			if c.unsigned {
				got = append(got, fmt.Sprint(uint64(r[0].Num)))
			} else {
				got = append(got, fmt.Sprint(r[0].Num))
			}
		}
		if fmt.Sprint(got) != c.want {
			t.Errorf("%s to %s in %d: %v, want %s", c.low, c.high, c.n, got, c.want)
		}
	}
}

func TestSplitTable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (k CHAR(3) PRIMARY KEY)", "INSERT INTO b VALUES ('x')")
		for name, want := range map[string]int{"a": 0, "b": 0} {
			table, err := s.Table(testContext(t), cdc.TableID{Schema: db, Name: name})
			if err != nil {
				t.Fatal(err)
			}
			rows, err := s.Split(testContext(t), table, table.Key(), 4)
			if err != nil || len(rows) != want {
				t.Errorf("%s: %v %v", name, rows, err)
			}
		}
		table, _ := s.Table(testContext(t), cdc.TableID{Schema: db, Name: "a"})
		digits := "(SELECT 0 d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9)"
		for i, want := range []int{0, 1, 2, 3, 3} { // a range has ten thousand rows at least
			run(t, c, fmt.Sprintf("INSERT INTO a SELECT %d+1000*w.d+100*x.d+10*y.d+z.d FROM %s w, %[2]s x, %[2]s y, %[2]s z", 10_000*i-25_000, digits))
			rows, err := s.Split(testContext(t), table, table.Key(), 4)
			if err != nil || len(rows) != want {
				t.Errorf("%d0000 rows: %v %v", i+1, rows, err)
			}
			if i == 4 && rows[1][0].Num != -1 {
				t.Errorf("cut at %v", rows)
			}
		}
	})
}

// TestCloseOfSilentServer: a view is given back in seconds where the server has stopped to answer, as at the end of a
// task that is stopped meanwhile.
func TestCloseOfSilentServer(t *testing.T) {
	t.Parallel()
	m := servers.StartMySQL(t, servers.MariaDB1011)
	v, err := open(t, m).View(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	m.Freeze(t)
	defer m.Thaw(t)
	closed := make(chan struct{})
	go func() { v.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(3 * rollbackTimeout):
		t.Error("the view is still being closed")
	}
}
