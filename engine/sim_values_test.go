package engine

import (
	"fmt"

	"sluice/engine/cdc"
)

// The definitions of the simulated tables and the values of their rows.

// simFilter leaves some values out.
const simFilter = "v NOT IN (2, 5, 6, 9, 11, 12, 14, 17, 18, 20, 21, 23, 24, 27, 30)"

var simHidden = [31]bool{2: true, 5: true, 6: true, 9: true, 11: true, 12: true, 14: true, 17: true, 18: true, 20: true, 21: true, 23: true, 24: true, 27: true, 30: true}

// shown gives a value as the task sees it: 0, absent, where the filter leaves it out.
func (s *simSource) shown(val int) int {
	if s.w.c.filtered && val < len(simHidden) && simHidden[val] {
		return 0
	}
	return val
}

// hasText: table b has a text key where the history says so; its order is known by weights only, or not at all.
func (s *simSource) hasText(table int) bool {
	return s.w.c.textKey && (table == 1 || s.w.c.weighed && s.w.c.weighedBoth)
}

// def is the definition of a table with n added columns.
func (s *simSource) def(table, n int) *cdc.Table {
	t := &cdc.Table{TableID: simIDs[table], Primary: []int{0}}
	id := cdc.Column{Name: "id", Type: cdc.BigInt, Declared: "bigint"}
	if s.hasText(table) {
		id = cdc.Column{Name: "id", Type: cdc.VarChar, Declared: "varchar(20)", Length: 20, Charset: "utf8mb4", Collation: "utf8mb4_0900_ai_ci"}
		if !s.w.c.weighed {
			id.Collation = "utf8mb4_uca1400_as_cs"
		}
	}
	t.Columns = append(t.Columns, id, cdc.Column{Name: "v", Type: cdc.BigInt, Declared: "bigint", Nullable: true})
	for i := range n {
		t.Columns = append(t.Columns, cdc.Column{Name: fmt.Sprintf("x%d", i+1), Type: cdc.BigInt, Declared: "bigint", Nullable: true})
	}
	return t
}

func (s *simSource) tableMap(table, n int) *cdc.TableMap {
	at := [2]int{table, n}
	if m := s.maps[at]; m != nil {
		return m
	}
	def := s.def(table, n)
	m := &cdc.TableMap{TableID: def.TableID}
	for _, c := range def.Columns {
		mc := cdc.MapColumn{Type: 8, Nullable: c.Nullable}
		if c.Type == cdc.VarChar {
			mc = cdc.MapColumn{Type: 15, Meta: 80}
		}
		m.Columns = append(m.Columns, mc)
	}
	if s.w.c.fullMap {
		m.Table = def
	}
	s.maps[at] = m
	return m
}

func (s *simSource) value(key, val, n int) cdc.Row {
	row := make(cdc.Row, 2+n)
	row[0] = s.keyValue(key, val)
	row[1] = cdc.Value{Kind: cdc.KindInt, Num: int64(val)}
	return row
}

// keyValue is the key of a row with this value. Bytes of texts order the other way round than the source does, and an
// UPDATE may change the case of a key, which makes it no other key. Where keys choose partitions it does not: another
// text goes elsewhere.
func (s *simSource) keyValue(key, val int) cdc.Value {
	if s.hasText(simTable(key)) {
		first := 'z' - key
		if s.w.c.zero && val%2 == 1 {
			first += 'A' - 'a'
		}
		return cdc.Value{Kind: cdc.KindText, Bytes: fmt.Appendf(nil, "%c%d", first, key)}
	}
	return cdc.Value{Kind: cdc.KindInt, Num: int64(key)}
}

// keyOf reads what keyValue wrote.
func (s *simSource) keyOf(v cdc.Value) int {
	if v.Kind == cdc.KindText {
		return int(v.Bytes[1] - '0')
	}
	return int(v.Num)
}
