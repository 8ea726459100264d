package mysql

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"

	"github.com/go-mysql-org/go-mysql/replication"

	"sluice/engine/cdc"
)

// fuzzCollations knows some of MySQL's collations by number.
func fuzzCollations(id uint64) (collation, error) {
	switch id {
	case 63:
		return collation{name: "binary", charset: "binary", width: 1}, nil
	case 255, 45, 46, 224:
		return collation{name: "utf8mb4_0900_ai_ci", charset: "utf8mb4", width: 4}, nil
	case 8:
		return collation{name: "latin1_swedish_ci", charset: "latin1", width: 1}, nil
	case 28:
		return collation{name: "gbk_chinese_ci", charset: "gbk", width: 2}, nil
	}
	return collation{}, errors.New("an unknown collation")
}

// FuzzRows reads any bytes as a table map and the rows of it: they are refused, or are rows of values that have a text.
func FuzzRows(f *testing.F) {
	f.Fuzz(func(t *testing.T, body, rows []byte, op byte, mariadb bool) {
		flavor := cdc.MySQL
		if mariadb {
			flavor = cdc.MariaDB
		}
		m, err := parseTableMap(body, fuzzCollations, flavor)
		if err != nil || m.Table == nil {
			return
		}
		e := &rowsEvent{table: m, op: cdc.Insert + cdc.Op(op%3), data: rows}
		_ = e.Decode(m.Table, func(before, after cdc.Row) error {
			if (before == nil) != (e.op == cdc.Insert) || (after == nil) != (e.op == cdc.Delete) {
				t.Fatalf("%s with %d and %d values", e.op, len(before), len(after))
			}
			for _, row := range []cdc.Row{before, after} {
				if row != nil && len(row) != len(m.Columns) {
					t.Fatalf("%d values of %d columns", len(row), len(m.Columns))
				}
				for i, v := range row {
					if text := cdc.AppendText(nil, &m.Table.Columns[i], v); !v.Null() && v.Bytes == nil && len(text) == 0 {
						t.Fatalf("%+v of %s has no text", v, m.Table.Columns[i].Declared)
					}
				}
			}
			return nil
		})
	})
}

// FuzzEvents reads any bytes as an event inside a transaction and outside: it is refused, or it is taken.
func FuzzEvents(f *testing.F) {
	for kind := range 256 {
		f.Add(byte(kind), make([]byte, 30), false)
	}
	f.Add(byte(replication.GTID_EVENT), append(append(make([]byte, 25), 2), bytes.Repeat([]byte{255}, 30)...), false)
	f.Add(byte(replication.GTID_TAGGED_LOG_EVENT), []byte("\x02\x76\x00\x00\x02\x02\x25"), false)
	f.Fuzz(func(t *testing.T, kind byte, body []byte, mariadb bool) {
		flavor := cdc.MySQL
		if mariadb {
			flavor = cdc.MariaDB
		}
		for _, inside := range []bool{false, true} {
			tr := newTranslator(flavor, fuzzCollations, func(cdc.Event) error { return nil })
			tr.end, tr.inside = cdc.Position{File: 1, Offset: 1000}, inside
			raw := append(make([]byte, replication.EventHeaderSize), body...)
			raw[4] = kind
			binary.LittleEndian.PutUint32(raw[9:], uint32(len(raw)))
			if err := newFeeder(tr).feed(raw); err == nil && tr.maps != nil {
				tr.inside = true
				raw[4] = byte(replication.UPDATE_ROWS_EVENTv2)
				_ = newFeeder(tr).feed(raw)
			}
		}
	})
}

// FuzzJSON reads any bytes as MySQL's binary JSON: they are refused, or come out as JSON that is not much longer.
func FuzzJSON(f *testing.F) {
	for _, doc := range []string{"", "\x04\x00", "\x05\xff\xff", "\x0c\x03a\"\n", "\x0b\x00\x00\x00\x00\x00\x00\xf8\x3f", "\x0f\xf6\x04\x03\x02\x81\x05",
		"\x00\x01\x00\x0c\x00\x0b\x00\x01\x00\x05\x2a\x00a", "\x02\x02\x00\x0a\x00\x04\x01\x00\x05\x01\x00"} {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		text, err := appendJSON(nil, doc)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("%x gives %q", doc, text)
		}
		if len(text) > 2*textOfJSON(len(doc)) {
			t.Fatalf("%d bytes give %d", len(doc), len(text))
		}
	})
}
