package mysql

import (
	"testing"

	gomysql "github.com/go-mysql-org/go-mysql/mysql"

	"sluice/engine/cdc"
)

// TestLeftOut: a column whose type is not carried is stepped over, so that the column behind it is read right.
func TestLeftOut(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		mapped cdc.MapColumn
		logged []byte
	}{
		"geometry":                 {cdc.MapColumn{Type: gomysql.MYSQL_TYPE_GEOMETRY, Meta: 4}, []byte{3, 0, 0, 0, 'a', 'b', 'c'}},
		"enum":                     {cdc.MapColumn{Type: gomysql.MYSQL_TYPE_ENUM, Meta: 2}, []byte{9, 1}},
		"set":                      {cdc.MapColumn{Type: gomysql.MYSQL_TYPE_SET, Meta: 3}, []byte{9, 1, 1}},
		"uuid":                     {cdc.MapColumn{Type: gomysql.MYSQL_TYPE_STRING, Meta: 16}, []byte{2, 'a', 'b'}},
		"compressed varchar":       {cdc.MapColumn{Type: typeCompressedVarchar, Meta: 80}, []byte{2, 'a', 'b'}},
		"compressed, long varchar": {cdc.MapColumn{Type: typeCompressedVarchar, Meta: 1200}, []byte{2, 0, 'a', 'b'}},
		"compressed text":          {cdc.MapColumn{Type: typeCompressedBlob, Meta: 2}, []byte{2, 0, 'a', 'b'}},
	} {
		m := &tableMap{plans: map[*cdc.Table]*plan{}}
		m.Columns = []cdc.MapColumn{c.mapped, {Type: gomysql.MYSQL_TYPE_TINY}}
		p, err := m.plan(&cdc.Table{Columns: []cdc.Column{{Name: "odd"}, {Name: "n", Type: cdc.TinyInt}}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		row, in := make(cdc.Row, 2), &cursor{data: append(append([]byte{0}, c.logged...), 42)}
		if err := p.image(row, in); err != nil || row[0].Kind != (cdc.Value{}).Kind || row[1].Num != 42 || len(in.data) != 0 {
			t.Errorf("%s: %+v, %d bytes left, %v", name, row, len(in.data), err)
		}
	}
}
