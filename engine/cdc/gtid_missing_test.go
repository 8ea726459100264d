package cdc

import "testing"

func TestMissing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		flavor         Flavor
		finished, want string
		missing        string
	}{
		{MySQL, uuidA + ":1-10", uuidA + ":2-9", ""},
		{MySQL, uuidA + ":1-10," + uuidB + ":1", uuidA + ":1-10," + uuidB + ":1", ""},
		{MySQL, uuidA + ":1-10", uuidA + ":5-12", uuidA + ":11"},
		{MySQL, uuidA + ":1-3:5-10", uuidA + ":1-10", uuidA + ":4"},
		{MySQL, uuidA + ":1-10", uuidA + ":1-10," + uuidB + ":7-8", uuidB + ":7"},
		{MySQL, uuidA + ":1-10", uuidA + ":1-10:tag:3", uuidA + ":tag:3"},
		{MySQL, "", "", ""},
		{MariaDB, "0-1-100,0-2-105", "0-1-100", ""},
		{MariaDB, "0-1-99,0-2-105", "0-1-100", "0-1-100"}, // a newer number of another origin hides it in gtid_binlog_pos
		{MariaDB, "0-2-105", "0-2-106", "0-2-106"},
		{MariaDB, "0-1-5", "0-1-5,7-1-1", "7-1-1"},
	} {
		got, err := Missing(c.flavor, c.finished, parseSet(t, c.flavor, c.want))
		if err != nil || got != c.missing {
			t.Errorf("%s has %q, wanted is %q: %q %v, not %q", c.flavor, c.finished, c.want, got, err, c.missing)
		}
	}
}
