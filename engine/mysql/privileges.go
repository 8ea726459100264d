package mysql

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"sluice/engine/cdc"
)

// The privileges that the engine needs: the first two on everything, the others on each selected table.
var (
	globalNeeds = []string{"REPLICATION CLIENT", "REPLICATION SLAVE"}
	tableNeeds  = []string{"SHOW VIEW", "SELECT"}
)

// Privileges are what the connected account holds, its active roles included.
type Privileges struct {
	Account string // as the server names it: 'sluice'@'%'
	grants  []grant
}

// grant is one line of SHOW GRANTS.
type grant struct {
	revoke     bool // a partial revoke: MySQL takes the privilege back on one database
	privileges []string
	schema     string // a pattern with % and _, or "" for all
	table      string // "" for all
}

// Lack is a privilege that is missing, and the statement that gives it.
type Lack struct {
	Privilege string
	On        string // "*.*" or "`db`.`table`"
	Grant     string
}

// Privileges reads what the account may do.
func (s *Source) Privileges(ctx context.Context) (*Privileges, error) {
	var p *Privileges
	err := s.ask(ctx, "reading the account's privileges", func(c *conn) error {
		p = &Privileges{}
		if err := c.query("SELECT CURRENT_USER()", func(row []string) error { p.Account = quoteAccount(row[0]); return nil }); err != nil {
			return err
		}
		role := ""
		if err := c.query("SELECT CURRENT_ROLE()", func(row []string) error { role = row[0]; return nil }); err != nil {
			return err
		}
		for _, sql := range grantsSQL(s.server.Flavor, role) {
			if err := c.query(sql, p.add); err != nil {
				return err
			}
		}
		return nil
	})
	return p, err
}

// grantsSQL asks for the roles' privileges too: MySQL merges them, MariaDB lists a role by itself.
func grantsSQL(flavor cdc.Flavor, role string) []string {
	switch {
	case role == "" || role == "NONE":
		return []string{"SHOW GRANTS FOR CURRENT_USER()"}
	case flavor == cdc.MariaDB:
		return []string{"SHOW GRANTS FOR CURRENT_USER()", "SHOW GRANTS FOR CURRENT_ROLE()"}
	}
	return []string{"SHOW GRANTS FOR CURRENT_USER() USING " + role}
}

func (p *Privileges) add(row []string) error {
	if g, ok := parseGrant(row[0]); ok {
		p.grants = append(p.grants, g)
	}
	return nil
}

// Missing lists what the account lacks to read the tables, in the order of need; one without a name is every table of
// its database. Without tables, a privilege on any table will do.
func (p *Privileges) Missing(tables []cdc.TableID) []Lack {
	var lacks []Lack
	for _, need := range globalNeeds {
		if !p.holds(need, cdc.TableID{}) {
			lacks = append(lacks, p.lack(need, "*.*"))
		}
	}
	if len(tables) == 0 {
		for _, need := range tableNeeds {
			if !slices.ContainsFunc(p.grants, func(g grant) bool { return !g.revoke && g.names(need) }) {
				lacks = append(lacks, p.lack(need, "*.*"))
			}
		}
	}
	for _, t := range tables {
		for _, need := range tableNeeds {
			if !p.holds(need, t) {
				on := quoteTable(t)
				if t.Name == "" {
					on = QuoteName(t.Schema) + ".*"
				}
				lacks = append(lacks, p.lack(need, on))
			}
		}
	}
	return lacks
}

func (p *Privileges) lack(privilege, on string) Lack {
	return Lack{privilege, on, fmt.Sprintf("GRANT %s ON %s TO %s;", privilege, on, p.Account)}
}

// holds says whether a privilege is held on a table, or on everything where table is empty.
func (p *Privileges) holds(privilege string, table cdc.TableID) bool {
	held := false
	for _, g := range p.grants {
		if !g.names(privilege) {
			continue
		}
		switch {
		case g.revoke:
			if table.Schema != "" && like(g.schema, table.Schema) {
				held = false
			}
		case g.schema == "":
			held = true
		case table.Schema != "" && like(g.schema, table.Schema) && (g.table == "" || g.table == table.Name):
			held = true
		}
	}
	return held
}

func (g *grant) names(privilege string) bool {
	return slices.ContainsFunc(g.privileges, func(held string) bool {
		switch held {
		case privilege, "ALL PRIVILEGES", "ALL":
			return true
		case "BINLOG MONITOR", "SUPER": // MariaDB's name since 10.5; SUPER stood for it before
			return privilege == "REPLICATION CLIENT"
		}
		return false
	})
}

// parseGrant reads one line of SHOW GRANTS; roles, proxies and routines give nothing that is asked for here.
func parseGrant(line string) (grant, bool) {
	var g grant
	rest, ok := strings.CutPrefix(line, "GRANT ")
	if !ok {
		if rest, ok = strings.CutPrefix(line, "REVOKE "); !ok {
			return g, false
		}
		g.revoke = true
	}
	list, rest, ok := strings.Cut(rest, " ON ")
	if !ok {
		return g, false
	}
	g.privileges = splitPrivileges(list)
	if g.schema, rest, ok = cutName(rest); !ok || !strings.HasPrefix(rest, ".") {
		return g, false
	}
	g.table, _, ok = cutName(rest[1:])
	return g, ok
}

// splitPrivileges splits at commas outside parentheses; a privilege on some columns only is not one on the table.
func splitPrivileges(list string) []string {
	var out []string
	depth, from := 0, 0
	for i, r := range list + "," {
		switch r {
		case '(':
			depth++
		case ')':
			depth--
		case ',':
			if depth > 0 {
				continue
			}
			if p := strings.TrimSpace(list[from:i]); !strings.Contains(p, "(") {
				out = append(out, strings.ToUpper(p))
			}
			from = i + 1
		}
	}
	return out
}

// cutName reads * (all, "") or a quoted name.
func cutName(s string) (name, rest string, ok bool) {
	if strings.HasPrefix(s, "*") {
		return "", s[1:], true
	}
	if !strings.HasPrefix(s, "`") {
		return "", s, false
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		if s[i] != '`' {
			b.WriteByte(s[i])
			continue
		}
		if i+1 < len(s) && s[i+1] == '`' {
			b.WriteByte('`')
			i++
			continue
		}
		return b.String(), s[i+1:], true
	}
	return "", s, false
}

// like matches a database's name with a grant's pattern: % any run, _ any character, \ takes the next as it is.
func like(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch pattern[0] {
	case '%':
		for i := 0; i <= len(name); i++ {
			if like(pattern[1:], name[i:]) {
				return true
			}
		}
		return false
	case '\\':
		if len(pattern) > 1 {
			pattern = pattern[1:]
		}
	case '_':
		return name != "" && like(pattern[1:], name[1:])
	}
	return name != "" && pattern[0] == name[0] && like(pattern[1:], name[1:])
}

// quoteAccount writes user@host with both parts quoted.
func quoteAccount(account string) string {
	i := strings.LastIndexByte(account, '@')
	if i < 0 {
		return quoteString(account)
	}
	return quoteString(account[:i]) + "@" + quoteString(account[i+1:])
}
