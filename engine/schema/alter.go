package schema

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pingcap/tidb/pkg/parser/ast"
	"github.com/pingcap/tidb/pkg/parser/test_driver"

	"sluice/engine/cdc"
)

// alter applies the clauses as the server does, not one after the other: table defaults, then what is dropped,
// renamed and changed by the old names, then what is added or moved by the new names.
func (m *model) alter(specs []*ast.AlterTableSpec) error {
	each := func(step func(*ast.AlterTableSpec) error) func([]*ast.AlterTableSpec) error {
		return func(specs []*ast.AlterTableSpec) error {
			for _, s := range specs {
				if err := step(s); err != nil {
					return err
				}
			}
			return nil
		}
	}
	for _, step := range []func([]*ast.AlterTableSpec) error{
		each(m.known), onlyConvert, each(m.options), each(m.dropIndexes), m.renameIndexes, each(m.dropColumns),
		m.changeColumns, each(m.placeColumns), each(m.addIndexes), each(m.convert),
	} {
		if err := step(specs); err != nil {
			return err
		}
	}
	return nil
}

// onlyConvert refuses CONVERT TO CHARACTER SET together with new column definitions: which of the two a column
// follows is not certain.
func onlyConvert(specs []*ast.AlterTableSpec) error {
	defines := func(s *ast.AlterTableSpec) bool {
		return s.Tp == ast.AlterTableAddColumns || s.Tp == ast.AlterTableModifyColumn || s.Tp == ast.AlterTableChangeColumn
	}
	if slices.ContainsFunc(specs, converts) && slices.ContainsFunc(specs, defines) {
		return unparsed("it converts the charset and defines columns at once")
	}
	return nil
}

// known refuses clauses that no later step handles and that may change the definition.
func (m *model) known(s *ast.AlterTableSpec) error {
	switch s.Tp {
	case ast.AlterTableOption, ast.AlterTableAddColumns, ast.AlterTableAddConstraint, ast.AlterTableDropColumn,
		ast.AlterTableDropPrimaryKey, ast.AlterTableDropIndex, ast.AlterTableDropForeignKey, ast.AlterTableModifyColumn,
		ast.AlterTableChangeColumn, ast.AlterTableRenameColumn, ast.AlterTableRenameTable, ast.AlterTableAlterColumn,
		ast.AlterTableLock, ast.AlterTableAlgorithm, ast.AlterTableRenameIndex, ast.AlterTableForce,
		ast.AlterTableAddPartitions, ast.AlterTableCoalescePartitions, ast.AlterTableDropPartition,
		ast.AlterTableTruncatePartition, ast.AlterTablePartition, ast.AlterTableEnableKeys, ast.AlterTableDisableKeys,
		ast.AlterTableRemovePartitioning, ast.AlterTableWithValidation, ast.AlterTableWithoutValidation,
		ast.AlterTableRebuildPartition, ast.AlterTableReorganizePartition, ast.AlterTableCheckPartitions,
		ast.AlterTableExchangePartition, ast.AlterTableOptimizePartition, ast.AlterTableRepairPartition,
		ast.AlterTableAlterCheck, ast.AlterTableDropCheck, ast.AlterTableIndexInvisible, ast.AlterTableOrderByColumns,
		ast.AlterTableSecondaryLoad, ast.AlterTableSecondaryUnload:
		return nil
	}
	return unparsed("a clause of ALTER TABLE is of a kind that is not known (%d)", s.Tp)
}

// options takes over a new default charset; CONVERT TO comes last.
func (m *model) options(s *ast.AlterTableSpec) error {
	if s.Tp != ast.AlterTableOption {
		return nil
	}
	return m.setDefaults(s.Options)
}

func (m *model) dropColumns(s *ast.AlterTableSpec) error {
	if s.Tp != ast.AlterTableDropColumn {
		return nil
	}
	c := m.column(s.OldColumnName.Name.O)
	if c == nil {
		if s.IfExists {
			return nil
		}
		return unparsed("there is no column %s to drop", s.OldColumnName.Name.O)
	}
	m.removeColumn(c)
	return nil
}

// changeColumns finds every column by its old name before it changes any, so that names may be swapped.
func (m *model) changeColumns(specs []*ast.AlterTableSpec) error {
	found := make([]*cdc.Column, len(specs))
	for i, s := range specs {
		name := oldName(s)
		if name == "" {
			continue
		}
		if found[i] = m.column(name); found[i] == nil && !s.IfExists {
			return unparsed("there is no column %s to change", name)
		}
	}
	for i, s := range specs {
		c := found[i]
		if c == nil {
			continue
		}
		switch s.Tp {
		case ast.AlterTableRenameColumn:
			c.Name = s.NewColumnName.Name.O
		case ast.AlterTableAlterColumn:
			markedDefault(c, s.NewColumns[0])
		default:
			made, keys, err := m.define(s.NewColumns[0])
			if err != nil {
				return err
			}
			*c = *made
			if err := m.addKeys(c, keys); err != nil {
				return err
			}
		}
	}
	return nil
}

// oldName is the name of the column that the clause changes, or "".
func oldName(s *ast.AlterTableSpec) string {
	switch s.Tp {
	case ast.AlterTableRenameColumn, ast.AlterTableChangeColumn:
		return s.OldColumnName.Name.O
	case ast.AlterTableModifyColumn, ast.AlterTableAlterColumn:
		return s.NewColumns[0].Name.Name.O
	}
	return ""
}

// markedDefault reads ALTER COLUMN ... SET VISIBLE and SET INVISIBLE.
func markedDefault(c *cdc.Column, def *ast.ColumnDef) {
	for _, o := range def.Options {
		if value, ok := o.Expr.(*test_driver.ValueExpr); ok && value.Kind() == test_driver.KindString {
			switch value.GetString() {
			case markInvisible:
				c.Invisible = true
			case markVisible:
				c.Invisible = false
			}
		}
	}
}

func (m *model) placeColumns(s *ast.AlterTableSpec) error {
	switch s.Tp {
	case ast.AlterTableAddColumns:
		for _, def := range s.NewColumns {
			if s.IfNotExists && m.column(def.Name.Name.O) != nil {
				continue
			}
			if err := m.addColumn(def, s.Position); err != nil {
				return err
			}
		}
		for _, k := range s.NewConstraints {
			if err := m.addConstraint(k); err != nil {
				return err
			}
		}
	case ast.AlterTableModifyColumn, ast.AlterTableChangeColumn:
		c := m.column(s.NewColumns[0].Name.Name.O)
		if c != nil && s.Position != nil && s.Position.Tp != ast.ColumnPositionNone {
			return m.place(c, s.Position)
		}
	}
	return nil
}

func (m *model) dropIndexes(s *ast.AlterTableSpec) error {
	switch s.Tp {
	case ast.AlterTableDropPrimaryKey:
		return m.dropPrimary()
	case ast.AlterTableDropIndex:
		return m.dropIndex(s.Name)
	case ast.AlterTableDropCheck: // DROP CONSTRAINT too, which may be a key
		if name := s.Constraint.Name; m.unique(name) >= 0 || strings.EqualFold(name, "PRIMARY") {
			return m.dropIndex(name)
		}
	}
	return nil
}

// renameIndexes finds every index before it renames any, so that names may be swapped.
func (m *model) renameIndexes(specs []*ast.AlterTableSpec) error {
	found := make([]*index, len(specs))
	for n, s := range specs {
		if s.Tp == ast.AlterTableRenameIndex {
			if i := m.unique(s.FromKey.O); i >= 0 {
				found[n] = m.uniques[i]
			}
		}
	}
	for n, u := range found {
		if u != nil {
			u.name = specs[n].ToKey.O
		}
	}
	return nil
}

func (m *model) addIndexes(s *ast.AlterTableSpec) error {
	if s.Tp != ast.AlterTableAddConstraint {
		return nil
	}
	return m.addConstraint(s.Constraint)
}

// convert applies CONVERT TO CHARACTER SET to every text column. A TEXT type grows where its bytes would no longer
// hold as many characters. Labels that are not ASCII come out wrong on both servers, each in its own way.
func (m *model) convert(s *ast.AlterTableSpec) error {
	if !converts(s) {
		return nil
	}
	for _, c := range m.columns {
		if !c.Type.IsText() && c.Type != cdc.Enum && c.Type != cdc.Set || c.Charset == "binary" {
			continue
		}
		if c.Charset != m.charset && slices.ContainsFunc(c.Labels, notASCII) {
			return unparsed("labels of column %s are not ASCII", c.Name)
		}
		if c.Type == cdc.VarChar && c.Length*maxLen(m.charset) > 65535 {
			return unparsed("column %s would not fit", c.Name)
		}
		grows := c.Type >= cdc.TinyText && c.Type < cdc.LongText
		if width, now := maxLen(c.Charset), maxLen(m.charset); now == 0 || width == 0 && grows {
			return unparsed("the charset of column %s is not known", c.Name)
		} else if now > width && grows {
			c.Type++
			c.Declared = textNames[c.Type]
		}
		c.Charset, c.Collation = m.charset, m.collation
	}
	return nil
}

func converts(s *ast.AlterTableSpec) bool {
	return s.Tp == ast.AlterTableOption && len(s.Options) > 0 && s.Options[0].Tp == ast.TableOptionCharset &&
		s.Options[0].UintValue == ast.TableOptionCharsetWithConvertTo
}

func notASCII(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return r >= utf8.RuneSelf })
}
