package filter

import (
	"fmt"

	"sluice/engine/cdc"
)

// truth is a truth value of SQL.
type truth uint8

const (
	isFalse truth = iota
	isTrue
	isUnknown
)

type test func(cdc.Row) truth

// Filter is a condition on the rows of one version of a table.
type Filter struct{ test test }

// Passes reports whether the condition is true of the row.
func (f *Filter) Passes(row cdc.Row) bool { return f.test(row) == isTrue }

// binder finds columns.
type binder struct{ t *cdc.Table }

// Bind looks up the columns in a version of the table. An error says what could not be compared as the server does.
func (e *Expr) Bind(t *cdc.Table) (*Filter, error) {
	test, err := e.root.bind(&binder{t})
	if err != nil {
		return nil, err
	}
	return &Filter{test}, nil
}

func (b *binder) column(name string) (int, *cdc.Column, error) {
	at := b.t.Column(name)
	if at < 0 {
		return 0, nil, fmt.Errorf("there is no column %s", name)
	}
	c := &b.t.Columns[at]
	if c.Generated {
		return 0, nil, fmt.Errorf("column %s is generated, and not every server logs it", c.Name)
	}
	return at, c, nil
}

func pair(b *binder, x, y node) (p, q test, err error) {
	if p, err = x.bind(b); err == nil {
		q, err = y.bind(b)
	}
	return p, q, err
}

func (n both) bind(b *binder) (test, error) {
	p, q, err := pair(b, n.a, n.b)
	return func(row cdc.Row) truth {
		x := p(row)
		if x == isFalse {
			return isFalse
		}
		if y := q(row); y != isTrue {
			return y
		}
		return x
	}, err
}

func (n either) bind(b *binder) (test, error) {
	p, q, err := pair(b, n.a, n.b)
	return func(row cdc.Row) truth {
		x := p(row)
		if x == isTrue {
			return isTrue
		}
		if y := q(row); y != isFalse {
			return y
		}
		return x
	}, err
}

func (n not) bind(b *binder) (test, error) {
	p, err := n.a.bind(b)
	return func(row cdc.Row) truth { return negate(p(row)) }, err
}

func negate(x truth) truth {
	switch x {
	case isFalse:
		return isTrue
	case isTrue:
		return isFalse
	}
	return x
}

// bind refuses a column that is never NULL: of one of a date, the server says that the zero date is.
func (n isNull) bind(b *binder) (test, error) {
	at, c, err := b.column(n.column)
	if err != nil {
		return nil, err
	}
	if !c.Nullable {
		return nil, fmt.Errorf("column %s is never NULL", c.Name)
	}
	return func(row cdc.Row) truth { return of(row[at].Null() != n.not) }, nil
}

func of(b bool) truth {
	if b {
		return isTrue
	}
	return isFalse
}

func (n compare) bind(b *binder) (test, error) {
	at, c, err := b.column(n.column)
	if err != nil {
		return nil, err
	}
	f, equality, err := familyOf(c)
	if err != nil {
		return nil, err
	}
	if equality && n.op != "=" && n.op != "<>" && n.op != "IN" {
		return nil, fmt.Errorf("column %s is compared by equality alone", c.Name)
	}
	values := make([]constant, len(n.values))
	for i, t := range n.values {
		if values[i], err = f.constant(c, t); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	holds := holdsOf(n.op, values)
	return func(row cdc.Row) truth {
		v := &row[at]
		if v.Null() {
			return isUnknown
		}
		return of(holds(f, v) != n.not)
	}, nil
}

func holdsOf(op string, values []constant) func(family, *cdc.Value) bool {
	first := &values[0]
	switch op {
	case "=":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) == 0 }
	case "<>":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) != 0 }
	case "<":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) < 0 }
	case "<=":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) <= 0 }
	case ">":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) > 0 }
	case ">=":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) >= 0 }
	case "BETWEEN":
		return func(f family, v *cdc.Value) bool { return f.compare(v, first) >= 0 && f.compare(v, &values[1]) <= 0 }
	}
	return func(f family, v *cdc.Value) bool {
		for i := range values {
			if f.compare(v, &values[i]) == 0 {
				return true
			}
		}
		return false
	}
}
