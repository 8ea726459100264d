package cdc

import (
	"testing"

	"pgregory.net/rapid"
)

func TestPositionRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := Position{File: rapid.Uint64().Draw(t, "file"), Offset: rapid.Uint64().Draw(t, "offset"), Row: rapid.Uint64().Draw(t, "row")}
		got, err := ParsePosition(p.String())
		if err != nil || got != p {
			t.Fatalf("%s reads back as %v, %v", p, got, err)
		}
		o := Position{File: rapid.Uint64Range(0, 2).Draw(t, "f"), Offset: rapid.Uint64Range(0, 2).Draw(t, "o"), Row: rapid.Uint64Range(0, 2).Draw(t, "r")}
		if p.Compare(o) != -o.Compare(p) || p.Before(o) != (p.Compare(o) < 0) || (p.Compare(o) == 0) != (p == o) {
			t.Fatalf("Compare of %v and %v disagrees with itself", p, o)
		}
	})
}

func TestPositionOrder(t *testing.T) {
	t.Parallel()
	rising := []Position{{}, {File: 1}, {File: 1, Offset: 4}, {File: 1, Offset: 4, Row: 9}, {File: 1, Offset: 5}, {File: 2, Offset: 1}, {File: 10}}
	for i := range rising {
		for j := range rising {
			if got, want := rising[i].Before(rising[j]), i < j; got != want {
				t.Errorf("%v before %v = %v", rising[i], rising[j], got)
			}
		}
	}
	if p := (Position{File: 1, Offset: 4, Row: 9}); p.Start() != (Position{File: 1, Offset: 4}) || p.IsZero() || !(Position{}).IsZero() {
		t.Error("Start or IsZero is wrong")
	}
}

func TestParsePositionMalformed(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"", "4", "@", "4@", "@4", "x@4", "4@x", "4@1+", "4@1+x", "-4@1", "4@1@2", "99999999999999999999@1"} {
		if p, err := ParsePosition(s); err == nil {
			t.Errorf("%q gave %v, want an error", s, p)
		}
	}
}

func TestFileNumber(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]uint64{"mysql-bin.000078": 78, "a.b.1": 1, "bin.1000000": 1000000} {
		if got, err := FileNumber(name); err != nil || got != want {
			t.Errorf("FileNumber(%q) = %d, %v", name, got, err)
		}
	}
	for _, name := range []string{"", "12", "mysql-bin", "mysql-bin.", "mysql-bin.index", "mysql-bin.-1"} {
		if got, err := FileNumber(name); err == nil {
			t.Errorf("FileNumber(%q) = %d, want an error", name, got)
		}
	}
}

func TestPackDateTime(t *testing.T) {
	t.Parallel()
	moment := rapid.Custom(func(t *rapid.T) [7]int {
		var m [7]int
		for i, top := range [7]int{9999, 12, 31, 23, 59, 59, 999999} {
			m[i] = rapid.IntRange(0, top).Draw(t, "part")
		}
		return m
	})
	pack := func(m [7]int) int64 { return PackDateTime(m[0], m[1], m[2], m[3], m[4], m[5], m[6]) }
	rapid.Check(t, func(t *rapid.T) {
		a, b := moment.Draw(t, "a"), moment.Draw(t, "b")
		var got [7]int
		got[0], got[1], got[2], got[3], got[4], got[5], got[6] = UnpackDateTime(pack(a))
		if got != a {
			t.Fatalf("%v comes back as %v", a, got)
		}
		if y, m, d := UnpackDate(PackDate(a[0], a[1], a[2])); y != a[0] || m != a[1] || d != a[2] {
			t.Fatalf("date of %v comes back as %d-%d-%d", a, y, m, d)
		}
		if (pack(a) < pack(b)) != less(a, b) {
			t.Fatalf("%v and %v are packed out of order", a, b)
		}
	})
}

func less(a, b [7]int) bool {
	for i := range a {
		if a[i] != b[i] {
			return a[i] < b[i]
		}
	}
	return false
}

func TestRowClone(t *testing.T) {
	t.Parallel()
	row := Row{{}, {Kind: KindInt, Num: -5}, {Kind: KindText, Bytes: []byte("abc")}, {Kind: KindBytes, Bytes: []byte{}}, {Kind: KindEnum, Num: 2, Bytes: []byte("red")}}
	clone := row.Clone()
	copy(row[2].Bytes, "xyz")
	row[1].Num = 6
	want := Row{{}, {Kind: KindInt, Num: -5}, {Kind: KindText, Bytes: []byte("abc")}, {Kind: KindBytes, Bytes: []byte{}}, {Kind: KindEnum, Num: 2, Bytes: []byte("red")}}
	for i := range want {
		if !clone[i].Equal(want[i]) || clone[i].Null() != (i == 0) {
			t.Errorf("value %d is %+v, want %+v", i, clone[i], want[i])
		}
	}
	if clone[3].Bytes == nil {
		t.Error("an empty string became nil")
	}
	_ = append(clone[2].Bytes, '!')
	if string(clone[4].Bytes) != "red" {
		t.Error("growing one value wrote over its neighbour")
	}
	if Row(nil).Clone() != nil {
		t.Error("the clone of no row is a row")
	}
}

func TestTableKey(t *testing.T) {
	t.Parallel()
	columns := []Column{{Name: "a"}, {Name: "b", Nullable: true}, {Name: "C"}}
	for _, c := range []struct {
		table Table
		want  int
	}{
		{Table{Primary: []int{2}, Uniques: []Index{{Columns: []int{0}}}}, 2},
		{Table{Uniques: []Index{{Columns: []int{1}}, {Columns: []int{0}, Prefix: true}, {}, {Columns: []int{2}}}}, 2},
		{Table{Uniques: []Index{{Columns: []int{0, 1}}}}, -1},
		{Table{}, -1},
	} {
		c.table.Columns = columns
		got := -1
		if k := c.table.Key(); len(k) > 0 {
			got = k[0]
		}
		if got != c.want {
			t.Errorf("Key of %+v = %d, want %d", c.table, got, c.want)
		}
	}
	if table := (Table{Columns: columns}); table.Column("c") != 2 || table.Column("B") != 1 || table.Column("d") != -1 {
		t.Error("Column finds the wrong ordinal")
	}
}

func TestPositionOfItsSource(t *testing.T) {
	t.Parallel()
	p := Position{File: 78, Offset: 4711, Row: 3}
	for log, want := range map[string]string{"mysql-bin": "mysql-bin.000078:4711", "db.example-bin": "db.example-bin.000078:4711", "": "000078:4711"} {
		if got := p.In(log); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if got := (Position{File: 1234567, Offset: 4}).In("b"); got != "b.1234567:4" {
		t.Errorf("a file past the sixth digit: %s", got)
	}
}
