package mysql

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sluice/engine/cdc"
)

// With binlog_row_value_options=PARTIAL_JSON an update may log, for a JSON column, what to change in the value before
// it: operations with a path and a value in binary JSON, which apply one after the other.
const (
	jsonReplace = 0
	jsonInsert  = 1 // of a member, or of an element before the one that is there
	jsonRemove  = 2
)

// partialImage reads an after image in which JSON columns may be logged by difference to the image before.
func (p *plan) partialImage(c *cursor) error {
	var partial []byte
	if c.packed()&1 != 0 {
		n := 0
		for i := range p.fields {
			if isJSON(&p.fields[i]) {
				n++
			}
		}
		partial = c.take((n + 7) / 8)
	}
	nulls := c.take((len(p.after) + 7) / 8)
	if c.short {
		return errShortRow
	}
	for i, n := 0, 0; i < len(p.after); i++ {
		f := &p.fields[i]
		differs := false
		if isJSON(f) {
			differs = n/8 < len(partial) && partial[n/8]&(1<<(n%8)) != 0
			n++
		}
		if nulls[i/8]&(1<<(i%8)) != 0 {
			p.after[i] = cdc.Value{}
			continue
		}
		var err error
		if differs {
			diff := c.take(int(c.little(int(f.mapped.Meta))))
			p.after[i], err = p.changed(f.document, diff)
		} else {
			p.after[i], err = p.value(f, c)
		}
		if err == nil && c.short {
			err = errShortRow
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", f.column.Name, err)
		}
	}
	return nil
}

// changed gives the text of a document after its differences.
func (p *plan) changed(document, diff []byte) (cdc.Value, error) {
	if document == nil {
		return cdc.Value{}, fmt.Errorf("%w: a difference to no value", errJSON)
	}
	root := &node{kind: 4, data: []byte{0}} // an empty document is null
	var err error
	if len(document) > 0 {
		root, err = readJSON(document)
	}
	for c := (cursor{data: diff}); err == nil && len(c.data) > 0; {
		op, path := c.byte(), c.lengthEncoded()
		var value *node
		if op != jsonRemove {
			if v := c.lengthEncoded(); len(v) > 0 {
				value, err = readJSON(v)
			} else {
				err = errJSON
			}
		}
		if c.short {
			err = errJSON
		}
		if err == nil {
			root, err = root.apply(op, path, value)
		}
	}
	if err != nil {
		return cdc.Value{}, err
	}
	text := p.keep(func(spare []byte) []byte {
		spare, err = root.append(spare, 0, len(spare)+textOfJSON(len(document)+len(diff)))
		return spare
	})
	return cdc.Value{Kind: cdc.KindJSON, Bytes: text}, err
}

func isJSON(f *field) bool { return f.mapped.Type == typeJSON }

// node is a value of a document: an object, whose keys are in the server's order, an array, or the bytes of a scalar.
type node struct {
	kind  byte
	data  []byte
	keys  [][]byte
	items []*node
}

func (n *node) isObject() bool { return n.kind < 2 }
func (n *node) isArray() bool  { return n.kind == 2 || n.kind == 3 }

func readJSON(doc []byte) (*node, error) {
	left := len(doc) // of values: each takes more than a byte, unless parts overlap
	return readJSONValue(doc[0], doc[1:], 0, &left)
}

func readJSONValue(kind byte, data []byte, depth int, left *int) (*node, error) {
	if *left--; depth > maxJSONDepth || *left < 0 {
		return nil, errJSON
	}
	n := &node{kind: kind}
	if kind > 3 {
		n.data = data
		return n, nil
	}
	m, err := openJSON(data, kind&1 == 1, kind < 2)
	for err == nil && m.left > 0 {
		if err = m.next(); err != nil {
			break
		}
		var item *node
		if item, err = readJSONValue(m.kind, m.value, depth+1, left); err == nil {
			n.add(m.key, item)
		}
	}
	return n, err
}

func (n *node) add(key []byte, item *node) {
	if n.isObject() {
		n.keys = append(n.keys, key)
	}
	n.items = append(n.items, item)
}

func (n *node) append(dst []byte, depth, most int) ([]byte, error) {
	if n.kind > 3 {
		return appendJSONValue(dst, n.kind, n.data, depth, most)
	}
	ends := "[]"
	if n.isObject() {
		ends = "{}"
	}
	dst = append(dst, ends[0])
	var err error
	for i, item := range n.items {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		if n.isObject() {
			dst = append(appendJSONString(dst, n.keys[i]), ": "...)
		}
		if dst, err = item.append(dst, depth+1, most); err != nil {
			return dst, err
		}
	}
	return append(dst, ends[1]), nil
}

// find gives the place of a member: objects are sorted by the length of their keys, then by their bytes.
func (n *node) find(key []byte) (int, bool) {
	return slices.BinarySearchFunc(n.keys, key, func(a, b []byte) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return bytes.Compare(a, b)
	})
}

// apply gives the document after one operation.
func (n *node) apply(op byte, path []byte, value *node) (*node, error) {
	legs, err := parseJSONPath(path)
	if err != nil {
		return nil, err
	}
	if op != jsonInsert {
		legs = n.without(legs)
	}
	if len(legs) == 0 {
		if op != jsonReplace {
			return nil, errJSONPath
		}
		return value, nil
	}
	parent, last := n, legs[len(legs)-1]
	for _, l := range legs[:len(legs)-1] {
		if l.self(parent) {
			continue
		}
		at, ok := l.in(parent)
		if !ok {
			return nil, errJSONPath
		}
		parent = parent.items[at]
	}
	at, there := last.in(parent)
	switch {
	case op == jsonInsert && last.key != nil && parent.isObject() && !there:
		parent.keys = slices.Insert(parent.keys, at, last.key)
		parent.items = slices.Insert(parent.items, at, value)
	case op == jsonInsert && last.key == nil && parent.isArray():
		parent.items = slices.Insert(parent.items, at, value)
	case op == jsonReplace && there:
		parent.items[at] = value
	case op == jsonRemove && there:
		parent.items = slices.Delete(parent.items, at, at+1)
		if parent.isObject() {
			parent.keys = slices.Delete(parent.keys, at, at+1)
		}
	default:
		return nil, errJSONPath
	}
	return n, nil
}

var errJSONPath = fmt.Errorf("%w: a difference does not fit the value", errJSON)

// leg is a step of a path: to a member, or, where key is nil, to an element.
type leg struct {
	key     []byte
	index   int
	fromEnd bool // the index counts back from the last element
}

// in gives the place of what the leg leads to, or where it would be put.
func (l leg) in(n *node) (int, bool) {
	switch {
	case l.key != nil && n.isObject():
		return n.find(l.key)
	case l.key == nil && n.isArray() && l.fromEnd:
		at := len(n.items) - 1 - l.index
		return max(at, 0), at >= 0
	case l.key == nil && n.isArray():
		return min(l.index, len(n.items)), l.index < len(n.items)
	}
	return 0, false
}

// self says whether the leg stays where it is: what is no array counts as one of itself alone.
func (l leg) self(n *node) bool { return l.key == nil && l.index == 0 && !n.isArray() }

// without leaves out the legs at the end that stay where they are.
func (n *node) without(legs []leg) []leg {
	at := n
	lead := 0 // legs that lead somewhere
	for i, l := range legs {
		if l.self(at) {
			continue
		}
		lead = i + 1
		k, ok := l.in(at)
		if !ok {
			break
		}
		at = at.items[k]
	}
	return legs[:lead]
}

// parseJSONPath reads what the server writes: $.name."quoted name"[3][last-1].
func parseJSONPath(path []byte) ([]leg, error) {
	var legs []leg
	rest := bytes.TrimPrefix(path, []byte("$"))
	for len(rest) > 0 {
		var l leg
		switch rest[0] {
		case '.':
			rest = rest[1:]
			n := bytes.IndexAny(rest, ".[")
			if n < 0 {
				n = len(rest)
			}
			l.key = rest[:n:n]
			if len(rest) > 0 && rest[0] == '"' {
				for n = 1; n < len(rest) && rest[n] != '"'; n++ {
					if rest[n] == '\\' {
						n++
					}
				}
				if n = n + 1; n > len(rest) {
					return nil, errJSONPath
				}
				var key string
				if json.Unmarshal(rest[:n], &key) != nil {
					return nil, errJSONPath
				}
				l.key = []byte(key)
			}
			rest = rest[n:]
		case '[':
			end := bytes.IndexByte(rest, ']')
			text := string(rest[1:max(end, 1)])
			if back, ok := strings.CutPrefix(text, "last"); ok {
				l.fromEnd, text = true, "0"+strings.TrimPrefix(back, "-")
			}
			var err error
			if l.index, err = strconv.Atoi(text); err != nil || l.index < 0 {
				return nil, errJSONPath
			}
			rest = rest[end+1:]
		default:
			return nil, errJSONPath
		}
		legs = append(legs, l)
	}
	return legs, nil
}
