package mysql

import (
	"context"
	"strings"

	"sluice/engine/cdc"
)

// Grants gives the lines of SHOW GRANTS, with what the roles that are active at sign-in give. On MariaDB a line may
// hold the hash of the password.
func (s *Source) Grants(ctx context.Context) ([]string, error) {
	var lines []string
	err := s.ask(ctx, "reading the account's privileges", func(c *conn) error {
		lines = nil
		each := func(row []string) error { lines = append(lines, row[0]); return nil }
		role := ""
		err := c.query("SELECT CURRENT_ROLE()", func(row []string) error { role = row[0]; return nil })
		if err != nil {
			return err
		}
		switch {
		case role == "" || role == "NONE":
			return c.query("SHOW GRANTS FOR CURRENT_USER()", each)
		case c.flavor == cdc.MySQL:
			return c.query("SHOW GRANTS FOR CURRENT_USER() USING "+role, each)
		}
		if err := c.query("SHOW GRANTS FOR CURRENT_USER()", each); err != nil {
			return err
		}
		return c.query("SHOW GRANTS FOR CURRENT_ROLE", each)
	})
	return lines, err
}

// Cascade is a foreign key by which the server changes or deletes rows of the child by itself, outside the binlog.
type Cascade struct {
	Child cdc.TableID
	Name  string
}

// Cascades lists such keys of the tables of a database. MariaDB shows them only to an account that has more than
// SELECT on the table, which SHOW VIEW is.
func (s *Source) Cascades(ctx context.Context, schema string) ([]Cascade, error) {
	var list []Cascade
	err := s.ask(ctx, "reading foreign keys", func(c *conn) error {
		list = nil
		return c.query("SELECT constraint_schema, table_name, constraint_name FROM information_schema.referential_constraints WHERE constraint_schema = "+
			quoteString(schema)+" AND (delete_rule IN ('CASCADE','SET NULL') OR update_rule IN ('CASCADE','SET NULL')) ORDER BY table_name, constraint_name",
			func(row []string) error {
				list = append(list, Cascade{cdc.TableID{Schema: row[0], Name: row[1]}, row[2]})
				return nil
			})
	})
	return list, err
}

// Explain lets the server plan a SELECT of the table with the condition, without running it; tables is how many the
// plan reads. The account's own rights bound what a condition may name.
func (s *Source) Explain(ctx context.Context, id cdc.TableID, where string) (tables int, err error) {
	err = s.ask(ctx, "trying the row filter of "+id.String(), func(c *conn) error {
		tables = 0
		sql := "EXPLAIN SELECT 1 FROM " + quoteTable(id) + " WHERE (" + strings.TrimSpace(where) + "\n)"
		return c.query(sql, func([]string) error { tables++; return nil })
	})
	return tables, err
}
