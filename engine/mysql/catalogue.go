package mysql

import (
	"context"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// TableInfo is a table as a picker shows it.
type TableInfo struct {
	cdc.TableID
	Engine string // "InnoDB"; empty for views
	View   bool
	Rows   int64 // the server's estimate
	Bytes  int64 // data and indexes, estimated
}

// systemSchemas hold nothing that is migrated.
const systemSchemas = "'information_schema','mysql','performance_schema','sys'"

// Schemas lists the databases that the account sees, without the server's own.
func (s *Source) Schemas(ctx context.Context) ([]string, error) {
	var names []string
	err := s.ask(ctx, "listing databases", func(c *conn) error {
		names = nil
		return c.query("SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ("+systemSchemas+") ORDER BY schema_name",
			func(row []string) error { names = append(names, row[0]); return nil })
	})
	return names, err
}

// Tables lists the tables and views of a database; an empty name means all databases but the server's own.
func (s *Source) Tables(ctx context.Context, schema string) ([]TableInfo, error) {
	where := "table_schema NOT IN (" + systemSchemas + ")"
	if schema != "" {
		where = "table_schema = " + quoteString(schema)
	}
	var list []TableInfo
	err := s.ask(ctx, "listing tables", func(c *conn) error {
		list = nil
		return c.query("SELECT table_schema, table_name, table_type, engine, table_rows, COALESCE(data_length,0)+COALESCE(index_length,0)"+
			" FROM information_schema.tables WHERE "+where+" ORDER BY table_schema, table_name", func(row []string) error {
			t := TableInfo{TableID: cdc.TableID{Schema: row[0], Name: row[1]}, View: row[2] != "BASE TABLE", Engine: row[3]}
			t.Rows, _ = strconv.ParseInt(row[4], 10, 64) // NULL for views
			t.Bytes, _ = strconv.ParseInt(row[5], 10, 64)
			list = append(list, t)
			return nil
		})
	})
	return list, err
}

// Names lists the tables of a database, without its views.
func (s *Source) Names(ctx context.Context, schema string) ([]string, error) {
	list, err := s.Tables(ctx, schema)
	var names []string
	for _, t := range list {
		if !t.View {
			names = append(names, t.Name)
		}
	}
	return names, err
}

// Table reads a table's definition as it is now; Version is 0.
func (s *Source) Table(ctx context.Context, id cdc.TableID) (*cdc.Table, error) {
	var t *cdc.Table
	err := s.ask(ctx, "reading the definition of "+id.String(), func(c *conn) error {
		var err error
		t, err = c.table(id)
		return err
	})
	return t, err
}

// Create gives SHOW CREATE TABLE.
func (s *Source) Create(ctx context.Context, id cdc.TableID) (string, error) {
	var sql string
	err := s.ask(ctx, "reading the definition of "+id.String(), func(c *conn) error {
		var err error
		sql, err = c.create(id)
		return err
	})
	return sql, err
}

func (c *conn) create(id cdc.TableID) (string, error) {
	var sql string
	err := c.query("SHOW CREATE TABLE "+quoteTable(id), func(row []string) error { sql = row[1]; return nil })
	return sql, err
}

func (c *conn) table(id cdc.TableID) (*cdc.Table, error) {
	t := &cdc.Table{TableID: id}
	err := c.query("SELECT "+columnFields+" FROM information_schema.columns"+
		" WHERE table_schema = "+quoteString(id.Schema)+" AND table_name = "+quoteString(id.Name)+" ORDER BY ordinal_position",
		func(row []string) error { t.Columns = append(t.Columns, describedColumn(row)); return nil })
	if err != nil {
		return nil, err
	}
	if len(t.Columns) == 0 {
		return nil, missing(id)
	}
	if err := c.findLabels(t); err != nil {
		return nil, err
	}
	if err := c.defaults(t); err != nil {
		return nil, err
	}
	return t, c.indexes(t)
}

// defaults reads what a column gets that a later ALTER adds without a charset.
func (c *conn) defaults(t *cdc.Table) error {
	return c.query("SELECT table_collation FROM information_schema.tables WHERE table_schema = "+quoteString(t.Schema)+
		" AND table_name = "+quoteString(t.Name), func(row []string) error {
		collate(t, row[0])
		return nil
	})
}

// collate takes a table's collation, NULL for views.
func collate(t *cdc.Table, name string) {
	t.Collation = name
	t.Charset, _, _ = strings.Cut(name, "_")
}

func missing(id cdc.TableID) error {
	told := causes[1146]
	return &task.Error{Code: told.code, Text: "there is no table " + id.String() + ", or the account may not see it", Hint: told.hint}
}

// indexes reads the unique indexes, in the server's order.
func (c *conn) indexes(t *cdc.Table) error {
	result, err := c.Execute("SHOW INDEX FROM " + quoteTable(t.TableID))
	if err != nil {
		c.note(err)
		return err
	}
	for i := range result.Values {
		if unique, _ := result.GetIntByName(i, "Non_unique"); unique != 0 {
			continue
		}
		name, _ := result.GetStringByName(i, "Key_name")
		column, _ := result.GetStringByName(i, "Column_name")
		whole, _ := result.IsNullByName(i, "Sub_part")
		addUnique(t, name, column, whole)
	}
	takePrimary(t)
	return nil
}

// addUnique takes one part of a unique index; whole says that it is not a prefix. An expression has no column.
func addUnique(t *cdc.Table, name, column string, whole bool) {
	n := len(t.Uniques)
	if n == 0 || t.Uniques[n-1].Name != name {
		t.Uniques = append(t.Uniques, cdc.Index{Name: name})
		n++
	}
	index := &t.Uniques[n-1]
	at := t.Column(column)
	if at < 0 || !whole {
		index.Prefix = true
	}
	if at >= 0 {
		index.Columns = append(index.Columns, at)
	}
}

// takePrimary moves the primary key out of the unique indexes. One with a prefix part identifies rows all the same:
// the server refuses two rows that share the prefix.
func takePrimary(t *cdc.Table) {
	rest := t.Uniques[:0]
	for _, u := range t.Uniques {
		if u.Name == "PRIMARY" {
			t.Primary = u.Columns
			continue
		}
		rest = append(rest, u)
	}
	t.Uniques = rest
	if len(rest) == 0 {
		t.Uniques = nil
	}
}

func quoteTable(id cdc.TableID) string { return QuoteName(id.Schema) + "." + QuoteName(id.Name) }
