package mysql

import (
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

func askText(t testing.TB, s *Source, sql string) string {
	t.Helper()
	var out string
	err := s.ask(testContext(t), "asking", func(c *conn) error {
		return c.query(sql, func(row []string) error { out = row[1]; return nil })
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestPrivileges takes one privilege after the other away.
func TestPrivileges(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "CREATE TABLE b (id INT PRIMARY KEY)")
		a, b := cdc.TableID{Schema: db, Name: "a"}, cdc.TableID{Schema: db, Name: "b"}
		full := open(t, m)
		p, err := full.Privileges(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if lacks := p.Missing([]cdc.TableID{a, b}); len(lacks) != 0 {
			t.Errorf("the four privileges lack %v", lacks)
		}
		user := "u" + db
		run(t, c, "CREATE USER "+user+"@'%' IDENTIFIED BY 'Pw-1'", "GRANT SELECT ON "+db+".a TO "+user+"@'%'")
		t.Cleanup(func() { m.Exec(t, "DROP USER "+user+"@'%'") })
		sp := spec(t, m)
		sp.User, sp.Password = user, "Pw-1"
		s, err := Open(testContext(t), sp, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if p, err = s.Privileges(testContext(t)); err != nil {
			t.Fatal(err)
		}
		lacks := p.Missing([]cdc.TableID{a, b})
		var names []string
		for _, l := range lacks {
			names = append(names, l.Privilege+" "+strings.TrimPrefix(l.On, "`"+db+"`."))
		}
		want := "REPLICATION CLIENT *.*,REPLICATION SLAVE *.*,SHOW VIEW `a`,SHOW VIEW `b`,SELECT `b`"
		if got := strings.Join(names, ","); got != want {
			t.Errorf("%s, want %s", got, want)
		}
		_, err = s.Start(testContext(t))
		wantCode(t, err, "source.privilege_missing")
		st, err := s.Stream(testContext(t), emptySet(t, s.server.Flavor))
		if err == nil {
			r := &reader{t: t, stream: st, ctx: testContext(t)}
			r.drain()
			err = st.Err()
			st.Close()
		}
		wantCode(t, err, "source.privilege_missing")
		files, err := full.Files(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.Begun(testContext(t), files[0].Name)
		wantCode(t, err, "source.privilege_missing")
		v, err := s.View(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		defer v.Close()
		_, err = v.Lock(testContext(t), b)
		wantCode(t, err, "source.privilege_missing")
		for _, l := range lacks {
			run(t, c, strings.TrimSuffix(l.Grant, ";"))
		}
		if p, err = s.Privileges(testContext(t)); err != nil || len(p.Missing([]cdc.TableID{a, b})) != 0 {
			t.Errorf("after the grants: %v %v", p.Missing([]cdc.TableID{a, b}), err)
		}
	})
}

// TestPrivilegesOfRole counts an active role's privileges.
func TestPrivilegesOfRole(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		db, c := database(t, m)
		role, user := "r"+db, "v"+db
		host := "@'%'"
		if m.Kind == servers.MariaDB1011 {
			host = ""
		}
		run(t, c, "CREATE ROLE "+role, "GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO "+role,
			"CREATE USER "+user+"@'%' IDENTIFIED BY 'Pw-1'", "GRANT "+role+" TO "+user+"@'%'")
		if host != "" {
			run(t, c, "SET DEFAULT ROLE ALL TO "+user+"@'%'")
		} else {
			run(t, c, "SET DEFAULT ROLE "+role+" FOR "+user+"@'%'")
		}
		t.Cleanup(func() { m.Exec(t, "DROP USER "+user+"@'%'", "DROP ROLE "+role) })
		sp := spec(t, m)
		sp.User, sp.Password = user, "Pw-1"
		s, err := Open(testContext(t), sp, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		p, err := s.Privileges(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		if lacks := p.Missing([]cdc.TableID{{Schema: db, Name: "x"}}); len(lacks) != 0 {
			t.Errorf("%v", lacks)
		}
	})
}

func TestParseGrant(t *testing.T) {
	t.Parallel()
	table := cdc.TableID{Schema: "shop_1", Name: "or`ders"}
	for _, c := range []struct {
		lines string
		want  bool
	}{
		{"GRANT SELECT ON *.* TO `u`@`%`", true},
		{"GRANT ALL PRIVILEGES ON `shop_1`.* TO `u`@`%`", true},
		{"GRANT SELECT ON `shop\\_1`.* TO `u`@`%`", true},
		{"GRANT SELECT ON `shop\\_2`.* TO `u`@`%`", false},
		{"GRANT SELECT ON `sh%`.* TO `u`@`%`", true},
		{"GRANT INSERT, SELECT (`a`, `b`) ON `shop_1`.`or``ders` TO `u`@`%`", false},
		{"GRANT SELECT (`a`), SELECT ON `shop_1`.`or``ders` TO `u`@`%`", true},
		{"GRANT SELECT ON `shop_1`.`other` TO `u`@`%`", false},
		{"GRANT `role`@`%` TO `u`@`%`", false},
		{"GRANT PROXY ON ``@`` TO `u`@`%`", false},
		{"GRANT USAGE ON *.* TO `u`@`%`", false},
		{"GRANT SELECT ON *.* TO `u`@`%`;REVOKE SELECT ON `shop_1`.* FROM `u`@`%`", false},
		{"GRANT SELECT ON *.* TO `u`@`%`;REVOKE SELECT ON `mysql`.* FROM `u`@`%`", true},
	} {
		p := &Privileges{}
		for line := range strings.SplitSeq(c.lines, ";") {
			if err := p.add([]string{line}); err != nil {
				t.Fatal(err)
			}
		}
		if got := p.holds("SELECT", table); got != c.want {
			t.Errorf("%s: %v", c.lines, got)
		}
	}
}
