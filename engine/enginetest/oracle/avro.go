package oracle

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// message is one decoded Avro record of the DTS format, as far as the oracle looks at it. Its slices share the
// memory of the value it was decoded from.
type message struct {
	time      int64
	pos       []byte
	op        Op
	otherOp   int64 // an operation that the oracle does not know, else -1
	object    []byte
	identity  []byte // tag sluice
	keyInfo   []byte // tag pk_uk_info
	fields    []field
	before    []cell
	after     []cell
	hasBefore bool
	hasAfter  bool
	sql       []byte
	flat      bool // it is Canal JSON
}

type field struct {
	name   string
	number int64 // dataTypeNumber
}

var operations = map[int64]Op{0: OpInsert, 1: OpUpdate, 2: OpDelete, 3: OpDDL, 8: OpHeartbeat, 16: OpInit}

// reader reads Avro's binary encoding by hand, since a generic decoder is too slow for millions of records. The
// topic reader compares a sample of its results with goavro's.
type reader struct {
	b   []byte
	at  int
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("byte %d: %s", r.at, fmt.Sprintf(format, args...))
		r.at = len(r.b)
	}
}

func (r *reader) long() int64 {
	n, used := binary.Varint(r.b[r.at:])
	if used <= 0 {
		r.fail("not a number")
		return 0
	}
	r.at += used
	return n
}

func (r *reader) bytes() []byte {
	n := r.long()
	if n < 0 || n > int64(len(r.b)-r.at) {
		r.fail("length %d", n)
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at : r.at]
}

func (r *reader) double() float64 {
	if len(r.b)-r.at < 8 {
		r.fail("double cut off")
		return 0
	}
	r.at += 8
	return math.Float64frombits(binary.LittleEndian.Uint64(r.b[r.at-8:]))
}

// blocks runs each for every item of an array or map.
func (r *reader) blocks(each func()) {
	for r.err == nil {
		n := r.long()
		if n < 0 {
			r.long()
			n = -n
		}
		if n == 0 {
			return
		}
		for ; n > 0 && r.err == nil; n-- {
			each()
		}
	}
}

// decode reads one message value. m keeps the space of its slices from call to call.
func (m *message) decode(value []byte) error {
	if len(value) > 0 && value[0] == '{' {
		return m.decodeFlat(value)
	}
	if len(value) == 48 {
		return errors.New("the value has 48 bytes, which consumers take for a no-op")
	}
	r := &reader{b: value}
	*m = message{fields: m.fields[:0], before: m.before[:0], after: m.after[:0], otherOp: -1}
	r.long() // version
	r.long() // id
	m.time = r.long()
	m.pos = r.bytes()
	r.bytes() // safeSourcePosition
	r.bytes() // sourceTxid
	r.long()  // source
	r.bytes()
	op := r.long()
	if known, ok := operations[op]; ok {
		m.op = known
	} else {
		m.otherOp = op
	}
	if r.long() == 1 {
		m.object = r.bytes()
	}
	if r.long() == 1 { // processTimestamps
		r.blocks(func() { r.long() })
	}
	r.blocks(func() {
		name, text := r.bytes(), r.bytes()
		switch string(name) {
		case "sluice":
			m.identity = text
		case "pk_uk_info":
			m.keyInfo = text
		}
	})
	m.readFields(r)
	m.before, m.hasBefore = m.image(r, m.before)
	m.after, m.hasAfter = m.image(r, m.after)
	r.long() // bornTimestamp
	if r.err == nil && r.at != len(value) {
		r.fail("%d bytes are left", len(value)-r.at)
	}
	return r.err
}

func (m *message) readFields(r *reader) {
	switch n := r.long(); n {
	case 0:
	case 1:
		r.bytes()
	case 2:
		i := 0
		r.blocks(func() {
			name, number := r.bytes(), r.long()
			// The same name in the same place of the record before costs no allocation.
			if i < cap(m.fields) && m.fields[:i+1][i].name == string(name) {
				m.fields = m.fields[:i+1]
				m.fields[i].number = number
			} else {
				m.fields = append(m.fields, field{string(name), number})
			}
			i++
		})
	default:
		r.fail("fields: branch %d", n)
	}
}

func (m *message) image(r *reader, dst []cell) ([]cell, bool) {
	switch n := r.long(); n {
	case 0:
		return dst, false
	case 1:
		m.sql = r.bytes()
		return dst, false
	case 2:
		r.blocks(func() {
			if len(dst) >= len(m.fields) {
				r.fail("more values than fields")
				return
			}
			dst = append(dst, readValue(r, m.fields[len(dst)]))
		})
		if r.err == nil && len(dst) != len(m.fields) {
			r.fail("%d values, %d fields", len(dst), len(m.fields))
		}
		return dst, true
	default:
		r.fail("image: branch %d", n)
		return dst, false
	}
}

// readValue reads one value of an image.
func readValue(r *reader, f field) cell {
	var c cell
	var err error
	switch branch := r.long(); branch {
	case 0:
		return nil
	case 1: // Integer
		r.long()
		c = r.bytes()
	case 2: // Character
		charset, value := r.bytes(), r.bytes()
		c, err = textCell(value, string(charset))
	case 3: // Decimal
		c = r.bytes()
		r.long()
		r.long()
	case 4: // Float
		v := r.double()
		r.long()
		r.long()
		c = doubleCell(v, f.number)
	case 5: // Timestamp
		seconds, micros := r.long(), r.long()
		c = secondsCell(seconds, micros)
	case 6: // DateTime
		var parts [7]*int64
		var values [7]int64
		for i := range parts {
			if r.long() == 1 {
				values[i] = r.long()
				parts[i] = &values[i]
			}
		}
		c, err = dateTimeCell(parts)
	case 10: // BinaryObject
		r.bytes()
		c = r.bytes()
	case 11: // TextObject
		kind, value := r.bytes(), r.bytes()
		if c = value; string(kind) == "json" {
			c, err = jsonCell(value)
		}
	default:
		r.fail("column %s: branch %d is not read by the oracle", f.name, branch)
	}
	if err != nil {
		r.fail("column %s: %v", f.name, err)
	}
	if c == nil {
		c = cell{}
	}
	return c
}

// doubleCell prints a Float by its column: FLOAT is dataTypeNumber 4.
func doubleCell(v float64, number int64) cell {
	size := 64
	if number == 4 {
		size = 32
	}
	return strconv.AppendFloat(cell{}, v, 'g', -1, size)
}

func secondsCell(seconds, micros int64) cell {
	return trimFraction(fmt.Appendf(cell{}, "%d.%06d", seconds, micros))
}

// dateTimeCell prints year, month, day, hour, minute, second, microsecond, of which the parts that a type has not
// are nil. Of a negative TIME every part carries the sign.
func dateTimeCell(p [7]*int64) (cell, error) {
	has := ""
	for _, v := range p {
		if v == nil {
			has += "-"
		} else {
			has += "+"
		}
	}
	switch has {
	case "+------":
		return strconv.AppendInt(cell{}, *p[0], 10), nil
	case "+++----":
		return fmt.Appendf(cell{}, "%04d-%02d-%02d", *p[0], *p[1], *p[2]), nil
	case "+++++++":
		return trimFraction(fmt.Appendf(cell{}, "%04d-%02d-%02d %02d:%02d:%02d.%06d", *p[0], *p[1], *p[2], *p[3], *p[4], *p[5], *p[6])), nil
	case "---++++":
		sign := ""
		for _, v := range p[3:] {
			if *v < 0 {
				sign, *v = "-", -*v
			}
		}
		return trimFraction(fmt.Appendf(cell{}, "%s%02d:%02d:%02d.%06d", sign, *p[3], *p[4], *p[5], *p[6])), nil
	}
	return nil, fmt.Errorf("date parts %s", has)
}
