package mysql

import (
	"fmt"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/dts"
	"sluice/engine/enginetest/servers"
	"sluice/engine/task"
)

// TestGeneratedColumns: all servers log generated columns in inserts. MariaDB 11.8 logs none in updates and deletes:
// such rows can be sent without them, and not with them.
func TestGeneratedColumns(t *testing.T) {
	kinds := []servers.Kind{servers.MySQL80, servers.MySQL97, servers.MariaDB1011}
	if *everyServer {
		kinds = append(kinds, servers.MariaDB114, servers.MariaDB118)
	}
	for _, kind := range kinds {
		m := servers.SharedMySQL(t, kind)
		s := open(t, m)
		db, c := database(t, m)
		set, _ := start(t, s)
		run(t, c, "CREATE TABLE g (s INT AS (a * 2) STORED, id INT PRIMARY KEY, a INT, v INT AS (a + 5) VIRTUAL, z VARCHAR(9))",
			"INSERT INTO g (id, a, z) VALUES (1, 2, 'x')", "UPDATE g SET a=3, z=NULL", "DELETE FROM g")
		table, err := s.Table(testContext(t), cdc.TableID{Schema: db, Name: "g"})
		if err != nil {
			t.Fatal(err)
		}
		var seen []string
		for _, e := range follow(t, s, set).until(end(t, s)) {
			if e.Kind != cdc.EventRows || e.Rows.Map().Schema != db {
				continue
			}
			err := e.Rows.Decode(table, func(before, after cdc.Row) error {
				seen = append(seen, fmt.Sprint(e.Rows.Op(), shown(table, before), shown(table, after)))
				record := &cdc.Record{Op: e.Rows.Op(), Object: "d.g", Table: table, Before: before, After: after}
				whole := kind != servers.MariaDB118 || record.Op == cdc.Insert
				if _, err := dts.New(dts.Options{}).Encode(nil, record); (err == nil) != whole || !whole && task.Code(err) != "value.not_logged" {
					t.Errorf("%s: %s of all columns: %v", kind, record.Op, err)
				}
				record.Columns = []int{1, 2, 4}
				_, err := dts.New(dts.Options{}).Encode(nil, record)
				return err
			})
			if err != nil {
				t.Errorf("%s: %v", kind, err)
			}
		}
		want := "[INSERT [] [4 1 2 7 x] UPDATE [4 1 2 7 x] [6 1 3 8 NULL] DELETE [6 1 3 8 NULL] []]"
		if kind == servers.MariaDB118 {
			want = "[INSERT [] [4 1 2 7 x] UPDATE [- 1 2 - x] [- 1 3 - NULL] DELETE [- 1 3 - NULL] []]"
		}
		if got := fmt.Sprint(seen); got != want {
			t.Errorf("%s: %s\nwant %s", kind, got, want)
		}
	}
}

func shown(table *cdc.Table, row cdc.Row) (texts []string) {
	for i, v := range row {
		text := "-"
		if v.Kind != cdc.KindAbsent {
			text = string(cdc.AppendText(nil, &table.Columns[i], v))
		}
		texts = append(texts, text)
	}
	return texts
}

// TestImageWithout reads images in which only the generated column is missing, and refuses others.
func TestImageWithout(t *testing.T) {
	t.Parallel()
	def := &cdc.Table{Columns: []cdc.Column{{Name: "id", Type: cdc.TinyInt}, {Name: "g", Type: cdc.TinyInt, Generated: true}, {Name: "z", Type: cdc.TinyInt, Nullable: true}}}
	event := func(present byte, data ...byte) *rowsEvent {
		m := &tableMap{plans: map[*cdc.Table]*plan{}}
		m.Columns = []cdc.MapColumn{{Type: 1}, {Type: 1}, {Type: 1, Nullable: true}}
		return &rowsEvent{table: m, op: cdc.Delete, data: data, present: [2][]byte{{present}, {present}}}
	}
	rows := 0
	err := event(0b101, 0b00, 7, 8, 0b10, 9).Decode(def, func(before, _ cdc.Row) error {
		rows++
		if before[1].Kind != cdc.KindAbsent || before[0].Num != 7 && before[0].Num != 9 || before[2].Null() != (rows == 2) || rows == 1 && before[2].Num != 8 {
			t.Errorf("row %d is %+v", rows, before)
		}
		return nil
	})
	if err != nil || rows != 2 {
		t.Error(rows, err)
	}
	err = event(0b011, 0, 7, 8).Decode(def, func(_, _ cdc.Row) error { t.Error("a partial row was given"); return nil })
	wantCode(t, err, "source.partial_rows")
	err = event(0b101, 0, 7).Decode(def, func(_, _ cdc.Row) error { t.Error("a short row was given"); return nil })
	wantCode(t, err, "source.definition_mismatch")
}
