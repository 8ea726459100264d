package schema

import "strings"

// charsetWidths gives the most bytes that one character takes.
var charsetWidths = map[string]int{
	"utf8mb4": 4, "utf8mb3": 3, "gb18030": 4, "utf16": 4, "utf16le": 4, "utf32": 4, "ucs2": 2,
	"gbk": 2, "gb2312": 2, "big5": 2, "sjis": 2, "cp932": 2, "euckr": 2, "ujis": 3, "eucjpms": 3,
	"armscii8": 1, "ascii": 1, "binary": 1, "cp1250": 1, "cp1251": 1, "cp1256": 1, "cp1257": 1, "cp850": 1,
	"cp852": 1, "cp866": 1, "dec8": 1, "geostd8": 1, "greek": 1, "hebrew": 1, "hp8": 1, "keybcs2": 1, "koi8r": 1,
	"koi8u": 1, "latin1": 1, "latin2": 1, "latin5": 1, "latin7": 1, "macce": 1, "macroman": 1, "swe7": 1, "tis620": 1,
}

// maxLen is 0 for a charset that is not known.
func maxLen(charset string) int { return charsetWidths[charset] }

// charsetName gives the name as MySQL 8 writes it: utf8 is utf8mb3.
func charsetName(name string) string {
	if name = strings.ToLower(name); name == "utf8" {
		return "utf8mb3"
	}
	return name
}

func collationName(name string) string {
	name = strings.ToLower(name)
	if rest, ok := strings.CutPrefix(name, "utf8_"); ok {
		return "utf8mb3_" + rest
	}
	return name
}

// charsetOf gives the charset that a collation belongs to, or "".
func charsetOf(collation string) string {
	head, _, _ := strings.Cut(collationName(collation), "_")
	if maxLen(head) == 0 {
		return ""
	}
	return head
}

// defaultCollations holds the charsets whose default collation is the same on every server and not a setting.
var defaultCollations = map[string]string{
	"latin1": "latin1_swedish_ci", "ascii": "ascii_general_ci", "gbk": "gbk_chinese_ci", "gb2312": "gb2312_chinese_ci",
	"big5": "big5_chinese_ci", "gb18030": "gb18030_chinese_ci", "binary": "binary", "sjis": "sjis_japanese_ci",
	"cp932": "cp932_japanese_ci", "ujis": "ujis_japanese_ci", "euckr": "euckr_korean_ci",
}
