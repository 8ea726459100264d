package canal

import (
	"bytes"
	"encoding/json"

	"sluice/engine/cdc"
)

// Our key, which every record begins with.
const (
	head   = `{"sluice":{"id":"`
	headOp = `","op":"`
	headAt = `","pos":"`
)

// Is tells a message of this format from an Avro record, which begins with a version that is never this byte.
func Is(value []byte) bool { return len(value) > 0 && value[0] == '{' }

// Identity gives the identity of a message value and its position. It reads our key alone, and takes any bytes: ok is
// false if they do not begin with it.
func (c *Codec) Identity(value []byte) (id string, at cdc.Position, ok bool) { return Identity(value) }

// Identity is Codec.Identity, which needs no codec.
func Identity(value []byte) (id string, at cdc.Position, ok bool) {
	rest, ok := bytes.CutPrefix(value, []byte(head))
	if !ok {
		return "", at, false
	}
	if id, rest, ok = cutText(rest); !ok || id == "" {
		return "", at, false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(headOp)); !ok {
		return "", at, false
	}
	if _, rest, ok = cutText(rest); !ok {
		return "", at, false
	}
	if rest, ok = bytes.CutPrefix(rest, []byte(headAt)); !ok {
		return "", at, false
	}
	text, _, ok := cutText(rest)
	if !ok {
		return "", at, false
	}
	at, err := cdc.ParsePosition(text)
	return id, at, err == nil
}

// cutText reads the inside of a JSON string; rest begins at the quote that ends it.
func cutText(b []byte) (text string, rest []byte, ok bool) {
	escaped := false
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '\\':
			escaped = true
			i++
		case '"':
			if !escaped {
				return string(b[:i]), b[i:], true
			}
			err := json.Unmarshal(append(append([]byte{'"'}, b[:i]...), '"'), &text)
			return text, b[i:], err == nil
		}
	}
	return "", nil, false
}
