package schema

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"sluice/engine/cdc"
)

// brief writes a definition in one line: columns, keys, default charset.
func brief(t *cdc.Table) string {
	var out []string
	for _, c := range t.Columns {
		s := c.Name + " " + c.Declared
		if c.Charset != "" && c.Charset != "binary" {
			s += " " + c.Charset + "/" + c.Collation
		}
		if !c.Nullable {
			s += " not null"
		}
		if c.Generated {
			s += " generated"
		}
		if c.Invisible {
			s += " invisible"
		}
		out = append(out, s)
	}
	s := t.TableID.String() + "(" + strings.Join(out, ", ") + ")"
	if t.Primary != nil {
		s += " key(" + names(t, t.Primary) + ")"
	}
	for _, u := range t.Uniques {
		s += " unique " + u.Name + "(" + names(t, u.Columns) + ")"
		if u.Prefix {
			s += "*"
		}
	}
	return s + " " + t.Charset
}

// The statements of a case are applied one after the other; with none before it, the first makes the table.
func TestApply(t *testing.T) {
	t.Parallel()
	const start = "CREATE TABLE t (a int NOT NULL, b varchar(10), c text, PRIMARY KEY (a), UNIQUE ub (b)) DEFAULT CHARSET=latin1"
	for _, c := range []struct {
		name   string
		flavor cdc.Flavor
		sql    []string
		want   string
	}{
		{"create", cdc.MySQL, []string{start}, "d.t(a int not null, b varchar(10) latin1/latin1_swedish_ci, c text latin1/latin1_swedish_ci) key(a) unique ub(b) latin1"},
		{"create, MariaDB", cdc.MariaDB, []string{start}, "d.t(a int(11) not null, b varchar(10) latin1/latin1_swedish_ci, c text latin1/latin1_swedish_ci) key(a) unique ub(b) latin1"},
		{"types", cdc.MySQL, []string{`CREATE TABLE t (a tinyint(1), b smallint(3) zerofill, c mediumint unsigned, d bigint, e decimal, f numeric(8,3) unsigned, g float, h float(5,2),
			i float(30), j double, k bit, l bit(9), m date, n datetime(3), o timestamp(6) NULL, p time, q year, r binary, s varbinary(9), t tinyblob, u blob(300), v json, w bool, x char)  CHARACTER SET latin1`},
			"d.t(a tinyint(1), b smallint(3) unsigned zerofill, c mediumint unsigned, d bigint, e decimal(10,0), f decimal(8,3) unsigned, g float, h float(5,2), " +
				"i double, j double, k bit(1), l bit(9), m date, n datetime(3), o timestamp(6), p time, q year, r binary(1), s varbinary(9), t tinyblob, u blob, v json, w tinyint(1), x char(1) latin1/latin1_swedish_ci) latin1"},
		{"types, MariaDB", cdc.MariaDB, []string{"CREATE TABLE t (a tinyint unsigned, b year, c json, d int unsigned zerofill)"},
			"d.t(a tinyint(3) unsigned, b year(4), c longtext utf8mb4/utf8mb4_bin, d int(10) unsigned zerofill) "},
		{"texts", cdc.MySQL, []string{"CREATE TABLE t (a char(3) character set gbk, b varchar(3) collate utf8_bin, c nchar(4), d varchar(2) binary, e text(50), f text(20000), g char(4) charset binary, h varchar(4) charset binary, i longtext charset binary, j enum('x','it''s ') , k set('p','q') charset utf8mb4 collate utf8mb4_bin) collate utf8mb4_general_ci"},
			"d.t(a char(3) gbk/gbk_chinese_ci, b varchar(3) utf8mb3/utf8mb3_bin, c char(4) utf8mb3/, d varchar(2) utf8mb4/utf8mb4_bin, e tinytext utf8mb4/utf8mb4_general_ci, f mediumtext utf8mb4/utf8mb4_general_ci, g binary(4), h varbinary(4), i longblob, j enum('x','it''s') utf8mb4/utf8mb4_general_ci, k set('p','q') utf8mb4/utf8mb4_bin) utf8mb4"},
		{"places", cdc.MySQL, []string{start, "ALTER TABLE t ADD d int AFTER a, ADD e int FIRST, MODIFY c text AFTER d, DROP b"}, "d.t(e int, a int not null, d int, c text latin1/latin1_swedish_ci) key(a) latin1"},
		{"after a new name", cdc.MySQL, []string{start, "ALTER TABLE t ADD d int AFTER z, CHANGE a z int"}, "d.t(z int not null, d int, b varchar(10) latin1/latin1_swedish_ci, c text latin1/latin1_swedish_ci) key(z) unique ub(b) latin1"},
		{"names swapped", cdc.MySQL, []string{"CREATE TABLE t (a int primary key, b bigint)", "ALTER TABLE t RENAME COLUMN a TO b, RENAME COLUMN b TO a"}, "d.t(b int not null, a bigint) key(b) "},
		{"dropped and added", cdc.MySQL, []string{"CREATE TABLE t (a int, b int)", "ALTER TABLE t ADD a bigint, DROP a"}, "d.t(b int, a bigint) "},
		{"several added", cdc.MySQL, []string{"CREATE TABLE t (a int)", "ALTER TABLE t ADD (b int, c int not null, UNIQUE (c))"}, "d.t(a int, b int, c int not null) unique c(c) "},
		{"key moved", cdc.MySQL, []string{start, "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b)"}, "d.t(a int not null, b varchar(10) latin1/latin1_swedish_ci not null, c text latin1/latin1_swedish_ci) key(b) unique ub(b) latin1"},
		{"key column dropped", cdc.MySQL, []string{"CREATE TABLE t (a int, b int, c int, PRIMARY KEY (a,b), UNIQUE u (a,c))", "ALTER TABLE t DROP a"}, "d.t(b int not null, c int) key(b) unique u(c) "},
		{"key column replaced", cdc.MySQL, []string{"CREATE TABLE t (a int primary key)", "ALTER TABLE t DROP a, ADD z int NOT NULL PRIMARY KEY"}, "d.t(z int not null) key(z) "},
		{"uniques sorted", cdc.MySQL, []string{"CREATE TABLE t (a int, b varchar(9) not null, c int not null, UNIQUE (a), UNIQUE (b(2)), UNIQUE KEY (c), UNIQUE (a)) CHARSET latin1"},
			"d.t(a int, b varchar(9) latin1/latin1_swedish_ci not null, c int not null) unique c(c) unique b(b)* unique a(a) unique a_2(a) latin1"},
		{"whole prefix", cdc.MySQL, []string{"CREATE TABLE t (b varchar(9), UNIQUE u (b(9))) CHARSET latin1"}, "d.t(b varchar(9) latin1/latin1_swedish_ci) unique u(b) latin1"},
		{"functional", cdc.MySQL, []string{"CREATE TABLE t (a int, UNIQUE ((a + 1)))"}, "d.t(a int) unique functional_index()* "},
		{"indexes swapped", cdc.MySQL, []string{"CREATE TABLE t (a int, b int, UNIQUE u (a), UNIQUE v (b))", "ALTER TABLE t RENAME INDEX u TO v, RENAME INDEX v TO u"}, "d.t(a int, b int) unique v(a) unique u(b) "},
		{"index dropped", cdc.MySQL, []string{start, "DROP INDEX ub ON t"}, "d.t(a int not null, b varchar(10) latin1/latin1_swedish_ci, c text latin1/latin1_swedish_ci) key(a) latin1"},
		{"index made anew", cdc.MySQL, []string{start, "ALTER TABLE t DROP INDEX ub, ADD UNIQUE ub (c(5))"}, "d.t(a int not null, b varchar(10) latin1/latin1_swedish_ci, c text latin1/latin1_swedish_ci) key(a) unique ub(c)* latin1"},
		{"default charset", cdc.MySQL, []string{start, "ALTER TABLE t ADD d char(2), DEFAULT CHARSET gbk"}, "d.t(a int not null, b varchar(10) latin1/latin1_swedish_ci, c text latin1/latin1_swedish_ci, d char(2) gbk/gbk_chinese_ci) key(a) unique ub(b) gbk"},
		{"converted", cdc.MySQL, []string{start, "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"}, "d.t(a int not null, b varchar(10) utf8mb4/utf8mb4_bin, c mediumtext utf8mb4/utf8mb4_bin) key(a) unique ub(b) utf8mb4"},
		{"invisible", cdc.MySQL, []string{"CREATE TABLE t (a int INVISIBLE, b int, c int AS (b+1) STORED)", "ALTER TABLE t ALTER COLUMN a SET VISIBLE, ALTER b SET INVISIBLE"}, "d.t(a int, b int invisible, c int generated) "},
		{"serial", cdc.MySQL, []string{"CREATE TABLE t (a serial, b int auto_increment primary key)"}, "d.t(a bigint unsigned not null, b int not null) key(b) unique a(a) "},
		{"foreign types", cdc.MySQL, []string{"CREATE TABLE t (a int, `p` point NOT NULL /*!80003 SRID 4326 */, point geometry, v VECTOR(3) COMMENT 'x', SPATIAL INDEX (p))",
			"ALTER TABLE t ADD COLUMN q polygon AFTER a, CHANGE point line linestring SRID 0 NOT NULL, CHANGE COLUMN v w vector, MODIFY p geomcollection, ADD (r multipoint, vector int)", "ALTER TABLE t ADD point int DEFAULT 1, RENAME COLUMN r TO polygon"},
			"d.t(a int, q polygon, p geomcollection, line linestring not null, w vector, polygon multipoint, vector int, point int) "},
		{"addresses", cdc.MariaDB, []string{"CREATE TABLE t (id UUID NOT NULL DEFAULT UUID() PRIMARY KEY, uuid binary(16), UNIQUE uuid (uuid))", "ALTER TABLE t ADD a INET6 FIRST, CHANGE uuid b UUID NULL, ADD COLUMN IF NOT EXISTS c inet4"},
			"d.t(a inet6, id uuid not null, b uuid, c inet4) key(id) unique uuid(b) "},
		{"renamed", cdc.MySQL, []string{"CREATE TABLE t (a int)", "RENAME TABLE t TO e.u, x TO t", "ALTER TABLE e.u ADD b int, RENAME v"}, "d.v(a int, b int) "},
		{"nothing", cdc.MySQL, []string{"CREATE TABLE t (a int)", "TRUNCATE t", "ALTER TABLE t ENGINE=InnoDB", "ALTER TABLE t FORCE", "CREATE INDEX i ON t (a)", "DROP TABLE other", "CREATE TABLE IF NOT EXISTS t (b int)"}, "d.t(a int) "},
	} {
		var tab *cdc.Table
		for _, sql := range c.sql {
			made, err := Apply(tab, c.flavor, "d", sql)
			if err != nil {
				t.Errorf("%s: %s: %v", c.name, sql, err)
				break
			}
			tab = made
		}
		if tab != nil && brief(tab) != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, brief(tab), c.want)
		}
	}
}

func TestApplyNeverGuesses(t *testing.T) {
	t.Parallel()
	for _, sql := range []string{
		"ALTER TABLE item DROP COLUMN nothing", "ALTER TABLE item CHANGE nothing x int", "ALTER TABLE item ADD qty int", "ALTER TABLE item ADD x int AFTER nothing",
		"ALTER TABLE item ADD PRIMARY KEY (qty)", "ALTER TABLE item ADD UNIQUE uniq (qty)", "ALTER TABLE item DROP INDEX uniq_2",
		"ALTER TABLE item CONVERT TO CHARACTER SET DEFAULT", "ALTER TABLE item CONVERT TO CHARACTER SET latin1, ADD x text",
		"ALTER TABLE item ADD x xmltype", "ALTER TABLE item ADD x varchar(70000)", "ALTER TABLE item FROBNICATE", "ALTER TABLE item ADD x int; DROP TABLE item",
		"CREATE TABLE item SELECT 1", "CREATE TABLE item LIKE other", "ALTER TABLE item ADD x enum(0x61)",
		"ALTER TABLE item DROP id, DROP qty, DROP name", "ALTER TABLE item DROP qty, ADD qty bigint", "ALTER TABLE item CHANGE qty n int, ADD qty int FIRST",
	} {
		if made, err := Apply(item(), cdc.MySQL, "app", sql); !errors.Is(err, ErrUnparsed) {
			t.Errorf("%s: %v, %v", sql, made, err)
		}
	}
	labels := item()
	labels.Columns[2].Type, labels.Columns[2].Labels = cdc.Enum, []string{"a", "ü"}
	if _, err := Apply(labels, cdc.MySQL, "app", "ALTER TABLE item CONVERT TO CHARACTER SET latin1"); !errors.Is(err, ErrUnparsed) {
		t.Errorf("labels that are not ASCII were converted: %v", err)
	}
	bare := item()
	bare.Charset, bare.Collation = "", ""
	for _, sql := range []string{"ALTER TABLE item ADD x text", "CREATE TABLE item (x varchar(5))"} { // the table map tells, or nobody
		if made, err := Apply(bare, cdc.MySQL, "app", sql); err != nil || open(made) != "x" {
			t.Errorf("%s where no charset is known: %v, %+v", sql, err, made)
		}
	}
	if _, err := Apply(bare, cdc.MySQL, "app", "ALTER TABLE item ADD x text(99)"); !errors.Is(err, ErrUnparsed) {
		t.Errorf("a text column whose type hangs on a charset that is not known: %v", err)
	}
	if _, err := Apply(nil, cdc.MySQL, "app", "ALTER TABLE item ADD x int"); !errors.Is(err, ErrUnparsed) {
		t.Errorf("ALTER of an unknown table: %v", err)
	}
}

// The model is a plain list of names and a key, changed by what each statement means.
func TestRandomAlters(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		h := New()
		tab := h.Baseline(&cdc.Table{TableID: cdc.TableID{Schema: "d", Name: "t"}, Primary: []int{0}, Charset: "latin1",
			Columns: []cdc.Column{{Name: "k", Type: cdc.Int, Declared: "int"}}}, cdc.Position{File: 1})
		list, next := []string{"k"}, 0
		fresh := func() string { next++; return fmt.Sprintf("c%d", next) }
		insert := func(name string, adds bool) string {
			i := rapid.IntRange(0, len(list)).Draw(rt, "at")
			end := adds && i == len(list) && rapid.Bool().Draw(rt, "plain")
			clause := " AFTER `" + list[max(i-1, 0)] + "`"
			if end {
				clause = ""
			} else if i == 0 {
				clause = " FIRST"
			}
			list = append(list[:i], append([]string{name}, list[i:]...)...)
			return clause
		}
		for step := range rapid.IntRange(1, 12).Draw(rt, "steps") {
			i := rapid.IntRange(0, len(list)-1).Draw(rt, "column")
			name, version := list[i], tab.Version
			sql := "ALTER TABLE t "
			same := false
			switch rapid.IntRange(0, 4).Draw(rt, "kind") {
			case 0:
				added := fresh()
				sql += "ADD COLUMN " + added + " varchar(9)" + insert(added, true)
			case 1:
				if name == "k" {
					continue
				}
				list = append(list[:i:i], list[i+1:]...)
				sql += "DROP COLUMN " + name
			case 2:
				if name == "k" {
					continue
				}
				list[i] = fresh()
				sql += "RENAME COLUMN " + name + " TO " + list[i]
			case 3:
				list = append(list[:i:i], list[i+1:]...)
				if len(list) == 0 {
					list = []string{name}
					continue
				}
				sql += "MODIFY " + name + " int" + insert(name, false)
				same = tab.Columns[i].Type == cdc.Int && list[i] == name
			case 4:
				sql += "ADD INDEX " + fresh() + " (" + name + ")"
				same = true
			}
			changes, err := h.OnDDL(cdc.Position{File: 1, Offset: uint64(step + 1)}, cdc.MySQL, "d", sql)
			if err != nil || len(changes) != 1 || changes[0].Unknown {
				rt.Fatalf("%s: %+v %v", sql, changes, err)
			}
			tab = h.Current(tab.TableID)
			var got []string
			for _, c := range tab.Columns {
				got = append(got, c.Name)
			}
			if strings.Join(got, ",") != strings.Join(list, ",") {
				rt.Fatalf("%s: columns %v, want %v", sql, got, list)
			}
			if len(tab.Primary) != 1 || tab.Columns[tab.Primary[0]].Name != "k" {
				rt.Fatalf("%s: primary key %v", sql, tab.Primary)
			}
			want := version + 1
			if same {
				want = version
			}
			if tab.Version != want || changes[0].New != tab {
				rt.Fatalf("%s: version %d after %d, want %d", sql, tab.Version, version, want)
			}
		}
	})
}

// FuzzApply: whatever the statement, it is applied to a sound definition or refused, and the old one stays as it was.
func FuzzApply(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c.query, c.flavor == cdc.MariaDB)
	}
	f.Fuzz(func(t *testing.T, sql string, maria bool) {
		flavor := cdc.MySQL
		if maria {
			flavor = cdc.MariaDB
		}
		old := item()
		made, err := Apply(old, flavor, "app", sql)
		if err != nil && !errors.Is(err, ErrUnparsed) {
			t.Fatalf("%v", err)
		}
		if d := diff(old, item(), true); d != "" {
			t.Fatalf("the old definition changed: %s", d)
		}
		if err == nil && made != nil {
			for _, k := range append(slices.Clone(made.Uniques), cdc.Index{Columns: made.Primary}) {
				for _, i := range k.Columns {
					if i < 0 || i >= len(made.Columns) {
						t.Fatalf("index %v of %d columns", k, len(made.Columns))
					}
				}
			}
		}
	})
}
