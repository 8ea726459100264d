package definitions

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/driver"
	"sluice/engine/enginetest/servers"
	"sluice/engine/mysql"
	"sluice/engine/schema"
	"sluice/engine/task"
)

func TestMain(m *testing.M) { os.Exit(driver.Main(m)) }

// bench is one database of one server, where statements are run and their outcome is read.
type bench struct {
	flavor cdc.Flavor
	name   string
	conn   *client.Conn
	source *mysql.Source
}

var databases atomic.Int64

func newBench(t *testing.T, kind servers.Kind) *bench {
	t.Helper()
	m := servers.SharedMySQL(t, kind)
	host, port, err := net.SplitHostPort(m.Addr)
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{flavor: cdc.MySQL, name: fmt.Sprintf("defs%d_%d", os.Getpid(), databases.Add(1))}
	if kind == servers.MariaDB1011 {
		b.flavor = cdc.MariaDB
	}
	m.Exec(t, "CREATE DATABASE "+b.name+" CHARACTER SET utf8mb4")
	t.Cleanup(func() { m.Exec(t, "DROP DATABASE "+b.name) })
	b.conn = m.Conn(t, b.name)
	b.must(t, "SET NAMES utf8mb4")
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	b.source, err = mysql.Open(ctx, task.Source{Host: host, Port: n, User: m.Account, Password: task.Secret(m.Password)}, mysql.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.source.Close() })
	return b
}

// read gives the server's definition, with the table's default charset.
func (b *bench) read(t *testing.T, table string) *cdc.Table {
	t.Helper()
	tab, err := b.source.Table(t.Context(), cdc.TableID{Schema: b.name, Name: table})
	if err != nil {
		t.Fatal(err)
	}
	r, err := b.conn.Execute("SELECT table_collation FROM information_schema.tables WHERE table_schema='" + b.name + "' AND table_name='" + table + "'")
	if err != nil {
		t.Fatal(err)
	}
	tab.Collation, _ = r.GetString(0, 0)
	tab.Charset, _, _ = strings.Cut(tab.Collation, "_")
	return tab
}

func onBoth(t *testing.T, test func(t *testing.T, b *bench)) {
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, newBench(t, kind))
		})
	}
}

const start = "CREATE TABLE t (id int NOT NULL, k2 bigint unsigned NOT NULL, a varchar(20), b char(5) NOT NULL, c text, d datetime(3), e decimal(8,2)," +
	" f enum('x','it''s','z'), PRIMARY KEY (id, k2), UNIQUE ua (a), UNIQUE ub (b), UNIQUE ue (e, b), KEY kd (d)) DEFAULT CHARSET=latin1 COLLATE=latin1_swedish_ci"

// statements each act on the table of start.
var statements = []string{
	"ALTER TABLE t ADD n1 int AFTER id, ADD n2 varchar(7) FIRST, ADD n3 text, ADD n4 json",
	"ALTER TABLE t ADD n1 varchar(9) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ADD n2 char(3) COLLATE gbk_bin, ADD n3 char(2) CHARACTER SET gbk, ADD n4 varchar(5) BINARY",
	"ALTER TABLE t ADD n1 tinyint(1), ADD n2 bool, ADD n3 smallint unsigned, ADD n4 mediumint zerofill, ADD n5 int(3), ADD n6 bigint unsigned, ADD n7 integer",
	"ALTER TABLE t ADD n1 float, ADD n2 double, ADD n3 real, ADD n4 float(7,3), ADD n5 double(9,2) unsigned, ADD n6 float(30), ADD n7 float(10), ADD n8 dec(4), ADD n9 numeric",
	"ALTER TABLE t ADD n1 bit, ADD n2 bit(17), ADD n3 date, ADD n4 time(2), ADD n5 timestamp NULL, ADD n6 timestamp(4) NOT NULL DEFAULT CURRENT_TIMESTAMP(4), ADD n7 year, ADD n8 datetime",
	"ALTER TABLE t ADD n1 binary, ADD n2 binary(7), ADD n3 varbinary(9), ADD n4 tinyblob, ADD n5 blob, ADD n6 mediumblob, ADD n7 longblob, ADD n8 blob(70000), ADD n9 blob(9)",
	"ALTER TABLE t ADD n1 tinytext, ADD n2 mediumtext, ADD n3 longtext, ADD n4 text(9), ADD n5 text(300), ADD n6 text(70000), ADD n7 long varchar, ADD n8 long",
	"ALTER TABLE t ADD n1 text(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin, ADD n2 text(30000) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	"ALTER TABLE t ADD n1 char(4) CHARACTER SET binary, ADD n2 varchar(4) CHARACTER SET binary, ADD n3 text CHARACTER SET binary, ADD n4 enum('a') CHARACTER SET binary",
	"ALTER TABLE t ADD n1 nchar(3), ADD n2 national varchar(4), ADD n3 nvarchar(5), ADD n4 national char(6)",
	"ALTER TABLE t ADD n1 enum('a','b ','c''d'), ADD n2 set('p','q') NOT NULL, ADD n3 enum('中') CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	"ALTER TABLE t ADD n1 int AS (id + 1) VIRTUAL, ADD n2 int GENERATED ALWAYS AS (id * 2) STORED, ADD n3 int INVISIBLE",
	"ALTER TABLE t ADD n1 int NOT NULL UNIQUE, ADD n2 int UNIQUE KEY FIRST",
	"ALTER TABLE t ADD n1 serial",
	"ALTER TABLE t ADD (n1 int, n2 int NOT NULL, UNIQUE un (n2, n1))",
	"ALTER TABLE t DROP COLUMN a, DROP c",
	"ALTER TABLE t DROP b, DROP INDEX ue",
	"ALTER TABLE t DROP PRIMARY KEY, DROP k2, ADD PRIMARY KEY (id)",
	"ALTER TABLE t DROP PRIMARY KEY",
	"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (a, id)",
	"ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b(2))",
	"ALTER TABLE t CHANGE a aa varchar(30) NOT NULL",
	"ALTER TABLE t CHANGE id ID int NOT NULL AFTER c",
	"ALTER TABLE t MODIFY a varchar(20) NOT NULL AFTER f, MODIFY c mediumtext FIRST",
	"ALTER TABLE t MODIFY e decimal(10,3) NOT NULL, MODIFY d datetime",
	"ALTER TABLE t CHANGE a x int, CHANGE b a char(5) NOT NULL, ADD y int AFTER x",
	"ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a",
	"ALTER TABLE t RENAME COLUMN id TO z, ADD w int AFTER z",
	"ALTER TABLE t ADD a2 int AFTER a, DROP c, ADD c int AFTER a2",
	"ALTER TABLE t MODIFY e decimal(10,3) NOT NULL;ALTER TABLE t ADD n1 int",
	"ALTER TABLE t MODIFY e decimal(10,3) NOT NULL;ALTER TABLE t FORCE;ALTER TABLE t MODIFY a varchar(20) NOT NULL;ALTER TABLE t DROP INDEX ub",
	"ALTER TABLE t MODIFY e decimal(10,3) NOT NULL, DROP INDEX ub;ALTER TABLE t MODIFY a varchar(20) NOT NULL",
	"ALTER TABLE t MODIFY b char(5) NULL;CREATE UNIQUE INDEX un ON t (id)",
	"ALTER TABLE t RENAME INDEX ua TO uz, RENAME INDEX kd TO kk",
	"ALTER TABLE t DROP INDEX ub, ADD UNIQUE ub (b, a), ADD UNIQUE (d)",
	"ALTER TABLE t ADD UNIQUE up (c(10)), ADD UNIQUE uq (b(2)), ADD UNIQUE ur (b(5), id), ADD UNIQUE (a), ADD UNIQUE (a)",
	"CREATE UNIQUE INDEX un ON t (d DESC, id)",
	"CREATE INDEX nn ON t (d)",
	"DROP INDEX ua ON t",
	"ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
	"ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4",
	"ALTER TABLE t CONVERT TO CHARACTER SET gbk",
	"ALTER TABLE t DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci",
	"ALTER TABLE t ADD n1 varchar(5), DEFAULT CHARSET=gbk, ADD n2 char(6)",
	"ALTER TABLE t ENGINE=InnoDB, COMMENT='x', ROW_FORMAT=DYNAMIC",
	"ALTER TABLE t FORCE",
	"ALTER TABLE t ORDER BY a",
	"ALTER TABLE t ALTER COLUMN e SET DEFAULT 5, ALTER a DROP DEFAULT",
	"ALTER TABLE t ADD CONSTRAINT ck CHECK (id > 0)",
	"TRUNCATE TABLE t",
}

// A server may refuse a statement (the dialects differ); then there is nothing to compare. How many it took and how
// many of these were understood must not fall.
func TestEachStatement(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		total, taken, unknown := 0, 0, 0
		for _, sql := range statements {
			b.must(t, "DROP TABLE IF EXISTS t")
			b.must(t, start)
			held := b.read(t, "t")
			for _, sql := range strings.Split(sql, ";") {
				total++
				if _, err := b.conn.Execute(sql); err != nil {
					t.Logf("refused: %s: %v", sql, err)
					break
				}
				taken++
				var ok bool
				if held, ok = b.same(t, held, sql); !ok {
					unknown++
					t.Logf("not understood: %s", sql)
					break
				}
			}
		}
		if taken < total-1 || unknown > 0 {
			t.Errorf("%d of %d statements taken, %d of these not understood", taken, total, unknown)
		}
	})
}

func (b *bench) must(t *testing.T, sql string) {
	t.Helper()
	if _, err := b.conn.Execute(sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// same compares the definition worked out with the server's and gives it; ok says that the statement was understood.
func (b *bench) same(t *testing.T, old *cdc.Table, sql string) (got *cdc.Table, ok bool) {
	t.Helper()
	got, err := schema.Apply(old, b.flavor, b.name, sql)
	if errors.Is(err, schema.ErrUnparsed) {
		return nil, false
	}
	want := b.read(t, "t")
	if b.flavor == cdc.MariaDB {
		want = inOrderOf(got, want)
	}
	if err != nil || schema.Diff(got, want) != "" {
		t.Errorf("%s: %v\nworked out, not the server's: %s", sql, err, schema.Diff(got, want))
		return want, true
	}
	for i := range want.Columns {
		if got.Columns[i].Declared != want.Columns[i].Declared {
			t.Errorf("%s: column %s is spelled %q, the server's %q", sql, want.Columns[i].Name, got.Columns[i].Declared, want.Columns[i].Declared)
		}
	}
	return got, true
}

// inOrderOf sorts want's unique indexes as got's: where MariaDB puts an index hangs on the past of the others.
func inOrderOf(got, want *cdc.Table) *cdc.Table {
	if got == nil {
		return want
	}
	place := func(u cdc.Index) int {
		return slices.IndexFunc(got.Uniques, func(o cdc.Index) bool { return o.Name == u.Name })
	}
	sorted := *want
	sorted.Uniques = slices.Clone(want.Uniques)
	slices.SortStableFunc(sorted.Uniques, func(a, b cdc.Index) int { return place(a) - place(b) })
	return &sorted
}

func TestCreate(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		for _, sql := range []string{
			start,
			"CREATE TABLE t (a int PRIMARY KEY, b varchar(5) UNIQUE, c text) CHARSET utf8mb4 COLLATE utf8mb4_bin",
			"CREATE TABLE t (a int, b int NOT NULL, c int NOT NULL, UNIQUE (a), UNIQUE z (b, a), UNIQUE (c), UNIQUE (b)) COLLATE latin1_bin",
			"CREATE TABLE t (a int, b int NOT NULL, UNIQUE z (b, a)) PARTITION BY HASH(b) PARTITIONS 2",
			"CREATE TABLE t (a bigint unsigned AUTO_INCREMENT KEY, b timestamp(3) NULL, c char(4) COLLATE utf8mb4_bin) CHARSET=gbk",
			"CREATE TABLE IF NOT EXISTS `t` (`a b` int NOT NULL COMMENT 'x, y', `c``d` int DEFAULT '5', PRIMARY KEY (`c``d`)) ENGINE=InnoDB AUTO_INCREMENT=7",
		} {
			b.must(t, "DROP TABLE IF EXISTS t")
			if _, err := b.conn.Execute(sql); err != nil {
				t.Errorf("refused: %s: %v", sql, err)
				continue
			}
			if _, ok := b.same(t, nil, sql); !ok {
				t.Errorf("not understood: %s", sql)
			}
			// The server's own spelling must give the same.
			create, err := b.source.Create(t.Context(), cdc.TableID{Schema: b.name, Name: "t"})
			if err != nil {
				t.Fatal(err)
			}
			if _, ok := b.same(t, nil, create); !ok {
				t.Errorf("not understood: %s", create)
			}
		}
	})
}

// TestRandomSequences applies clauses at random to one table, many times over, each to what the last one left.
func TestRandomSequences(t *testing.T) {
	onBoth(t, func(t *testing.T, b *bench) {
		seed := uint64(7)
		random := rand.New(rand.NewPCG(seed, seed))
		b.must(t, start)
		held := b.read(t, "t")
		taken, unknown := 0, 0
		for step := range 300 {
			sql := randomAlter(random, held, step)
			if _, err := b.conn.Execute(sql); err != nil {
				continue
			}
			taken++
			var ok bool
			if held, ok = b.same(t, held, sql); !ok {
				unknown++
				t.Logf("not understood: %s", sql)
				held = b.read(t, "t")
			}
		}
		if t.Logf("%d statements, %d not understood", taken, unknown); taken < 50 || unknown > taken/10 {
			t.Errorf("%d statements taken, %d of these not understood", taken, unknown)
		}
	})
}

func randomAlter(r *rand.Rand, t *cdc.Table, step int) string {
	types := []string{"int", "bigint unsigned NOT NULL", "varchar(12)", "char(3) NOT NULL", "decimal(7,2)", "datetime(2)", "text", "varchar(5) CHARACTER SET gbk"}
	column := func() string { return "`" + t.Columns[r.IntN(len(t.Columns))].Name + "`" }
	place := func() string {
		return [...]string{"", " FIRST", " AFTER " + column()}[r.IntN(3)]
	}
	var clauses []string
	for i := range 1 + r.IntN(3) {
		fresh, kind := fmt.Sprintf("n%d_%d", step, i), types[r.IntN(len(types))]
		switch r.IntN(9) {
		case 0, 1:
			clauses = append(clauses, "ADD "+fresh+" "+kind+place())
		case 2:
			clauses = append(clauses, "DROP "+column())
		case 3:
			clauses = append(clauses, "CHANGE "+column()+" "+fresh+" "+kind+place())
		case 4:
			clauses = append(clauses, "MODIFY "+column()+" "+kind+place())
		case 5:
			clauses = append(clauses, "RENAME COLUMN "+column()+" TO "+fresh)
		case 6:
			clauses = append(clauses, "ADD UNIQUE u"+fresh+" ("+column()+")")
		case 7:
			if len(t.Uniques) > 0 {
				clauses = append(clauses, "DROP INDEX "+t.Uniques[r.IntN(len(t.Uniques))].Name)
			}
		case 8:
			clauses = append(clauses, [...]string{"DROP PRIMARY KEY", "ADD PRIMARY KEY (" + column() + ")"}[r.IntN(2)])
		}
	}
	if len(clauses) == 0 {
		clauses = []string{"FORCE"}
	}
	return "ALTER TABLE t " + strings.Join(clauses, ", ")
}
