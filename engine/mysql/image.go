package mysql

import (
	"encoding/binary"
	"fmt"
	"strconv"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// plan decodes row images of one table map with one definition.
type plan struct {
	fields []field
	before cdc.Row
	after  cdc.Row
	spare  []byte // decimals, JSON and padded strings of the rows in hand

	keepsJSON bool // an image before is read to which the one after is a difference
}

// field decodes one column.
type field struct {
	mapped cdc.MapColumn
	column *cdc.Column
	labels labelSet
	// document is the binary JSON of the row's image before, in events that log differences to it; else nil.
	document []byte
}

const typeJSON = gomysql.MYSQL_TYPE_JSON

var errShortRow = gomysql.ErrMalformPacket

// plan gives the decoder for a definition, or says why it does not fit the map.
func (m *tableMap) plan(t *cdc.Table) (*plan, error) {
	if p, ok := m.plans[t]; ok {
		return p, nil
	}
	if len(t.Columns) != len(m.Columns) {
		return nil, fmt.Errorf("%s has %d columns in the binlog and %d in the definition given", m.TableID, len(m.Columns), len(t.Columns))
	}
	p := &plan{fields: make([]field, len(m.Columns)), before: make(cdc.Row, len(m.Columns)), after: make(cdc.Row, len(m.Columns))}
	for i := range m.Columns {
		c := &t.Columns[i]
		if !fits(&m.Columns[i], c) {
			return nil, fmt.Errorf("column %s of %s is %s in the definition given, and of type %d (%d) in the binlog", c.Name, m.TableID, c.Declared, m.Columns[i].Type, m.Columns[i].Meta)
		}
		p.fields[i] = field{mapped: m.Columns[i], column: c, labels: labelSet{labels: c.Labels}}
	}
	if len(m.plans) > 8 {
		clear(m.plans)
	}
	m.plans[t] = p
	return p, nil
}

// fits says whether a declared column is logged as this physical type.
func fits(m *cdc.MapColumn, c *cdc.Column) bool {
	if c.Type == cdc.Unsupported {
		return true // left out of the task
	}
	switch m.Type {
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		return c.Type == cdc.Decimal && int(m.Meta>>8) == c.Precision && int(m.Meta&255) == c.Scale
	case gomysql.MYSQL_TYPE_BIT:
		return c.Type == cdc.Bit
	case gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP2, gomysql.MYSQL_TYPE_TIME2:
		return plainTypes[m.Type] == c.Type && int(m.Meta) == c.Fsp
	case gomysql.MYSQL_TYPE_STRING:
		return c.Type == cdc.Char || c.Type == cdc.Binary && int(m.Meta) == c.Length || m.Meta > 0 && int(m.Meta) == c.Type.FixedSize()
	case gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING:
		return c.Type == cdc.VarChar || c.Type == cdc.Vector || c.Type == cdc.VarBinary && int(m.Meta) == c.Length
	case typeCompressedVarchar: // one byte longer
		return c.Type == cdc.VarChar || c.Type == cdc.VarBinary && int(m.Meta) == c.Length+1
	case gomysql.MYSQL_TYPE_BLOB, typeCompressedBlob:
		return c.Type >= cdc.TinyText && c.Type <= cdc.LongBlob && blobWidth(c.Type) == int(m.Meta)
	}
	t, ok := plainTypes[m.Type]
	return ok && t == c.Type
}

func blobWidth(t cdc.Type) int {
	if t >= cdc.TinyBlob {
		return int(t-cdc.TinyBlob) + 1
	}
	return int(t-cdc.TinyText) + 1
}

// image reads one row image in which all columns are present.
func (p *plan) image(row cdc.Row, c *cursor) error {
	nulls := c.take((len(row) + 7) / 8)
	if c.short {
		return errShortRow
	}
	for i := range row {
		if nulls[i/8]&(1<<(i%8)) != 0 {
			row[i] = cdc.Value{}
			continue
		}
		v, err := p.value(&p.fields[i], c)
		if err == nil && c.short {
			err = errShortRow
		}
		if err != nil {
			return fmt.Errorf("column %s: %w", p.fields[i].column.Name, err)
		}
		row[i] = v
	}
	return nil
}

// imageWithout reads one row image of the columns that are present.
func (p *plan) imageWithout(row cdc.Row, present []byte, c *cursor) error {
	n := 0
	for i := range row {
		if has(present, i) {
			n++
		}
	}
	nulls := c.take((n + 7) / 8)
	if c.short {
		return errShortRow
	}
	n = 0
	for i := range row {
		row[i] = cdc.Value{}
		if !has(present, i) {
			row[i].Kind = cdc.KindAbsent
			continue
		}
		if !has(nulls, n) {
			v, err := p.value(&p.fields[i], c)
			if err == nil && c.short {
				err = errShortRow
			}
			if err != nil {
				return fmt.Errorf("column %s: %w", p.fields[i].column.Name, err)
			}
			row[i] = v
		}
		n++
	}
	return nil
}

func (p *plan) value(f *field, c *cursor) (cdc.Value, error) {
	meta := int(f.mapped.Meta)
	switch f.mapped.Type {
	case gomysql.MYSQL_TYPE_TINY:
		return integer(int64(c.little(1)), f.column), nil
	case gomysql.MYSQL_TYPE_SHORT:
		return integer(int64(c.little(2)), f.column), nil
	case gomysql.MYSQL_TYPE_INT24:
		return integer(int64(c.little(3)), f.column), nil
	case gomysql.MYSQL_TYPE_LONG:
		return integer(int64(c.little(4)), f.column), nil
	case gomysql.MYSQL_TYPE_LONGLONG:
		return integer(int64(c.little(8)), f.column), nil
	case gomysql.MYSQL_TYPE_FLOAT:
		return cdc.Value{Kind: cdc.KindFloat, Num: int64(c.little(4))}, nil
	case gomysql.MYSQL_TYPE_DOUBLE:
		return cdc.Value{Kind: cdc.KindDouble, Num: int64(c.little(8))}, nil
	case gomysql.MYSQL_TYPE_NEWDECIMAL:
		return cdc.Value{Kind: cdc.KindDecimal, Bytes: p.keep(func(b []byte) []byte { return appendDecimal(b, c, meta>>8, meta&255) })}, nil
	case gomysql.MYSQL_TYPE_BIT:
		return bitValue(c.take((meta>>8*8 + meta&255 + 7) / 8)), nil
	case gomysql.MYSQL_TYPE_YEAR:
		year := int64(c.byte())
		if year != 0 {
			year += 1900
		}
		return cdc.Value{Kind: cdc.KindYear, Num: year}, nil
	case gomysql.MYSQL_TYPE_ENUM, gomysql.MYSQL_TYPE_SET:
		if index := c.little(meta); f.column.Type != cdc.Unsupported {
			return f.labels.value(f.column.Type, index)
		}
		return cdc.Value{}, nil // left out of the task
	case gomysql.MYSQL_TYPE_DATE, gomysql.MYSQL_TYPE_DATETIME, gomysql.MYSQL_TYPE_DATETIME2, gomysql.MYSQL_TYPE_TIMESTAMP,
		gomysql.MYSQL_TYPE_TIMESTAMP2, gomysql.MYSQL_TYPE_TIME, gomysql.MYSQL_TYPE_TIME2:
		return loggedTime(f.mapped.Type, meta, c), nil
	case gomysql.MYSQL_TYPE_JSON:
		b := c.take(int(c.little(meta)))
		if p.keepsJSON {
			f.document = b
		}
		return p.json(b)
	}
	return p.stringImage(f, c)
}

// stringImage reads what is logged as a length and bytes.
func (p *plan) stringImage(f *field, c *cursor) (cdc.Value, error) {
	meta := int(f.mapped.Meta)
	var b []byte
	switch f.mapped.Type {
	case gomysql.MYSQL_TYPE_STRING, gomysql.MYSQL_TYPE_VARCHAR, gomysql.MYSQL_TYPE_VAR_STRING, typeCompressedVarchar:
		width := 1
		if meta > 255 {
			width = 2
		}
		b = c.take(int(c.little(width)))
	case gomysql.MYSQL_TYPE_BLOB, gomysql.MYSQL_TYPE_GEOMETRY, gomysql.MYSQL_TYPE_VECTOR, typeCompressedBlob:
		b = c.take(int(c.little(meta)))
	default:
		return cdc.Value{}, fmt.Errorf("type %d of the binlog is not carried", f.mapped.Type)
	}
	if f.column.Type == cdc.Unsupported {
		return cdc.Value{}, nil // left out of the task
	}
	if f.mapped.Type == typeCompressedVarchar || f.mapped.Type == typeCompressedBlob {
		var err error
		if b, err = p.opened(b); err != nil {
			return cdc.Value{}, err
		}
	}
	if f.column.Type.IsText() {
		return cdc.Value{Kind: cdc.KindText, Bytes: b}, nil
	}
	size := f.column.Type.FixedSize()
	if f.column.Type == cdc.Binary {
		size = f.column.Length
	}
	if len(b) < size {
		b = p.padded(b, size) // the binlog leaves trailing zeros out
	}
	return cdc.Value{Kind: cdc.KindBytes, Bytes: b}, nil
}

func (p *plan) padded(b []byte, n int) []byte {
	return p.keep(func(spare []byte) []byte {
		spare = append(spare, b...)
		for range n - len(b) {
			spare = append(spare, 0)
		}
		return spare
	})
}

func (p *plan) json(b []byte) (cdc.Value, error) {
	var err error
	text := p.keep(func(spare []byte) []byte {
		spare, err = appendJSON(spare, b)
		return spare
	})
	return cdc.Value{Kind: cdc.KindJSON, Bytes: text}, err
}

// keep gives the bytes that add appended; they live until the next rows.
func (p *plan) keep(add func([]byte) []byte) []byte {
	at := len(p.spare)
	p.spare = add(p.spare)
	return p.spare[at:len(p.spare):len(p.spare)]
}

// digitBytes is the size of 0 to 9 decimal digits.
var digitBytes = [...]int{0, 1, 1, 2, 2, 3, 3, 4, 4, 4}

// isDecimal says whether there is such a DECIMAL.
func isDecimal(precision, scale int) bool {
	return 0 < precision && precision <= 65 && scale <= precision
}

// appendDecimal reads a packed DECIMAL: groups of nine digits in four bytes, the odd group of the integer part first
// and that of the fraction last; all bits inverted below zero, the sign bit inverted always.
func appendDecimal(dst []byte, c *cursor, precision, scale int) []byte {
	whole := precision - scale
	size := whole/9*4 + digitBytes[whole%9] + scale/9*4 + digitBytes[scale%9]
	var buf [40]byte
	packed := buf[:copy(buf[:], c.take(size))]
	if len(packed) == 0 {
		return dst
	}
	if packed[0]&0x80 == 0 {
		dst = append(dst, '-')
		for i := range packed {
			packed[i] = ^packed[i]
		}
	}
	packed[0] ^= 0x80
	in := cursor{data: packed}
	start := len(dst)
	group := func(digits int) {
		if digits == 0 {
			return
		}
		var text [10]byte
		s := strconv.AppendUint(text[:0], in.big(digitBytes[digits]), 10)
		for range digits - len(s) {
			dst = append(dst, '0')
		}
		dst = append(dst, s...)
	}
	group(whole % 9)
	for range whole / 9 {
		group(9)
	}
	dst = withoutZeros(dst, start)
	if scale > 0 {
		dst = append(dst, '.')
	}
	for range scale / 9 {
		group(9)
	}
	group(scale % 9)
	return dst
}

// withoutZeros strips leading zeros of the number that begins at start, but for one.
func withoutZeros(dst []byte, start int) []byte {
	i := start
	for i < len(dst)-1 && dst[i] == '0' {
		i++
	}
	if i == len(dst) {
		return append(dst, '0')
	}
	return append(dst[:start], dst[i:]...)
}

// loggedTime reads the temporal types of the binlog.
func loggedTime(t byte, fsp int, c *cursor) cdc.Value {
	switch t {
	case gomysql.MYSQL_TYPE_DATE:
		return cdc.Value{Kind: cdc.KindDate, Num: int64(c.little(3))}
	case gomysql.MYSQL_TYPE_DATETIME: // before 5.6.4: decimal digits YYYYMMDDhhmmss
		n := int(c.little(8))
		d, h := n/1_000_000, n%1_000_000
		return cdc.Value{Kind: cdc.KindDateTime, Num: cdc.PackDateTime(d/10_000, d/100%100, d%100, h/10_000, h/100%100, h%100, 0)}
	case gomysql.MYSQL_TYPE_TIMESTAMP:
		return cdc.Value{Kind: cdc.KindTimestamp, Num: int64(c.little(4)) * 1_000_000}
	case gomysql.MYSQL_TYPE_TIME:
		n := int64(int32(uint32(c.little(3))<<8) >> 8)
		sign := int64(1)
		if n < 0 {
			sign, n = -1, -n
		}
		return cdc.Value{Kind: cdc.KindTime, Num: sign * (n/10_000*3600 + n/100%100*60 + n%100) * 1_000_000}
	case gomysql.MYSQL_TYPE_TIMESTAMP2:
		seconds := int64(c.big(4))
		return cdc.Value{Kind: cdc.KindTimestamp, Num: seconds*1_000_000 + fraction(c, fsp)}
	case gomysql.MYSQL_TYPE_DATETIME2:
		n := int64(c.big(5)) - 1<<39
		ym := n >> 22
		return cdc.Value{Kind: cdc.KindDateTime, Num: cdc.PackDateTime(int(ym/13), int(ym%13), int(n>>17&31),
			int(n>>12&31), int(n>>6&63), int(n&63), int(fraction(c, fsp)))}
	}
	return loggedDuration(fsp, c)
}

func fraction(c *cursor, fsp int) int64 {
	switch fsp {
	case 1, 2:
		return int64(c.byte()) * 10_000
	case 3, 4:
		return int64(binary.BigEndian.Uint16(c.take(2))) * 100
	case 5, 6:
		return int64(c.big(3))
	}
	return 0
}

// loggedDuration reads TIME: hour, minute, second and fraction as one big number with an offset, so that a negative
// one has its fraction counted from the next lower second.
func loggedDuration(fsp int, c *cursor) cdc.Value {
	width := (fsp + 1) / 2
	n := int64(c.big(3+width)) - 1<<(23+8*width)
	sign := int64(1)
	if n < 0 {
		sign, n = -1, -n
	}
	unit := [...]int64{0, 10_000, 100, 1}[width]
	hms := n >> (8 * width)
	us := n & (1<<(8*width) - 1) * unit
	return cdc.Value{Kind: cdc.KindTime, Num: sign * ((hms>>12&1023*3600+hms>>6&63*60+hms&63)*1_000_000 + us)}
}
