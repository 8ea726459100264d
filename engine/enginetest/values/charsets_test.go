package values

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"sluice/engine/charset"
	"sluice/engine/enginetest/servers"
)

// exact are the charsets in which there is a character here if and only if the server has one.
var exact = []string{"armscii8", "big5", "dec8", "eucjpms", "geostd8", "hp8", "keybcs2", "macce", "swe7", "tis620"}

// TestCharsets asks both servers for every code of one and two bytes, and of three where there are any, of every charset
// that is converted.
func TestCharsets(t *testing.T) {
	t.Parallel()
	for _, kind := range []servers.Kind{servers.MySQL80, servers.MariaDB1011} {
		c := servers.SharedMySQL(t, kind).Conn(t, "")
		execute := func(sql string) {
			if _, err := c.Execute(sql); err != nil {
				t.Fatal(err)
			}
		}
		execute("CREATE DATABASE charsets")
		for n, codes := range [3][]string{codes(0, 0x100, "%02x"), codes(0x8000, 0x10000, "%04x"), codes(0xa100, 0x10000, "8f%04x")} {
			execute(fmt.Sprintf("CREATE TABLE charsets.c%d (b VARBINARY(3) PRIMARY KEY)", n+1))
			for some := range slices.Chunk(codes, 8000) {
				execute(fmt.Sprintf("INSERT INTO charsets.c%d VALUES (x'%s')", n+1, strings.Join(some, "'),(x'")))
			}
		}
		singles := []string{"latin1", "latin2", "latin5", "latin7", "greek", "hebrew", "cp850", "cp852", "cp866", "cp1250", "cp1251", "cp1256", "cp1257", "koi8r", "koi8u", "macroman",
			"armscii8", "dec8", "geostd8", "hp8", "keybcs2", "macce", "swe7", "tis620"}
		for _, name := range append(singles, "big5", "eucjpms", "gbk", "gb2312", "euckr", "cp932", "sjis", "ujis") {
			tables := 1
			if !slices.Contains(singles, name) {
				tables = 2
			}
			if name == "eucjpms" || name == "ujis" {
				tables = 3
			}
			compared := 0
			for n := range tables {
				r, err := c.Execute(fmt.Sprintf("SELECT HEX(b), HEX(CONVERT(CONVERT(b USING %s) USING utf8mb4)) FROM charsets.c%d", name, n+1))
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range r.Values {
					compared += compareCode(t, kind, name, unhex(t, v[0].AsString()), unhex(t, v[1].AsString()))
				}
			}
			if compared < 120 || tables > 1 && compared < 6000 {
				t.Errorf("%s: %s has %d characters", kind, name, compared)
			}
		}
	}
}

// compareCode counts a code that is one character at the server.
func compareCode(t *testing.T, kind servers.Kind, name string, code, there []byte) int {
	r, size := utf8.DecodeRune(there)
	is := size > 0 && size == len(there) && r != utf8.RuneError && (r != '?' || string(code) == "?")
	text, ok := charset.Of(name).AppendUTF8(nil, code)
	if utf8.RuneCount(text) > 1 {
		return 0 // of two codes
	}
	if is && (!ok || string(text) != string(there)) || !is && ok && slices.Contains(exact, name) {
		t.Errorf("%s: %x in %s is %q (%v), the server has %q", kind, code, name, text, ok, there)
	}
	if is {
		return 1
	}
	return 0
}

func codes(from, to int, format string) []string {
	var list []string
	for i := from; i < to; i++ {
		list = append(list, fmt.Sprintf(format, i))
	}
	return list
}

func unhex(t *testing.T, s []byte) []byte {
	b, err := hex.DecodeString(string(s))
	if err != nil {
		t.Fatal(err)
	}
	return b
}
