package dts

import (
	"encoding/hex"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/message"
)

// sampleTable and sampleRow are the rows of testdata/samples.hex, which were encoded by an independent Avro library
// and read by the vendor's SDK; but for their last column but one, a geometry.
var sampleTable = &cdc.Table{
	TableID: cdc.TableID{Schema: "my.db", Name: "orders"}, Version: 3109599372, Primary: []int{0},
	Uniques: []cdc.Index{{Name: "uk_name", Columns: []int{12, 1}}, {Name: "uk_note", Columns: []int{14}, Prefix: true}},
	Columns: []cdc.Column{
		{Name: "id", Type: cdc.BigInt, Unsigned: true}, {Name: "tiny", Type: cdc.TinyInt}, {Name: "bits", Type: cdc.Bit, Length: 8},
		{Name: "amount", Type: cdc.Decimal, Precision: 65, Scale: 6}, {Name: "f", Type: cdc.Float}, {Name: "d", Type: cdc.Double},
		{Name: "ts", Type: cdc.Timestamp, Fsp: 6}, {Name: "dt", Type: cdc.DateTime, Fsp: 6}, {Name: "zero", Type: cdc.DateTime},
		{Name: "day", Type: cdc.Date}, {Name: "t", Type: cdc.Time}, {Name: "y", Type: cdc.Year},
		{Name: "name", Type: cdc.VarChar, Charset: "utf8mb4"}, {Name: "gbkname", Type: cdc.Char, Charset: "gbk"},
		{Name: "note", Type: cdc.Text, Charset: "gbk"}, {Name: "bin", Type: cdc.Blob, Charset: "binary"},
		{Name: "vbin", Type: cdc.VarBinary, Charset: "binary"}, {Name: "e", Type: cdc.Enum, Charset: "utf8mb4"},
		{Name: "s", Type: cdc.Set, Charset: "utf8mb4"}, {Name: "j", Type: cdc.JSON}, {Name: "nul", Type: cdc.VarChar, Charset: "latin1"},
	},
}

func sampleRow() cdc.Row {
	return cdc.Row{
		{Kind: cdc.KindUint, Num: -1}, {Kind: cdc.KindInt, Num: -128}, {Kind: cdc.KindUint, Num: 255},
		{Kind: cdc.KindDecimal, Bytes: []byte("-12345678901234567890.123400")},
		{Kind: cdc.KindFloat, Num: int64(math.Float32bits(1.5))}, {Kind: cdc.KindDouble, Num: int64(math.Float64bits(math.E))},
		{Kind: cdc.KindTimestamp, Num: 1700000000123456},
		{Kind: cdc.KindDateTime, Num: cdc.PackDateTime(2024, 2, 29, 23, 59, 59, 123456)}, {Kind: cdc.KindDateTime},
		{Kind: cdc.KindDate, Num: cdc.PackDate(1000, 1, 1)}, {Kind: cdc.KindTime, Num: -(838*3600 + 59*60 + 59) * 1000000},
		{Kind: cdc.KindYear, Num: 2155}, {Kind: cdc.KindText, Bytes: []byte("杭州😀")},
		{Kind: cdc.KindText, Bytes: []byte("\xba\xbc\xd6\xdd")}, {Kind: cdc.KindText, Bytes: []byte("\xce\xc4\xb1\xbe")},
		{Kind: cdc.KindBytes, Bytes: []byte{0, 255, 1}}, {Kind: cdc.KindBytes, Bytes: []byte("\x00\xffA")},
		{Kind: cdc.KindEnum, Num: 1, Bytes: []byte("red")}, {Kind: cdc.KindSet, Num: 3, Bytes: []byte("a,b")},
		{Kind: cdc.KindJSON, Bytes: []byte(`{"a": 1}`)}, {},
	}
}

func sampleRecord(op cdc.Op) *cdc.Record {
	r := &cdc.Record{ID: 1, Op: op, Time: 1700000000, Pos: cdc.Position{File: 78, Offset: 72469}, SafePos: cdc.Position{File: 78, Offset: 72347},
		Identity: []byte("t/1/s/x"), Born: 1700000000000}
	switch op {
	case cdc.DDL:
		r.Object, r.SQL = "mydb", "create table t1(a bigint primary key)"
		return r
	case cdc.Heartbeat:
		return r
	}
	r.Object, r.Table = `my\u002Edb.orders`, sampleTable
	r.ServerID, r.ThreadID = 26957161, 7
	if op == cdc.Update || op == cdc.Delete {
		r.Before = sampleRow()
	}
	if op != cdc.Delete {
		r.After = sampleRow()
	}
	return r
}

// readSamples gives the native form of each sample by its operation, without the geometry.
func readSamples(t *testing.T) map[string]map[string]any {
	t.Helper()
	text, err := os.ReadFile("testdata/samples.hex")
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]any{}
	for line := range strings.Lines(string(text)) {
		op, digits, _ := strings.Cut(strings.TrimSpace(line), " ")
		value, err := hex.DecodeString(digits)
		if err != nil {
			t.Fatal(err)
		}
		native, err := decodeNative(value)
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		for _, field := range []string{"fields", "beforeImages", "afterImages"} {
			if m, ok := native[field].(map[string]any); ok {
				if l, ok := m["array"].([]any); ok {
					m["array"] = append(l[:20:20], l[21:]...)
				}
			}
		}
		out[op] = native
	}
	return out
}

func TestEncodeSamples(t *testing.T) {
	t.Parallel()
	samples := readSamples(t)
	codec := New(Options{ServerVersion: "8.0.36"})
	for _, op := range []cdc.Op{cdc.Init, cdc.Insert, cdc.Update, cdc.Delete, cdc.DDL, cdc.Heartbeat} {
		want := samples[op.String()]
		if want == nil {
			t.Fatalf("there is no sample of %s", op)
		}
		value, err := codec.Encode(nil, sampleRecord(op))
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		got, err := decodeNative(value)
		if err != nil {
			t.Fatalf("%s: %v", op, err)
		}
		tags := got["tags"].(map[string]any)
		if tags["sluice"] != "t/1/s/x" || tags["readerThroughoutTime"] != "1700000000000" {
			t.Errorf("%s: tags are %v", op, tags)
		}
		for _, ours := range []string{"sluice", "readerThroughoutTime"} {
			delete(tags, ours)
			delete(want["tags"].(map[string]any), ours)
		}
		for field := range want {
			if !reflect.DeepEqual(got[field], want[field]) {
				t.Errorf("%s: %s is\n%v, want\n%v", op, field, got[field], want[field])
			}
		}
	}
}

func TestDecodeSample(t *testing.T) {
	t.Parallel()
	value, err := New(Options{ServerVersion: "8.0.36"}).Encode(nil, sampleRecord(cdc.Update))
	if err != nil {
		t.Fatal(err)
	}
	m, err := Decode(value)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"id":"18446744073709551615","tiny":"-128","bits":"255","amount":"-12345678901234567890.123400","f":"1.5",` +
		`"d":"2.718281828459045","ts":"2023-11-14 22:13:20.123456","dt":"2024-02-29 23:59:59.123456","zero":"0000-00-00 00:00:00",` +
		`"day":"1000-01-01","t":"-838:59:59","y":"2155","name":"杭州😀","gbkname":"杭州","note":"文本","bin":"0x00ff01",` +
		`"vbin":"0x00ff41","e":"red","s":"a,b","j":"{\"a\": 1}","nul":null}`
	for name, image := range map[string]message.Image{"before": m.Before, "after": m.After} {
		if got, err := image.MarshalJSON(); err != nil || string(got) != want {
			t.Errorf("%s is\n%s, want\n%s (%v)", name, got, want, err)
		}
	}
	if m.Operation != "UPDATE" || m.Object != `my\u002Edb.orders` || m.Source != "MySQL 8.0.36" || m.Position != "72469@78" ||
		m.SafePosition != "72347@78" || m.TxID != "0" || m.Tags["pk_uk_info"] != `{"PRIMARY":["id"],"uk_name":["name","tiny"]}` {
		t.Errorf("read %+v", m)
	}
	if len(m.Fields) != 21 || m.Fields[3] != (message.Field{Name: "amount", Type: 246}) {
		t.Errorf("fields are %v", m.Fields)
	}
	if m.After[13].Label != "gbk" || m.After[13].Branch != "Character" || !m.After[20].Null() {
		t.Errorf("cells are %+v", m.After)
	}
}

func TestDecodeForeign(t *testing.T) {
	t.Parallel()
	if _, err := Decode([]byte("not a record")); err == nil {
		t.Error("foreign bytes were decoded")
	}
	value, err := New(Options{}).Encode(nil, sampleRecord(cdc.DDL))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Decode(append(value, 0)); err == nil {
		t.Error("bytes after the record were taken")
	}
	m, err := Decode(value)
	if err != nil || m.SQL != "create table t1(a bigint primary key)" || m.Object != "mydb" || m.After != nil || m.Fields != nil {
		t.Errorf("the DDL reads as %+v, %v", m, err)
	}
}
