package mysql

import (
	"encoding/binary"
	"fmt"
	"math"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// result reads the rows of one statement by the binary protocol, straight from the packets: the library's own decoder
// allocates for every date and copies every string. Values are valid until the next row.
type result struct {
	conn   *conn
	table  *cdc.Table
	types  []byte // MYSQL_TYPE_* as the server sends the columns
	labels []labelSet
	row    cdc.Row
	pads   [][]byte // of the weights that follow the table's columns
	packet []byte
	spare  []byte // holds decimals that the server wrote with leading zeros
}

func newResult(c *conn, t *cdc.Table) *result {
	r := &result{conn: c, table: t, row: make(cdc.Row, len(t.Columns)), labels: make([]labelSet, len(t.Columns))}
	for i := range t.Columns {
		r.labels[i].labels = t.Columns[i].Labels
	}
	return r
}

// read runs the statement and calls each for every row.
func (r *result) read(sql string, each func(cdc.Row) error) (int, error) {
	statement, err := r.conn.Prepare(sql)
	if err != nil {
		r.conn.note(err)
		return 0, err
	}
	n, err := r.execute(statement.ID, each)
	if !r.conn.broken {
		r.conn.note(statement.Close())
	}
	return n, err
}

func (r *result) execute(id uint32, each func(cdc.Row) error) (int, error) {
	c := r.conn
	// Four bytes for the packet header, the command, the statement, no cursor, one iteration.
	command := []byte{0, 0, 0, 0, gomysql.COM_STMT_EXECUTE, byte(id), byte(id >> 8), byte(id >> 16), byte(id >> 24), 0, 1, 0, 0, 0}
	c.ResetSequence()
	c.answer.begin(c.Conn.Conn)
	err := c.WritePacket(command)
	if err == nil {
		err = r.columns()
	}
	if err != nil {
		c.note(err)
		return 0, err
	}
	return r.rows(each)
}

// columns reads the definitions of the result's columns.
func (r *result) columns() error {
	if err := r.next(); err != nil {
		return err
	}
	count, _, _ := gomysql.LengthEncodedInt(r.packet)
	if int(count) != len(r.row) {
		return fmt.Errorf("%w: %d columns where %d were asked for", gomysql.ErrMalformPacket, count, len(r.row))
	}
	for range r.row {
		if err := r.next(); err != nil {
			return err
		}
		var f gomysql.Field
		if err := f.Parse(r.packet); err != nil {
			return err
		}
		r.types = append(r.types, f.Type)
	}
	if err := r.next(); err != nil {
		return err
	}
	if !r.end() {
		return gomysql.ErrMalformPacket
	}
	return nil
}

func (r *result) next() error {
	var err error
	if r.packet, err = r.conn.answer.next(); err != nil {
		return err
	}
	if len(r.packet) == 0 {
		return gomysql.ErrMalformPacket
	}
	if r.packet[0] == gomysql.ERR_HEADER {
		return r.conn.HandleErrorPacket(r.packet)
	}
	return nil
}

func (r *result) end() bool { return r.packet[0] == gomysql.EOF_HEADER && len(r.packet) < 9 }

func (r *result) rows(each func(cdc.Row) error) (int, error) {
	for n := 0; ; n++ {
		if err := r.next(); err != nil {
			r.conn.note(err)
			return n, err
		}
		if r.end() {
			return n, nil
		}
		if err := r.decode(); err != nil {
			r.conn.broken = true
			return n, &undecodable{err}
		}
		if err := each(r.row); err != nil {
			r.conn.broken = true // the rest of the rows is still on its way
			return n, &callersError{err}
		}
	}
}

// decode reads the packet's row into r.row.
func (r *result) decode() error {
	bits := (len(r.row) + 9) / 8
	if len(r.packet) < 1+bits {
		return gomysql.ErrMalformPacket
	}
	nulls, data := r.packet[1:1+bits], cursor{data: r.packet[1+bits:]}
	r.spare = r.spare[:0]
	for i := range r.row {
		if nulls[(i+2)/8]&(1<<((i+2)%8)) != 0 {
			r.row[i] = cdc.Value{}
			continue
		}
		v, err := r.value(i, &data)
		if err == nil && data.short {
			err = gomysql.ErrMalformPacket
		}
		if err != nil {
			return fmt.Errorf("column %s of %s: %w", r.name(i), r.table.TableID, err)
		}
		r.row[i] = v
	}
	return nil
}

func (r *result) value(i int, data *cursor) (cdc.Value, error) {
	if i >= len(r.table.Columns) {
		return r.weight(i-len(r.table.Columns), data.lengthEncoded())
	}
	c := &r.table.Columns[i]
	switch c.Type {
	case cdc.TinyInt, cdc.SmallInt, cdc.MediumInt, cdc.Int, cdc.BigInt:
		return integer(data.wire(r.types[i]), c), nil
	case cdc.Year:
		return cdc.Value{Kind: cdc.KindYear, Num: int64(binary.LittleEndian.Uint16(data.take(2)))}, nil
	case cdc.Float:
		return cdc.Value{Kind: cdc.KindFloat, Num: int64(binary.LittleEndian.Uint32(data.take(4)))}, nil
	case cdc.Double:
		return cdc.Value{Kind: cdc.KindDouble, Num: int64(binary.LittleEndian.Uint64(data.take(8)))}, nil
	case cdc.Enum, cdc.Set:
		return r.labels[i].value(c.Type, uint64(data.wire(r.types[i])))
	case cdc.Date, cdc.DateTime, cdc.Timestamp:
		return temporal(c.Type, data.take(int(data.byte()))), nil
	case cdc.Time:
		return duration(data.take(int(data.byte()))), nil
	}
	return r.stringValue(c, data.lengthEncoded())
}

func (r *result) name(i int) string {
	if n := len(r.table.Columns); i >= n {
		return fmt.Sprintf("%d (a key's weight)", i-n)
	}
	return r.table.Columns[i].Name
}

// weigh makes room for the weights of these columns.
func (r *result) weigh(s *Source, columns []int) error {
	for _, k := range columns {
		c := &r.table.Columns[k]
		pad, err := s.pad(r.conn, c.Charset, c.Collation)
		if err != nil {
			return err
		}
		r.pads = append(r.pads, pad)
	}
	r.row = make(cdc.Row, len(r.table.Columns)+len(columns))
	return nil
}

func (r *result) weight(i int, b []byte) (cdc.Value, error) {
	at := len(r.spare)
	var err error
	r.spare, err = appendSortable(r.spare, b, r.pads[i])
	return cdc.Value{Kind: cdc.KindBytes, Bytes: r.spare[at:len(r.spare):len(r.spare)]}, err
}

// stringValue makes a value of those that travel as a string of bytes.
func (r *result) stringValue(c *cdc.Column, b []byte) (cdc.Value, error) {
	switch {
	case c.Type == cdc.Decimal:
		return cdc.Value{Kind: cdc.KindDecimal, Bytes: plainDecimal(b)}, nil
	case c.Type == cdc.Bit:
		return bitValue(b), nil
	case c.Type == cdc.JSON:
		return cdc.Value{Kind: cdc.KindJSON, Bytes: b}, nil
	case c.Type.IsText():
		return cdc.Value{Kind: cdc.KindText, Bytes: b}, nil
	}
	return cdc.Value{Kind: cdc.KindBytes, Bytes: b}, nil
}

// integer reads a number that was sent in its type's width; high bytes are zero.
func integer(raw int64, c *cdc.Column) cdc.Value {
	if c.Unsigned {
		return cdc.Value{Kind: cdc.KindUint, Num: raw}
	}
	switch c.Type {
	case cdc.TinyInt:
		raw = int64(int8(raw))
	case cdc.SmallInt:
		raw = int64(int16(raw))
	case cdc.MediumInt:
		raw = int64(int32(uint32(raw)<<8) >> 8)
	case cdc.Int:
		raw = int64(int32(raw))
	}
	return cdc.Value{Kind: cdc.KindInt, Num: raw}
}

// temporal reads year, month, day and what follows of the time; missing parts are zero.
func temporal(t cdc.Type, b []byte) cdc.Value {
	var part [11]byte
	copy(part[:], b)
	y, mo, d := int(binary.LittleEndian.Uint16(part[:])), int(part[2]), int(part[3])
	h, mi, s, us := int(part[4]), int(part[5]), int(part[6]), int(binary.LittleEndian.Uint32(part[7:]))
	switch t {
	case cdc.Date:
		return cdc.Value{Kind: cdc.KindDate, Num: cdc.PackDate(y, mo, d)}
	case cdc.Timestamp:
		return cdc.Value{Kind: cdc.KindTimestamp, Num: unixMicros(y, mo, d, h, mi, s, us)}
	}
	return cdc.Value{Kind: cdc.KindDateTime, Num: cdc.PackDateTime(y, mo, d, h, mi, s, us)}
}

// duration reads sign, days, hour, minute, second and microsecond.
func duration(b []byte) cdc.Value {
	var part [12]byte
	copy(part[:], b)
	us := int64(binary.LittleEndian.Uint32(part[1:]))*microsPerDay + int64(part[5])*3_600_000_000 +
		int64(part[6])*60_000_000 + int64(part[7])*1_000_000 + int64(binary.LittleEndian.Uint32(part[8:]))
	if part[0] != 0 {
		us = -us
	}
	return cdc.Value{Kind: cdc.KindTime, Num: us}
}

// plainDecimal strips the zeros that ZEROFILL puts before a number.
func plainDecimal(b []byte) []byte {
	for len(b) > 1 && b[0] == '0' && b[1] != '.' {
		b = b[1:]
	}
	return b
}

// bitValue reads a big-endian bit string.
func bitValue(b []byte) cdc.Value {
	var n uint64
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	return cdc.Value{Kind: cdc.KindUint, Num: int64(n)}
}

// cursor walks through bytes; reading past the end sets short and gives zeros.
type cursor struct {
	data  []byte
	short bool
}

var zeros [math.MaxUint8 + 1]byte

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.data) {
		c.short, c.data = true, nil
		return zeros[:min(max(n, 0), len(zeros))]
	}
	b := c.data[:n:n]
	c.data = c.data[n:]
	return b
}

func (c *cursor) byte() byte { return c.take(1)[0] }

// little reads n bytes, at most 8, as a little-endian number.
func (c *cursor) little(n int) uint64 {
	var v uint64
	for i, b := range c.take(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

// big reads n bytes, at most 8, as a big-endian number.
func (c *cursor) big(n int) uint64 {
	var v uint64
	for _, b := range c.take(n) {
		v = v<<8 | uint64(b)
	}
	return v
}

// wire reads an integer in the width of the protocol's type.
func (c *cursor) wire(t byte) int64 {
	switch t {
	case gomysql.MYSQL_TYPE_TINY:
		return int64(c.byte())
	case gomysql.MYSQL_TYPE_SHORT, gomysql.MYSQL_TYPE_YEAR:
		return int64(binary.LittleEndian.Uint16(c.take(2)))
	case gomysql.MYSQL_TYPE_INT24, gomysql.MYSQL_TYPE_LONG:
		return int64(binary.LittleEndian.Uint32(c.take(4)))
	}
	return int64(binary.LittleEndian.Uint64(c.take(8)))
}

// packed reads MySQL's length-encoded integer.
func (c *cursor) packed() uint64 {
	switch b := c.byte(); b {
	case 0xfc:
		return c.little(2)
	case 0xfd:
		return c.little(3)
	case 0xfe:
		return c.little(8)
	default:
		return uint64(b)
	}
}

func (c *cursor) lengthEncoded() []byte { return c.take(int(c.packed())) }
