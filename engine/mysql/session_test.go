package mysql

import "testing"

func TestUsual(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		ansi, noEscapes bool
		sql, want       string
	}{
		{true, false, "ALTER TABLE \"t\" ADD \"a\"\"b`c\" INT DEFAULT 'it\\'s \"' /* \"x\" */ -- \"y\"\n, ADD \"z\" INT", "ALTER TABLE `t` ADD `a\"b``c` INT DEFAULT 'it\\'s \"' /* \"x\" */ -- \"y\"\n, ADD `z` INT"},
		{false, true, "ALTER TABLE `t\\` ADD a INT COMMENT 'c:\\', ADD b INT COMMENT \"d:\\\" # \\", "ALTER TABLE `t\\` ADD a INT COMMENT 'c:\\\\', ADD b INT COMMENT \"d:\\\\\" # \\"},
		{true, true, "ALTER TABLE \"t\" /*!80000 ADD \"c\\\" INT DEFAULT '\\' */", "ALTER TABLE `t` /*!80000 ADD `c\\` INT DEFAULT '\\\\' */"},
		{true, true, "DROP TABLE \"t", "DROP TABLE `t`"},
		{true, false, "it's", "it's"},
	} {
		if got := usual(c.sql, c.ansi, c.noEscapes); got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.sql, got, c.want)
		}
	}
}
