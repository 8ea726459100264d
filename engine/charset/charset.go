// Package charset turns text in MySQL's charsets into UTF-8.
package charset

import (
	"encoding/binary"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
)

// IsUTF8 says which charsets are UTF-8 already.
func IsUTF8(name string) bool { return name == "utf8mb4" || name == "utf8mb3" || name == "utf8" }

// Charset converts one of MySQL's charsets to UTF-8. Each character that the server (8.0.33, compared code by code)
// converts comes out the same; a few that it shows as a question mark (gbk a2e3, the euro sign) come out as the
// charset's standard says; anything else is refused. Of gb18030 the private characters from U+E766 are refused, of
// big5 and tis620 the codes that the server takes for U+FFFD.
type Charset struct {
	convert func(dst, src []byte) ([]byte, bool)
}

// AppendUTF8 appends the text; ok is false where bytes of it are no characters of the charset.
func (c *Charset) AppendUTF8(dst, src []byte) (out []byte, ok bool) { return c.convert(dst, src) }

// Of gives nil for a charset that has no conversion here. Tables are built when first asked for.
func Of(name string) *Charset {
	if build := charsets[name]; build != nil {
		return build()
	}
	return nil
}

var charsets = map[string]func() *Charset{
	"ascii":    lazy(charmap.Windows1252, recipe{undefined: [2]byte{0x80, 0xff}}),
	"latin1":   lazy(charmap.Windows1252, recipe{c1: true}),
	"latin2":   lazy(charmap.ISO8859_2, recipe{c1: true}),
	"latin5":   lazy(charmap.ISO8859_9, recipe{}),
	"latin7":   lazy(charmap.ISO8859_13, recipe{c1: true}),
	"greek":    lazy(charmap.ISO8859_7, recipe{c1: true, single: map[byte]rune{0xa1: 0x2bd, 0xa2: 0x2bc}}),
	"hebrew":   lazy(charmap.ISO8859_8, recipe{c1: true, single: map[byte]rune{0xaf: 0x203e}}),
	"cp850":    lazy(charmap.CodePage850, recipe{}),
	"cp852":    lazy(charmap.CodePage852, recipe{}),
	"cp866":    lazy(charmap.CodePage866, recipe{single: map[byte]rune{0xfc: 0x207f, 0xfd: 0xb2}}),
	"cp1250":   lazy(charmap.Windows1250, recipe{}),
	"cp1251":   lazy(charmap.Windows1251, recipe{}),
	"cp1256":   lazy(charmap.Windows1256, recipe{}),
	"cp1257":   lazy(charmap.Windows1257, recipe{}),
	"koi8r":    lazy(charmap.KOI8R, recipe{}),
	"koi8u":    lazy(charmap.KOI8U, recipe{single: map[byte]rune{0x95: 0x2022, 0xae: 0x255d, 0xbe: 0x256c}}),
	"macroman": lazy(charmap.Macintosh, recipe{}),
	"gbk":      lazy(simplifiedchinese.GBK, recipe{undefined: [2]byte{0x80, 0x80}, wide: true}),
	"gb2312": lazy(simplifiedchinese.GBK, recipe{undefined: [2]byte{0x80, 0x80}, wide: true,
		double: map[uint16]rune{0xa1a4: 0x30fb, 0xa1aa: 0x2015}}),
	"euckr": lazy(korean.EUCKR, recipe{wide: true}),
	"cp932": lazy(japanese.ShiftJIS, recipe{undefined: [2]byte{0x80, 0x80}, wide: true, private: privateCP932}),
	"sjis": lazy(japanese.ShiftJIS, recipe{undefined: [2]byte{0x80, 0x80}, wide: true,
		double: map[uint16]rune{0x815f: '\\', 0x8160: 0x301c, 0x8161: 0x2016, 0x817c: 0x2212, 0x8191: 0xa2, 0x8192: 0xa3, 0x81ca: 0xac}}),
	"ujis": lazy(japanese.EUCJP, recipe{wide: true, triple: map[uint16]rune{0xa2b7: '~'}, private: privateEUC,
		double: map[uint16]rune{0xa1c0: '\\', 0xa1c1: 0x301c, 0xa1c2: 0x2016, 0xa1dd: 0x2212, 0xa1f1: 0xa2, 0xa1f2: 0xa3, 0xa2cc: 0xac}}),
	"eucjpms": lazy(japanese.EUCJP, recipe{wide: true, triple: map[uint16]rune{}, third: eucjpms, private: privateEUC}),
	// Codes of the Hong Kong supplement, and those that the server takes for no character, are none.
	"big5": lazy(traditionalchinese.Big5, recipe{undefined: [2]byte{0x80, 0x80}, wide: true, runs: big5, without: [][2]uint16{
		{0x8740, 0xa0fe}, {0xa15a, 0xa15a}, {0xa1c3, 0xa1c3}, {0xa1c5, 0xa1c5}, {0xa1fe, 0xa1fe}, {0xa240, 0xa240}, {0xa2cc, 0xa2cc}, {0xa2ce, 0xa2ce},
		{0xa3c0, 0xa3fe}, {0xc7fd, 0xc8fe}, {0xf9dd, 0xfefe}}}),
	"swe7": sync.OnceValue(func() *Charset {
		return &Charset{fromList("", map[byte]rune{0x40: 'É', 0x5b: 'Ä', 0x5c: 'Ö', 0x5d: 'Å', 0x5e: 'Ü', 0x60: 'é', 0x7b: 'ä', 0x7c: 'ö', 0x7d: 'å', 0x7e: 'ü', 0x7f: absent}).convert}
	}),
	"armscii8": byList("armscii8"), "dec8": byList("dec8"), "geostd8": byList("geostd8"), "hp8": byList("hp8"),
	"keybcs2": byList("keybcs2"), "macce": byList("macce"), "tis620": byList("tis620"),
	"gb18030": sync.OnceValue(func() *Charset {
		return &Charset{convertGB18030(newTable(simplifiedchinese.GB18030, recipe{undefined: [2]byte{0x80, 0x80}, wide: true, private: privateGB}))}
	}),
	"ucs2":    func() *Charset { return &Charset{convertUCS2} },
	"utf16":   func() *Charset { return &Charset{convertUTF16(binary.BigEndian)} },
	"utf16le": func() *Charset { return &Charset{convertUTF16(binary.LittleEndian)} },
	"utf32":   func() *Charset { return &Charset{convertUTF32} },
}

func lazy(e encoding.Encoding, r recipe) func() *Charset {
	return sync.OnceValue(func() *Charset { return &Charset{newTable(e, r).convert} })
}

func byList(name string) func() *Charset {
	return sync.OnceValue(func() *Charset { return &Charset{fromList(listed[name], nil).convert} })
}

// convertGB18030 takes characters of one and two bytes from the table, and those of four from the encoding.
func convertGB18030(t *table) func(dst, src []byte) ([]byte, bool) {
	return func(dst, src []byte) ([]byte, bool) {
		decoder := simplifiedchinese.GB18030.NewDecoder()
		for len(src) > 0 {
			n := 2
			switch {
			case t.single[src[0]] != absent:
				n = 1
			case len(src) >= 4 && src[1] >= '0' && src[1] <= '9':
				n = 4
			}
			if n < 4 {
				var ok bool
				if dst, ok = t.convert(dst, src[:min(n, len(src))]); !ok {
					return dst, false
				}
				src = src[n:]
				continue
			}
			r := decodeOne(decoder, src[:4]...)
			switch string(src[:4]) {
			case "\x84\x31\xa4\x37":
				r = utf8.RuneError // the character of that name, not a fault
			case "\x81\x35\xf4\x37":
				r = 0xe7c7 // as in the standard of 2000
			}
			if r == absent {
				return dst, false
			}
			dst, src = utf8.AppendRune(dst, r), src[4:]
		}
		return dst, true
	}
}

func convertUCS2(dst, src []byte) ([]byte, bool) {
	for ; len(src) >= 2; src = src[2:] {
		r := rune(binary.BigEndian.Uint16(src))
		if !utf8.ValidRune(r) {
			return dst, false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, len(src) == 0
}

func convertUTF16(order binary.ByteOrder) func(dst, src []byte) ([]byte, bool) {
	return func(dst, src []byte) ([]byte, bool) {
		for len(src) >= 2 {
			r := rune(order.Uint16(src))
			src = src[2:]
			if r >= 0xd800 && r < 0xe000 {
				if r >= 0xdc00 || len(src) < 2 {
					return dst, false
				}
				low := rune(order.Uint16(src))
				if low < 0xdc00 || low >= 0xe000 {
					return dst, false
				}
				src = src[2:]
				r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
			}
			dst = utf8.AppendRune(dst, r)
		}
		return dst, len(src) == 0
	}
}

func convertUTF32(dst, src []byte) ([]byte, bool) {
	for ; len(src) >= 4; src = src[4:] {
		n := binary.BigEndian.Uint32(src)
		if n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
			return dst, false
		}
		dst = utf8.AppendRune(dst, rune(n))
	}
	return dst, len(src) == 0
}
