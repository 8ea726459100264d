package mysql

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/go-mysql-org/go-mysql/client"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
)

// pieces are what random texts are made of: letters that collations equate, expand, contract, ignore or reorder.
var pieces = []string{"a", "A", "b", "B", "z", "Z", "0", "9", "-", "_", ".", "@", " ", " ", "\t", "\x01", "\x00", "\x7f", "~", "é", "É", "e", "e\u0301", "ä", "ae",
	"Ä", "ß", "ss", "SS", "ö", "oe", "Ø", "å", "aa", "þ", "œ", "ı", "i", "I", "İ", "ch", "c", "h", "Ch", "CH", "ll", "l", "lj", "dž", "dz", "ny", "ž", "Ž", "ñ", "n", "č",
	"中", "文", "数", "啊", "か", "カ", "が", "ｶ", "ー", "한", "ก", "เ", "แก", "ж", "Ж", "α", "Σ", "ς", "σ", "\u00ad", "\u200d", "\u0301", "\u00a0", "\u3000", "😀", "🚀", "𠀀", "ﬁ", "fi", "½", "ﷺ", "\ufffd"}

// scripts are where 256 characters begin that charsets and collations treat alike.
var scripts = []rune{0x00, 0x80, 0x100, 0x300, 0x370, 0x400, 0xe00, 0x1e00, 0x2000, 0x3000, 0x4e00, 0x5f00, 0x7000, 0x9e00, 0xac00, 0xff00, 0x1f600, 0x20000}

func randomText(g *rand.Rand) string {
	var b strings.Builder
	for range g.IntN(5) {
		if g.IntN(5) == 0 {
			b.WriteRune(scripts[g.IntN(len(scripts))] + g.Int32N(256))
			continue
		}
		b.WriteString(pieces[g.IntN(len(pieces))])
	}
	return b.String()
}

// near gives a text that differs little from s.
func near(g *rand.Rand, s string) string {
	p := pieces[g.IntN(len(pieces))]
	switch g.IntN(6) {
	case 0:
		return s + " "
	case 1:
		return s + p
	case 2:
		return strings.ToUpper(s)
	case 3:
		return s + "  " + p
	case 4:
		return p + s
	}
	return s + "\t"
}

// row gives the values of a query's only row, as bytes.
func row(t testing.TB, c *client.Conn, sql string) [][]byte {
	t.Helper()
	r, err := c.Execute(sql)
	if err != nil {
		t.Fatalf("%v in %.200s", err, sql)
	}
	defer r.Close()
	var out [][]byte
	for _, v := range r.Values[0] {
		out = append(out, bytes.Clone(v.AsString()))
	}
	return out
}

// inCharset gives texts as the charset stores them; what it lacks is lost.
func inCharset(t testing.TB, c *client.Conn, charset string, texts []string) [][]byte {
	var out [][]byte
	for len(texts) > 0 {
		n := min(len(texts), 400)
		var parts []string
		for _, s := range texts[:n] {
			parts = append(parts, "CAST(CONVERT(_utf8mb4 x'"+hex.EncodeToString([]byte(s))+"' USING "+charset+") AS BINARY)")
		}
		out = append(out, row(t, c, "SELECT "+strings.Join(parts, ","))...)
		texts = texts[n:]
	}
	return out
}

var allWeights = flag.Bool("weights.all", false, "also the languages' collations of utf8mb3, ucs2, utf16 and utf32, which are those of utf8mb4")

// again reports whether a collation is that of utf8mb4 for another way to store the same characters.
func again(k collation) bool {
	switch k.charset {
	case "utf8mb3", "ucs2", "utf16", "utf16le", "utf32":
		_, rest, _ := strings.Cut(k.name, "_")
		return !strings.HasPrefix(rest, "general") && !strings.HasPrefix(rest, "bin") && !strings.HasPrefix(rest, "unicode") && !strings.HasPrefix(rest, "uca1400_ai")
	}
	return false
}

// TestWeights holds the weights of every collation that tables are cut by against the server's own comparison.
func TestWeights(t *testing.T) {
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		src := open(t, m)
		all, err := src.loadCollations(testContext(t))
		if err != nil {
			t.Fatal(err)
		}
		c := m.Conn(t, "")
		g := rand.New(rand.NewPCG(1, 2))
		var texts []string
		for range 200 {
			s := randomText(g)
			texts = append(texts, s, near(g, s))
		}
		stored := map[string][][]byte{}
		tried := 0
		var names []string
		byName := map[string]collation{}
		for _, k := range all {
			if snapshot.Weighed(&cdc.Column{Type: cdc.VarChar, Charset: k.charset, Collation: k.name}) && (*allWeights || !again(k)) {
				names = append(names, k.name)
				byName[k.name] = k
			}
		}
		sort.Strings(names)
		for _, name := range names {
			k := byName[name]
			if stored[k.charset] == nil {
				stored[k.charset] = inCharset(t, c, k.charset, texts)
			}
			if what := misordered(t, src, c, k, stored[k.charset]); what != "" {
				t.Errorf("%s: %s", name, what)
			}
			tried++
		}
		t.Logf("%d of %d collations, %d pairs of texts each", tried, len(all), len(texts))
	})
}

// misordered compares neighbours, and texts that lie further apart.
func misordered(t testing.TB, src *Source, c *client.Conn, k collation, stored [][]byte) string {
	var asked []snapshot.Text
	for _, b := range stored {
		asked = append(asked, snapshot.Text{Charset: k.charset, Collation: k.name, Value: string(b)})
	}
	weights, err := src.Weigh(testContext(t), asked)
	if err != nil {
		return err.Error()
	}
	literal := func(b []byte) string { return "_" + k.charset + " x'" + hex.EncodeToString(b) + "' COLLATE " + k.name }
	var pairs [][2]int
	for i := range stored {
		pairs = append(pairs, [2]int{i, (i + 1) % len(stored)}, [2]int{i, (i*7 + 13) % len(stored)})
	}
	wrong, example := 0, ""
	for len(pairs) > 0 {
		n := min(len(pairs), 400)
		var parts []string
		for _, p := range pairs[:n] {
			parts = append(parts, "CAST(STRCMP("+literal(stored[p[0]])+","+literal(stored[p[1]])+") AS CHAR)")
		}
		for i, v := range row(t, c, "SELECT "+strings.Join(parts, ",")) {
			a, b := pairs[i][0], pairs[i][1]
			wa, wb := weights[asked[a]], weights[asked[b]]
			if want := string(v); want != fmt.Sprint(bytes.Compare(wa, wb)) {
				wrong++
				if example == "" || len(example) > 150 {
					example = fmt.Sprintf("%x and %x are %s, by weights %x and %x", stored[a], stored[b], want, wa, wb)
				}
			}
		}
		pairs = pairs[n:]
	}
	if wrong == 0 {
		return ""
	}
	return fmt.Sprintf("%d wrong: %s", wrong, example)
}

// TestWeighedKeys reads tables with text keys page by page: each row once, in the order of keys that are made of the
// weights that came with it, which are those that a change of the row gets. The server reads along the key.
func TestWeighedKeys(t *testing.T) {
	alone := func(text string, _ int) string { return text }
	keys := []struct {
		name, columns, key string
		values             func(text string, n int) string
		only               servers.Kind
	}{
		{"ai", "k VARCHAR(36) COLLATE utf8mb4_0900_ai_ci", "k", alone, servers.MySQL80},
		{"uca1400", "k VARCHAR(36) COLLATE utf8mb4_uca1400_ai_ci", "k", alone, servers.MariaDB1011},
		{"nopad", "k VARCHAR(36) COLLATE utf8mb4_uca1400_nopad_as_cs", "k", alone, servers.MariaDB1011},
		{"chars", "k CHAR(36) COLLATE utf8mb4_0900_as_cs", "k", alone, servers.MySQL80},
		{"unicode", "k VARCHAR(36) COLLATE utf8mb4_unicode_ci", "k", alone, ""},
		{"general", "k CHAR(36) COLLATE utf8mb4_general_ci", "k", alone, ""},
		{"latin1", "k VARCHAR(36) CHARACTER SET latin1 COLLATE latin1_swedish_ci", "k", alone, ""},
		{"bin", "k VARCHAR(36) COLLATE utf8mb4_bin", "k", alone, ""},
		{"gbk", "k VARCHAR(36) CHARACTER SET gbk", "k", alone, ""},
		{"longest", "k VARCHAR(768)", "k", func(text string, n int) string { return fmt.Sprintf("LEFT(REPEAT(%s, %d), 768)", text, n%90+1) }, ""},
		{"mixed", "a INT, k VARCHAR(36), d DATE", "a, k, d", func(text string, n int) string {
			return fmt.Sprintf("%d, %s, '2020-01-31' + INTERVAL %d MONTH", n%3-1, text, n%13)
		}, ""},
		{"enums", "e ENUM('z','b','A','a b'), k VARCHAR(36)", "e, k", func(text string, n int) string { return fmt.Sprintf("%d, %s", n%4+1, text) }, ""},
	}
	onBoth(t, func(t *testing.T, m *servers.MySQL) {
		s := open(t, m)
		db, c := database(t, m)
		run(t, c, "SET sql_mode=''")
		for _, k := range keys {
			if k.only != "" && k.only != m.Kind {
				continue
			}
			g := rand.New(rand.NewPCG(5, 6))
			run(t, c, fmt.Sprintf("CREATE TABLE %s (%s, PRIMARY KEY (%s))", k.name, k.columns, k.key))
			for range 10 {
				var rows []string
				for n := range 1000 {
					text := randomText(g) + randomText(g)
					if n%2 == 0 {
						text = near(g, text)
					}
					rows = append(rows, "("+k.values("_utf8mb4 x'"+hex.EncodeToString([]byte(text))+"'", n)+")")
				}
				run(t, c, "INSERT IGNORE INTO "+k.name+" VALUES "+strings.Join(rows, ","))
			}
			checkPages(t, s, c, cdc.TableID{Schema: db, Name: k.name})
		}
	})
}

func checkPages(t *testing.T, s *Source, c *client.Conn, id cdc.TableID) {
	table, all := read(t, s, id, nil)
	weigh := snapshot.WeighedIn(table, table.Key())
	if len(weigh) == 0 || len(all) < 2000 {
		t.Fatalf("%s has %d rows and %d columns to weigh", id, len(all), len(weigh))
	}
	columns := len(table.Columns)
	var paged []cdc.Row
	var last []byte
	for {
		var asked snapshot.Query
		_, page := read(t, s, id, func(q *snapshot.Query) {
			q.Weigh, q.Limit = weigh, 700
			if len(paged) > 0 {
				for _, k := range q.Key {
					q.After = append(q.After, paged[len(paged)-1][k])
				}
			}
			asked = *q
		})
		if len(paged) > 0 && len(page) == asked.Limit {
			along(t, c, asked)
		}
		for _, row := range page {
			key, err := snapshot.AppendKey(nil, table, table.Key(), row, nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(paged) > 0 && bytes.Compare(key, last) <= 0 {
				t.Fatalf("%s: row %d is not behind the one before it: %v", id.Name, len(paged), row)
			}
			last, paged = key, append(paged, row[:columns])
		}
		sameWeights(t, s, table, weigh, page)
		if len(page) < asked.Limit {
			break
		}
	}
	equalRows(t, table, all, paged)
	t.Logf("%s: %d rows in order", id.Name, len(paged))
}

// along expects the server to read a page without sorting.
func along(t *testing.T, c *client.Conn, q snapshot.Query) {
	sql, err := selectSQL(q)
	if err != nil {
		t.Fatal(err)
	}
	r, err := c.Execute("EXPLAIN " + sql)
	if err != nil {
		t.Fatal(err)
	}
	extra, _ := r.GetStringByName(0, "Extra")
	kind, _ := r.GetStringByName(0, "type")
	if strings.Contains(extra, "filesort") || kind != "range" {
		t.Errorf("%s is read by %s: %s\n%.300s", q.Table.Name, kind, extra, sql)
	}
}

// sameWeights holds the weights that came with rows against those that are asked for by value.
func sameWeights(t *testing.T, s *Source, table *cdc.Table, weigh []int, rows []cdc.Row) {
	asked := snapshot.Weights{}
	for _, row := range rows {
		for _, k := range weigh {
			asked.Want(&table.Columns[k], &row[k])
		}
	}
	if err := asked.Ask(testContext(t), s); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		came, err := snapshot.AppendKey(nil, table, table.Key(), row, nil)
		if err != nil {
			t.Fatal(err)
		}
		byValue, err := snapshot.AppendKey(nil, table, table.Key(), row[:len(table.Columns)], asked)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(came, byValue) {
			t.Fatalf("%s: %v has key %x as it was read and %x by value", table.Name, row, came, byValue)
		}
	}
}
