package oracle

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// flat is a message of Canal JSON, as far as the oracle looks at it.
type flat struct {
	Sluice                     struct{ ID, Op, Pos string }
	Database, Table, SQL, Type string
	Data, Old                  []json.RawMessage
	MySQLType                  map[string]string
	SQLType                    map[string]int64
	PKNames                    []string
	ES                         int64
}

var flatTypes = map[Op]string{OpInit: "INSERT", OpInsert: "INSERT", OpUpdate: "UPDATE", OpDelete: "DELETE", OpHeartbeat: "CREATE"}

// decodeFlat reads a message value of Canal JSON.
func (m *message) decodeFlat(value []byte) error {
	var f flat
	if err := json.Unmarshal(value, &f); err != nil {
		return err
	}
	*m = message{fields: m.fields[:0], before: m.before[:0], after: m.after[:0], otherOp: -1, flat: true}
	m.time, m.pos, m.identity, m.sql = f.ES/1000, []byte(f.Sluice.Pos), []byte(f.Sluice.ID), []byte(f.SQL)
	m.otherOp = 99
	for _, op := range operations {
		if op.String() == f.Sluice.Op {
			m.op, m.otherOp = op, -1
		}
	}
	if want := flatTypes[m.op]; m.otherOp >= 0 || want != "" && f.Type != want {
		return fmt.Errorf("operation %q of type %q", f.Sluice.Op, f.Type)
	}
	m.object = []byte(strings.ReplaceAll(f.Database, ".", `\u002E`))
	if m.op == OpDDL || m.op == OpHeartbeat {
		return nil
	}
	m.object = append(append(m.object, '.'), strings.ReplaceAll(f.Table, ".", `\u002E`)...)
	if f.PKNames != nil {
		info, err := json.Marshal(map[string][]string{"PRIMARY": f.PKNames})
		if err != nil {
			return err
		}
		m.keyInfo = info
	}
	if len(f.Data) != 1 || (len(f.Old) == 1) != (m.op == OpUpdate) {
		return fmt.Errorf("%s with %d rows and %d old ones", m.op, len(f.Data), len(f.Old))
	}
	row, err := m.flatRow(&f, f.Data[0], nil)
	if err != nil {
		return err
	}
	switch m.op {
	case OpDelete:
		m.before, m.hasBefore = row, true
		return nil
	case OpUpdate:
		if m.before, err = m.flatRow(&f, f.Old[0], row); err != nil {
			return err
		}
		m.hasBefore = true
	}
	m.after, m.hasAfter = row, true
	return nil
}

// flatRow gives the cells of an object: all columns, or, over another row, those that it has in place of that row's.
func (m *message) flatRow(f *flat, text []byte, over []cell) ([]cell, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	row := append([]cell(nil), over...)
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		var v *string
		if err := d.Decode(&v); err != nil {
			return nil, err
		}
		column, _ := name.(string)
		c, err := flatCell(f.MySQLType[column], v)
		if err != nil {
			return nil, fmt.Errorf("column %s: %w", column, err)
		}
		if over == nil {
			m.fields = append(m.fields, field{column, f.SQLType[column]})
			row = append(row, c)
			continue
		}
		at := -1
		for i := range m.fields {
			if m.fields[i].name == column {
				at = i
			}
		}
		if at < 0 {
			return nil, fmt.Errorf("old has column %s, data has not", column)
		}
		row[at] = c
	}
	return row, nil
}

func flatCell(declared string, v *string) (cell, error) {
	if v == nil {
		return nil, nil
	}
	base, _, _ := strings.Cut(strings.ToLower(declared), "(")
	base, _, _ = strings.Cut(base, " ")
	k, known := kinds[base]
	if !known {
		return nil, fmt.Errorf("type %q", declared)
	}
	text := cell(*v)
	switch k {
	case kindFloat:
		return floatCell(text, 32)
	case kindDouble:
		return floatCell(text, 64)
	case kindDateTime, kindTime:
		return trimFraction(text), nil
	case kindTimestamp:
		if strings.HasPrefix(*v, "0000-00-00") {
			return secondsCell(0, 0), nil
		}
		at, err := time.Parse("2006-01-02 15:04:05.999999", *v)
		return secondsCell(at.Unix(), int64(at.Nanosecond()/1000)), err
	case kindBytes:
		out := cell{}
		for _, r := range *v {
			if r > 0xff {
				return nil, fmt.Errorf("%q among bytes", r)
			}
			out = append(out, byte(r))
		}
		return out, nil
	case kindJSON:
		return jsonCell(text)
	}
	return append(cell{}, text...), nil
}
