package mysql

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"sluice/engine/cdc"
	"sluice/engine/enginetest/servers"
	"sluice/engine/snapshot"
)

var everyServer = flag.Bool("mysql.all", false, "the servers too that .ci/fetch matrix brings")

// TestAddresses holds UUID and INET against the server: their texts, and their order as keys, page by page.
func TestAddresses(t *testing.T) {
	kinds := []servers.Kind{servers.MariaDB1011}
	if *everyServer {
		kinds = append(kinds, servers.MariaDB114, servers.MariaDB118)
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) { testAddresses(t, servers.SharedMySQL(t, kind)) })
	}
}

func testAddresses(t *testing.T, m *servers.MySQL) {
	const rows, page = 4000, 700
	s := open(t, m)
	db, c := database(t, m)
	g := rand.New(rand.NewPCG(7, 8))
	for _, kind := range []cdc.Type{cdc.UUID, cdc.Inet4, cdc.Inet6} {
		name := typeNames[kind]
		run(t, c, "CREATE TABLE "+name+" (k "+name+" PRIMARY KEY, shown VARCHAR(50))")
		var values []string
		for range rows {
			// As text: of bytes the server also takes UUIDs that it reads back as others.
			b := cdc.AppendBytes(nil, kind, randomAddress(g, kind.FixedSize()))
			values = append(values, "('"+string(b)+"')")
		}
		run(t, c, "INSERT IGNORE INTO "+name+" (k) VALUES "+strings.Join(values, ","), "UPDATE "+name+" SET shown = k")
		var last cdc.Row
		var lastKey []byte
		seen := 0
		for {
			table, got := read(t, s, cdc.TableID{Schema: db, Name: name}, func(q *snapshot.Query) { q.After, q.Limit = last, page })
			for _, row := range got {
				key, err := snapshot.AppendKey(nil, table, []int{0}, row, nil)
				if err != nil {
					t.Fatal(err)
				}
				if bytes.Compare(lastKey, key) >= 0 {
					t.Fatalf("%s %x does not come behind %x", name, row[0].Bytes, last[0].Bytes)
				}
				if text := cdc.AppendText(nil, &table.Columns[0], row[0]); !bytes.Equal(text, row[1].Bytes) {
					t.Errorf("%s %x is %s, the server prints %s", name, row[0].Bytes, text, row[1].Bytes)
				}
				last, lastKey = row[:1], key
			}
			if seen += len(got); len(got) < page {
				break
			}
		}
		if n := text(t, c, "SELECT COUNT(*) FROM "+name); itoa(seen) != n || seen < rows/4 {
			t.Errorf("%d rows of %s in pages, the server has %s", seen, name, n)
		}
	}
}

// randomAddress likes zeros, and the bytes that tell versions and variants apart.
func randomAddress(g *rand.Rand, n int) []byte {
	b := make([]byte, n)
	few := g.IntN(3)
	for i := range b {
		switch few {
		case 0:
			b[i] = byte(g.Uint32())
		case 1:
			b[i] = byte(g.IntN(2))
		default:
			b[i] = []byte{0, 0, 0, 0, 0xff, 1, 0x80}[g.IntN(7)]
		}
	}
	if n == 16 {
		if g.IntN(2) == 0 {
			b[6], b[8] = byte(g.IntN(16)<<4|g.IntN(2)), byte(g.IntN(16)<<4)
		}
		if g.IntN(6) == 0 {
			copy(b, make([]byte, 10+2*g.IntN(2)))
			if g.IntN(2) == 0 {
				b[10], b[11] = 0xff, 0xff
			}
		}
	}
	return b
}
