package engine

import (
	"fmt"
	"strconv"
	"strings"

	"sluice/engine/cdc"
)

// simCodec writes records as words: identity, operation, table, old key, new key, value, position. It may pad some rows,
// the same ones each time. A dead letter has no value.
type simCodec struct{ pad bool }

// simDead stands for the value of a dead letter.
const simDead = "dead"

type simRecord struct {
	id       string
	op       string
	table    string
	old, new string // keys, "" none
	val      string
	pos      cdc.Position
	columns  int
	sql      string
	dead     bool
}

func (s simCodec) Encode(dst []byte, r *cdc.Record) ([]byte, error) {
	key := func(row cdc.Row) string {
		switch {
		case row == nil:
			return "-"
		case row[0].Kind == cdc.KindText:
			return "k" + string(row[0].Bytes[1:])
		}
		return "k" + strconv.FormatInt(row[0].Num, 10)
	}
	val, columns, sql := "-", 0, r.SQL
	if r.After != nil {
		val = strconv.FormatInt(r.After[1].Num, 10)
	}
	if r.Table != nil {
		columns = len(r.Table.Columns)
		for _, row := range []cdc.Row{r.Before, r.After} {
			if row != nil && len(row) != columns {
				return dst, fmt.Errorf("row of %d values for %d columns", len(row), columns)
			}
			if s.pad && row != nil && row[1].Num%3 == 0 {
				sql = strings.Repeat("x", 150)
			}
		}
	}
	if r.Refused.Limit > 0 {
		if len(r.Columns) != 1 || r.Columns[0] != 0 || r.Refused.Bytes+batchFraming <= r.Refused.Limit {
			return dst, fmt.Errorf("a dead letter of columns %v, %+v", r.Columns, r.Refused)
		}
		val, sql = simDead, ""
	}
	return fmt.Appendf(dst, "%s %s %s %s %s %s %d %d %d %d %s", r.Identity, r.Op, r.Object+".", key(r.Before), key(r.After), val, r.Pos.File, r.Pos.Offset, r.Pos.Turn, columns, sql), nil
}

func (simCodec) Identity(value []byte) (string, cdc.Position, bool) {
	if string(value) == "foreign" {
		return "", cdc.Position{}, false
	}
	r := parseSim(string(value))
	r.pos.Turn = 0 // a record of the real format does not tell
	return r.id, r.pos, true
}

func parseSim(value string) simRecord {
	f := strings.SplitN(value, " ", 11)
	r := simRecord{id: f[0], op: f[1], table: f[2], val: f[5], sql: f[10], dead: f[5] == simDead}
	if f[3] != "-" {
		r.old = f[3]
	}
	if f[4] != "-" {
		r.new = f[4]
	}
	r.pos.File, _ = strconv.ParseUint(f[6], 10, 64)
	r.pos.Offset, _ = strconv.ParseUint(f[7], 10, 64)
	turn, _ := strconv.Atoi(f[8])
	r.pos.Turn = uint32(turn)
	r.columns, _ = strconv.Atoi(f[9])
	return r
}
