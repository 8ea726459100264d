package schema

import (
	"strings"

	"sluice/engine/cdc"
)

// tokenKind says what a token is.
type tokenKind uint8

const (
	word   tokenKind = iota // keyword or bare identifier
	quoted                  // `identifier`, without its quotes
	str                     // 'text' or "text", without its quotes and escapes
	symbol                  // any other single byte
)

type token struct {
	kind       tokenKind
	text       string
	start, end int // bytes of the statement
}

// is reports whether the token is this keyword, which is given in capitals.
func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

func (t token) isSymbol(s string) bool { return t.kind == symbol && t.text == s }

// scanner splits a statement into tokens. Comments are left out, but the body of a versioned comment counts where
// the server that logged it runs it.
type scanner struct {
	sql     string
	flavor  cdc.Flavor
	at      int
	comment bool // inside a versioned comment whose body counts
	tokens  []token
}

func tokenize(flavor cdc.Flavor, sql string) []token {
	s := scanner{sql: sql, flavor: flavor}
	for s.at < len(sql) {
		s.step()
	}
	return s.tokens
}

func (s *scanner) step() {
	rest := s.sql[s.at:]
	c := rest[0]
	switch {
	case c == ' ' || c >= '\t' && c <= '\r' || c == 0:
		s.at++
	case c == '#' || strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
		s.skipTo("\n", 1)
	case strings.HasPrefix(rest, "/*"):
		s.openComment(rest)
	case s.comment && strings.HasPrefix(rest, "*/"):
		s.comment = false
		s.at += 2
	case c == '`':
		s.quote(quoted)
	case c == '\'' || c == '"':
		s.quote(str)
	case wordByte(c):
		n := 1
		for n < len(rest) && wordByte(rest[n]) {
			n++
		}
		s.add(word, rest[:n], n)
	default:
		s.add(symbol, rest[:1], 1)
	}
}

func wordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

func (s *scanner) add(kind tokenKind, text string, n int) {
	s.tokens = append(s.tokens, token{kind: kind, text: text, start: s.at, end: s.at + n})
	s.at += n
}

// skipTo moves behind the next mark, or to the end.
func (s *scanner) skipTo(mark string, from int) {
	i := strings.Index(s.sql[min(s.at+from, len(s.sql)):], mark)
	if i < 0 {
		s.at = len(s.sql)
		return
	}
	s.at += from + i + len(mark)
}

// openComment skips a comment, or enters it where its body is part of the statement.
func (s *scanner) openComment(rest string) {
	n := 2
	maria := s.flavor == cdc.MariaDB && strings.HasPrefix(rest, "/*M!")
	if maria {
		n++
	}
	if !maria && !strings.HasPrefix(rest, "/*!") {
		s.skipTo("*/", 2)
		return
	}
	n++
	version := 0
	for digits := 0; n < len(rest) && rest[n] >= '0' && rest[n] <= '9' && digits < 6; digits++ {
		version = version*10 + int(rest[n]-'0')
		n++
	}
	if !runs(s.flavor, maria, version) {
		s.skipTo("*/", 2)
		return
	}
	s.comment = true
	s.at += n
}

// runs reports whether a server of this kind runs the body of a comment of this version. MariaDB leaves out what
// asks for MySQL 5.7 or later, because it is not those.
func runs(flavor cdc.Flavor, maria bool, version int) bool {
	if flavor == cdc.MariaDB {
		return maria || version < 50700 || version >= 100000
	}
	return version < 100000
}

// quote reads a quoted identifier or string; a doubled quote stands for one, and in strings a backslash escapes.
func (s *scanner) quote(kind tokenKind) {
	q := s.sql[s.at]
	var b strings.Builder
	i := s.at + 1
	for ; i < len(s.sql); i++ {
		c := s.sql[i]
		if c == q {
			if i+1 >= len(s.sql) || s.sql[i+1] != q {
				i++
				break
			}
			i++
		} else if c == '\\' && kind == str && i+1 < len(s.sql) {
			i++
			c = unescape(s.sql[i])
		}
		b.WriteByte(c)
	}
	s.tokens = append(s.tokens, token{kind: kind, text: b.String(), start: s.at, end: i})
	s.at = i
}

func unescape(c byte) byte {
	switch c {
	case '0':
		return 0
	case 'b':
		return '\b'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	case 'Z':
		return 26
	}
	return c
}
