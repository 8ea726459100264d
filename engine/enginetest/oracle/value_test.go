package oracle

import (
	"slices"
	"strings"
	"testing"
)

// columnOf parses "c TYPE ..." as a column of a utf8mb4 table.
func columnOf(t *testing.T, declared, flavor string) *column {
	t.Helper()
	d := parseCreate(&parser{toks: tokenize("t (c " + declared + ") DEFAULT CHARSET=utf8mb4")}, "d", flavor)
	if d.broken != nil || len(d.columns) != 1 {
		t.Fatalf("%s: %+v", declared, d)
	}
	return &d.columns[0]
}

// TestLoggedAndSelectedAgree holds what the log tools and the client print for the same value.
func TestLoggedAndSelectedAgree(t *testing.T) {
	t.Parallel()
	tests := []struct{ declared, flavor, logged, selected, want string }{
		{"TINYINT", "mysql", "-1 (255)", "-1", "-1"},
		{"TINYINT UNSIGNED", "mysql", "-1 (255)", "255", "255"},
		{"MEDIUMINT UNSIGNED", "mariadb", "-1 (16777215)", "16777215", "16777215"},
		{"BIGINT UNSIGNED", "mysql", "-9223372036854775808 (9223372036854775808)", "9223372036854775808", "9223372036854775808"},
		{"INT UNSIGNED", "mysql", "5", "5", "5"},
		{"DECIMAL(20,6)", "mysql", "-12.500000", "-12.500000", "-12.500000"},
		{"FLOAT", "mysql", "0.1                 ", "0.10000000149011612", "0.1"},
		{"DOUBLE", "mysql", "3.141592653589793116", "3.141592653589793", "3.141592653589793"},
		{"DOUBLE", "mariadb", "1e+20", "1e20", "1e+20"},
		{"BIT(12)", "mysql", "b'000000000101'", "5", "5"},
		{"DATE", "mysql", "'2020:01:02'", "2020-01-02", "2020-01-02"},
		{"DATETIME(3)", "mysql", "'2020-01-02 03:04:05.120'", "2020-01-02 03:04:05.120", "2020-01-02 03:04:05.12"},
		{"DATETIME(6)", "mysql", "'2020-01-02 03:04:05.000000'", "2020-01-02 03:04:05.000000", "2020-01-02 03:04:05"},
		{"TIMESTAMP(6) NULL", "mysql", "1577934245.123450", "1577934245.123450", "1577934245.12345"},
		{"TIME(6)", "mysql", "'-00:00:00.000001'", "-00:00:00.000001", "-00:00:00.000001"},
		{"YEAR", "mysql", "2020", "2020", "2020"},
		{"VARCHAR(20)", "mysql", `'a\'b\\c\n中'`, "6127625C630AE4B8AD", "a'b\\c\n中"},
		{"VARCHAR(20)", "mariadb", `'a'b\x0a中'`, "6127620AE4B8AD", "a'b\n中"},
		{"VARCHAR(20)", "mysql", "'NULL'", "4E554C4C", "NULL"},
		{"VARCHAR(20)", "mysql", "''", "", ""},
		{"VARCHAR(20) CHARACTER SET latin1", "mysql", "'caf\xe9 \x80'", "636166C3A920E282AC", "café €"},
		{"BINARY(4)", "mysql", `'\x00` + "\xff'", "00FF0000", "\x00\xff\x00\x00"},
		{"VARBINARY(9)", "mysql", `'\x00\f\x0b'`, "000C0B", "\x00\f\v"},
		{"ENUM('a','b c')", "mysql", "2", "622063", "b c"},
		{"ENUM('a')", "mysql", "0", "", ""},
		{"SET('x','y','z')", "mysql", "b'00000101'", "782C7A", "x,z"},
		{"JSON", "mysql", `'{"b": [1.0, 1e2], "a": "x"}'`, "7B2261223A202278222C202262223A205B312C203130305D7D", `{"a":"x","b":[1,100]}`},
		{"JSON", "mariadb", `'{"b": 1}'`, "7B2262223A20317D", `{"b": 1}`},
	}
	for _, tt := range tests {
		c := columnOf(t, tt.declared, tt.flavor)
		if got, err := c.logged([]byte(tt.logged), tt.flavor); err != nil || string(got) != tt.want || got.null() {
			t.Errorf("%s logged as %s: %q, %v, want %q", tt.declared, tt.logged, got, err, tt.want)
		}
		if got, err := c.selected([]byte(tt.selected)); err != nil || string(got) != tt.want || got.null() {
			t.Errorf("%s selected as %s: %q, %v, want %q", tt.declared, tt.selected, got, err, tt.want)
		}
		for _, read := range []func() (cell, error){
			func() (cell, error) { return c.logged([]byte("NULL"), tt.flavor) },
			func() (cell, error) { return c.selected([]byte("NULL")) },
		} {
			if got, err := read(); err != nil || !got.null() {
				t.Errorf("%s: NULL is %q, %v", tt.declared, got, err)
			}
		}
	}
}

// TestMessageForms decodes each branch by hand and by goavro, and compares with the canonical text.
func TestMessageForms(t *testing.T) {
	t.Parallel()
	part := func(names string, values ...int) map[string]any {
		o := map[string]any{}
		for _, n := range []string{"year", "month", "day", "hour", "minute", "second", "millis"} {
			o[n] = nil
		}
		for i, n := range strings.Fields(names) {
			o[n] = map[string]any{"int": values[i]}
		}
		return map[string]any{space + "DateTime": o}
	}
	whole := "year month day hour minute second millis"
	object := func(branch, typ string, v any) map[string]any {
		return map[string]any{space + branch: map[string]any{"type": typ, "value": v}}
	}
	tests := []struct {
		value map[string]any
		want  string
	}{
		{map[string]any{space + "Decimal": map[string]any{"value": "-1.50", "precision": 3, "scale": 2}}, "-1.50"},
		{map[string]any{space + "Float": map[string]any{"value": 1e20, "precision": 22, "scale": 31}}, "1e+20"},
		{map[string]any{space + "Timestamp": map[string]any{"timestamp": 1577934245, "millis": 120000}}, "1577934245.12"},
		{part("year", 2020), "2020"},
		{part("year month day", 2020, 1, 2), "2020-01-02"},
		{part(whole, 2020, 1, 2, 3, 4, 5, 0), "2020-01-02 03:04:05"},
		{part(whole, 0, 0, 0, 0, 0, 0, 0), "0000-00-00 00:00:00"},
		{part("hour minute second millis", 838, 59, 59, 500000), "838:59:59.5"},
		{part("hour minute second millis", 0, 0, -1, -1), "-00:00:01.000001"},
		{map[string]any{space + "Character": map[string]any{"charset": "latin1", "value": []byte("\xe9")}}, "é"},
		{object("BinaryObject", "blob", []byte{0, 1}), "\x00\x01"},
		{object("TextObject", "enum", ""), ""},
		{object("TextObject", "json", `{"b": 2.50, "a": []}`), `{"a":[],"b":2.5}`},
	}
	g, err := newGeneric()
	if err != nil {
		t.Fatal(err)
	}
	var m message
	for _, tt := range tests {
		in := msg{op: "INSERT", object: "d.t", after: []any{1, tt.value}, identity: "i", pos: "4@2"}
		value := in.encode(t)
		if err := m.decode(value); err != nil {
			t.Errorf("%v: %v", tt.value, err)
			continue
		}
		if got := m.after[1]; string(got) != tt.want || got.null() {
			t.Errorf("%v is %q, want %q", tt.value, got, tt.want)
		}
		if err := g.compare(value, &m); err != nil {
			t.Error(err)
		}
		m.after[1] = cell("other")
		if g.compare(value, &m) == nil {
			t.Errorf("%v: goavro agrees with anything", tt.value)
		}
		if m.decode(value[:len(value)-1]) == nil || m.decode(append(value, 0)) == nil {
			t.Errorf("%v: a value cut off or too long was taken", tt.value)
		}
	}
}

func TestAlter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		sql    string
		names  string
		source []int
		fails  bool
	}{
		{sql: "ADD COLUMN x INT, ADD y VARCHAR(3) DEFAULT ',)' FIRST", names: "y id a b x", source: []int{-1, 0, 1, 2, -1}},
		{sql: "ADD COLUMN `x y` INT NOT NULL AFTER a, DROP COLUMN b", names: "id a x y", source: []int{0, 1, -1}},
		{sql: "CHANGE COLUMN a z BIGINT AFTER b", names: "id b z", source: []int{0, 2, 1}},
		{sql: "MODIFY b VARCHAR(99) FIRST", names: "b id a", source: []int{2, 0, 1}},
		{sql: "RENAME COLUMN a TO q, ADD UNIQUE KEY u (q), DROP KEY k, ALGORITHM=INPLACE, LOCK=NONE", names: "id q b", source: []int{0, 1, 2}},
		{sql: "RENAME TO e.u", names: "id a b", source: []int{0, 1, 2}},
		{sql: "CHANGE a a VARCHAR(9)", fails: true},
		{sql: "DROP COLUMN id", fails: true},
		{sql: "DROP PRIMARY KEY", fails: true},
		{sql: "DROP COLUMN nope", fails: true},
		{sql: "PARTITION BY HASH(id)", fails: true},
	}
	for _, tt := range tests {
		d := parseCreate(&parser{toks: tokenize("t (`id` int primary key, a int, b varchar(20) /* c */, key k (a))")}, "d", "mysql")
		d.project(&Selection{Name: "d.t"})
		r, err := alter(d, &parser{toks: tokenize(tt.sql)}, "mysql")
		if (err != nil) != tt.fails {
			t.Errorf("%s: %v", tt.sql, err)
		}
		if err != nil {
			continue
		}
		var names []string
		for _, c := range r.table.columns {
			names = append(names, c.name)
		}
		if got := strings.Join(names, " "); got != tt.names || !slices.Equal(r.source, tt.source) {
			t.Errorf("%s: %s %v, want %s %v", tt.sql, got, r.source, tt.names, tt.source)
		}
	}
}
