package filter

import (
	"errors"
	"fmt"
)

// Expr is a condition that was read. It is bound to each version of its table.
type Expr struct{ root node }

// node is a part of a condition.
type node interface {
	bind(b *binder) (test, error)
}

type both struct{ a, b node }
type either struct{ a, b node }
type not struct{ a node }

// compare is a column against constants; isNull has none.
type compare struct {
	column string
	op     string // = <> < <= > >= IN BETWEEN
	not    bool   // NOT IN, NOT BETWEEN
	values []token
}

type isNull struct {
	column string
	not    bool
}

// Parse reads a condition.
func Parse(where string) (*Expr, error) {
	tokens, err := tokenize(where)
	if err != nil {
		return nil, err
	}
	p := &parser{tokens: tokens}
	root, err := p.either(0)
	if err != nil {
		return nil, err
	}
	if t := p.peek(); t.kind != ending {
		return nil, p.unexpected("AND, OR or its end")
	}
	return &Expr{root}, nil
}

type parser struct {
	tokens []token
	at     int
}

func (p *parser) peek() token {
	if p.at < len(p.tokens) {
		return p.tokens[p.at]
	}
	return token{}
}

func (p *parser) accept(keyword string) bool {
	if t := p.peek(); t.is(keyword) || t.kind == symbol && t.text == keyword {
		p.at++
		return true
	}
	return false
}

func (p *parser) unexpected(want string) error {
	return fmt.Errorf("%s stands where %s is expected", p.peek(), want)
}

const deepest = 100

func (p *parser) either(depth int) (node, error) {
	if depth > deepest {
		return nil, errors.New("it has too many parentheses")
	}
	a, err := p.both(depth)
	for err == nil && p.accept("OR") {
		var b node
		b, err = p.both(depth)
		a = either{a, b}
	}
	return a, err
}

func (p *parser) both(depth int) (node, error) {
	a, err := p.single(depth)
	for err == nil && p.accept("AND") {
		var b node
		b, err = p.single(depth)
		a = both{a, b}
	}
	return a, err
}

func (p *parser) single(depth int) (node, error) {
	negated := p.accept("NOT")
	if p.accept("(") {
		a, err := p.either(depth + 1)
		if err == nil && !p.accept(")") {
			err = p.unexpected(")")
		}
		if negated {
			a = not{a}
		}
		return a, err
	}
	if negated {
		return nil, p.unexpected("( behind NOT")
	}
	name := p.peek()
	if name.kind != quoted && (name.kind != word || digit(name.text[0]) || reserved[lower(name.text)]) {
		return nil, p.unexpected("a column")
	}
	p.at++
	return p.predicate(name.text)
}

// reserved are words that would be read as something else than a name.
var reserved = map[string]bool{"and": true, "or": true, "not": true, "in": true, "is": true, "between": true, "null": true, "true": true, "false": true, "binary": true, "xor": true}

func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c | 0x20
		}
	}
	return string(b)
}

func (p *parser) predicate(column string) (node, error) {
	if p.accept("IS") {
		negated := p.accept("NOT")
		if !p.accept("NULL") {
			return nil, p.unexpected("NULL")
		}
		return isNull{column, negated}, nil
	}
	c := compare{column: column, not: p.accept("NOT")}
	switch t := p.peek(); {
	case p.accept("IN"):
		c.op = "IN"
		if !p.accept("(") {
			return nil, p.unexpected("(")
		}
		for {
			if err := p.constant(&c); err != nil {
				return nil, err
			}
			if p.accept(")") {
				return c, nil
			}
			if !p.accept(",") {
				return nil, p.unexpected(", or )")
			}
		}
	case p.accept("BETWEEN"):
		c.op = "BETWEEN"
		if err := p.constant(&c); err != nil {
			return nil, err
		}
		if !p.accept("AND") {
			return nil, p.unexpected("AND")
		}
		return c, p.constant(&c)
	case !c.not && t.kind == symbol && t.text != "(" && t.text != ")" && t.text != "," && t.text != "-":
		p.at++
		if c.op = t.text; c.op == "!=" {
			c.op = "<>"
		}
		return c, p.constant(&c)
	}
	return nil, p.unexpected("a comparison, IN, BETWEEN or IS NULL")
}

// constant reads a number with its sign, or text.
func (p *parser) constant(c *compare) error {
	minus := p.accept("-")
	t := p.peek()
	switch {
	case t.kind == number:
		if minus {
			t.text = "-" + t.text
		}
	case minus || t.kind != text && t.kind != bits:
		return p.unexpected("a constant")
	}
	p.at++
	c.values = append(c.values, t)
	return nil
}
