package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pingcap/tidb/pkg/parser/ast"

	"sluice/engine/cdc"
)

// model is a definition while a statement works on it. Indexes point at columns, so that moving and renaming a
// column needs no renumbering.
type model struct {
	id                 cdc.TableID
	version            int
	flavor             cdc.Flavor
	columns            []*cdc.Column
	primary            []*cdc.Column
	uniques            []*index
	charset, collation string
	// indexed holds the old names of columns in the primary key or a unique index, in lower case: the server gives
	// an index to an added column of the same name, in ways that differ.
	indexed map[string]bool
}

type index struct {
	name    string
	columns []*cdc.Column
	prefix  bool
	old     bool // was there before the statement
}

func (c *change) model(t *cdc.Table) *model {
	m := &model{id: t.TableID, version: t.Version, flavor: c.flavor, charset: t.Charset, collation: t.Collation, indexed: map[string]bool{}}
	for i := range t.Columns {
		column := t.Columns[i]
		m.columns = append(m.columns, &column)
	}
	m.primary = m.pick(t.Primary)
	for _, u := range t.Uniques {
		m.uniques = append(m.uniques, &index{name: u.Name, columns: m.pick(u.Columns), prefix: u.Prefix, old: true})
	}
	for _, i := range append(slices.Clone(m.uniques), &index{columns: m.primary}) {
		for _, c := range i.columns {
			m.indexed[strings.ToLower(c.Name)] = true
		}
	}
	return m
}

func (m *model) pick(ordinals []int) []*cdc.Column {
	var out []*cdc.Column
	for _, i := range ordinals {
		out = append(out, m.columns[i])
	}
	return out
}

// table closes the work: the rules that hold for every definition are applied and checked.
func (m *model) table() (*cdc.Table, error) {
	t := &cdc.Table{TableID: m.id, Version: m.version, Charset: m.charset, Collation: m.collation}
	ordinals := map[*cdc.Column]int{}
	for _, c := range m.primary {
		c.Nullable = false
	}
	for i, c := range m.columns {
		if t.Column(c.Name) >= 0 {
			return nil, unparsed("column %s is there twice", c.Name)
		}
		ordinals[c] = i
		t.Columns = append(t.Columns, *c)
	}
	if len(t.Columns) == 0 {
		return nil, unparsed("no column is left")
	}
	number := func(columns []*cdc.Column) []int {
		var out []int
		for _, c := range columns {
			out = append(out, ordinals[c])
		}
		return out
	}
	t.Primary = number(m.primary)
	m.sortUniques()
	for _, u := range m.uniques {
		t.Uniques = append(t.Uniques, cdc.Index{Name: u.name, Columns: number(u.columns), Prefix: u.prefix})
	}
	return t, nil
}

func (m *model) unlessSame(old *cdc.Table) (*cdc.Table, error) {
	made, err := m.table()
	if err == nil && diff(old, made, true) == "" {
		return old, nil
	}
	return made, err
}

// rank is what the servers sort unique indexes by: those without nullable columns first, then those of whole columns.
func (u *index) rank() int {
	r := 0
	if slices.ContainsFunc(u.columns, func(c *cdc.Column) bool { return c.Nullable }) {
		r = 2
	}
	if u.prefix {
		r++
	}
	return r
}

// sortUniques sorts as the server does. MariaDB goes by what an index was when it was made, so that those that were
// there keep their order when a column becomes nullable or stops being so; that past is not held, so the place of a
// new index among such ones is not exact.
func (m *model) sortUniques() {
	if m.flavor != cdc.MariaDB {
		slices.SortStableFunc(m.uniques, func(a, b *index) int { return a.rank() - b.rank() })
		return
	}
	var sorted []*index
	for _, u := range m.uniques {
		at := len(sorted)
		if !u.old {
			if i := slices.IndexFunc(sorted, func(o *index) bool { return o.rank() > u.rank() }); i >= 0 {
				at = i
			}
		}
		sorted = slices.Insert(sorted, at, u)
	}
	m.uniques = sorted
}

// column finds a column by name, or gives nil.
func (m *model) column(name string) *cdc.Column {
	for _, c := range m.columns {
		if strings.EqualFold(c.Name, name) {
			return c
		}
	}
	return nil
}

// place puts the column where the position says; nil is the end.
func (m *model) place(c *cdc.Column, p *ast.ColumnPosition) error {
	m.columns = slices.DeleteFunc(m.columns, func(o *cdc.Column) bool { return o == c })
	at := len(m.columns)
	switch {
	case p == nil || p.Tp == ast.ColumnPositionNone:
	case p.Tp == ast.ColumnPositionFirst:
		at = m.head()
	default:
		at = slices.Index(m.columns, m.column(p.RelativeColumn.Name.O)) + 1
		if at == 0 {
			return unparsed("there is no column %s to stand after", p.RelativeColumn.Name.O)
		}
	}
	m.columns = slices.Insert(m.columns, at, c)
	return nil
}

// head is where FIRST puts a column: MySQL keeps a primary key that it made itself in front.
func (m *model) head() int {
	if m.flavor != cdc.MySQL || len(m.columns) == 0 || len(m.primary) != 1 {
		return 0
	}
	if c := m.columns[0]; c == m.primary[0] && c.Name == "my_row_id" && c.Invisible && c.Type == cdc.BigInt && c.Unsigned {
		return 1
	}
	return 0
}

// removeColumn takes the column out of the table and its indexes; an index without columns goes too.
func (m *model) removeColumn(c *cdc.Column) {
	gone := func(o *cdc.Column) bool { return o == c }
	m.columns = slices.DeleteFunc(m.columns, gone)
	m.primary = slices.DeleteFunc(m.primary, gone)
	for _, u := range m.uniques {
		u.columns = slices.DeleteFunc(u.columns, gone)
	}
	m.uniques = slices.DeleteFunc(m.uniques, func(u *index) bool { return len(u.columns) == 0 && !u.prefix })
}

func (m *model) unique(name string) int {
	return slices.IndexFunc(m.uniques, func(u *index) bool { return strings.EqualFold(u.name, name) })
}

// dropIndex removes a unique index. Other indexes are not part of a definition; but a name like one that the server
// may have given to an unnamed unique index is not certain to be another.
func (m *model) dropIndex(name string) error {
	if strings.EqualFold(name, "PRIMARY") {
		return m.dropPrimary()
	}
	if i := m.unique(name); i >= 0 {
		m.uniques = slices.Delete(m.uniques, i, i+1)
		return nil
	}
	for _, u := range m.uniques {
		if rest, ok := cutFold(name, u.name+"_"); ok {
			if _, err := strconv.Atoi(rest); err == nil {
				return unparsed("index %s may be the unique index %s", name, u.name)
			}
		}
	}
	return nil
}

func cutFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}

func (m *model) dropPrimary() error {
	if len(m.primary) == 0 {
		return unparsed("there is no primary key")
	}
	m.primary = nil
	return nil
}

// addIndex adds a unique index; without a name the server takes its first column's, numbered where that is taken.
func (m *model) addIndex(name string, parts []*ast.IndexPartSpecification, ifNotExists bool) error {
	u := &index{name: name}
	for _, p := range parts {
		if p.Expr != nil {
			u.prefix = true
			continue
		}
		c := m.column(p.Column.Name.O)
		if c == nil {
			return unparsed("index %s has the column %s, which is not there", name, p.Column.Name.O)
		}
		u.prefix = u.prefix || p.Length > 0 && !wholePart(c, p.Length)
		u.columns = append(u.columns, c)
	}
	if name == "" {
		u.name = m.freeName(parts)
	} else if m.unique(name) >= 0 {
		if ifNotExists {
			return nil
		}
		return unparsed("index %s is there already", name)
	}
	m.uniques = append(m.uniques, u)
	return nil
}

func (m *model) freeName(parts []*ast.IndexPartSpecification) string {
	base := "functional_index"
	if parts[0].Expr == nil {
		base = m.column(parts[0].Column.Name.O).Name
	}
	name := base
	for n := 2; m.unique(name) >= 0 || strings.EqualFold(name, "PRIMARY"); n++ {
		name = base + "_" + strconv.Itoa(n)
	}
	return name
}

// wholePart reports whether a part's length covers the whole column: the server drops such a length.
func wholePart(c *cdc.Column, length int) bool {
	switch c.Type {
	case cdc.Char, cdc.VarChar, cdc.Binary, cdc.VarBinary:
		return c.Length > 0 && length >= c.Length
	}
	return false
}

func (m *model) addPrimary(parts []*ast.IndexPartSpecification) error {
	if len(m.primary) > 0 {
		return unparsed("there is a primary key already")
	}
	for _, p := range parts {
		if p.Column == nil || m.column(p.Column.Name.O) == nil {
			return unparsed("the primary key has a column that is not there")
		}
		m.primary = append(m.primary, m.column(p.Column.Name.O))
	}
	return nil
}

func (m *model) addConstraint(k *ast.Constraint) error {
	switch k.Tp {
	case ast.ConstraintPrimaryKey:
		return m.addPrimary(k.Keys)
	case ast.ConstraintUniq, ast.ConstraintUniqKey, ast.ConstraintUniqIndex:
		return m.addIndex(k.Name, k.Keys, k.IfNotExists)
	case ast.ConstraintKey, ast.ConstraintIndex, ast.ConstraintForeignKey, ast.ConstraintFulltext, ast.ConstraintCheck:
		return nil
	}
	return unparsed("it adds an index of a kind that is not known")
}
