package readers

import (
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/dts"
)

// TestReadersReadDeadLetters has images of the key alone, or of no column where the table has no key.
func TestReadersReadDeadLetters(t *testing.T) {
	table := &cdc.Table{TableID: cdc.TableID{Schema: "shop", Name: "orders"}, Version: 1, Primary: []int{0},
		Columns: []cdc.Column{{Name: "id", Type: cdc.Int, Declared: "int"}, {Name: "note", Type: cdc.LongText, Charset: "utf8mb4", Declared: "longtext"}}}
	keyless := *table
	keyless.Primary = nil
	row := cdc.Row{{Kind: cdc.KindInt, Num: 7}, {Kind: cdc.KindText, Bytes: []byte("too large")}}
	var values [2][][]byte // without and with a key
	for op := cdc.Init; op <= cdc.Delete; op++ {
		for keys, of := range []*cdc.Table{&keyless, table} {
			r := &cdc.Record{ID: 1, Op: op, Time: 1700000000, Pos: cdc.Position{File: 3, Offset: 99}, Object: "shop.orders", Table: of, Columns: []int{}, Identity: []byte("t/1/s/x:0"),
				Before: row, After: row, Born: 1700000000000, Refused: cdc.Refused{Bytes: 1300117, Limit: 1048588}}
			r.Columns = append(r.Columns, of.Primary...)
			value, err := dts.New(dts.Options{ServerVersion: "8.0.33"}).Encode(nil, r)
			if err != nil {
				t.Fatal(err)
			}
			values[keys] = append(values[keys], value)
		}
	}
	// The programs tell an image without columns from none in different ways.
	for keys, read := range [][]Record{Official(t, values[0]), Agree(t, values[1])} {
		for i, got := range read {
			op := cdc.Op(i)
			if got.Error != "" || got.Operation != op.String() || got.Tags["dead_letter"] != `{"bytes":1300117,"limit":1048588}` || len(got.Fields) != keys {
				t.Errorf("%s with %d key columns: %+v", op, keys, got)
			}
			before, after := 0, 0
			if op == cdc.Update || op == cdc.Delete {
				before = keys
			}
			if op != cdc.Delete {
				after = keys
			}
			if len(got.Before) != before || len(got.After) != after || before == 1 && got.Before["id"].Text != "7" || after == 1 && got.After["id"].Text != "7" {
				t.Errorf("%s with %d key columns: images %v and %v", op, keys, got.Before, got.After)
			}
		}
	}
}
