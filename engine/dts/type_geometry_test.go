package dts

import (
	"maps"
	"reflect"
	"testing"

	"sluice/engine/cdc"
)

func TestGeometry(t *testing.T) {
	table := &cdc.Table{TableID: cdc.TableID{Schema: "d", Name: "t"}, Columns: []cdc.Column{{Name: "a", Type: cdc.Geometry}, {Name: "b", Type: cdc.Geometry}}}
	shape := func(srid, shape byte) cdc.Value {
		return cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{srid, 0x10, 0, 0, 1, shape}}
	}
	none := cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{0, 0, 0, 0, 1, 9}}
	codec := New(Options{})
	for _, c := range []struct {
		before, after cdc.Row
		want          map[string]string
	}{
		{cdc.Row{shape(0xe6, 1), {}}, cdc.Row{none, shape(0xe7, 2)}, map[string]string{"before_srid.a": "4326", "after_srid.other": "4327"}},
		{cdc.Row{none, shape(0xe6, 1)}, cdc.Row{shape(0xe7, 2), shape(0xe8, 3)}, map[string]string{"after_srid.a": "4327", "before_srid.other": "4326", "after_srid.other": "4328"}},
		{cdc.Row{{}, none}, cdc.Row{none, {}}, map[string]string{}},
	} {
		r := &cdc.Record{Op: cdc.Update, Object: "d.t", Table: table, Names: []string{"a", "other"}, Columns: []int{0, 1}, Before: c.before, After: c.after}
		value, err := codec.Encode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		native, err := decodeNative(value)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for name, v := range native["tags"].(map[string]any) {
			got[name] = v.(string)
		}
		maps.DeleteFunc(got, func(name, _ string) bool {
			return name == identityTag || name == "readerThroughoutTime" || name == "metaVersion"
		})
		if !maps.Equal(got, c.want) {
			t.Errorf("tags %v, want %v", got, c.want)
		}
		if n := testing.AllocsPerRun(100, func() { value, _ = codec.Encode(value[:0], r) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
	value, number, err := encodeOne(t, cdc.Column{Type: cdc.Geometry}, shape(0xe6, 7))
	want := object("BinaryGeometry", "type", "geometry", "value", []byte{1, 7})
	if err != nil || number != 255 || !reflect.DeepEqual(value, want) {
		t.Errorf("%v %d %v, want %v", err, number, value, want)
	}
}
