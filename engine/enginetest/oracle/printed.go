package oracle

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strconv"
)

// logged reads a value as mysqlbinlog or mariadb-binlog -v prints it. The cell may share raw's memory.
func (c *column) logged(raw []byte, flavor string) (cell, error) {
	if string(raw) == "NULL" {
		return nil, nil
	}
	switch c.kind {
	case kindInt:
		front, _, _ := bytes.Cut(raw, []byte(" "))
		return front, nil
	case kindUint:
		// A number with the high bit is printed signed, then unsigned in parentheses.
		if _, in, ok := bytes.Cut(raw, []byte(" (")); ok {
			return bytes.TrimSuffix(in, []byte(")")), nil
		}
		return raw, nil
	case kindDecimal:
		return raw, nil
	case kindTimestamp:
		return trimFraction(raw), nil
	case kindFloat:
		return floatCell(raw, 32)
	case kindDouble:
		return floatCell(raw, 64)
	case kindEnum:
		n, err := strconv.Atoi(string(raw))
		if err != nil || n > len(c.labels) {
			return nil, fmt.Errorf("ENUM index %q", raw)
		}
		if n == 0 {
			return cell{}, nil
		}
		return cell(c.labels[n-1]), nil
	}
	return c.loggedQuoted(raw, flavor)
}

func (c *column) loggedQuoted(raw []byte, flavor string) (cell, error) {
	bit := len(raw) > 0 && raw[0] == 'b'
	if bit {
		raw = raw[1:]
	}
	if len(raw) < 2 || raw[0] != '\'' || raw[len(raw)-1] != '\'' {
		return nil, fmt.Errorf("%q is not quoted", raw)
	}
	raw = raw[1 : len(raw)-1]
	switch c.kind {
	case kindBit:
		return bitCell(raw)
	case kindSet:
		n, err := strconv.ParseUint(string(raw), 2, 64)
		if err != nil {
			return nil, err
		}
		return setCell(n, c.labels)
	case kindDate:
		return bytes.ReplaceAll(raw, []byte(":"), []byte("-")), nil // mysqlbinlog prints 2020:01:02
	case kindDateTime, kindTime:
		return trimFraction(raw), nil
	}
	text, err := unescape(raw, flavor)
	if err != nil {
		return nil, err
	}
	switch c.kind {
	case kindText:
		return textCell(text, c.charset)
	case kindBytes:
		for len(text) < c.pad {
			text = append(text, 0)
		}
		return text, nil
	case kindJSON:
		return jsonCell(text)
	}
	return nil, fmt.Errorf("column %s: type is not read by the oracle", c.name)
}

// unescape undoes what the tools do to bytes below 0x20; mysqlbinlog also escapes quotes and backslashes, while with
// mariadb-binlog a backslash before x and two digits is ambiguous, so workloads keep it out.
func unescape(raw []byte, flavor string) (cell, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return raw, nil
	}
	out := make(cell, 0, len(raw)+8)
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		if i+3 < len(raw) && raw[i+1] == 'x' {
			if b, err := hex.DecodeString(string(raw[i+2 : i+4])); err == nil {
				out, i = append(out, b[0]), i+3
				continue
			}
		}
		if flavor == "mariadb" {
			out = append(out, '\\')
			continue
		}
		i++
		if i >= len(raw) {
			return nil, fmt.Errorf("text ends in a backslash")
		}
		at := bytes.IndexByte([]byte(`nrtbfva0\'"`), raw[i])
		if at < 0 {
			return nil, fmt.Errorf("escape \\%c", raw[i])
		}
		out = append(out, "\n\r\t\b\f\v\a\x00\\'\""[at])
	}
	return out, nil
}

// expression is how the table reader SELECTs the column, and selected reads what the client prints for it.
func (c *column) expression() string {
	name := "`" + c.name + "`"
	switch c.kind {
	case kindFloat:
		return "CAST(" + name + " AS DOUBLE)"
	case kindBit:
		return "CAST(" + name + " AS UNSIGNED)"
	case kindTimestamp:
		return "UNIX_TIMESTAMP(" + name + ")"
	case kindText, kindEnum, kindSet:
		return "HEX(CONVERT(" + name + " USING utf8mb4))"
	case kindJSON:
		return "HEX(CAST(" + name + " AS CHAR CHARACTER SET utf8mb4))"
	case kindBytes:
		return "HEX(" + name + ")"
	}
	return name
}

func (c *column) selected(raw []byte) (cell, error) {
	if string(raw) == "NULL" {
		return nil, nil
	}
	switch c.kind {
	case kindFloat:
		return floatCell(raw, 32)
	case kindDouble:
		return floatCell(raw, 64)
	case kindTimestamp, kindDateTime, kindTime:
		return trimFraction(append(cell{}, raw...)), nil
	case kindText, kindEnum, kindSet, kindBytes, kindJSON:
		text := make(cell, hex.DecodedLen(len(raw)))
		if _, err := hex.Decode(text, raw); err != nil {
			return nil, err
		}
		if c.kind == kindJSON {
			return jsonCell(text)
		}
		return text, nil
	}
	return append(cell{}, bytes.TrimLeft(raw, " ")...), nil
}
