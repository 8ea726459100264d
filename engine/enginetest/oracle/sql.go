package oracle

import "strings"

// token is one lexical part of a statement: a word, a `quoted` name, a 'string', a number or a single sign.
type token struct {
	text string // without quotes
	kind byte   // 'w' word or number, 'q' quoted name, 's' string, 'x' hex or bit string, '+' sign
}

// is reports whether the token is the keyword or sign.
func (t token) is(word string) bool {
	return (t.kind == 'w' || t.kind == '+') && strings.EqualFold(t.text, word)
}

// tokenize splits a statement. Comments vanish; the text of /*! and /*M! comments counts as SQL.
func tokenize(s string) []token {
	var out []token
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			i++
		case strings.HasPrefix(s[i:], "/*!") || strings.HasPrefix(s[i:], "/*M!"):
			i += strings.IndexByte(s[i:], '!') + 1
			for i < len(s) && s[i] >= '0' && s[i] <= '9' {
				i++
			}
		case strings.HasPrefix(s[i:], "*/"):
			i += 2
		case strings.HasPrefix(s[i:], "/*"):
			end := strings.Index(s[i:], "*/")
			if end < 0 {
				return out
			}
			i += end + 2
		case strings.HasPrefix(s[i:], "-- ") || c == '#':
			end := strings.IndexByte(s[i:], '\n')
			if end < 0 {
				return out
			}
			i += end
		case c == '`' || c == '\'' || c == '"':
			text, n := unquote(s[i:])
			kind := byte('s')
			if c == '`' {
				kind = 'q'
			}
			out, i = append(out, token{text, kind}), i+n
		case wordByte(c):
			j := i
			for j < len(s) && wordByte(s[j]) {
				j++
			}
			out, i = append(out, token{s[i:j], 'w'}), j
		default:
			out, i = append(out, token{s[i : i+1], '+'}), i+1
		}
	}
	return out
}

func wordByte(c byte) bool {
	return c == '_' || c == '$' || c == '@' || c >= 0x80 || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'
}

// unquote reads the quoted text at the start of s and gives how many bytes it took.
func unquote(s string) (string, int) {
	quote := s[0]
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && quote != '`' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		case s[i] == quote && i+1 < len(s) && s[i+1] == quote:
			i++
			b.WriteByte(quote)
		case s[i] == quote:
			return b.String(), i + 1
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String(), len(s)
}

// parser walks over tokens.
type parser struct {
	toks []token
	at   int
}

func (p *parser) peek() token {
	if p.at < len(p.toks) {
		return p.toks[p.at]
	}
	return token{}
}

func (p *parser) next() token {
	t := p.peek()
	p.at++
	return t
}

func (p *parser) end() bool { return p.at >= len(p.toks) }

// accept takes the words if all of them follow.
func (p *parser) accept(words ...string) bool {
	for i, w := range words {
		if p.at+i >= len(p.toks) || !p.toks[p.at+i].is(w) {
			return false
		}
	}
	p.at += len(words)
	return true
}

// acceptAny takes the next token if it is one of the words.
func (p *parser) acceptAny(words ...string) bool {
	for _, w := range words {
		if p.accept(w) {
			return true
		}
	}
	return false
}

// table reads [db.]name.
func (p *parser) table(db string) string {
	first := p.next().text
	if p.accept(".") {
		return first + "." + p.next().text
	}
	return db + "." + first
}

// names reads (a, b(10), c desc) and gives a, b, c.
func (p *parser) names() []string {
	var out []string
	if !p.accept("(") {
		return nil
	}
	for !p.end() && !p.accept(")") {
		out = append(out, p.next().text)
		p.skipTo(",", ")")
		p.accept(",")
	}
	return out
}

// skipTo passes over tokens up to one of the signs outside parentheses.
func (p *parser) skipTo(signs ...string) {
	depth := 0
	for ; !p.end(); p.at++ {
		t := p.peek()
		if depth == 0 {
			for _, s := range signs {
				if t.is(s) {
					return
				}
			}
		}
		switch {
		case t.is("("):
			depth++
		case t.is(")"):
			depth--
		}
	}
}
