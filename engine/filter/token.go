package filter

import (
	"fmt"
	"slices"
	"strings"
)

type kind uint8

const (
	ending kind = iota
	word        // keyword or bare name
	quoted      // `name`
	number
	text // 'text'
	bits // x'00ff'
	symbol
)

type token struct {
	kind kind
	text string
}

func (t token) is(keyword string) bool { return t.kind == word && strings.EqualFold(t.text, keyword) }

func (t token) String() string {
	if t.kind == ending {
		return "its end"
	}
	return fmt.Sprintf("%q", t.text)
}

func wordByte(b byte) bool {
	return b|0x20 >= 'a' && b|0x20 <= 'z' || b >= '0' && b <= '9' || b == '_' || b == '$' || b >= 0x80
}

func digit(b byte) bool { return b >= '0' && b <= '9' }

func tokenize(s string) (out []token, err error) {
	for at := 0; at < len(s); {
		n, t := 0, token{}
		rest := s[at:]
		switch b := rest[0]; {
		case b == ' ' || b >= '\t' && b <= '\r':
			at++
			continue
		case b == '`' || b == '\'':
			t, n, err = quotedToken(rest)
		case (b == 'x' || b == 'X') && len(rest) > 1 && rest[1] == '\'':
			t, n, err = quotedToken(rest[1:])
			t.kind, n = bits, n+1
		case digit(b) || b == '.':
			for n < len(rest) && (digit(rest[n]) || rest[n] == '.' && !strings.Contains(rest[:n], ".")) {
				n++
			}
			if n < len(rest) && (wordByte(rest[n]) || rest[n] == '.') || rest[:n] == "." {
				err = fmt.Errorf("%.20q is no plain number", rest)
			}
			t = token{number, rest[:n]}
		case wordByte(b):
			for n < len(rest) && wordByte(rest[n]) {
				n++
			}
			t = token{word, rest[:n]}
		default:
			n = 1
			if len(rest) > 1 && slices.Contains([]string{"<=", ">=", "<>", "!="}, rest[:2]) {
				n = 2
			}
			t = token{symbol, rest[:n]}
			if !strings.Contains(" = <> != < <= > >= ( ) , - ", " "+t.text+" ") {
				err = fmt.Errorf("%q is not understood", t.text)
			}
		}
		if err != nil {
			return nil, err
		}
		out, at = append(out, t), at+n
	}
	return out, nil
}

// quotedToken reads up to the quote that ends it; two of them inside stand for one.
func quotedToken(s string) (t token, n int, err error) {
	quote := s[0]
	t.kind = text
	if quote == '`' {
		t.kind = quoted
	}
	var b strings.Builder
	for n = 1; n < len(s); n++ {
		switch {
		case s[n] == quote && n+1 < len(s) && s[n+1] == quote:
			n++
		case s[n] == quote:
			t.text = b.String()
			return t, n + 1, nil
		case s[n] == '\\' && quote == '\'':
			return t, 0, fmt.Errorf("text with a backslash is not taken")
		}
		b.WriteByte(s[n])
	}
	return t, 0, fmt.Errorf("a quote is left open")
}
