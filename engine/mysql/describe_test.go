package mysql

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
	"sluice/engine/task"
)

// TestDescribe holds what many tables are described as against what each is by itself.
func TestDescribe(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE plain (id BIGINT PRIMARY KEY, v VARCHAR(20))",
			"CREATE TABLE latin (a INT NOT NULL, b CHAR(3) CHARACTER SET utf8mb4 NOT NULL, UNIQUE KEY z (a), UNIQUE KEY a (b), KEY n (a, b)) CHARSET latin1 COLLATE latin1_general_ci",
			"CREATE TABLE two (a INT, b VARCHAR(50) NOT NULL, PRIMARY KEY (b(5), a), UNIQUE KEY u (a, b(7)))",
			"CREATE TABLE keyless (a INT, g INT AS (a+1) STORED)",
			"CREATE TABLE `od``d'? name` (`i``d` INT PRIMARY KEY, e ENUM('a','?','😀'), d DECIMAL(10,3), t DATETIME(3), f FLOAT(7,4), s SET('x','y')) COMMENT 'AUTO_INCREMENT=5'",
			"CREATE TABLE counted (id INT AUTO_INCREMENT PRIMARY KEY)",
			// What information_schema may take for one name.
			"CREATE TABLE Plain (v INT UNIQUE, id CHAR(7) CHARACTER SET utf8mb3)", "CREATE TABLE pläin (w TIME(2), id INT)", "CREATE TABLE `plain ä` (x INT PRIMARY KEY)",
			"CREATE TABLE keys_ (e INT, f INT, g INT, UNIQUE KEY e (e, g), UNIQUE KEY `é` (f, g), PRIMARY KEY (g, e))",
			"CREATE VIEW seen AS SELECT id FROM plain")
		run(t, c, createTypes(casesFor(s.server.Flavor))[0])
		other := strings.ToUpper(db)
		m.Exec(t, "CREATE DATABASE "+other+" CHARACTER SET latin1", "CREATE TABLE "+other+".plain (z VARCHAR(3), UNIQUE KEY z (z))", "CREATE TABLE "+other+".T (z INT)")
		t.Cleanup(func() { m.Exec(t, "DROP DATABASE "+other) })
		ids := []cdc.TableID{{Schema: other, Name: "plain"}}
		for _, name := range []string{"two", "plain", "latin", "keyless", "od`d'? name", "counted", "Plain", "pläin", "plain ä", "keys_", "seen", "t"} {
			ids = append(ids, cdc.TableID{Schema: db, Name: name})
		}
		for i := range describedAtOnce { // more than one piece
			run(t, c, fmt.Sprintf("CREATE TABLE t%d (id INT PRIMARY KEY, c%d INT)", i, i))
			ids = append(ids, cdc.TableID{Schema: db, Name: fmt.Sprint("t", i)})
		}
		before := end(t, s)
		list, err := s.Describe(testContext(t), ids, 2)
		if err != nil || len(list) != len(ids) {
			t.Fatal(len(list), err)
		}
		after := end(t, s)
		defs, err := s.Definitions(testContext(t), append(ids, cdc.TableID{Schema: db, Name: "none"}, cdc.TableID{Schema: db, Name: "T"}))
		if err != nil || len(defs) != len(ids) {
			t.Error(len(defs), err)
		}
		d := describer{source: open(t, m)}
		if found, err := d.together(testContext(t), ids[:describedAtOnce], make([]snapshot.Locked, describedAtOnce)); err != nil || !found {
			t.Errorf("%d are not described together: %v", describedAtOnce, err)
		}
		d.close()
		fresh := open(t, m) // remembers nothing
		for i, id := range ids {
			want := lock(t, fresh, id)
			if got := list[i]; !reflect.DeepEqual(got.Table, want.Table) || got.Create != want.Create || got.End.Before(before) || after.Before(got.End) || got.Now == 0 {
				t.Errorf("%s: %+v\nby itself: %+v", id, got, want)
			}
			if !reflect.DeepEqual(defs[id], want.Table) {
				t.Errorf("%s is %+v, by itself %+v", id, defs[id], want.Table)
			}
		}
		if _, err := s.Describe(testContext(t), append(ids[:3:3], cdc.TableID{Schema: db, Name: "none"}), 1); task.Code(err) != "source.table_missing" || !strings.Contains(err.Error(), "none") {
			t.Errorf("a table that is not there: %v", err)
		}
	})
}

// TestDescribeLocked: where a table is locked, the others are free while it is waited for.
func TestDescribeLocked(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)", "LOCK TABLES b WRITE")
		ids := []cdc.TableID{{Schema: db, Name: "a"}, {Schema: db, Name: "b"}}
		var list []snapshot.Locked
		done := make(chan error, 1)
		go func() {
			var err error
			list, err = s.Describe(testContext(t), ids, 2)
			done <- err
		}()
		m.Exec(t, "SET SESSION lock_wait_timeout = 10", "ALTER TABLE "+db+".a ADD COLUMN v INT")
		run(t, c, "UNLOCK TABLES")
		select {
		case err := <-done:
			if err != nil || len(list) != 2 {
				t.Fatal(list, err)
			}
		case <-time.After(20 * time.Second):
			t.Fatal("it still waits")
		}
	})
}

// TestDescribeLeavesSessions: the connections that it used wait for a lock no longer than any other does.
func TestDescribeLeavesSessions(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)")
		ids := []cdc.TableID{{Schema: db, Name: "a"}, {Schema: db, Name: "b"}}
		if _, err := s.Describe(testContext(t), ids, 2); err != nil {
			t.Fatal(err)
		}
		run(t, c, "LOCK TABLES b WRITE")
		v, err := s.View(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		if _, err := v.Lock(testContext(t), ids[1]); task.Code(err) != "source.lock_wait" {
			t.Errorf("a table that is locked: %v", err)
		}
	})
}

// TestRecall: a definition that was read is taken again only while the table has the very same one.
func TestRecall(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT AUTO_INCREMENT PRIMARY KEY, v VARCHAR(20) CHARACTER SET latin1) CHARSET utf8mb4")
		id := cdc.TableID{Schema: db, Name: "a"}
		first := lock(t, s, id).Table
		run(t, c, "INSERT INTO a (v) VALUES ('x'), ('y')")
		if lock(t, s, id).Table != first {
			t.Error("rows made it read the definition again")
		}
		for _, change := range []string{"MODIFY v VARCHAR(20) CHARACTER SET utf8mb4", "COLLATE utf8mb4_bin", "ADD UNIQUE KEY u (v)", "RENAME COLUMN v TO w", "MODIFY id BIGINT",
			"ADD COLUMN e ENUM('😀')", "DROP COLUMN e, ADD COLUMN e ENUM('😁')"} {
			before := lock(t, s, id).Table
			run(t, c, "ALTER TABLE a "+change)
			got, want := lock(t, s, id).Table, lock(t, open(t, m), id).Table
			if !reflect.DeepEqual(got, want) {
				t.Errorf("after %s it is %+v, not %+v", change, got, want)
			}
			if reflect.DeepEqual(got, before) && !strings.Contains(change, "😁") { // which MySQL 8.0 does not show
				t.Errorf("%s changed nothing: the case says nothing", change)
			}
		}
	})
}

// TestViewLockIsNew: what was changed since the snapshot was opened is in the definition, whatever kind of change it was.
func TestViewLockIsNew(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY, v INT, w VARCHAR(20) NOT NULL) CHARSET latin1", "INSERT INTO a VALUES (1, 1, 'x')")
		id := cdc.TableID{Schema: db, Name: "a"}
		before := lock(t, s, id)
		for _, change := range []string{"COMMENT 'of a table: é中'", "MODIFY v INT COMMENT 'of a column: é中'", "MODIFY v BIGINT", "ALTER v SET DEFAULT 7", "ADD COLUMN e ENUM('a','中') CHARACTER SET utf8mb4",
			"MODIFY e ENUM('a','中','c') CHARACTER SET utf8mb4", "RENAME COLUMN v TO x", "ADD UNIQUE KEY ux (x)", "DEFAULT CHARSET utf8mb4", "DROP PRIMARY KEY, ADD PRIMARY KEY (x, id)", "DROP COLUMN w, FORCE"} {
			v, err := s.View(testContext(t))
			if err != nil {
				t.Fatal(err)
			}
			run(t, c, "ALTER TABLE a "+change)
			list, err := v.Lock(testContext(t), id)
			if err = errors.Join(err, v.Close()); err != nil {
				t.Fatalf("%s: %v", change, err)
			}
			now := lock(t, open(t, m), id)
			if got := list[0]; got.Create != now.Create || !reflect.DeepEqual(got.Table, now.Table) {
				t.Errorf("after %s it is %s\n%+v\nnot %s\n%+v", change, got.Create, got.Table, now.Create, now.Table)
			}
			if now.Create == before.Create {
				t.Errorf("%s changed nothing: the case says nothing", change)
			}
			before = now
		}
	})
}

func lock(t *testing.T, s *Source, id cdc.TableID) snapshot.Locked {
	t.Helper()
	v, err := s.View(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	l, err := v.Lock(testContext(t), id)
	if err = errors.Join(err, v.Close()); err != nil {
		t.Fatal(err)
	}
	return l[0]
}
