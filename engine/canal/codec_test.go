package canal

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

var update = flag.Bool("update", false, "write the golden file")

var sampleTable = &cdc.Table{
	TableID: cdc.TableID{Schema: "my.db", Name: "orders"}, Version: 7, Primary: []int{0, 12},
	Columns: []cdc.Column{
		{Name: "id", Type: cdc.BigInt, Unsigned: true, Declared: "bigint unsigned"}, {Name: "tiny", Type: cdc.TinyInt, Declared: "tinyint(1)"},
		{Name: "bits", Type: cdc.Bit, Length: 8, Declared: "bit(8)"}, {Name: "amount", Type: cdc.Decimal, Precision: 65, Scale: 6, Declared: "decimal(65,6)"},
		{Name: "f", Type: cdc.Float, Declared: "float"}, {Name: "d", Type: cdc.Double, Declared: "double"},
		{Name: "ts", Type: cdc.Timestamp, Fsp: 6, Declared: "timestamp(6)"}, {Name: "dt", Type: cdc.DateTime, Fsp: 3, Declared: "datetime(3)"},
		{Name: "zero", Type: cdc.DateTime, Declared: "datetime"}, {Name: "day", Type: cdc.Date, Declared: "date"},
		{Name: "t", Type: cdc.Time, Declared: "time"}, {Name: "y", Type: cdc.Year, Declared: "year"},
		{Name: `na"me`, Type: cdc.VarChar, Charset: "utf8mb4", Declared: "varchar(20)"}, {Name: "gbkname", Type: cdc.Char, Charset: "gbk", Declared: "char(9)"},
		{Name: "note", Type: cdc.Text, Charset: "latin1", Declared: "text"}, {Name: "bin", Type: cdc.Blob, Charset: "binary", Declared: "blob"},
		{Name: "vbin", Type: cdc.VarBinary, Charset: "binary", Declared: "varbinary(3)"}, {Name: "e", Type: cdc.Enum, Charset: "utf8mb4", Declared: "enum('red','it''s \"\\')"},
		{Name: "s", Type: cdc.Set, Charset: "utf8mb4", Declared: "set('a','b')"}, {Name: "j", Type: cdc.JSON, Declared: "json"},
		{Name: "nul", Type: cdc.VarChar, Charset: "latin1", Declared: "varchar(1)"}, {Name: "where", Type: cdc.Geometry, Declared: "point"},
	},
}

func sampleRow() cdc.Row {
	return cdc.Row{
		{Kind: cdc.KindUint, Num: -1}, {Kind: cdc.KindInt, Num: -128}, {Kind: cdc.KindUint, Num: 255},
		{Kind: cdc.KindDecimal, Bytes: []byte("-12345678901234567890.123400")},
		{Kind: cdc.KindFloat, Num: int64(math.Float32bits(1.5))}, {Kind: cdc.KindDouble, Num: int64(math.Float64bits(math.E))},
		{Kind: cdc.KindTimestamp, Num: 1700000000123456},
		{Kind: cdc.KindDateTime, Num: cdc.PackDateTime(2024, 2, 29, 23, 59, 59, 123000)}, {Kind: cdc.KindDateTime},
		{Kind: cdc.KindDate, Num: cdc.PackDate(1000, 1, 1)}, {Kind: cdc.KindTime, Num: -(838*3600 + 59*60 + 59) * 1000000},
		{Kind: cdc.KindYear, Num: 2155}, {Kind: cdc.KindText, Bytes: []byte("杭州😀\n\"\\\x01")},
		{Kind: cdc.KindText, Bytes: []byte("\xba\xbc\xd6\xdd")}, {Kind: cdc.KindText, Bytes: []byte("\xe9\x80")},
		{Kind: cdc.KindBytes, Bytes: []byte{0, 255, 1}}, {Kind: cdc.KindBytes, Bytes: []byte("\x00\xffA")},
		{Kind: cdc.KindEnum, Num: 1, Bytes: []byte("red")}, {Kind: cdc.KindSet, Num: 3, Bytes: []byte("a,b")},
		{Kind: cdc.KindJSON, Bytes: []byte(`{"a": 1}`)}, {}, {Kind: cdc.KindBytes, Bytes: []byte{0xe6, 0x10, 0, 0, 1, 1}},
	}
}

func sampleRecord(op cdc.Op) *cdc.Record {
	r := &cdc.Record{ID: 58, Op: op, Time: 1700000000, Pos: cdc.Position{File: 78, Offset: 72469, Row: 2}, SafePos: cdc.Position{File: 78, Offset: 72347},
		Identity: []byte(`t/1/s/bin"log.000001:9:1`), Born: 1700000000771}
	switch op {
	case cdc.DDL:
		r.Object, r.Name, r.SQL = `my\u002Edb`, "orders", "create table `orders`(a bigint primary key)"
		return r
	case cdc.Heartbeat:
		return r
	}
	r.Object, r.Table = `my\u002Edb.or\u002Eders`, sampleTable
	if op == cdc.Update || op == cdc.Delete {
		r.Before = sampleRow()
	}
	if op != cdc.Delete {
		r.After = sampleRow()
	}
	if op == cdc.Update {
		r.Before[1] = cdc.Value{}
		r.Before[14].Bytes = []byte("\t")
	}
	return r
}

// TestSamples holds one message of each operation.
func TestSamples(t *testing.T) {
	var got []byte
	codec := New()
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		value, err := codec.Encode(nil, sampleRecord(op))
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(value) {
			t.Errorf("%s is no JSON: %s", op, value)
		}
		got = append(append(got, value...), '\n')
	}
	const file = "testdata/samples.jsonl"
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("%v, the messages are\n%s\nwant\n%s", err, got, want)
	}
}

// TestDeadLetter has the columns of the key alone, and says so in our key; the identity is found as in any other record.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	for op := cdc.Init; op <= cdc.Delete; op++ {
		r := sampleRecord(op)
		r.Columns, r.Names, r.Refused = []int{0, 12}, []string{"id", "n"}, cdc.Refused{Bytes: 1300, Limit: 1200}
		value, err := New().Encode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		id, at, ok := Identity(value)
		if want := r.Pos; !ok || id != string(r.Identity) || at.File != want.File || at.Offset != want.Offset {
			t.Errorf("%s: identity %q at %s, %v", op, id, at, ok)
		}
		m, err := Decode(value)
		if err != nil || m.Tags["dead_letter"] != `{"bytes":1300,"limit":1200}` || len(m.Fields) != 2 || len(value) > 600 {
			t.Errorf("%s: %v %s", op, err, value)
		}
		r.Columns, r.Names = []int{}, nil
		if value, err = New().Encode(nil, r); err != nil || !json.Valid(value) {
			t.Errorf("%s without a key: %v %s", op, err, value)
		}
	}
}

// TestDecodeSamples reads them for people.
func TestDecodeSamples(t *testing.T) {
	t.Parallel()
	row := `{"id":"18446744073709551615","tiny":"-128","bits":"255","amount":"-12345678901234567890.123400","f":"1.5","d":"2.718281828459045",` +
		`"ts":"2023-11-14 22:13:20.123456","dt":"2024-02-29 23:59:59.123","zero":"0000-00-00 00:00:00","day":"1000-01-01","t":"-838:59:59","y":"2155",` +
		`"na\"me":"杭州😀\n\"\\\u0001","gbkname":"杭州","note":"é€","bin":"0x00ff01","vbin":"0x00ff41","e":"red","s":"a,b","j":"{\"a\": 1}","nul":null,"where":"0xe61000000101"}`
	old := strings.NewReplacer(`"-128"`, "null", `"é€"`, `"\t"`).Replace(row)
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		r := sampleRecord(op)
		value, err := New().Encode(nil, r)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Decode(value)
		if err != nil {
			t.Fatal(err)
		}
		before, _ := m.Before.MarshalJSON()
		after, _ := m.After.MarshalJSON()
		wantBefore, wantAfter := "{}", "{}"
		if r.Before != nil {
			wantBefore = row
		}
		if r.After != nil {
			wantAfter = row
		}
		if op == cdc.Update {
			wantBefore = old
		}
		if string(before) != wantBefore || string(after) != wantAfter {
			t.Errorf("%s: before\n%s\nafter\n%s", op, before, after)
		}
		if m.Operation != op.String() || m.Object != r.Object || m.ID != 58 || m.Time != r.Time || m.Born != r.Born || m.SQL != r.SQL ||
			m.Position != "72469@78" || m.Tags["sluice"] != string(r.Identity) {
			t.Errorf("%s reads as %+v", op, m)
		}
		if id, at, ok := Identity(value); !ok || id != string(r.Identity) || at != (cdc.Position{File: 78, Offset: 72469}) {
			t.Errorf("%s: identity %q at %v, %v", op, id, at, ok)
		}
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	text := cdc.KindText
	for _, c := range []struct {
		column cdc.Column
		value  cdc.Value
		code   string
	}{
		{cdc.Column{Type: cdc.Unsupported}, cdc.Value{}, "column.type_unsupported"},
		{cdc.Column{Type: cdc.VarChar, Charset: "unheard"}, cdc.Value{}, "column.charset_unsupported"},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8mb4"}, cdc.Value{Kind: text, Bytes: []byte("a\xff")}, "value.not_in_charset"},
		{cdc.Column{Type: cdc.VarChar, Charset: "utf8mb3"}, cdc.Value{Kind: text, Bytes: []byte("\xed\xa0\x80")}, "value.not_in_charset"},
		{cdc.Column{Type: cdc.Text, Charset: "gbk"}, cdc.Value{Kind: text, Bytes: []byte("\xba")}, "value.not_in_charset"},
		{cdc.Column{Type: cdc.JSON}, cdc.Value{Kind: cdc.KindJSON, Bytes: []byte{0xff}}, "value.not_in_charset"},
		{cdc.Column{Type: cdc.Int}, cdc.Value{Kind: text}, "value.not_of_type"},
		{cdc.Column{Type: cdc.UUID}, cdc.Value{Kind: cdc.KindBytes, Bytes: []byte{1}}, "value.not_of_type"},
		{cdc.Column{Type: cdc.Bit}, cdc.Value{Kind: cdc.KindInt}, "value.not_of_type"},
		{cdc.Column{Type: cdc.Blob}, cdc.Value{Kind: text}, "value.not_of_type"},
		{cdc.Column{Type: cdc.Double}, cdc.Value{Kind: cdc.KindDouble, Num: int64(math.Float64bits(math.Inf(1)))}, "value.not_of_type"},
		{cdc.Column{Type: cdc.Float}, cdc.Value{Kind: cdc.KindFloat, Num: int64(math.Float32bits(float32(math.NaN())))}, "value.not_of_type"},
	} {
		table := &cdc.Table{Columns: []cdc.Column{c.column}}
		out, err := New().Encode([]byte("x"), &cdc.Record{Op: cdc.Insert, Object: "d.t", Table: table, After: cdc.Row{c.value}})
		if task.Code(err) != c.code || string(out) != "x" {
			t.Errorf("%+v of %+v: %v, %q; want %s", c.value, c.column, err, out, c.code)
		}
		if refused := Supports(&c.column) != nil; refused != strings.HasPrefix(c.code, "column.") {
			t.Errorf("%+v is refused before the start: %v", c.column, refused)
		}
	}
	table := &cdc.Table{Columns: []cdc.Column{{Name: "a", Type: cdc.Int}}}
	row := cdc.Row{{Kind: cdc.KindInt, Num: 1}}
	for name, r := range map[string]*cdc.Record{
		"no table": {Op: cdc.Insert, After: row}, "no after": {Op: cdc.Insert, Table: table}, "no before": {Op: cdc.Update, Table: table, After: row},
		"long row": {Op: cdc.Delete, Table: table, Before: append(row, row...)}, "bad ordinal": {Op: cdc.Insert, Table: table, After: row, Columns: []int{1}},
		"too many names": {Op: cdc.Insert, Table: table, After: row, Names: []string{"a", "b"}}, "bad operation": {Op: 99}, "DDL not in UTF8": {Op: cdc.DDL, SQL: "\xff"},
	} {
		if _, err := New().Encode(nil, r); err == nil {
			t.Errorf("%s was encoded", name)
		}
	}
}

// TestRows: encoding/json reads what went in, the old values that changed, and the identity.
func TestRows(t *testing.T) {
	t.Parallel()
	codec := New()
	rapid.Check(t, func(t *rapid.T) {
		draw := func() (cdc.Row, map[string]any) {
			n := rapid.Int64().Draw(t, "n")
			s := rapid.String().Draw(t, "s")
			b := rapid.SliceOf(rapid.Byte()).Draw(t, "b")
			row, want := cdc.Row{{Kind: cdc.KindInt, Num: n}, {Kind: cdc.KindText, Bytes: []byte(s)}, {Kind: cdc.KindBytes, Bytes: b}, {}}, map[string]any{}
			var latin []rune
			for _, x := range b {
				latin = append(latin, rune(x))
			}
			want["n"], want["s"], want["b"], want["z"] = fmt.Sprint(n), s, string(latin), nil
			return row, want
		}
		table := &cdc.Table{TableID: cdc.TableID{Schema: "d", Name: "t"}, Columns: []cdc.Column{{Name: "n", Type: cdc.BigInt}, {Name: "s", Type: cdc.Text, Charset: "utf8mb4"}, {Name: "b", Type: cdc.Blob}, {Name: "z", Type: cdc.Int}}}
		r := &cdc.Record{ID: rapid.Int64().Draw(t, "id"), Op: cdc.Op(rapid.IntRange(0, 3).Draw(t, "op")), Time: 3, Object: "d.t", Table: table,
			Identity: []byte(rapid.StringN(1, 80, -1).Draw(t, "identity")), Pos: cdc.Position{File: rapid.Uint64().Draw(t, "file"), Offset: rapid.Uint64().Draw(t, "offset")}}
		var before, after map[string]any
		if r.Op == cdc.Update || r.Op == cdc.Delete {
			r.Before, before = draw()
		}
		if r.Op != cdc.Delete {
			r.After, after = draw()
		}
		value, err := codec.Encode([]byte("before"), r)
		if err != nil {
			t.Fatal(err)
		}
		value = value[len("before"):]
		var got struct {
			Data, Old []map[string]any
			Type      string
			ID        int64
		}
		if err := json.Unmarshal(value, &got); err != nil || !utf8.Valid(value) {
			t.Fatalf("%v: %q", err, value)
		}
		want, old := after, []map[string]any(nil)
		if r.Op == cdc.Delete {
			want = before
		}
		if r.Op == cdc.Update {
			old = []map[string]any{{}}
			for name := range before {
				if before[name] != after[name] {
					old[0][name] = before[name]
				}
			}
		}
		if len(got.Data) != 1 || !reflect.DeepEqual(got.Data[0], want) || !reflect.DeepEqual(got.Old, old) || got.ID != r.ID {
			t.Fatalf("%s reads as %+v, want %v, old %v", value, got, want, old)
		}
		if id, at, ok := codec.Identity(value); !ok || id != string(r.Identity) || at != r.Pos {
			t.Fatalf("identity is %q at %v, want %q at %v", id, at, r.Identity, r.Pos)
		}
	})
}

func TestEncodeAllocates(t *testing.T) {
	codec := New()
	buffer := make([]byte, 0, 1<<16)
	for op := cdc.Init; op <= cdc.Heartbeat; op++ {
		r := sampleRecord(op)
		if op == cdc.DDL {
			continue // its type is looked up in its text
		}
		if n := testing.AllocsPerRun(100, func() {
			if _, err := codec.Encode(buffer, r); err != nil {
				t.Fatal(err)
			}
		}); n > 0 {
			t.Errorf("encoding %s allocates %v times", op, n)
		}
	}
}

func TestTypesOfStatements(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"create table a(b int)": "CREATE", " /* c */ CREATE TABLE IF NOT EXISTS `index` (b int)": "CREATE", "CREATE OR REPLACE TABLE a(b int)": "CREATE",
		"CREATE TEMPORARY TABLE a(b int)": "CREATE", "-- x\nALTER TABLE a ADD INDEX (b)": "ALTER", "ALTER ONLINE TABLE a DROP b": "ALTER", "/*!40000 ALTER TABLE a DISABLE KEYS */": "ALTER",
		"DROP TABLE a": "ERASE", "DROP TABLE IF EXISTS `a` /* generated by server */": "ERASE", "DROP INDEX i ON a": "DINDEX", "CREATE UNIQUE INDEX i ON a(b)": "CINDEX",
		"RENAME TABLE a TO b": "RENAME", "TRUNCATE a": "TRUNCATE", "truncate table a": "TRUNCATE", "CREATE DATABASE d": "QUERY", "DROP DATABASE d": "QUERY",
		"ALTER DATABASE d CHARACTER SET utf8mb4": "QUERY", "": "QUERY", "# only a comment": "QUERY", "SET STATEMENT max_statement_time=9 FOR x": "QUERY", "/* open": "QUERY",
	} {
		if got := typeOf(sql); got != want {
			t.Errorf("%q is %s, want %s", sql, got, want)
		}
	}
}

// TestForeign: messages of Canal itself are shown, several rows in one are refused, and none has an identity.
func TestForeign(t *testing.T) {
	t.Parallel()
	m, err := Decode([]byte(`{"data":[{"id":"1","b":null}],"database":"d","es":2000,"id":3,"isDdl":false,"mysqlType":{"id":"int(11)"},"old":null,"pkNames":["id"],"sql":"","sqlType":{"id":4},"table":"t","ts":2001,"type":"INSERT"}`))
	if err != nil || m.Operation != "INSERT" || m.Object != "d.t" || m.Time != 2 || m.After[0].Text != "1" || !m.After[1].Null() || m.Tags["pk_uk_info"] != `{"PRIMARY":["id"]}` {
		t.Errorf("%+v, %v", m, err)
	}
	for _, bad := range []string{`{`, `{"data":[1]}`, `{"data":[{"a":"1"},{"a":"2"}]}`, `{"data":[{"a":{}}]}`, ``} {
		if m, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%q was read: %+v", bad, m)
		}
	}
	for _, none := range []string{"", "{", head, head + `"`, head + `x`, head + `","op":"","pos":"4@1"`, head + `x","op":"INSERT","pos":"4"`, head + `\q","op":"","pos":"4@1"`, head + `x","op":"INSERT","pos":"4@1`} {
		if id, _, ok := Identity([]byte(none)); ok {
			t.Errorf("%q has the identity %q", none, id)
		}
	}
}

func FuzzIdentity(f *testing.F) {
	value, err := New().Encode(nil, sampleRecord(cdc.Insert))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(value)
	f.Add([]byte(head + `\ud800","op":"x","pos":"1@2"`))
	f.Fuzz(func(_ *testing.T, b []byte) { Identity(b) })
}

func BenchmarkEncode(b *testing.B) {
	for _, op := range []cdc.Op{cdc.Insert, cdc.Update} {
		b.Run(op.String(), func(b *testing.B) {
			codec, r := New(), sampleRecord(op)
			dst, err := codec.Encode(nil, r)
			if err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(len(dst)))
			b.ReportAllocs()
			for b.Loop() {
				if dst, err = codec.Encode(dst[:0], r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
