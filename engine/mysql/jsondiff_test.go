package mysql

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
)

// TestPartialJSON changes random documents with binlog_row_value_options=PARTIAL_JSON: both images of each update have
// the text that the server prints.
func TestPartialJSON(t *testing.T) {
	const rows, rounds = 150, 8
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MySQL97} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			m := servers.SharedMySQL(t, kind)
			s := open(t, m)
			db, c := database(t, m)
			g := rand.New(rand.NewPCG(11, 12))
			run(t, c, "CREATE TABLE d (id INT PRIMARY KEY, a JSON, n INT, x JSON, b JSON)",
				"CREATE TABLE seen (id INT, round INT, a LONGTEXT, b LONGTEXT, PRIMARY KEY (id, round))")
			for id := range rows {
				run(t, c, fmt.Sprintf("INSERT INTO d VALUES (%d, %s, 0, NULL, %s)", id, quoteString(document(g, 4)), quoteString(document(g, 2))))
			}
			set, _ := start(t, s)
			run(t, c, "SET binlog_row_value_options=PARTIAL_JSON", "INSERT INTO seen SELECT id, 0, a, b FROM d")
			for round := range rounds {
				for id := range rows {
					run(t, c, fmt.Sprintf("UPDATE d SET n=n+1, a=%s, b=%s WHERE id=%d", edit(g, "a"), edit(g, "b"), id))
				}
				run(t, c, fmt.Sprintf("INSERT INTO seen SELECT id, %d, a, b FROM d", round+1))
			}
			printed := map[string][2]string{}
			r, err := c.Execute("SELECT CONCAT(id,'-',round), a, b FROM seen")
			if err != nil {
				t.Fatal(err)
			}
			for _, v := range r.Values {
				printed[string(v[0].AsString())] = [2]string{string(v[1].AsString()), string(v[2].AsString())}
			}
			images, differences := 0, 0
			for _, e := range follow(t, s, set).until(end(t, s)) {
				if e.Kind != cdc.EventRows || e.Rows.Map().Name != "d" || e.Rows.Map().Schema != db {
					continue
				}
				if e.Rows.(*rowsEvent).differs {
					differences++
				}
				err := e.Rows.Decode(e.Rows.Map().Table, func(before, after cdc.Row) error {
					for i, row := range []cdc.Row{before, after} {
						want := printed[fmt.Sprintf("%d-%d", row[0].Num, after[2].Num-1+int64(i))]
						for j, got := range []string{string(row[1].Bytes), string(row[4].Bytes)} {
							if got != want[j] || !row[3].Null() {
								t.Errorf("image %d of row %d, change %d:\n%.600s\n the server prints\n%.600s", i, row[0].Num, after[2].Num, got, want[j])
							}
						}
						images++
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			t.Logf("%d images, %d events with differences", images, differences)
			if images != 2*rows*rounds || differences < rows*rounds/2 {
				t.Errorf("%d images, %d events with differences", images, differences)
			}
		})
	}
}

var jsonNames = []string{"a", "b", "bb", "", "a b", "quote\"", "back\\slash", "点", "1x", "$", "_u", "tab\t", "🙂", "dot.dot", "x[1]", "longer name"}

// document writes a random value in JSON.
func document(g *rand.Rand, depth int) string {
	b, err := json.Marshal(jsonValue(g, depth))
	if err != nil {
		panic(err)
	}
	return string(b)
}

func jsonValue(g *rand.Rand, depth int) any {
	if depth > 0 && g.IntN(8) > 0 {
		n := g.IntN(6)
		if g.IntN(2) == 0 {
			list := []any{}
			for range n {
				list = append(list, jsonValue(g, depth-1))
			}
			return list
		}
		object := map[string]any{}
		for range n {
			object[jsonNames[g.IntN(len(jsonNames))]] = jsonValue(g, depth-1)
		}
		return object
	}
	return []any{nil, true, false, g.IntN(100), -g.Int64(), g.Uint64(), g.NormFloat64() * 1e9, "text", strings.Repeat("é\n\"", g.IntN(100)), 70000, 0.5}[g.IntN(11)]
}

// edit writes an expression that the server can log as a difference: of calls nested in one another.
func edit(g *rand.Rand, column string) string {
	expr := column
	for range 1 + g.IntN(3) {
		path := jsonPath(g)
		value := []string{"1", "NULL", "'short'", "CAST(" + quoteString(document(g, 2)) + " AS JSON)", "TRUE", "CAST('12.50' AS DECIMAL(9,2))", "TIMESTAMP'2024-01-02 03:04:05'", "x'00ff'"}[g.IntN(8)]
		switch g.IntN(4) {
		case 0:
			if path == "$" {
				path = "$.a"
			}
			expr = "JSON_REMOVE(" + expr + ", " + quoteString(path) + ")"
		case 1:
			expr = "JSON_REPLACE(" + expr + ", " + quoteString(path) + ", " + value + ")"
		default:
			expr = "JSON_SET(" + expr + ", " + quoteString(path) + ", " + value + ", " + quoteString(jsonPath(g)) + ", " + strconv.Itoa(g.IntN(1000)) + ")"
		}
	}
	return expr
}

func jsonPath(g *rand.Rand) string {
	path := "$"
	for range g.IntN(4) {
		switch g.IntN(5) {
		case 0, 1:
			path += fmt.Sprintf("[%d]", g.IntN(5))
		case 2:
			path += []string{"[last]", "[last-1]"}[g.IntN(2)]
		default:
			name, _ := json.Marshal(jsonNames[g.IntN(len(jsonNames))])
			path += "." + string(name)
		}
	}
	return path
}

func TestPartialJSONMalformed(t *testing.T) {
	t.Parallel()
	g := rand.New(rand.NewPCG(13, 14))
	for range 50_000 {
		b := [2][]byte{make([]byte, g.IntN(30)), make([]byte, g.IntN(30))}
		for i := range b {
			for j := range b[i] {
				b[i][j] = "\x00\x00\x01\x02\x03\x04\x05\x0c$.[]0\"a\xff"[g.IntN(16)]
			}
		}
		new(plan).changed(b[0], b[1]) // must not panic
	}
	for _, path := range []string{"$.", "$[", "$[-1]", "$[last-]x", "$x", `$."a`, `$."\q"`, "$[9999999999999999999]"} {
		if _, err := parseJSONPath([]byte(path)); err == nil && path != "$." {
			t.Errorf("%s is a path", path)
		}
	}
}
