package readers

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"os"
	"reflect"
	"testing"
)

type sample struct {
	ValueHex string `json:"value_hex"`
	Reads    Record `json:"official_sdk_reads"`
}

func samples(t *testing.T) (values [][]byte, want []Record) {
	t.Helper()
	f, err := os.Open("testdata/samples.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var s sample
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatal(err)
		}
		value, err := hex.DecodeString(s.ValueHex)
		if err != nil {
			t.Fatal(err)
		}
		values, want = append(values, value), append(want, s.Reads)
	}
	if len(values) != 8 {
		t.Fatalf("%d samples, want 8", len(values))
	}
	return values, want
}

func TestReadersReadTheSamples(t *testing.T) {
	values, want := samples(t)
	for i, got := range Agree(t, values) {
		// The samples tell kind and text of a value, not its Avro branch.
		for _, image := range []map[string]*Value{got.Before, got.After} {
			for column, v := range image {
				if v != nil {
					if v.Branch == "" && got.Operation != "DDL" {
						t.Errorf("message %d, %s: no Avro branch", i, column)
					}
					v.Branch, v.Parts = "", nil
				}
			}
		}
		if !reflect.DeepEqual(got, want[i]) {
			t.Errorf("message %d:\n got %+v\nwant %+v", i, got, want[i])
		}
	}
}

func TestFastavroReadsBornTimestamp(t *testing.T) {
	values, _ := samples(t)
	for i, r := range Fastavro(t, values) {
		if r.BornTimestamp == 0 {
			t.Errorf("message %d: bornTimestamp is 0", i)
		}
	}
}

func TestADifferenceIsSeen(t *testing.T) {
	values, _ := samples(t)
	a, b := Fastavro(t, values[:1]), Fastavro(t, values[:1])
	if d := diff(a[0], b[0]); d != "" {
		t.Fatalf("equal records differ: %s", d)
	}
	b[0].After["id"].Parts["value"] = "1"
	if diff(a[0], b[0]) == "" {
		t.Error("a changed value went unseen")
	}
}
