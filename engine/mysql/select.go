package mysql

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"sluice/engine/cdc"
	"sluice/engine/snapshot"
)

// selectSQL is the statement that reads one chunk. Bounds are literals that are made of digits and hexadecimal alone:
// a parameter would let the server choose another type for the comparison than the column's.
func selectSQL(q snapshot.Query) (string, error) {
	var b strings.Builder
	b.WriteString("SELECT ")
	for i := range q.Table.Columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(selected(&q.Table.Columns[i]))
	}
	for _, k := range q.Weigh {
		b.WriteString(", " + weightOf(QuoteName(q.Table.Columns[k].Name)))
	}
	b.WriteString(" FROM " + quoteTable(q.Table.TableID))
	where, err := conditions(q)
	if err != nil {
		return "", err
	}
	if len(where) > 0 {
		b.WriteString(" WHERE " + strings.Join(where, " AND "))
	}
	if len(q.Key) > 0 {
		names := make([]string, len(q.Key))
		for i, k := range q.Key {
			names[i] = QuoteName(q.Table.Columns[k].Name)
		}
		b.WriteString(" ORDER BY " + strings.Join(names, ", "))
	}
	if q.Limit > 0 {
		b.WriteString(" LIMIT " + strconv.Itoa(q.Limit))
	}
	return b.String(), nil
}

// selected names a column so that its value comes in the binlog's terms: ENUM and SET as numbers, UUID and INET as bytes. What can't be
// carried was left out of the task, else it would not have started.
func selected(c *cdc.Column) string {
	name := QuoteName(c.Name)
	switch c.Type {
	case cdc.Enum, cdc.Set:
		return "CAST(" + name + " AS UNSIGNED)"
	case cdc.UUID, cdc.Inet4, cdc.Inet6:
		return "CAST(" + name + " AS BINARY(" + strconv.Itoa(c.Type.FixedSize()) + "))"
	case cdc.Unsupported:
		return "NULL"
	}
	return name
}

func conditions(q snapshot.Query) ([]string, error) {
	var where []string
	if q.After != nil {
		c, err := beyond(q.Table, q.Key, q.After, ">", ">")
		if err != nil {
			return nil, err
		}
		where = append(where, c)
	}
	if q.Upto != nil {
		c, err := beyond(q.Table, q.Key, q.Upto, "<", "<=")
		if err != nil {
			return nil, err
		}
		where = append(where, c)
	}
	if strings.TrimSpace(q.Where) != "" {
		where = append(where, "("+q.Where+"\n)") // the line break ends a comment at the filter's end
	}
	return where, nil
}

// beyond compares the key with bound: a > ? OR (a = ? AND (b > ?)), the last column by last.
func beyond(t *cdc.Table, key []int, bound cdc.Row, op, last string) (string, error) {
	if len(bound) != len(key) {
		return "", fmt.Errorf("a bound of %s has %d values for a key of %d columns", t.TableID, len(bound), len(key))
	}
	name := QuoteName(t.Columns[key[0]].Name)
	value, err := literal(&t.Columns[key[0]], bound[0])
	if err != nil {
		return "", err
	}
	strictly, atLast := name+" "+op+" "+value, name+" "+last+" "+value
	if c := &t.Columns[key[0]]; c.Type == cdc.Enum {
		strictly, atLast = enumBeyond(c, bound[0].Num, op), enumBeyond(c, bound[0].Num, last)
		if n := bound[0].Num; n > 0 && strings.TrimSpace(c.Labels[n-1]) != "" { // by a number it would sort the rest
			value = "_utf8mb4 x'" + hex.EncodeToString([]byte(c.Labels[n-1])) + "'"
		}
	}
	if len(key) == 1 {
		return "(" + atLast + ")", nil
	}
	rest, err := beyond(t, key[1:], bound[1:], op, last)
	if err != nil {
		return "", err
	}
	return "(" + strictly + " OR (" + name + " = " + value + " AND " + rest + "))", nil
}

// enumBeyond names all values on that side: the server reads along the key for equal ENUMs only, not for lesser ones.
func enumBeyond(c *cdc.Column, bound int64, op string) string {
	from, to := bound+1, int64(len(c.Labels))
	if op[0] == '<' {
		from, to = 0, bound-1
	}
	if op == "<=" {
		to = bound
	}
	if from > to {
		return "FALSE"
	}
	list := strconv.AppendInt(nil, from, 10)
	for n := from + 1; n <= to; n++ {
		list = strconv.AppendInt(append(list, ','), n, 10)
	}
	return QuoteName(c.Name) + " IN (" + string(list) + ")"
}

// literal writes a key value so that the server compares it as a value of the column's type.
func literal(c *cdc.Column, v cdc.Value) (string, error) {
	switch v.Kind {
	case cdc.KindInt, cdc.KindYear, cdc.KindEnum: // compared with a number, an ENUM is its number
		return strconv.FormatInt(v.Num, 10), nil
	case cdc.KindUint:
		return strconv.FormatUint(uint64(v.Num), 10), nil
	case cdc.KindDecimal:
		return string(v.Bytes), nil
	case cdc.KindDate:
		y, m, d := cdc.UnpackDate(v.Num)
		return fmt.Sprintf("DATE'%04d-%02d-%02d'", y, m, d), nil
	case cdc.KindDateTime:
		return "TIMESTAMP'" + dateTimeText(v.Num) + "'", nil
	case cdc.KindTimestamp:
		packed := int64(0)
		if v.Num != 0 {
			packed = packTimestamp(v.Num)
		}
		return "TIMESTAMP'" + dateTimeText(packed) + "'", nil
	case cdc.KindTime:
		return "TIME'" + timeText(v.Num) + "'", nil
	case cdc.KindBytes:
		return "x'" + hex.EncodeToString(v.Bytes) + "'", nil
	case cdc.KindText:
		return "_" + c.Charset + " x'" + hex.EncodeToString(v.Bytes) + "'", nil
	}
	return "", fmt.Errorf("column %s holds a value of kind %d, which cannot bound a chunk", c.Name, v.Kind)
}

func dateTimeText(packed int64) string {
	y, mo, d, h, mi, s, us := cdc.UnpackDateTime(packed)
	return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d", y, mo, d, h, mi, s, us)
}

func timeText(us int64) string {
	sign := ""
	if us < 0 {
		sign, us = "-", -us
	}
	return fmt.Sprintf("%s%02d:%02d:%02d.%06d", sign, us/3_600_000_000, us/60_000_000%60, us/1_000_000%60, us%1_000_000)
}
