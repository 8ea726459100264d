package schema

import (
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// A definition that was read when the task began, behind statements that the task is still to read.
func TestLater(t *testing.T) {
	t.Parallel()
	later := func() *History {
		h := New()
		h.Baseline(item(), at(500))
		h.Later(id("item"), at(300), "ALTER TABLE item ADD first int")
		return h
	}
	m := &cdc.TableMap{TableID: id("item"), Columns: []cdc.MapColumn{{Type: typeLongLong, Signs: true, Unsigned: true}, {Type: typeLong, Nullable: true}, {Type: typeVarChar, Meta: 80, Nullable: true}}}
	h := later()
	if _, err := h.Resolve(m); task.Code(err) != "source.schema_unknown" || !strings.Contains(err.Error(), "ADD first int") || !h.IsLater(id("item")) {
		t.Errorf("before the statement: %v", err)
	}
	if got := apply(t, h, 100, "ALTER TABLE item ADD first int"); got != "alter item unknown gone" {
		t.Errorf("the first statement: %s", got)
	}
	saved := h.Versions()
	loaded := New()
	loaded.Load(saved, at(100), at(100))
	for _, h := range []*History{h, loaded} {
		if got := apply(t, h, 200, "DROP TABLE item"); got != "drop item gone" {
			t.Errorf("dropped: %s", got)
		}
		if got := apply(t, h, 250, "CREATE TABLE item (id int)"); !strings.HasPrefix(got, "create item item") || h.IsLater(id("item")) {
			t.Errorf("made anew: %s", got)
		}
		if got := apply(t, h, 300, "ALTER TABLE item FROBNICATE"); got != "alter item item" {
			t.Errorf("the last statement: %s", got)
		}
		if tab, err := h.Resolve(m); err != nil || Diff(tab, item()) != "" {
			t.Errorf("behind it: %v %v", tab, err)
		}
	}
	after := New()
	after.Load(saved, at(300), at(300))
	if tab := after.Current(id("item")); Diff(tab, item()) != "" {
		t.Errorf("loaded behind the last statement: %v", tab)
	}
}

func TestMapFillsIn(t *testing.T) {
	t.Parallel()
	h := New()
	if _, err := h.OnDDL(at(100), cdc.MySQL, "app", "CREATE TABLE made (a varchar(5), b text, c char(3) charset latin1, d int unsigned, e enum('x'))"); err != nil {
		t.Fatal(err)
	}
	m := func() *cdc.TableMap {
		return &cdc.TableMap{TableID: id("made"), Columns: []cdc.MapColumn{{Type: typeVarChar, Meta: 20, Nullable: true, Charset: "utf8mb4", Collation: "utf8mb4_bin"},
			{Type: typeBlob, Meta: 2, Nullable: true, Charset: "binary", Collation: "binary"}, {Type: typeString, Meta: 3, Nullable: true, Charset: "latin1", Collation: "latin1_bin"},
			{Type: typeLong, Nullable: true, Signs: true, Unsigned: true}, {Type: typeEnum, Meta: typeEnum<<8 | 1, Nullable: true}}}
	}
	silent, sign, charset := m(), m(), m()
	silent.Columns[0].Charset = ""
	sign.Columns[3].Unsigned = false
	charset.Columns[2].Charset = "gbk"
	for code, m := range map[string]*cdc.TableMap{"source.schema_unknown": silent} {
		if _, err := h.Resolve(m); task.Code(err) != code {
			t.Errorf("want %s, got %v", code, err)
		}
	}
	tab, err := h.Resolve(m())
	if err != nil {
		t.Fatal(err)
	}
	if a, b, c := tab.Columns[0], tab.Columns[1], tab.Columns[2]; a.Collation != "utf8mb4_bin" || b.Type != cdc.Blob || c.Collation != "latin1_swedish_ci" {
		t.Errorf("%+v", tab.Columns)
	}
	for what, m := range map[string]*cdc.TableMap{"unsigned: false": sign, "charset gbk": charset} {
		if _, err := h.Resolve(m); task.Code(err) != "source.schema_mismatch" || !strings.Contains(err.Error(), what) {
			t.Errorf("want %s, got %v", what, err)
		}
	}
}
