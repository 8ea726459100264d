package precheck

import (
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

func TestPrivileges(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		grants   []string
		observed string // empty: passes
		fix      string
	}{
		"the four on MySQL":   {[]string{"GRANT SELECT, REPLICATION SLAVE, REPLICATION CLIENT, SHOW VIEW ON *.* TO `sluice`@`%`"}, "", ""},
		"the four on MariaDB": {[]string{"GRANT SELECT, REPLICATION SLAVE, BINLOG MONITOR, SHOW VIEW ON *.* TO `sluice`@`%` IDENTIFIED BY PASSWORD '*AB'"}, "", ""},
		"all":                 {[]string{"GRANT ALL PRIVILEGES ON *.* TO `sluice`@`%` WITH GRANT OPTION"}, "", ""},
		"by database and by table": {[]string{
			"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `sluice`@`%`", "GRANT SELECT ON `shop`.* TO `sluice`@`%`", "GRANT SHOW VIEW ON `shop`.`orders` TO `sluice`@`%`"}, "", ""},
		"by pattern": {[]string{
			"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `sluice`@`%`", "GRANT SELECT, SHOW VIEW ON `sh%`.* TO `sluice`@`%`"}, "", ""},
		"from a role": {[]string{
			"GRANT USAGE ON *.* TO `sluice`@`%`", "GRANT `reader`@`%` TO `sluice`@`%`", "GRANT SELECT, SHOW VIEW, REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `sluice`@`%`"}, "", ""},
		"nothing": {[]string{"GRANT USAGE ON *.* TO `sluice`@`10.0.%`"}, "missing: REPLICATION CLIENT, REPLICATION SLAVE, SELECT and SHOW VIEW on shop.orders",
			"GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO 'sluice'@'10.0.%';\nGRANT SELECT, SHOW VIEW ON `shop`.`orders` TO 'sluice'@'10.0.%';"},
		"another database": {[]string{
			"GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `sluice`@`%`", "GRANT SELECT, SHOW VIEW ON `shop2`.* TO `sluice`@`%`"}, "SELECT and SHOW VIEW on shop.orders", "ON `shop`.`orders`"},
		"some columns only": {[]string{
			"GRANT REPLICATION SLAVE, REPLICATION CLIENT, SHOW VIEW ON *.* TO `sluice`@`%`", "GRANT SELECT (`id`) ON `shop`.`orders` TO `sluice`@`%`"}, "SELECT on shop.orders", "GRANT SELECT ON"},
		"global on a database only": {[]string{
			"GRANT SELECT, SHOW VIEW, REPLICATION SLAVE, REPLICATION CLIENT ON `shop`.* TO `sluice`@`%`"}, "REPLICATION CLIENT, REPLICATION SLAVE", "ON *.*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFacts(func(s *fake) { s.grants = tt.grants })
			found := privileges(t.Context(), f)
			if found.failed != (tt.observed != "") || !strings.Contains(found.observed, tt.observed) || !strings.Contains(found.fix, tt.fix) {
				t.Errorf("%+v, want %q and fix %q", found, tt.observed, tt.fix)
			}
			if strings.Contains(found.observed+found.fix+found.cause, "*AB") {
				t.Error("the hash of the password is shown")
			}
		})
	}
}

func TestLike(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"shop", "shop", true}, {"shop", "shops", false}, {"%", "", true}, {"%", "shop", true}, {"sh%p", "shop", true}, {"sh%p", "shops", false},
		{"sh_p", "shop", true}, {"sh_p", "shp", false}, {`sh\_p`, "sh_p", true}, {`sh\_p`, "shop", false}, {`a\%`, "a%", true}, {`a\%`, "ab", false},
		{"_", "店", true}, {"店_", "店x", true}, {"", "x", false},
	} {
		if got := like(tt.pattern, tt.name); got != tt.want {
			t.Errorf("like(%q, %q) is %v", tt.pattern, tt.name, got)
		}
	}
}

// newFacts is what checks see of a healthy MySQL with shop.orders, before change.
func newFacts(change func(*fake)) *facts {
	s := healthy()
	change(s)
	d := s.deps(&task.Spec{Schema: true, Full: true, Incremental: true, Source: task.Source{Host: "127.0.0.1", User: "sluice"},
		Target: task.Target{Topic: "shop"}, Tables: []task.Table{{Schema: "shop", Name: "orders"}}})
	return &facts{Deps: d, source: s, flavor: s.flavor, version: s.version, listed: map[cdc.TableID]Table{}}
}
