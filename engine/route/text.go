package route

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"sluice/engine/cdc"
	"sluice/engine/task"
)

// form says how a column's values become the UTF-8 text of a key.
type form uint8

const (
	formPlain  form = iota // the server's text
	formUTF8               // checked, hexadecimal if it is not UTF-8
	formLatin1             // MySQL's latin1, which is cp1252
	formGBK
	formHex // binary types and charsets without a table here
)

func formOf(c *cdc.Column) form {
	switch c.Type {
	case cdc.Binary, cdc.VarBinary, cdc.TinyBlob, cdc.Blob, cdc.MediumBlob, cdc.LongBlob, cdc.Geometry, cdc.Vector, cdc.Unsupported:
		return formHex
	}
	if !c.Type.IsText() {
		return formPlain
	}
	switch name := strings.ToLower(c.Charset); {
	case strings.HasPrefix(name, "utf8"), name == "ascii":
		return formUTF8
	case name == "latin1":
		return formLatin1
	case name == "gbk":
		return formGBK
	}
	return formHex
}

// appendParts appends the values joined by commas. A NULL, possible in chosen columns only, is backslash and N.
func appendParts(dst []byte, parts []part, row cdc.Row) ([]byte, error) {
	for i := range parts {
		p := &parts[i]
		if p.ordinal >= len(row) {
			return dst, fmt.Errorf("row has %d values, key column %s is number %d", len(row), p.column.Name, p.ordinal+1)
		}
		if i > 0 {
			dst = append(dst, ',')
		}
		v := row[p.ordinal]
		if v.Null() {
			dst = append(dst, '\\', 'N')
			continue
		}
		if v.Kind == cdc.KindAbsent {
			return dst, &task.Error{Code: "value.not_logged",
				Text: fmt.Sprintf("the source logs an update or a delete without the generated column %s, by which the partition is chosen", p.column.Name),
				Hint: "Choose the partition by other columns, in a new task: this server, as MariaDB from 11.8 on, does not log generated ones."}
		}
		at := len(dst)
		dst = escapeFrom(appendValue(dst, p, v), at)
	}
	return dst, nil
}

func appendValue(dst []byte, p *part, v cdc.Value) []byte {
	at := len(dst)
	switch p.form {
	case formPlain:
		return cdc.AppendText(dst, p.column, v)
	case formUTF8:
		if utf8.Valid(v.Bytes) {
			return append(dst, v.Bytes...)
		}
	case formLatin1:
		return appendLatin1(dst, v.Bytes)
	case formGBK:
		if out, ok := appendGBK(dst, v.Bytes); ok {
			return out
		}
	}
	return hex.AppendEncode(dst[:at], v.Bytes)
}

// escapeFrom puts a backslash before each backslash, comma and colon of dst[at:], moving the text from its end.
func escapeFrom(dst []byte, at int) []byte {
	extra := 0
	for _, b := range dst[at:] {
		if b == '\\' || b == ',' || b == ':' {
			extra++
		}
	}
	if extra == 0 {
		return dst
	}
	from := len(dst)
	dst = slices.Grow(dst, extra)[:from+extra]
	for to := len(dst); from < to; {
		from--
		to--
		dst[to] = dst[from]
		if b := dst[to]; b == '\\' || b == ',' || b == ':' {
			to--
			dst[to] = '\\'
		}
	}
	return dst
}

// cp1252 holds 0x80 to 0x9f; MySQL keeps the five bytes that Windows leaves free as control characters.
var cp1252 = [32]rune{
	0x20ac, 0x81, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x8d, 0x017d, 0x8f,
	0x90, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d, 0x017e, 0x0178,
}

func appendLatin1(dst, text []byte) []byte {
	for _, b := range text {
		switch {
		case b < 0x80:
			dst = append(dst, b)
		case b < 0xa0:
			dst = utf8.AppendRune(dst, cp1252[b-0x80])
		default:
			dst = utf8.AppendRune(dst, rune(b))
		}
	}
	return dst
}

// gbkRunes maps lead<<8|trail to the character, 0 where there is none. A table, so that decoding keeps no state.
var gbkRunes = sync.OnceValue(func() *[1 << 16]rune {
	table := new([1 << 16]rune)
	decoder := simplifiedchinese.GBK.NewDecoder()
	for pair := 0x8140; pair <= 0xfefe; pair++ {
		text, err := decoder.Bytes([]byte{byte(pair >> 8), byte(pair)})
		if r, n := utf8.DecodeRune(text); err == nil && n == len(text) && !bytes.ContainsRune(text, utf8.RuneError) {
			table[pair] = r
		}
	}
	return table
})

func appendGBK(dst, text []byte) (out []byte, ok bool) {
	table := gbkRunes()
	for i := 0; i < len(text); i++ {
		if text[i] < 0x80 {
			dst = append(dst, text[i])
			continue
		}
		if i++; i == len(text) {
			return dst, false
		}
		r := table[int(text[i-1])<<8|int(text[i])]
		if r == 0 {
			return dst, false
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst, true
}
