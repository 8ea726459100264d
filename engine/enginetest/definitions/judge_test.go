package definitions

import (
	"strings"
	"testing"
	"unicode/utf16"

	"sluice/engine/enginetest/readers"
)

// numbers are the dataTypeNumber of each type.
var numbers = map[string]int{
	"tinyint": 1, "smallint": 2, "mediumint": 9, "int": 3, "bigint": 8, "bit": 16, "decimal": 246, "float": 4, "double": 5,
	"timestamp": 7, "date": 10, "time": 11, "datetime": 12, "year": 13, "char": 254, "varchar": 253, "binary": 254, "varbinary": 253,
	"tinytext": 249, "text": 252, "mediumtext": 250, "longtext": 251, "tinyblob": 249, "blob": 252, "mediumblob": 250, "longblob": 251,
	"enum": 247, "set": 248, "json": 245,
}

// judge holds the messages of a topic, partition by partition, against what must have come, each in its order. It
// gives how many were right.
func judge(t *testing.T, want []wanted, got [][]readers.Record, place func(table string) int) (right int) {
	t.Helper()
	parts := make([][]wanted, len(got))
	for _, w := range want {
		p := place(w.table)
		parts[p] = append(parts[p], w)
	}
	for p, records := range got {
		var rows []readers.Record
		for _, r := range records {
			if r.Operation != "HEARTBEAT" && r.Operation != "INIT" && !strings.Contains(r.Tags["sluice"], "/d0/") {
				rows = append(rows, r)
			}
		}
		for i, w := range parts[p] {
			if i == len(rows) {
				t.Errorf("partition %d ends before %s of %s, %q", p, w.op, w.table, w.step)
				break
			}
			if fault := w.fault(&rows[i]); fault != "" {
				t.Errorf("partition %d, message %d of %d: %s of %s at %s after %q: %s\ngot %s of %s.%s at %s %+v", p, i, len(rows), w.op, w.table, w.pos, w.step, fault,
					rows[i].Operation, rows[i].Database, rows[i].Table, rows[i].SourcePosition, sqlOf(&rows[i]))
				break // all that follow may only be shifted
			}
			right++
		}
		if len(rows) > len(parts[p]) {
			t.Errorf("partition %d holds %d messages too many", p, len(rows)-len(parts[p]))
		}
	}
	return right
}

func sqlOf(r *readers.Record) string {
	if v := r.After["ddl"]; v != nil {
		return v.Text
	}
	return ""
}

// fault says what is wrong with the record, or nothing.
func (w *wanted) fault(r *readers.Record) string {
	switch {
	case r.Operation != w.op:
		return "operation"
	case r.SourcePosition != w.pos || w.safe != "" && r.SafeSourcePosition != w.safe:
		return "position, want " + w.pos + " and " + w.safe
	case w.op == "DDL":
		if r.ObjectName != w.database || sqlOf(r) != w.sql || r.Before != nil {
			return "a statement of " + w.database + ": " + w.sql
		}
		return ""
	case r.Database != home(w.table) || r.Table != strings.TrimPrefix(w.table, "other."):
		return "name"
	case len(r.Fields) != len(w.columns):
		return "number of columns"
	}
	for i, c := range w.columns {
		kind := c.kind
		if f := r.Fields[i]; f.Name != c.name || f.Type != numbers[kind] || f.Primary != c.primary {
			return "column " + c.name + " of type " + c.declared + ", got " + f.Name
		}
	}
	if f := w.values("before", r.Before, w.before); f != "" {
		return f
	}
	return w.values("after", r.After, w.after)
}

func (w *wanted) values(side string, got map[string]*readers.Value, want image) string {
	if (got == nil) != (want == nil) {
		return side + " image"
	}
	for _, c := range w.columns {
		printed, there := want[c.name]
		v := got[c.name]
		if got == nil {
			continue
		}
		if (v != nil) != there {
			return side + " " + c.name + " is NULL, or should be"
		}
		if v == nil {
			continue
		}
		if text, ok := c.form.Equal(v, printed); !ok {
			return side + " " + c.name + " (" + c.declared + ") is " + text + ", the server printed " + printed
		}
	}
	return ""
}

// hashed is the partition of a table by its name.
func hashed(table string, partitions int) int {
	name := table
	if !strings.HasPrefix(table, "other.") {
		name = database + "." + table
	}
	var h int32
	for _, u := range utf16.Encode([]rune(name)) {
		h = 31*h + int32(u)
	}
	return int(h&0x7fffffff) % partitions
}
