package precheck

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"sluice/engine/cdc"
)

// grant is one line of SHOW GRANTS that gives privileges.
type grant struct {
	privileges []string // upper case; "ALL PRIVILEGES" for all
	schema     string   // "*", or a name in which % and _ are wild
	table      string   // "*" or a name
}

var (
	grantLine = regexp.MustCompile("^GRANT (.+?) ON (?:TABLE )?(\\*|`(?:[^`]|``)*`)\\.(\\*|`(?:[^`]|``)*`) TO ")
	accountAt = regexp.MustCompile("^GRANT .*? TO ([`'](?:[^`']|``|'')*[`']@[`'](?:[^`']|``|'')*[`'])")
)

// parseGrants reads the lines of SHOW GRANTS and the account that the first names. Lines of another form (roles,
// PROXY, routines) give nothing here.
func parseGrants(lines []string) (grants []grant, account string) {
	for _, line := range lines {
		if m := accountAt.FindStringSubmatch(line); m != nil && account == "" {
			account = strings.ReplaceAll(m[1], "`", "'")
		}
		m := grantLine.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		g := grant{schema: unquote(m[2]), table: unquote(m[3])}
		for _, p := range strings.Split(m[1], ",") {
			g.privileges = append(g.privileges, strings.ToUpper(strings.TrimSpace(p)))
		}
		grants = append(grants, g)
	}
	return grants, account
}

func unquote(name string) string {
	if len(name) < 2 || name[0] != '`' {
		return name
	}
	return strings.ReplaceAll(name[1:len(name)-1], "``", "`")
}

func (g *grant) gives(privileges ...string) bool {
	return slices.ContainsFunc(g.privileges, func(p string) bool {
		return p == "ALL PRIVILEGES" || p == "ALL" || slices.Contains(privileges, p)
	})
}

func (g *grant) covers(id cdc.TableID) bool {
	if g.table != "*" {
		return g.schema == id.Schema && g.table == id.Name
	}
	return g.schema == "*" || like(g.schema, id.Schema)
}

// like matches a database name as GRANT does: % is anything, _ one character, and a backslash takes that away.
func like(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch c := pattern[0]; {
	case c == '%':
		return like(pattern[1:], name) || name != "" && like(pattern, name[1:])
	case name == "":
		return false
	case c == '_':
		_, size := firstRune(name)
		return like(pattern[1:], name[size:])
	case c == '\\' && len(pattern) > 1:
		return pattern[1] == name[0] && like(pattern[2:], name[1:])
	default:
		return c == name[0] && like(pattern[1:], name[1:])
	}
}

func firstRune(s string) (rune, int) {
	for i, r := range s {
		if i > 0 {
			return r, i
		}
	}
	return 0, len(s)
}

// global are the privileges on *.* and their other names on MariaDB since 10.5.
var global = []struct {
	name  string
	names []string
}{
	{"REPLICATION CLIENT", []string{"REPLICATION CLIENT", "BINLOG MONITOR"}},
	{"REPLICATION SLAVE", []string{"REPLICATION SLAVE", "REPLICATION REPLICA"}},
}

// privileges compares what the account has with what the tables need. The fix is a statement that can be copied.
func privileges(ctx context.Context, f *facts) finding {
	lines, err := f.source.Grants(ctx)
	if err != nil {
		return refused(err)
	}
	grants, account := parseGrants(lines)
	if account == "" {
		account = "'" + strings.ReplaceAll(f.Spec.Source.User, "'", "''") + "'@'%'"
	}
	var missing, fixes []string
	for _, g := range global {
		if !slices.ContainsFunc(grants, func(have grant) bool { return have.schema == "*" && have.table == "*" && have.gives(g.names...) }) {
			missing = append(missing, g.name)
		}
	}
	if len(missing) > 0 {
		fixes = append(fixes, "GRANT "+strings.Join(missing, ", ")+" ON *.* TO "+account+";")
	}
	for _, t := range f.Spec.Tables {
		id := cdc.TableID{Schema: t.Schema, Name: t.Name}
		var lacks []string
		for _, p := range []string{"SELECT", "SHOW VIEW"} {
			if !slices.ContainsFunc(grants, func(have grant) bool { return have.covers(id) && have.gives(p) }) {
				lacks = append(lacks, p)
			}
		}
		if len(lacks) > 0 {
			missing = append(missing, strings.Join(lacks, " and ")+" on "+id.String())
			fixes = append(fixes, "GRANT "+strings.Join(lacks, ", ")+" ON "+quote(id.Schema)+"."+quote(id.Name)+" TO "+account+";")
		}
	}
	if len(missing) == 0 {
		return passed("all granted to " + account)
	}
	return finding{failed: true, observed: "missing: " + list(missing), cause: "the account " + account + " lacks privileges", fix: strings.Join(fixes, "\n")}
}

func quote(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
