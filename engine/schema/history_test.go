package schema

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

func at(n uint64) cdc.Position { return cdc.Position{File: 1, Offset: n} }

func id(name string) cdc.TableID { return cdc.TableID{Schema: "app", Name: name} }

// apply runs a statement at a position and writes its changes in words.
func apply(t *testing.T, h *History, n uint64, sql string) string {
	t.Helper()
	changes, err := h.OnDDL(at(n), cdc.MySQL, "app", sql)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, c := range changes {
		s := c.Kind.String() + " " + c.Table.Name
		for word, is := range map[string]bool{" unknown": c.Unknown, " past": c.Past, " temporary": c.Temporary} {
			if is {
				s += word
			}
		}
		switch {
		case c.New == nil:
			s += " gone"
		case c.New == c.Old:
			s += " same"
		default:
			s += " " + c.New.Name
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func history() *History {
	h := New()
	h.Baseline(item(), at(100))
	return h
}

func TestHistory(t *testing.T) {
	t.Parallel()
	type step struct {
		at   uint64
		sql  string
		want string
	}
	for name, c := range map[string]struct {
		steps []step
		end   string // names and versions of the tables held in the end, "?" for unknown
	}{
		"alter": {[]step{{110, "ALTER TABLE item ADD x int", "alter item item"}, {120, "ALTER TABLE item ADD KEY (x)", "alter item same"}}, "item:2"},
		"before the baseline": {[]step{{100, "ALTER TABLE item ADD x int", "alter item past same"}, {90, "DROP TABLE item", "drop item past same"},
			{95, "DROP DATABASE app", "drop database  gone"}}, "item:1"},
		"unknown": {[]step{{110, "ALTER TABLE item ADD p xmltype", "alter item unknown gone"}, {120, "ALTER TABLE item ADD x int", "alter item unknown gone"}}, "item:?"},
		"unknown, dropped, made": {[]step{{110, "ALTER TABLE item ADD p xmltype", "alter item unknown gone"}, {120, "DROP TABLE item", "drop item gone"},
			{130, "CREATE TABLE IF NOT EXISTS item (a int)", "create item item"}}, "item:2"},
		"never seen":         {[]step{{110, "ALTER TABLE x ADD a int", "alter x unknown gone"}, {120, "TRUNCATE y", "truncate y unknown gone"}, {130, "CREATE TABLE IF NOT EXISTS z (a int)", "create z unknown gone"}}, "item:1 x:? z:?"},
		"truncate":           {[]step{{110, "TRUNCATE item", "truncate item same"}}, "item:1"},
		"chain":              {[]step{{105, "CREATE TABLE b (a int)", "create b b"}, {110, "RENAME TABLE item TO c, b TO item, c TO b", "rename item c, rename b item, rename c b"}}, "b:3 item:2"},
		"online change":      {[]step{{110, "CREATE TABLE _item_gho LIKE item", "create _item_gho _item_gho"}, {120, "ALTER TABLE _item_gho ADD x int", "alter _item_gho _item_gho"}, {130, "RENAME TABLE item TO _item_del, _item_gho TO item", "rename item _item_del, rename _item_gho item"}}, "_item_del:2 item:3"},
		"alter and rename":   {[]step{{110, "ALTER TABLE item ADD x int, RENAME TO b", "alter item item, rename item b"}}, "b:3"},
		"unknown renamed in": {[]step{{110, "RENAME TABLE item TO old, new TO item", "rename item old, rename new unknown gone"}}, "item:? old:2"},
		"temporary":          {[]step{{110, "CREATE TEMPORARY TABLE item (a int)", "create item temporary gone"}, {120, "DROP TEMPORARY TABLE item", "drop item temporary gone"}}, "item:1"},
		"database":           {[]step{{105, "CREATE TABLE b (a int)", "create b b"}, {110, "DROP DATABASE app", "drop database  gone, drop b gone, drop item gone"}}, ""},
		"exchange":           {[]step{{105, "CREATE TABLE b LIKE item", "create b b"}, {110, "ALTER TABLE item EXCHANGE PARTITION p WITH TABLE b", "alter item same, alter b same"}}, "b:1 item:1"},
		"other":              {[]step{{110, "CREATE DATABASE x", "create database  gone"}, {120, "GRANT ALL ON *.* TO u", ""}}, "item:1"},
	} {
		h := history()
		for _, s := range c.steps {
			if got := apply(t, h, s.at, s.sql); got != s.want {
				t.Errorf("%s: %s: %q, want %q", name, s.sql, got, s.want)
			}
		}
		if got := held(h); got != c.end {
			t.Errorf("%s: holds %q, want %q", name, got, c.end)
		}
		if got := held(reload(t, h)); got != c.end {
			t.Errorf("%s: loaded again it holds %q, want %q", name, got, c.end)
		}
	}
}

func held(h *History) string {
	var out []string
	for _, name := range []string{"_item_del", "_item_gho", "b", "c", "item", "old", "x", "y", "z"} {
		if e := h.tables[id(name)]; e != nil && e.unknown {
			out = append(out, name+":?")
		} else if t := h.Current(id(name)); t != nil {
			out = append(out, name+":"+string(rune('0'+t.Version)))
			if t.TableID != id(name) {
				out = append(out, "wrong name "+t.TableID.String())
			}
		}
	}
	return strings.Join(out, " ")
}

// reload saves all versions as JSON and loads them at the end.
func reload(t *testing.T, h *History) *History {
	t.Helper()
	text, err := json.Marshal(h.Versions())
	if err != nil {
		t.Fatal(err)
	}
	var versions []Version
	if err := json.Unmarshal(text, &versions); err != nil {
		t.Fatal(err)
	}
	again := New()
	again.Load(versions, at(1000), at(1000))
	return again
}

func TestLoadAtPosition(t *testing.T) {
	t.Parallel()
	h := history()
	apply(t, h, 110, "ALTER TABLE item ADD x int")
	apply(t, h, 120, "ALTER TABLE item ADD y int")
	apply(t, h, 130, "DROP TABLE item")
	versions := h.Versions()
	if len(versions) != 4 || len(h.Versions()) != 0 {
		t.Fatalf("versions %+v", versions)
	}
	if v := versions[1]; v.How != HowDDL || v.At != at(110) || v.Create != "ALTER TABLE item ADD x int" {
		t.Errorf("version %+v", v)
	}
	for n, want := range map[uint64]int{99: 0, 100: 1, 109: 1, 110: 2, 125: 3, 130: 0} {
		again := New()
		again.Load(versions, at(n), at(n))
		got := 0
		if tab := again.Current(id("item")); tab != nil {
			got = tab.Version
		}
		if got != want {
			t.Errorf("at %d version %d, want %d", n, got, want)
		}
	}
	again := New()
	again.Load(versions, at(130), at(130))
	if apply(t, again, 140, "CREATE TABLE item (a int)"); again.Current(id("item")).Version != 4 {
		t.Errorf("made again as version %d, want 4", again.Current(id("item")).Version)
	}
}

func TestBaseline(t *testing.T) {
	t.Parallel()
	h := history()
	first := h.Current(id("item"))
	again := item()
	again.Charset, again.Collation = "", "" // not known to the reader
	if got := h.Baseline(again, at(200)); got != first {
		t.Errorf("the same definition became version %d", got.Version)
	}
	if got := apply(t, h, 150, "ALTER TABLE item ADD x int"); got != "alter item past same" {
		t.Errorf("a statement before the second baseline: %s", got)
	}
	again.Columns[1].Type = cdc.BigInt
	if got := h.Baseline(again, at(300)); got.Version != 2 || again.Version != 0 {
		t.Errorf("another definition became version %d", got.Version)
	}
	apply(t, h, 310, "ALTER TABLE item ADD p xmltype")
	if h.Current(id("item")) != nil {
		t.Error("an unknown definition is still current")
	}
	if got := h.Baseline(again, at(320)); got.Version != 3 || h.Current(id("item")) != got {
		t.Errorf("read after an unknown statement: %+v", got)
	}
}

func TestLowerCaseNames(t *testing.T) {
	t.Parallel()
	h := history()
	h.Lower = true
	if got := apply(t, h, 110, "ALTER TABLE APP.Item ADD x int"); got != "alter item item" {
		t.Error(got)
	}
	if got := apply(t, h, 120, "CREATE TABLE B LIKE ITEM"); got != "create b b" || h.Current(id("b")) == nil {
		t.Error(got)
	}
}

// minimal is the table map of a definition without names.
func minimal(t *cdc.Table) *cdc.TableMap {
	m := &cdc.TableMap{TableID: t.TableID}
	for _, c := range t.Columns {
		p := cdc.MapColumn{Nullable: c.Nullable}
		switch c.Type {
		case cdc.Int:
			p.Type = typeLong
		case cdc.BigInt:
			p.Type = typeLongLong
		case cdc.VarChar:
			p.Type, p.Meta = typeVarChar, uint16(byteLength(&c))
		case cdc.Timestamp:
			p.Type, p.Meta = typeTimestamp2, uint16(c.Fsp)
		}
		m.Columns = append(m.Columns, p)
	}
	return m
}

func TestResolveMinimal(t *testing.T) {
	h := history()
	m := minimal(item())
	got, err := h.Resolve(m)
	if err != nil || got != h.Current(id("item")) {
		t.Fatal(got, err)
	}
	if n := testing.AllocsPerRun(10, func() { _, _ = h.Resolve(m) }); n > 0 {
		t.Errorf("%v allocations for the map of the last call", n)
	}
	apply(t, h, 110, "ALTER TABLE item DROP qty")
	for code, c := range map[string]struct {
		m    *cdc.TableMap
		text string
	}{
		"source.schema_mismatch": {m, "3 columns in the binlog, 2 in the definition"},
		"source.table_unknown":   {&cdc.TableMap{TableID: id("other")}, "app.other"},
	} {
		_, err := h.Resolve(c.m)
		var e *task.Error
		if !errors.As(err, &e) || e.Code != code || !strings.Contains(e.Text, c.text) || e.Hint == "" {
			t.Errorf("want %s %q, got %v", code, c.text, err)
		}
	}
	apply(t, h, 120, "ALTER TABLE item ADD p xmltype")
	if _, err := h.Resolve(m); task.Code(err) != "source.schema_unknown" {
		t.Errorf("an unknown definition was used: %v", err)
	}
}

func TestResolveAdoptsNullOfTimestamp(t *testing.T) {
	t.Parallel()
	h := history()
	apply(t, h, 110, "CREATE TABLE b (a int, t timestamp)")
	made := h.Current(id("b"))
	m := minimal(made)
	m.Columns[1].Nullable = false
	got, err := h.Resolve(m)
	if err != nil || got.Columns[1].Nullable || got.Version != 2 || !made.Columns[1].Nullable {
		t.Fatal(got, err)
	}
	m.Columns[0].Nullable = false
	if _, err := h.Resolve(&cdc.TableMap{TableID: m.TableID, Columns: m.Columns}); task.Code(err) != "source.schema_mismatch" {
		t.Errorf("another type's NULL was taken over: %v", err)
	}
}

func TestResolveFull(t *testing.T) {
	t.Parallel()
	h := history()
	full := func(change func(*cdc.Table)) *cdc.TableMap {
		t := clone(item())
		t.Version, t.Uniques, t.Charset, t.Collation = 0, nil, "", ""
		for i := range t.Columns {
			t.Columns[i].Declared = "as the map says"
		}
		change(t)
		return &cdc.TableMap{TableID: t.TableID, Table: t}
	}
	first := h.Current(id("item"))
	if got, err := h.Resolve(full(func(*cdc.Table) {})); err != nil || got != first {
		t.Fatalf("the same definition became %+v, %v", got, err)
	}
	// A statement that was not understood: the map tells.
	apply(t, h, 110, "ALTER TABLE item ADD p xmltype")
	got, err := h.Resolve(full(func(t *cdc.Table) {
		t.Columns = append(t.Columns, cdc.Column{Name: "p", Declared: "unknown", Nullable: true})
	}))
	if err != nil || brief(got) != "app.item(id bigint unsigned not null, qty int, name varchar(20) utf8mb4/utf8mb4_0900_ai_ci, p unknown) key(id) unique uniq(qty, name) utf8mb4" {
		t.Fatal(brief(got), err)
	}
	if got.Version != 2 || h.Current(id("item")) != got {
		t.Errorf("version %d", got.Version)
	}
	// A column gone takes the unique index along; one changed is the map's.
	got, err = h.Resolve(full(func(t *cdc.Table) { t.Columns = t.Columns[:2]; t.Columns[1].Unsigned = true; t.Primary = nil }))
	if err != nil || brief(got) != "app.item(id bigint unsigned not null, qty as the map says) utf8mb4" || got.Version != 3 {
		t.Fatal(brief(got), got.Version, err)
	}
	// A table that was never read.
	made := full(func(t *cdc.Table) { t.Name = "made" })
	made.TableID = made.Table.TableID
	if got, err := h.Resolve(made); err != nil || got.Version != 1 {
		t.Fatal(got, err)
	}
	var how []How
	for _, v := range h.Versions() {
		how = append(how, v.How)
	}
	if want := []How{HowBaseline, HowUnknown, HowMap, HowMap, HowMap}; !reflect.DeepEqual(how, want) {
		t.Errorf("saved %v, want %v", how, want)
	}
}

func TestPhysical(t *testing.T) {
	t.Parallel()
	many := make([]string, 300)
	for _, c := range []struct {
		column cdc.Column
		good   cdc.MapColumn
		bad    cdc.MapColumn
		what   string
	}{
		{cdc.Column{Type: cdc.TinyInt}, cdc.MapColumn{Type: 1}, cdc.MapColumn{Type: 2}, "has type 2"},
		{cdc.Column{Type: cdc.Decimal, Precision: 10, Scale: 2}, cdc.MapColumn{Type: 246, Meta: 10<<8 | 2}, cdc.MapColumn{Type: 246, Meta: 10<<8 | 3}, "scale 3"},
		{cdc.Column{Type: cdc.Decimal, Precision: 10, Scale: 2}, cdc.MapColumn{Type: 246, Meta: 10<<8 | 2}, cdc.MapColumn{Type: 246, Meta: 9<<8 | 2}, "precision 9"},
		{cdc.Column{Type: cdc.Bit, Length: 9}, cdc.MapColumn{Type: 16, Meta: 1<<8 | 1}, cdc.MapColumn{Type: 16, Meta: 1 << 8}, "bits 8"},
		{cdc.Column{Type: cdc.DateTime, Fsp: 3}, cdc.MapColumn{Type: 18, Meta: 3}, cdc.MapColumn{Type: 18}, "fraction digits 0"},
		{cdc.Column{Type: cdc.VarChar, Length: 10, Charset: "utf8mb4"}, cdc.MapColumn{Type: 15, Meta: 40}, cdc.MapColumn{Type: 15, Meta: 30}, "bytes of 30"},
		{cdc.Column{Type: cdc.VarChar, Length: 10, Charset: "unheard"}, cdc.MapColumn{Type: 15, Meta: 40}, cdc.MapColumn{Type: 254, Meta: 40}, "has type 254"},
		{cdc.Column{Type: cdc.Char, Length: 10, Charset: "gbk"}, cdc.MapColumn{Type: 254, Meta: 20}, cdc.MapColumn{Type: 254, Meta: 10}, "bytes of 10"},
		{cdc.Column{Type: cdc.Char, Length: 255, Charset: "utf8mb4"}, cdc.MapColumn{Type: 254, Meta: 1020}, cdc.MapColumn{Type: 254, Meta: 252}, "bytes of 252"},
		{cdc.Column{Type: cdc.Enum, Labels: many}, cdc.MapColumn{Type: 247, Meta: 247<<8 | 2}, cdc.MapColumn{Type: 247, Meta: 247<<8 | 1}, "value size of 1"},
		{cdc.Column{Type: cdc.Set, Labels: many[:33]}, cdc.MapColumn{Type: 248, Meta: 248<<8 | 8}, cdc.MapColumn{Type: 248, Meta: 248<<8 | 5}, "value size of 5"},
		{cdc.Column{Type: cdc.MediumText, Charset: "utf8mb4"}, cdc.MapColumn{Type: 252, Meta: 3}, cdc.MapColumn{Type: 252, Meta: 2}, "length size of 2"},
		{cdc.Column{Type: cdc.JSON}, cdc.MapColumn{Type: 245, Meta: 4}, cdc.MapColumn{Type: 252, Meta: 4}, "has type 252"},
		{cdc.Column{Type: cdc.Int}, cdc.MapColumn{Type: 3}, cdc.MapColumn{Type: 3, Nullable: true}, "is nullable: true"},
	} {
		tab := &cdc.Table{Columns: []cdc.Column{c.column}}
		if _, what := disagree(tab, &cdc.TableMap{Columns: []cdc.MapColumn{c.good}}); what != "" {
			t.Errorf("%+v: %s", c.good, what)
		}
		if _, what := disagree(tab, &cdc.TableMap{Columns: []cdc.MapColumn{c.bad}}); !strings.Contains(what, c.what) {
			t.Errorf("%+v: %q, want %q", c.bad, what, c.what)
		}
	}
}
