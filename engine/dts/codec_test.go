package dts

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"sluice/engine/cdc"
	"sluice/engine/message"
)

func encodeDecode(t testing.TB, r *cdc.Record) *message.Message {
	t.Helper()
	value, err := New(Options{ServerVersion: "8.0.33"}).Encode(nil, r)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestTags(t *testing.T) {
	t.Parallel()
	key := []cdc.Column{{Name: "a", Type: cdc.Int}, {Name: "b<", Type: cdc.Int}, {Name: "c", Type: cdc.Int}}
	row := cdc.Row{num(cdc.KindInt, 1), num(cdc.KindInt, 2), num(cdc.KindInt, 3)}
	unique := []cdc.Index{{Name: "u", Columns: []int{2, 1}}, {Name: "p", Columns: []int{0}, Prefix: true}}
	for _, c := range []struct {
		table   cdc.Table
		columns []int
		names   []string
		want    string
	}{
		{cdc.Table{Primary: []int{0, 1}, Uniques: unique}, nil, nil, `{"PRIMARY":["a","b<"],"u":["c","b<"]}`},
		{cdc.Table{Primary: []int{0, 1}, Uniques: unique}, []int{0, 1}, []string{"x", `y"`}, `{"PRIMARY":["x","y\""]}`},
		{cdc.Table{Primary: []int{0}, Uniques: unique}, []int{1, 2}, nil, `{"u":["c","b<"]}`},
		{cdc.Table{Uniques: unique}, []int{1}, nil, ""},
		{cdc.Table{}, nil, nil, ""},
	} {
		c.table.Columns, c.table.Version = key, 7
		m := encodeDecode(t, &cdc.Record{Op: cdc.Insert, Table: &c.table, Columns: c.columns, Names: c.names, After: row, Identity: []byte("i"), Born: 12})
		want := map[string]string{"sluice": "i", "readerThroughoutTime": "12", "metaVersion": "7", "pk_uk_info": c.want}
		if c.want == "" {
			delete(want, "pk_uk_info")
		}
		if !maps.Equal(m.Tags, want) {
			t.Errorf("tags of %+v are %v, want %v", c, m.Tags, want)
		}
	}
	m := encodeDecode(t, &cdc.Record{Op: cdc.Heartbeat, Identity: []byte("i"), ServerID: 4294967295, ThreadID: 9, Born: 12})
	if want := map[string]string{"sluice": "i", "readerThroughoutTime": "12", "server_id": "4294967295", "thread_id": "9"}; !maps.Equal(m.Tags, want) {
		t.Errorf("tags of a heartbeat are %v, want %v", m.Tags, want)
	}
}

// TestDeadLetter has the columns of the key alone, which read as in any other record.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	table := &cdc.Table{Primary: []int{0}, Columns: []cdc.Column{{Name: "a", Type: cdc.Int}, {Name: "b", Type: cdc.Int}}}
	row := cdc.Row{num(cdc.KindInt, 1), num(cdc.KindInt, 2)}
	r := &cdc.Record{Op: cdc.Update, Table: table, Before: row, After: row, Identity: []byte("i"), Columns: []int{0}, Names: []string{"k"}, Refused: cdc.Refused{Bytes: 1300, Limit: 1200}}
	m := encodeDecode(t, r)
	if len(m.Fields) != 1 || m.Fields[0].Name != "k" || m.Tags["dead_letter"] != `{"bytes":1300,"limit":1200}` || m.Tags["pk_uk_info"] != `{"PRIMARY":["k"]}` || m.Tags["sluice"] != "i" {
		t.Errorf("%+v", m)
	}
	table.Primary, r.Columns, r.Names = nil, []int{}, nil
	if m = encodeDecode(t, r); len(m.Fields) != 0 || m.Tags["dead_letter"] == "" || m.Tags["sluice"] != "i" {
		t.Errorf("without a key: %+v", m)
	}
}

func TestEncodePositions(t *testing.T) {
	t.Parallel()
	m := encodeDecode(t, &cdc.Record{Op: cdc.Heartbeat, Pos: cdc.Position{File: 3, Offset: 9, Row: 5}})
	if m.Position != "9@3" || m.SafePosition != "9@3" {
		t.Errorf("without a safe position: %q, %q", m.Position, m.SafePosition)
	}
	m = encodeDecode(t, &cdc.Record{Op: cdc.Heartbeat, Pos: cdc.Position{File: 3, Offset: 9}, SafePos: cdc.Position{File: 3, Offset: 4, Row: 1}})
	if m.Position != "9@3" || m.SafePosition != "4@3" {
		t.Errorf("with a safe position: %q, %q", m.Position, m.SafePosition)
	}
}

func TestEncodeRefuses(t *testing.T) {
	t.Parallel()
	table := &cdc.Table{Columns: []cdc.Column{{Name: "a", Type: cdc.Int}}}
	row := cdc.Row{num(cdc.KindInt, 1)}
	for name, r := range map[string]*cdc.Record{
		"no table":        {Op: cdc.Insert, After: row},
		"no after":        {Op: cdc.Insert, Table: table},
		"no before":       {Op: cdc.Update, Table: table, After: row},
		"short row":       {Op: cdc.Insert, Table: table, After: cdc.Row{}},
		"long row":        {Op: cdc.Delete, Table: table, Before: append(row, row...)},
		"bad ordinal":     {Op: cdc.Insert, Table: table, After: row, Columns: []int{1}},
		"too many names":  {Op: cdc.Insert, Table: table, After: row, Names: []string{"a", "b"}},
		"bad operation":   {Op: 99},
		"DDL not in UTF8": {Op: cdc.DDL, SQL: "\xff"},
	} {
		if _, err := New(Options{}).Encode(nil, r); err == nil {
			t.Errorf("%s was encoded", name)
		}
	}
}

// TestNever48 tries every small record: 48 bytes hang the vendor's demo client.
func TestNever48(t *testing.T) {
	t.Parallel()
	for _, op := range []cdc.Op{cdc.Heartbeat, cdc.DDL} {
		for i := range 80 {
			value, err := New(Options{ServerVersion: strings.Repeat("x", i)}).Encode(nil, &cdc.Record{Op: op})
			if err != nil || len(value) <= 48 {
				t.Fatalf("%s with a version of %d bytes has %d bytes (%v)", op, i, len(value), err)
			}
		}
	}
}

// TestPlansFollowTheChoice: one table, several column choices, and a choice that is changed in place.
func TestPlansFollowTheChoice(t *testing.T) {
	t.Parallel()
	codec := New(Options{})
	r := sampleRecord(cdc.Insert)
	fields := func() string {
		value, err := codec.Encode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Decode(value)
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprintf("%d %s %s", len(m.Fields), m.Fields[0].Name, m.After[0].Text)
	}
	check := func(want string) {
		t.Helper()
		if got := fields(); got != want {
			t.Errorf("first field is %q, want %q", got, want)
		}
	}
	check("21 id 18446744073709551615")
	r.Columns, r.Names = []int{1, 0}, []string{"x", "y"}
	check("2 x -128")
	r.Columns[0], r.Names[1] = 3, "z"
	check("2 x -12345678901234567890.123400")
	r.Columns, r.Names = []int{}, nil
	value, err := codec.Encode(nil, r)
	if m, derr := Decode(value); err != nil || derr != nil || len(m.Fields) != 0 || len(m.After) != 0 {
		t.Errorf("no columns: %v, %v", err, derr)
	}
	r.Columns = nil
	check("21 id 18446744073709551615")
}

func TestPlansAreBounded(t *testing.T) {
	t.Parallel()
	codec := New(Options{})
	for range maxPlans + 10 {
		table := &cdc.Table{Columns: []cdc.Column{{Name: "a", Type: cdc.Int}}}
		if _, err := codec.Encode(nil, &cdc.Record{Op: cdc.Insert, Table: table, After: cdc.Row{num(cdc.KindInt, 1)}}); err != nil {
			t.Fatal(err)
		}
	}
	n := 0
	codec.plans.Range(func(any, any) bool { n++; return true })
	if n > maxPlans {
		t.Errorf("%d plans are kept", n)
	}
}

func TestEncodeFromManyGoroutines(t *testing.T) {
	t.Parallel()
	codec := New(Options{})
	want, err := codec.Encode(nil, sampleRecord(cdc.Update))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			r := sampleRecord(cdc.Update)
			for range 50 {
				if got, err := codec.Encode(nil, r); err != nil || !slices.Equal(got, want) {
					t.Errorf("encoded %x (%v)", got, err)
				}
			}
		})
	}
	wg.Wait()
}

// column types, a value of each, and what goavro must read from it; built apart from the encoder.
func drawCell(t *rapid.T) (cdc.Column, cdc.Value, any) {
	switch rapid.IntRange(0, 8).Draw(t, "family") {
	case 0:
		n := rapid.Int64().Draw(t, "int")
		return cdc.Column{Type: cdc.BigInt}, num(cdc.KindInt, n), object("Integer", "precision", int32(8), "value", fmt.Sprint(n))
	case 1:
		n := rapid.Uint32().Draw(t, "uint")
		return cdc.Column{Type: cdc.Int, Unsigned: true}, num(cdc.KindUint, int64(n)), object("Integer", "precision", int32(4), "value", fmt.Sprint(n))
	case 2:
		f := rapid.Float64().Draw(t, "double")
		return cdc.Column{Type: cdc.Double}, double(f), object("Float", "value", f, "precision", int32(22), "scale", int32(31))
	case 3:
		us := rapid.Int64Range(0, 1<<31*1000000).Draw(t, "timestamp")
		return cdc.Column{Type: cdc.Timestamp}, num(cdc.KindTimestamp, us), object("Timestamp", "timestamp", us/1000000, "millis", int32(us%1000000))
	case 4:
		y, m, d := rapid.IntRange(0, 9999).Draw(t, "y"), rapid.IntRange(0, 12).Draw(t, "m"), rapid.IntRange(0, 31).Draw(t, "d")
		return cdc.Column{Type: cdc.Date}, num(cdc.KindDate, cdc.PackDate(y, m, d)), clock(y, m, d, nil, nil, nil, nil)
	case 5:
		h, m, s, us := rapid.IntRange(0, 838).Draw(t, "h"), rapid.IntRange(0, 59).Draw(t, "m"), rapid.IntRange(0, 59).Draw(t, "s"), rapid.IntRange(0, 999999).Draw(t, "us")
		sign := rapid.SampledFrom([]int{-1, 1}).Draw(t, "sign")
		whole := int64(sign) * (int64(h*3600+m*60+s)*1000000 + int64(us))
		return cdc.Column{Type: cdc.Time}, num(cdc.KindTime, whole), clock(nil, nil, nil, sign*h, sign*m, sign*s, sign*us)
	case 6:
		b := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "blob")
		return cdc.Column{Type: cdc.Blob}, cdc.Value{Kind: cdc.KindBytes, Bytes: b}, object("BinaryObject", "type", "blob", "value", append([]byte{}, b...))
	case 7:
		s, raw := rapid.String().Draw(t, "text"), []byte(nil)
		for _, r := range s {
			raw = append(raw, byte(r>>24), byte(r>>16), byte(r>>8), byte(r))
		}
		return cdc.Column{Type: cdc.Text, Charset: "utf32"}, cdc.Value{Kind: cdc.KindText, Bytes: raw}, object("BinaryObject", "type", "text", "value", []byte(s))
	}
	return cdc.Column{Type: cdc.VarChar, Charset: "utf8mb4"}, cdc.Value{}, nil
}

// TestEncodeRows: goavro, an independent reader, finds the values that went in, and every byte is consumed.
func TestEncodeRows(t *testing.T) {
	t.Parallel()
	codec := New(Options{ServerVersion: "10.11.6-MariaDB-log"})
	rapid.Check(t, func(t *rapid.T) {
		table, row, want := &cdc.Table{Version: 2}, cdc.Row{}, []any{}
		for i := range rapid.IntRange(1, 12).Draw(t, "columns") {
			c, v, native := drawCell(t)
			c.Name = fmt.Sprintf("c%d", i)
			table.Columns, row, want = append(table.Columns, c), append(row, v), append(want, native)
		}
		r := &cdc.Record{ID: rapid.Int64().Draw(t, "id"), Op: cdc.Op(rapid.IntRange(0, 3).Draw(t, "op")), Time: rapid.Int64().Draw(t, "time"),
			Object: rapid.String().Draw(t, "object"), Table: table, Identity: []byte(rapid.StringN(1, 80, -1).Draw(t, "identity")), Born: rapid.Int64().Draw(t, "born")}
		r.Pos = cdc.Position{File: rapid.Uint64().Draw(t, "file"), Offset: rapid.Uint64().Draw(t, "offset")}
		if rapid.Bool().Draw(t, "choice") {
			r.Columns = rapid.SliceOfNDistinct(rapid.IntRange(0, len(row)-1), 1, len(row), rapid.ID[int]).Draw(t, "ordinals")
			chosen := []any{}
			for _, at := range r.Columns {
				chosen = append(chosen, want[at])
			}
			want = chosen
		}
		if r.Op == cdc.Update || r.Op == cdc.Delete {
			r.Before = row
		}
		if r.Op != cdc.Delete {
			r.After = row
		}
		value, err := codec.Encode([]byte("before"), r)
		if err != nil {
			t.Fatal(err)
		}
		value = value[len("before"):]
		native, err := decodeNative(value)
		if err != nil {
			t.Fatal(err)
		}
		for image, there := range map[string]bool{"beforeImages": r.Before != nil, "afterImages": r.After != nil} {
			_, got := branch(native[image])
			if there != (got != nil) || there && !reflect.DeepEqual(got, want) {
				t.Fatalf("%s is %v, want %v", image, got, want)
			}
		}
		if native["operation"] != r.Op.String() || native["id"] != r.ID || native["bornTimestamp"] != r.Born ||
			native["sourcePosition"] != r.Pos.String() || native["sourceTimestamp"] != r.Time {
			t.Fatalf("%+v reads as %v", r, native)
		}
		if id, at, ok := codec.Identity(value); !ok || id != string(r.Identity) || at != r.Pos {
			t.Fatalf("identity is %q at %v, want %q at %v", id, at, r.Identity, r.Pos)
		}
	})
}
