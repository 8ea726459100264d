package charset

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// TestCharsetTables holds the tables to what was compared with the server: a digest of all characters of one and two
// bytes, and of those of three.
func TestCharsetTables(t *testing.T) {
	t.Parallel()
	want := map[string]string{
		"tis620":   "59033 97d95daa62ae9d29",
		"swe7":     "127 76ea9661acadec03",
		"macce":    "65792 5da918f168893b41",
		"keybcs2":  "65792 a976c962a1599ce6",
		"hp8":      "65025 1b6675d409b4f7b5",
		"geostd8":  "18920 0eb91ec32041069d",
		"eucjpms":  "15206 e748c93e48b800c9",
		"dec8":     "55418 9c2ab572e7faf8b5",
		"big5":     "13838 97662ad46badf846",
		"armscii8": "65792 6ff546cd2f7ebe84",
		"ascii":    "128 66a130f3a9c0af9b",
		"cp1250":   "61997 e00c82b37bfb74a1",
		"cp1251":   "65025 f27aabaafff2cbf2",
		"cp1256":   "65792 bcedcc6c4d81853b",
		"cp1257":   "56852 4a63d4cba7c8afe6",
		"cp850":    "65792 b12c9d9f2953a412",
		"cp852":    "65792 582a3d5dac5c748f",
		"cp866":    "65792 0d60afe88884118e",
		"cp932":    "45703 a55149c919bb1cc5",
		"euckr":    "33304 47ae839a38f0db5e",
		"gb18030":  "40150 717636a44c489ba6",
		"gb2312":   "38257 596b6fed570f4caa",
		"gbk":      "38257 8a899ec9dafbe4d2",
		"greek":    "63503 01ba4fb32dd023d3",
		"hebrew":   "40700 ef0a5664988c071d",
		"koi8r":    "65792 bac80f16cf4abfa8",
		"koi8u":    "65792 ae15a4d616b16ed7",
		"latin1":   "65792 bac58f65586d73a7",
		"latin2":   "65792 651915090819eb1e",
		"latin5":   "65792 addd2759fc182d0e",
		"latin7":   "65792 5b09a4ea4489057a",
		"macroman": "65792 11207246752a1f18",
		"sjis":     "43823 bef15af8a791951b",
		"ucs2":     "30720 5555245ab50506cb",
		"ujis":     "15100 5a52793e35cbfeb0",
		"utf16":    "30720 5555245ab50506cb",
		"utf16le":  "31744 773c0edce9870ef5",
		"utf32":    "0 e3b0c44298fc1c14",
	}
	for name := range charsets {
		cs := Of(name)
		h := sha256.New()
		count := 0
		add := func(b ...byte) {
			if out, ok := cs.AppendUTF8(nil, b); ok {
				count++
				fmt.Fprintf(h, "%x=%x;", b, out)
			}
		}
		for i := range 256 {
			add(byte(i))
		}
		for i := 0x8000; i < 0x10000; i++ {
			add(byte(i>>8), byte(i))
			add(0x8f, byte(i>>8), byte(i))
		}
		if got := fmt.Sprintf("%d %x", count, h.Sum(nil)[:8]); got != want[name] {
			t.Errorf("%q: %q,", name, got)
		}
	}
}

func TestCharsets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ charset, in, want string }{
		{"latin1", "a\x80\x81\x9d\xe9", "a€\u0081\u009dé"},
		{"latin2", "\xb1\x85", "ą\u0085"},
		{"big5", "a\xb8\xea\xae\xc6\xc6\xa5\xa1\x45", "a資料ぁ•"}, {"eucjpms", "\x8e\xb1\xad\xa1\x8f\xf4\xa1\xa1\xc1", "ｱ①Ⅲ～"}, {"tis620", "\xa2\xcd\xdf", "ขอ฿"}, {"swe7", "}{|a", "åäöa"},
		{"cp932", "\x83\x52\xb1\x81\x60\xf0\x40", "コｱ～\ue000"},
		{"sjis", "\x81\x60\x5c", "〜\\"},
		{"ujis", "\xa4\xa2\x8e\xb1\x8f\xb0\xa1", "あｱ丂"},
		{"gbk", "a\xba\xbc\xa2\xe3", "a杭€"},
		{"gb2312", "\xa1\xa4", "・"},
		{"gb18030", "a\xba\xbc\x94\x39\xda\x33\x84\x31\xa4\x37", "a杭💩\ufffd"},
		{"gb18030", "\x81\x35\xf4\x37\xaa\xa1\xfe\xfe\xa7\xa0", "\ue7c7\ue000\ue4c5\ue765"},
		{"euckr", "\xb0\xa1", "가"},
		{"ucs2", "\x00a\x67\x6d", "a杭"},
		{"utf16", "\xd8\x3d\xde\x00\x00a", "😀a"},
		{"utf16le", "\x3d\xd8\x00\xde", "😀"},
		{"utf32", "\x00\x01\xf6\x00", "😀"},
		{"ascii", "abc", "abc"},
	} {
		got, ok := Of(c.charset).AppendUTF8([]byte("-"), []byte(c.in))
		if !ok || string(got) != "-"+c.want {
			t.Errorf("%s %q = %q, %v, want %q", c.charset, c.in, got, ok, c.want)
		}
	}
	for _, c := range []struct{ charset, in string }{
		{"ascii", "\x80"}, {"big5", "\xfa\x40"}, {"big5", "\xa1\x5a"}, {"big5", "\x80"}, {"tis620", "\xdb"}, {"swe7", "\x7f"}, {"swe7", "\x80"}, {"dec8", "\xa4"}, {"cp1251", "\x98"}, {"gbk", "\x80"}, {"gbk", "\xba"}, {"gbk", "\xff\xff"}, {"gb18030", "\x84\x31"}, {"gb18030", "\x80"},
		{"gb18030", "\xff0\x810"}, {"cp932", "\x81"}, {"ujis", "\x8f\xa1"}, {"ucs2", "a"}, {"ucs2", "\xd8\x3d"}, {"utf16", "\xd8\x3d"}, {"utf16", "\xde\x00"},
		{"utf16", "\xd8\x3d\x00a"}, {"utf32", "\x00\x11\x00\x00"}, {"utf32", "\x00\x00\xd8\x00"}, {"utf32", "\x00"},
	} {
		if got, ok := Of(c.charset).AppendUTF8(nil, []byte(c.in)); ok {
			t.Errorf("%s %q = %q, want a refusal", c.charset, c.in, got)
		}
	}
}
