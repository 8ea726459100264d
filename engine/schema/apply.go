package schema

import (
	"errors"
	"fmt"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"
	_ "github.com/pingcap/tidb/pkg/parser/test_driver" // the parser's literals; its own driver needs the whole of TiDB

	"sluice/engine/cdc"
)

// ErrUnparsed says that the effect of a statement on a definition is not known for certain.
var ErrUnparsed = errors.New("the statement's effect on the definition is not known")

func unparsed(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrUnparsed, fmt.Sprintf(format, args...))
}

// Apply gives the definition of the table after the statement; old is nil before CREATE TABLE, new is nil after
// DROP TABLE and the same pointer where the statement changes nothing. Version is not set. A text column that names
// no charset takes the table's default, old.Charset; where that is not known, or any clause is not understood for
// certain, the error is ErrUnparsed.
func Apply(old *cdc.Table, flavor cdc.Flavor, defaultSchema, sql string) (*cdc.Table, error) {
	touches := Recognise(flavor, defaultSchema, sql)
	if old == nil {
		if len(touches) == 0 || touches[0].Kind != Create || touches[0].Temporary {
			return nil, unparsed("it makes no table")
		}
		return (&change{flavor: flavor, schema: defaultSchema, sql: sql, existed: absent}).run(touches[0].Table, nil)
	}
	made := old
	for _, t := range touches {
		var err error
		switch {
		case t.Kind == DropDatabase && t.Table.Schema == made.Schema:
			return nil, nil
		case t.Table != made.TableID || t.Temporary:
			continue
		case t.Kind == Drop:
			return nil, nil
		case t.Kind == Rename:
			made = clone(made)
			made.TableID = t.To
		case t.Kind == Create || t.Kind == Alter:
			if made, err = (&change{flavor: flavor, schema: defaultSchema, sql: sql, existed: present}).run(t.Table, made); err != nil {
				return nil, err
			}
		}
	}
	return made, nil
}

// presence says whether a table was there before a CREATE.
type presence uint8

const (
	uncertain presence = iota
	absent
	present
)

// change is one statement on one table.
type change struct {
	flavor      cdc.Flavor
	schema, sql string
	like        func(cdc.TableID) *cdc.Table // finds the table of CREATE TABLE ... LIKE; may be nil
	existed     presence
}

func (c *change) run(id cdc.TableID, old *cdc.Table) (*cdc.Table, error) {
	stmt, d, err := parse(c.flavor, c.sql)
	if err != nil {
		return nil, unparsed("%v", err)
	}
	if create, ok := stmt.(*ast.CreateTableStmt); ok {
		return c.create(create, id, old)
	}
	if old == nil {
		return nil, unparsed("the table is not known")
	}
	m := c.model(old)
	switch s := stmt.(type) {
	case *ast.AlterTableStmt:
		if n := c.name(s.Table); !strings.EqualFold(n.Name, id.Name) || !strings.EqualFold(n.Schema, id.Schema) {
			return old, nil // the other table of EXCHANGE PARTITION
		}
		err = m.alter(s.Specs)
	case *ast.CreateIndexStmt:
		if d.replaces && m.unique(s.IndexName) >= 0 {
			err = m.dropIndex(s.IndexName)
		}
		if err == nil && s.KeyType == ast.IndexKeyTypeUnique {
			err = m.addIndex(s.IndexName, s.IndexPartSpecifications, s.IfNotExists)
		}
	case *ast.DropIndexStmt:
		err = m.dropIndex(s.IndexName)
	case *ast.AnalyzeTableStmt: // ALTER TABLE ... ANALYZE PARTITION
	default:
		err = unparsed("it is not a statement on a table")
	}
	if err != nil {
		return nil, err
	}
	return m.unlessSame(old)
}

func (c *change) name(n *ast.TableName) cdc.TableID {
	id := cdc.TableID{Schema: n.Schema.O, Name: n.Name.O}
	if id.Schema == "" {
		id.Schema = c.schema
	}
	return id
}

func (c *change) create(s *ast.CreateTableStmt, id cdc.TableID, old *cdc.Table) (*cdc.Table, error) {
	if s.IfNotExists && c.existed == present {
		return old, nil
	}
	if s.IfNotExists && c.existed == uncertain {
		return nil, unparsed("the table may have been there before")
	}
	if s.Select != nil {
		return nil, unparsed("its columns come from a SELECT")
	}
	m := c.model(&cdc.Table{TableID: id})
	if s.ReferTable != nil {
		if c.like == nil || c.like(c.name(s.ReferTable)) == nil {
			return nil, unparsed("the table that it is made like is not known")
		}
		m = c.model(c.like(c.name(s.ReferTable)))
		m.id, m.version = id, 0
		return m.table()
	}
	if err := m.setDefaults(s.Options); err != nil {
		return nil, err
	}
	for _, def := range s.Cols {
		if err := m.addColumn(def, nil); err != nil {
			return nil, err
		}
	}
	for _, k := range s.Constraints {
		if err := m.addConstraint(k); err != nil {
			return nil, err
		}
	}
	return m.table()
}
