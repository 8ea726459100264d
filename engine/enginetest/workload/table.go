package workload

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
)

// table is one table: its definition and how its rows are made.
type table struct {
	name   string
	create string
	cols   string
	key    func(g *rand.Rand, n int) []string // literals of the key of row number n
	rest   func(g *rand.Rand) []string        // literals of the other columns of cols
	keys   []string                           // key columns; nil: none
	update []string                           // columns of rest that UPDATE may set, in the order of rest
	// respell: a key has several spellings, and moves of keys may change no more than that.
	respell bool
}

func (t *table) values(g *rand.Rand, n int) string {
	var v []string
	if t.key != nil {
		v = t.key(g, n)
	}
	return "(" + strings.Join(append(v, t.rest(g)...), ",") + ")"
}

// where names row number n.
func (t *table) where(g *rand.Rand, n int) string {
	if t.keys == nil {
		return fmt.Sprintf("a=%d", n%50)
	}
	var parts []string
	for i, v := range t.key(g, n) {
		parts = append(parts, t.keys[i]+"="+v)
	}
	return strings.Join(parts, " AND ")
}

func integer(n int) string { return fmt.Sprint(n) }

func hexed(b []byte) string { return "x'" + hex.EncodeToString(b) + "'" }

// clean keeps a byte string free of backslashes, which mariadb-binlog prints ambiguously.
func clean(b []byte) []byte {
	for i := range b {
		if b[i] == '\\' {
			b[i] = ']'
		}
	}
	return b
}

var words = []string{"alpha", "Bravo", "中文", "数据库", "😀", "🚀x", "déjà", "o'clock", "tab\there", "line\nbreak", "Ω", "/* c */", "NULL", "' \"", "  "}

func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

func phrase(g *rand.Rand, most int) string {
	var parts []string
	for range 1 + g.IntN(most) {
		parts = append(parts, words[g.IntN(len(words))])
	}
	return fmt.Sprintf("%s %d", strings.Join(parts, " "), g.IntN(1000))
}

func maybe(g *rand.Rand, v string) string {
	if g.IntN(4) == 0 {
		return "NULL"
	}
	return v
}

func oneKey(f func(n int) string) func(*rand.Rand, int) []string {
	return func(_ *rand.Rand, n int) []string { return []string{f(n)} }
}

// uuid is the key of row n in t_uuid: scattered, and some with zero bytes at the end, which BINARY loses in the log.
func uuid(n int) string {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, uint64(n)*0x9e3779b97f4a7c15)
	if n%5 != 0 {
		binary.BigEndian.PutUint64(b[8:], uint64(n)*0xc2b2ae3d27d4eb4f|1)
	}
	return hexed(clean(b))
}

// textKey is the key of row n in t_text; different n never collate equal.
func textKey(n int) string {
	return quoted([]string{"Key", "键", "schlüssel", "😀"}[n%4] + fmt.Sprintf("-%d", n))
}

// spellings of keys that are one key in the collations they are used with: by case, accents, expansions, and spaces at
// the end.
var (
	spelled = [][]string{{"straße", "STRASSE", "Strasse", "strässe"}, {"Clé", "cle", "CLE", "clÉ"}, {"键", "键"}, {"a\u0301b", "áb", "AB"}}
	western = [][]string{{"Clé", "CLE", "cle"}, {"nino", "niño", "NIÑO"}, {"x-", "X-"}}
)

// spell writes the key of row n in one of its spellings.
func spell(g *rand.Rand, of [][]string, n int) string {
	ways := of[n%len(of)]
	return quoted(fmt.Sprintf("%s%d%s", ways[g.IntN(len(ways))], n, []string{"", "", " ", "  "}[g.IntN(4)]))
}

// binKey is the key of row n in t_bin: beside a text that ends there are those that go on with less than a space.
func binKey(g *rand.Rand, n int) string {
	return quoted(fmt.Sprintf("k%d", n/4) + []string{"", "\t", "!", "\x01"}[n%4] + []string{"", "", " ", "  "}[g.IntN(4)])
}

var enumLabels = []string{"zeta", "Beta", "alpha", "it's"}

// uintKey scatters over the whole range of INT UNSIGNED, without repeats.
func uintKey(n int) string { return fmt.Sprint(uint32(n) * 2654435761) }

func tables() []*table {
	return []*table{{
		name:   "t_int",
		create: "id BIGINT NOT NULL AUTO_INCREMENT, k INT NOT NULL, c CHAR(120) NOT NULL, pad VARCHAR(60), ver INT UNSIGNED NOT NULL DEFAULT 0, PRIMARY KEY (id)",
		cols:   "id,k,c,pad,ver", keys: []string{"id"}, update: []string{"k", "c", "pad", "ver"},
		key: oneKey(integer),
		rest: func(g *rand.Rand) []string {
			return []string{integer(g.IntN(1 << 20)), fmt.Sprintf("'%0100d'", g.Uint64()), maybe(g, fmt.Sprintf("'pad-%030d'", g.Uint64())), fmt.Sprint(g.Uint32())}
		},
	}, {
		name:   "t_uint",
		create: "id INT UNSIGNED NOT NULL PRIMARY KEY, v VARCHAR(100), n BIGINT UNSIGNED",
		cols:   "id,v,n", keys: []string{"id"}, update: []string{"v", "n"}, key: oneKey(uintKey),
		rest: func(g *rand.Rand) []string {
			return []string{maybe(g, quoted(phrase(g, 5))), maybe(g, fmt.Sprint(g.Uint64()))}
		},
	}, {
		name:   "t_comp",
		create: "a INT NOT NULL, b VARBINARY(16) NOT NULL, v VARCHAR(60), d DECIMAL(12,2), PRIMARY KEY (a, b)",
		cols:   "a,b,v,d", keys: []string{"a", "b"}, update: []string{"v", "d"},
		key: func(_ *rand.Rand, n int) []string {
			return []string{integer(n%97 - 48), hexed([]byte(fmt.Sprintf("%d\x00", n/97)))} // a zero byte at the end stays in VARBINARY
		},
		rest: func(g *rand.Rand) []string {
			return []string{maybe(g, quoted(phrase(g, 3))), fmt.Sprintf("%d.%02d", g.IntN(2000000)-1000000, g.IntN(100))}
		},
	}, {
		name:   "t_uuid",
		create: "id BINARY(16) NOT NULL PRIMARY KEY, v VARCHAR(80), n INT",
		cols:   "id,v,n", keys: []string{"id"}, update: []string{"v", "n"}, key: oneKey(uuid),
		rest: func(g *rand.Rand) []string {
			return []string{maybe(g, quoted(phrase(g, 4))), integer(g.IntN(1<<30) - 1<<29)}
		},
	}, {
		name:   "t_text",
		create: "id VARCHAR(64) NOT NULL PRIMARY KEY, v TEXT, n INT",
		cols:   "id,v,n", keys: []string{"id"}, update: []string{"v", "n"}, key: oneKey(textKey),
		rest: func(g *rand.Rand) []string {
			return []string{maybe(g, quoted(phrase(g, 12))), integer(g.IntN(1000))}
		},
	}, {
		name:   "t_words",
		create: "id VARCHAR(768) COLLATE utf8mb4_unicode_ci NOT NULL PRIMARY KEY, v VARCHAR(60), n INT",
		cols:   "id,v,n", keys: []string{"id"}, update: []string{"v", "n"}, respell: true,
		key: func(g *rand.Rand, n int) []string { return []string{spell(g, spelled, n)} },
		rest: func(g *rand.Rand) []string {
			return []string{maybe(g, quoted(phrase(g, 3))), integer(g.IntN(1000))}
		},
	}, {
		name:   "t_mixed",
		create: "e ENUM('zeta','Beta','alpha','it''s') NOT NULL, a VARCHAR(40) CHARACTER SET latin1 COLLATE latin1_swedish_ci NOT NULL, d DATE NOT NULL, n INT, PRIMARY KEY (e, a, d)",
		cols:   "e,a,d,n", keys: []string{"e", "a", "d"}, update: []string{"n"}, respell: true,
		key: func(g *rand.Rand, n int) []string {
			return []string{quoted(enumLabels[n%len(enumLabels)]), spell(g, western, n/7), fmt.Sprintf("'2020-%02d-15'", n%7+1)}
		},
		rest: func(g *rand.Rand) []string { return []string{integer(g.IntN(1000))} },
	}, {
		name:   "t_bin",
		create: "id VARCHAR(40) COLLATE utf8mb4_bin NOT NULL PRIMARY KEY, n INT",
		cols:   "id,n", keys: []string{"id"}, update: []string{"n"}, respell: true,
		key:  func(g *rand.Rand, n int) []string { return []string{binKey(g, n)} },
		rest: func(g *rand.Rand) []string { return []string{integer(g.IntN(1000))} },
	}, {
		name: "t_nokey", create: "a INT, b VARCHAR(40), c DATETIME(3)", cols: "a,b,c", update: []string{"a", "b", "c"},
		rest: func(g *rand.Rand) []string {
			return []string{integer(g.IntN(50)), maybe(g, quoted(words[g.IntN(4)])), maybe(g, datetime(g, 3))}
		},
	}, wide(), {
		name: "t_ddl", create: "id INT NOT NULL PRIMARY KEY, a INT NOT NULL, b VARCHAR(40)",
		cols: "id,a", keys: []string{"id"}, update: []string{"a"}, key: oneKey(integer),
		rest: func(g *rand.Rand) []string { return []string{integer(g.IntN(1000))} },
	}, {
		name: "t_renamed", create: "id INT NOT NULL PRIMARY KEY, v VARCHAR(40)",
		cols: "id,v", keys: []string{"id"}, update: []string{"v"}, key: oneKey(integer),
		rest: func(g *rand.Rand) []string { return []string{maybe(g, quoted(words[g.IntN(len(words))]))} },
	}, {
		name: "t_noise", create: "id INT NOT NULL PRIMARY KEY, v VARCHAR(100)",
		cols: "id,v", keys: []string{"id"}, update: []string{"v"}, key: oneKey(integer),
		rest: func(g *rand.Rand) []string { return []string{quoted(phrase(g, 5))} },
	}}
}
