package route

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

func text(s string) cdc.Value { return cdc.Value{Kind: cdc.KindText, Bytes: []byte(s)} }
func num(n int64) cdc.Value   { return cdc.Value{Kind: cdc.KindInt, Num: n} }

// orders is a table with a key of one column.
func orders() *cdc.Table {
	return &cdc.Table{
		TableID: cdc.TableID{Schema: "shop", Name: "orders"}, Version: 1,
		Columns: []cdc.Column{
			{Name: "id", Type: cdc.BigInt},
			{Name: "name", Type: cdc.VarChar, Charset: "utf8mb4"},
			{Name: "note", Type: cdc.Text, Charset: "utf8mb4", Nullable: true},
		},
		Primary: []int{0},
	}
}

func spec(policy task.Policy, tables ...task.Table) *task.Spec {
	return &task.Spec{Policy: policy, Target: task.Target{Topic: "main"}, Tables: tables}
}

func plan(t testing.TB, s *task.Spec) *Plan {
	t.Helper()
	p, err := New(s, map[string]int{"main": 6, "other": 7, "one": 1})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func table(t testing.TB, p *Plan, of *cdc.Table) *Table {
	t.Helper()
	r, err := p.Table(of)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func dest(t testing.TB, p *Plan, of *cdc.Table, row cdc.Row) (Lane, string) {
	t.Helper()
	lane, key, err := table(t, p, of).Dest(nil, row)
	if err != nil {
		t.Fatal(err)
	}
	return p.Lanes()[lane], string(key)
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	row := cdc.Row{num(42), text("a,b"), cdc.Value{}}
	keyless := orders()
	keyless.Primary = nil
	apart := spec(task.PolicyTable, task.Table{Schema: "shop", Name: "orders"})
	apart.DDLTopic = "statements"
	letters := spec(task.PolicyTable, task.Table{Schema: "shop", Name: "orders"})
	letters.DeadLetterTopic = "letters"
	if p, err := New(letters, map[string]int{"main": 4}); err != nil || p.DeadLetters() != 1 || p.Lanes()[1] != (Lane{"letters", 0}) {
		t.Errorf("%v: dead letters go to lane %d of %v", err, p.DeadLetters(), p.Lanes())
	}
	for _, c := range []struct {
		name  string
		spec  *task.Spec
		table *cdc.Table
		lane  Lane
		ddl   Lane
		key   string
		lanes int
	}{
		{"a topic for DDL", apart, orders(), Lane{"main", 3}, Lane{"statements", 0}, "shop.orders:42", 2},
		{"zero", spec(task.PolicyZero, task.Table{Schema: "shop", Name: "orders"}), orders(), Lane{"main", 0}, Lane{"main", 0}, "shop.orders:42", 1},
		{"no policy is zero", spec("", task.Table{Schema: "shop", Name: "orders"}), orders(), Lane{"main", 0}, Lane{"main", 0}, "shop.orders:42", 1},
		{"table", spec(task.PolicyTable, task.Table{Schema: "shop", Name: "orders"}), orders(), Lane{"main", 3}, Lane{"main", 3}, "shop.orders:42", 1},
		{"key", spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders"}), orders(), Lane{"main", 3}, Lane{"main", 0}, "shop.orders:42", 6},
		{"own topic and policy", spec(task.PolicyZero, task.Table{Schema: "shop", Name: "orders", Topic: "other", Policy: task.PolicyKey}), orders(), Lane{"other", 6}, Lane{"other", 0}, "shop.orders:42", 7},
		{"mapping moves nothing", spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders", ToName: "o"}), orders(), Lane{"main", 3}, Lane{"main", 0}, "shop.orders:42", 6},
		{"keyless by key", spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders"}), keyless, Lane{"main", 0}, Lane{"main", 0}, "shop.orders", 6},
		{"keyless by table", spec(task.PolicyTable, task.Table{Schema: "shop", Name: "orders"}), keyless, Lane{"main", 3}, Lane{"main", 3}, "shop.orders", 1},
		{"chosen columns", spec("", task.Table{Schema: "shop", Name: "orders", PartitionKey: []string{"NAME", "id"}}), orders(), Lane{"main", partition([]byte(`a\,b,42`), 6)}, Lane{"main", 0}, "shop.orders:42", 6},
		{"chosen NULL", spec("", task.Table{Schema: "shop", Name: "orders", PartitionKey: []string{"note"}}), orders(), Lane{"main", partition([]byte(`\N`), 6)}, Lane{"main", 0}, "shop.orders:42", 6},
		{"keyless by chosen", spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders", PartitionKey: []string{"id"}}), keyless, Lane{"main", partition([]byte("42"), 6)}, Lane{"main", 0}, "shop.orders", 6},
	} {
		p := plan(t, c.spec)
		lane, key := dest(t, p, c.table, row)
		if lane != c.lane || key != c.key {
			t.Errorf("%s: %v %q, want %v %q", c.name, lane, key, c.lane, c.key)
		}
		n, ddlKey := p.DDLDest(c.table.TableID)
		if p.Lanes()[n] != c.ddl || string(ddlKey) != "shop.orders" {
			t.Errorf("%s: DDL goes to %v %q, want %v", c.name, p.Lanes()[n], ddlKey, c.ddl)
		}
		if len(p.Lanes()) != c.lanes {
			t.Errorf("%s: %d lanes, want %d", c.name, len(p.Lanes()), c.lanes)
		}
	}
}

// A row that the log holds without the column by which the partition is chosen goes nowhere.
func TestPartitionByWhatIsNotLogged(t *testing.T) {
	source := orders()
	r := table(t, plan(t, spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders", PartitionKey: []string{"name"}})), source)
	row := cdc.Row{num(1), {Kind: cdc.KindAbsent}, {}}
	if _, _, err := r.Dest(nil, row); task.Code(err) != "value.not_logged" || !strings.Contains(err.Error(), "name") {
		t.Errorf("%v", err)
	}
}

func TestObject(t *testing.T) {
	t.Parallel()
	for want, table := range map[string]task.Table{
		"shop.orders":             {Schema: "shop", Name: "orders"},
		`my\u002Edb.a\u002Eb`:     {Schema: "my.db", Name: "a.b"},
		`s\u002Ehop.sales\u002E1`: {Schema: "my.db", Name: "a.b", ToSchema: "s.hop", ToName: "sales.1"},
	} {
		if got := Object(&table); got != want {
			t.Errorf("Object(%+v) = %q, want %q", table, got, want)
		}
	}
}

func TestLanesAreShared(t *testing.T) {
	t.Parallel()
	p := plan(t, spec(task.PolicyKey, task.Table{Schema: "a", Name: "b"}, task.Table{Schema: "a", Name: "c", Policy: task.PolicyZero}, task.Table{Schema: "a", Name: "d", Topic: "one"}))
	want := []Lane{{"main", 0}, {"main", 1}, {"main", 2}, {"main", 3}, {"main", 4}, {"main", 5}, {"one", 0}}
	if !reflect.DeepEqual(p.Lanes(), want) {
		t.Errorf("lanes %v, want %v", p.Lanes(), want)
	}
	if lane, _ := p.DDLDest(cdc.TableID{Schema: "a", Name: "x"}); lane != -1 {
		t.Errorf("an unselected table has DDL lane %d", lane)
	}
}

func TestKeyText(t *testing.T) {
	t.Parallel()
	bin := func(s string) cdc.Value { return cdc.Value{Kind: cdc.KindBytes, Bytes: []byte(s)} }
	for _, c := range []struct {
		column cdc.Column
		value  cdc.Value
		want   string
	}{
		{cdc.Column{Type: cdc.BigInt, Unsigned: true}, cdc.Value{Kind: cdc.KindUint, Num: -1}, "18446744073709551615"},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8mb4"}, text(`a\,b:c`), `a\\\,b\:c`},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8mb4"}, text("张三😀"), "张三😀"},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8mb3"}, text("a\xff:"), "61ff3a"},
		{cdc.Column{Type: cdc.Char, Charset: "latin1"}, text("\x80uro \xe9\x81"), "€uro é\u0081"},
		{cdc.Column{Type: cdc.Char, Charset: "gbk"}, text("\xd5\xc5:\xc8\xfd"), `张\:三`},
		{cdc.Column{Type: cdc.Char, Charset: "gbk"}, text("\xd5"), "d5"},
		{cdc.Column{Type: cdc.Char, Charset: "gbk"}, text("a\xff\xff"), "61ffff"},
		{cdc.Column{Type: cdc.Char, Charset: "sjis"}, text("ab"), "6162"},
		{cdc.Column{Type: cdc.Binary, Length: 3}, bin("\x00\xff\x10"), "00ff10"},
		{cdc.Column{Type: cdc.VarBinary}, bin(""), ""},
		{cdc.Column{Type: cdc.DateTime, Fsp: 3}, cdc.Value{Kind: cdc.KindDateTime, Num: cdc.PackDateTime(2024, 2, 29, 1, 2, 3, 456000)}, `2024-02-29 01\:02\:03.456`},
		{cdc.Column{Type: cdc.Decimal, Precision: 5, Scale: 2}, cdc.Value{Kind: cdc.KindDecimal, Bytes: []byte("-1.50")}, "-1.50"},
		{cdc.Column{Type: cdc.Enum, Labels: []string{"a,b"}}, cdc.Value{Kind: cdc.KindEnum, Num: 1, Bytes: []byte("a,b")}, `a\,b`},
	} {
		tab := &cdc.Table{TableID: cdc.TableID{Schema: "shop", Name: "docs"}, Columns: []cdc.Column{c.column, {Name: "n", Type: cdc.Int}}, Primary: []int{0, 1}}
		p := plan(t, spec(task.PolicyKey, task.Table{Schema: "shop", Name: "docs"}))
		lane, key := dest(t, p, tab, cdc.Row{c.value, num(7)})
		want := "shop.docs:" + c.want + ",7"
		if key != want {
			t.Errorf("%v: key %q, want %q", c.column.Type, key, want)
		}
		if lane.Partition != partition([]byte(want), 6) {
			t.Errorf("%q went to partition %d", key, lane.Partition)
		}
	}
}

func TestColumnsAndNames(t *testing.T) {
	t.Parallel()
	grown := orders()
	grown.Version = 2
	grown.Columns = append(grown.Columns, cdc.Column{Name: "added", Type: cdc.Int})
	for _, c := range []struct {
		name    string
		table   task.Table
		source  *cdc.Table
		columns []int
		names   []string
	}{
		{"all", task.Table{}, orders(), nil, nil},
		{"all, grown", task.Table{}, grown, nil, nil},
		{"listed", task.Table{Columns: []string{"ID", "note"}}, orders(), []int{0, 2}, nil},
		{"listed, grown", task.Table{Columns: []string{"id", "note"}}, grown, []int{0, 2}, nil},
		{"all listed", task.Table{Columns: []string{"id", "name", "note"}}, orders(), nil, nil},
		{"all listed, grown", task.Table{Columns: []string{"id", "name", "note"}}, grown, []int{0, 1, 2}, nil},
		{"excluded", task.Table{Exclude: []string{"Name"}}, orders(), []int{0, 2}, nil},
		{"excluded, grown", task.Table{Exclude: []string{"name"}}, grown, []int{0, 2, 3}, nil},
		{"renamed", task.Table{Rename: map[string]string{"ID": "order_id"}, Exclude: []string{"name"}}, orders(), []int{0, 2}, []string{"order_id", "note"}},
		{"renamed to a left-out name", task.Table{Rename: map[string]string{"note": "name"}, Exclude: []string{"name"}}, orders(), []int{0, 2}, []string{"id", "name"}},
		{"renamed to itself", task.Table{Rename: map[string]string{"id": "id"}}, orders(), nil, nil},
	} {
		c.table.Schema, c.table.Name = "shop", "orders"
		r := table(t, plan(t, spec(task.PolicyKey, c.table)), c.source)
		if !reflect.DeepEqual(r.Columns, c.columns) || !reflect.DeepEqual(r.Names, c.names) {
			t.Errorf("%s: columns %v names %v, want %v %v", c.name, r.Columns, r.Names, c.columns, c.names)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	p := plan(t, spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders", ToSchema: "s.x", ToName: "o", Where: "id > 5", NoDDL: true, DML: []string{"insert", "Delete"}}))
	source := orders()
	r := table(t, p, source)
	if r.Object != `s\u002Ex.o` || r.Where != "id > 5" || r.DDL {
		t.Errorf("object %q where %q ddl %v", r.Object, r.Where, r.DDL)
	}
	if !r.Sends(cdc.Init) || !r.Sends(cdc.Insert) || r.Sends(cdc.Update) || !r.Sends(cdc.Delete) {
		t.Error("Sends does not follow the DML kinds")
	}
	if again := table(t, p, source); again != r {
		t.Error("the same version gave another plan")
	}
	if _, _, err := r.Dest(nil, cdc.Row{}); err == nil {
		t.Error("a row without its key was accepted")
	}
	key := []byte("kept:")
	if _, out, err := r.Dest(key, cdc.Row{num(1), text("x"), text("y")}); err != nil || string(out) != "kept:shop.orders:1" {
		t.Errorf("Dest did not append: %q %v", out, err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	one := func(change func(*task.Table)) *task.Spec {
		entry := task.Table{Schema: "shop", Name: "orders"}
		change(&entry)
		return spec(task.PolicyKey, entry)
	}
	for _, c := range []struct {
		code string
		spec *task.Spec
	}{
		{"route.table_twice", spec("", task.Table{Schema: "shop", Name: "orders"}, task.Table{Schema: "shop", Name: "orders"})},
		{"route.policy_unknown", one(func(t *task.Table) { t.Policy = "random" })},
		{"route.partition_key_unused", one(func(t *task.Table) { t.Policy = task.PolicyTable; t.PartitionKey = []string{"id"} })},
		{"route.partition_key_absent", one(func(t *task.Table) { t.PartitionKey = []string{"nothing"} })},
		{"route.columns_and_exclude", one(func(t *task.Table) { t.Columns = []string{"id"}; t.Exclude = []string{"note"} })},
		{"route.dml_unknown", one(func(t *task.Table) { t.DML = []string{"merge"} })},
		{"route.topic_unknown", one(func(t *task.Table) { t.Topic = "missing" })},
		{"route.key_left_out", one(func(t *task.Table) { t.Exclude = []string{"id"} })},
		{"route.key_left_out", one(func(t *task.Table) { t.Columns = []string{"name"} })},
		{"route.name_twice", one(func(t *task.Table) { t.Rename = map[string]string{"note": "NAME"} })},
		{"route.column_absent", one(func(t *task.Table) { t.Columns = []string{"id", "nothing"} })},
		{"route.column_absent", one(func(t *task.Table) { t.Exclude = []string{"nothing"} })},
		{"route.column_absent", one(func(t *task.Table) { t.Rename = map[string]string{"nothing": "x"} })},
		{"route.filter_unsupported", one(func(t *task.Table) { t.Where, t.FilterChanges = "id LIKE '1'", true })},
		{"route.filter_unsupported", one(func(t *task.Table) { t.Where, t.FilterChanges = "name = 'x'", true })},
		{"route.table_absent", spec("", task.Table{Schema: "shop", Name: "orders"}, task.Table{Schema: "shop", Name: "gone"})},
	} {
		p, err := New(c.spec, map[string]int{"main": 6})
		errs := []error{err}
		if err == nil {
			errs = p.Validate([]*cdc.Table{orders(), {TableID: cdc.TableID{Schema: "un", Name: "selected"}}})
		}
		var codes []string
		for _, err := range errs {
			var e *task.Error
			if !errors.As(err, &e) || e.Text == "" || e.Hint == "" {
				t.Errorf("%s: %v is not an error to act on", c.code, err)
			}
			codes = append(codes, task.Code(err))
		}
		if strings.Join(codes, " ") != c.code {
			t.Errorf("codes %v, want %s", codes, c.code)
		}
	}
	if errs := plan(t, one(func(*task.Table) {})).Validate([]*cdc.Table{orders()}); len(errs) > 0 {
		t.Errorf("a good spec was refused: %v", errs)
	}
}

func TestDestAllocatesNothing(t *testing.T) {
	source := orders()
	source.Primary = []int{0, 1}
	for _, charset := range []string{"utf8mb4", "latin1", "gbk", "sjis"} {
		source := *source
		source.Columns = append([]cdc.Column(nil), source.Columns...)
		source.Columns[1].Charset = charset
		r := table(t, plan(t, spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders", PartitionKey: []string{"name"}})), &source)
		row := cdc.Row{num(12345), text("a,b:c"), cdc.Value{}}
		buf := make([]byte, 0, 256)
		if n := testing.AllocsPerRun(100, func() {
			if _, _, err := r.Dest(buf, row); err != nil {
				t.Error(err)
			}
		}); n > 0 {
			t.Errorf("%s: %v allocations a row", charset, n)
		}
	}
}

func BenchmarkDest(b *testing.B) {
	source := orders()
	source.Primary = []int{0, 1}
	r := table(b, plan(b, spec(task.PolicyKey, task.Table{Schema: "shop", Name: "orders"})), source)
	row := cdc.Row{num(12345), text("some name, with a comma"), cdc.Value{}}
	buf := make([]byte, 0, 256)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := r.Dest(buf, row); err != nil {
			b.Fatal(err)
		}
	}
}

func Example() {
	spec := &task.Spec{Policy: task.PolicyKey, Target: task.Target{Topic: "main"}, Tables: []task.Table{{Schema: "shop", Name: "orders"}}}
	plan, err := New(spec, map[string]int{"main": 6})
	if err != nil {
		panic(err)
	}
	table, err := plan.Table(&cdc.Table{
		TableID: cdc.TableID{Schema: "shop", Name: "orders"},
		Columns: []cdc.Column{{Name: "id", Type: cdc.BigInt}},
		Primary: []int{0},
	})
	if err != nil {
		panic(err)
	}
	lane, key, err := table.Dest(nil, cdc.Row{{Kind: cdc.KindInt, Num: 42}})
	fmt.Println(plan.Lanes()[lane], string(key), err)
	// Output: {main 3} shop.orders:42 <nil>
}
