package mysql

import (
	"context"

	"sluice/engine/cdc"
)

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
