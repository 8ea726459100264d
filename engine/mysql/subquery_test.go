package mysql

import (
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

func TestHoldsSubquery(t *testing.T) {
	t.Parallel()
	for where, want := range map[string]bool{
		"id > 1":                                   false,
		"id IN (SELECT id FROM other)":             true,
		"id in (select 1)":                         true,
		"id IN (TABLE other)":                      true,
		"(id) IN (VALUES ROW(1))":                  true,
		"id = (WITH x AS (SELECT 1) SELECT 1)":     true,
		"a = 'select' AND b = \"it''s select\"":    false,
		`a = 'it\'s (select' AND id > 1`:           false,
		"a = 'x''(select' AND b = 1":               false,
		"`select` = 1 AND `a``select` = 2":         false,
		"`a\\` = (select 1)":                       true,
		"selected = 1 AND un_select = 2":           false,
		"id > 1 -- select\n AND a = 1":             false,
		"id > 1 # select":                          false,
		"id > 1--(SELECT 1)":                       true,
		"id > 1 /* select */ AND a = 1":            false,
		"id > 1 /*!80000 AND a IN (SELECT 1) */":   true,
		"id > 1 /*M! AND a IN (SELECT 1) */":       true,
		"id > 1 /* unfinished select":              false,
		"a = 'unfinished select":                   false,
		"id > 1 AND exists(select*from other) = 1": true,
	} {
		if got := holdsSubquery(where); got != want {
			t.Errorf("%s: %v", where, got)
		}
	}
}

// The plan of a condition on an empty table does not name it.
func TestFilterOnAnEmptyTable(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		db, c := database(t, m)
		run(t, c, "CREATE TABLE a (id INT PRIMARY KEY)", "INSERT INTO a VALUES (1)", "CREATE TABLE nothing (id INT PRIMARY KEY) ENGINE=MyISAM")
		s, id := open(t, m), cdc.TableID{Schema: db, Name: "a"}
		for where, others := range map[string]bool{"id IN (SELECT id FROM " + db + ".nothing)": true, "id > 0": false} {
			if _, tables, err := s.Estimate(testContext(t), id, where); err != nil || (tables > 1) != others {
				t.Errorf("%s: %d tables, %v", where, tables, err)
			}
		}
	})
}
