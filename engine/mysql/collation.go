package mysql

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"

	"sluice/engine/cdc"
)

// collation is what a collation id of a table map stands for.
type collation struct {
	name    string
	charset string
	width   int // most bytes a character
}

// loadCollations reads the server's collations once. It asks without holding loading, which is taken within questions.
func (s *Source) loadCollations(ctx context.Context) (map[uint64]collation, error) {
	s.loading.Lock()
	known := s.collations
	s.loading.Unlock()
	if known != nil {
		return known, nil
	}
	all := map[uint64]collation{}
	err := s.ask(ctx, "reading the source's collations", func(c *conn) error {
		return c.query(collationsSQL(s.server.Flavor, s.version), func(row []string) error {
			id, err := strconv.ParseUint(row[0], 10, 64)
			if err != nil {
				return nil // MariaDB names collations without an id
			}
			all[id] = collation{row[1], charsetName(row[2]), number(row[3])}
			return nil
		})
	})
	if err == nil {
		s.loading.Lock()
		s.collations = all
		s.loading.Unlock()
	}
	return all, err
}

// collationsSQL: since MariaDB 10.10 one collation serves several charsets, and the id belongs to the pair.
func collationsSQL(flavor cdc.Flavor, v version) string {
	if flavor == cdc.MariaDB && v.atLeast(10, 10) {
		return "SELECT a.id, a.full_collation_name, a.character_set_name, c.maxlen FROM information_schema.collation_character_set_applicability a" +
			" JOIN information_schema.character_sets c ON c.character_set_name = a.character_set_name"
	}
	return "SELECT l.id, l.collation_name, l.character_set_name, c.maxlen FROM information_schema.collations l" +
		" JOIN information_schema.character_sets c ON c.character_set_name = l.character_set_name"
}

func lookup(all map[uint64]collation) func(uint64) (collation, error) {
	return func(id uint64) (collation, error) {
		if c, ok := all[id]; ok {
			return c, nil
		}
		return collation{}, fmt.Errorf("the server does not list collation %d", id)
	}
}

// encodings are the charsets that labels are read in. MySQL's latin1 is cp1252 that also maps the five unused bytes.
var encodings = map[string]encoding.Encoding{
	"latin1": charmap.Windows1252, "latin2": charmap.ISO8859_2, "cp1250": charmap.Windows1250, "cp1251": charmap.Windows1251,
	"koi8r": charmap.KOI8R, "gbk": simplifiedchinese.GBK, "gb18030": simplifiedchinese.GB18030, "gb2312": simplifiedchinese.GBK,
	"sjis": japanese.ShiftJIS, "cp932": japanese.ShiftJIS,
	"utf16": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), "ucs2": unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
	"utf16le": unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), "utf32": utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM),
}

// toUTF8 reads a label in the column's charset.
func toUTF8(charset string, b []byte) (string, error) {
	switch charset {
	case "utf8mb4", "utf8mb3", "ascii", "binary", "":
		return string(b), nil
	}
	if e, ok := encodings[charset]; ok {
		s, err := e.NewDecoder().Bytes(b)
		return string(s), err
	}
	if !strings.ContainsFunc(string(b), func(r rune) bool { return r > 127 }) {
		return string(b), nil
	}
	return "", fmt.Errorf("labels in charset %s are not supported", charset)
}
