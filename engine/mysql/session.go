package mysql

import (
	"encoding/binary"
	"strings"

	"github.com/go-mysql-org/go-mysql/replication"
)

// Bits of sql_mode that change how a statement is read.
const (
	modeANSIQuotes = 1 << 2
	modeNoEscapes  = 1 << 20
)

// queryOf reads an event that holds a statement.
func queryOf(body []byte, compressed bool) (v replication.QueryEvent, err error) {
	c := cursor{data: body}
	v.SlaveProxyID = uint32(c.little(4))
	c.take(4) // how long it ran
	schema := int(c.byte())
	c.take(2) // the error that it ended with
	v.StatusVars = c.take(int(c.little(2)))
	v.Schema = c.take(schema)
	c.take(1)
	if v.Query = c.data; c.short {
		return v, errShortEvent
	}
	if compressed {
		v.Query, err = openedEvent(v.Query)
	}
	return v, err
}

// text gives a statement in UTF-8, and, if its session read quotes or backslashes in another way, how a session with
// the usual sql_mode would write it.
func (t *translator) text(v *replication.QueryEvent) (sql, plain string) {
	mode, client := session(v.StatusVars)
	sql = string(v.Query)
	if t.collations != nil && client != 0 { // the spool's reader looks at no statement
		if c, err := t.collations(uint64(client)); err == nil {
			if s, err := toUTF8(c.charset, v.Query); err == nil {
				sql = s
			}
		}
	}
	if mode&(modeANSIQuotes|modeNoEscapes) != 0 {
		plain = usual(sql, mode&modeANSIQuotes != 0, mode&modeNoEscapes != 0)
	}
	return sql, plain
}

// session reads sql_mode and the client's collation from a query event's status variables, which stand in the order of
// their codes; those of the catalogue and of AUTO_INCREMENT lie between the two.
func session(vars []byte) (mode uint64, client uint16) {
	c := cursor{data: vars}
	for len(c.data) > 0 && !c.short {
		switch c.byte() {
		case 0: // flags2
			c.take(4)
		case 1:
			if b := c.take(8); !c.short {
				mode = binary.LittleEndian.Uint64(b)
			}
		case 2: // catalogue of 5.0
			c.take(int(c.byte()) + 1)
		case 3: // auto_increment_increment and _offset
			c.take(4)
		case 4:
			if b := c.take(6); !c.short {
				client = binary.LittleEndian.Uint16(b)
			}
			return mode, client
		case 6: // catalogue
			c.take(int(c.byte()))
		default:
			return mode, client
		}
	}
	return mode, client
}

// usual rewrites quoted identifiers and strings; what stands in comments stays.
func usual(sql string, ansiQuotes, noEscapes bool) string {
	var b strings.Builder
	for i := 0; i < len(sql); {
		rest, n := sql[i:], 1
		switch {
		case strings.HasPrefix(rest, "/*") && !strings.HasPrefix(rest, "/*!") && !strings.HasPrefix(rest, "/*M!"):
			n = upTo(rest, "*/", 2)
		case rest[0] == '#', strings.HasPrefix(rest, "--") && (len(rest) == 2 || rest[2] <= ' '):
			n = upTo(rest, "\n", 1)
		case rest[0] == '`':
			n = closing(rest, true)
		case rest[0] == '"' && ansiQuotes:
			n = closing(rest, true)
			name := strings.ReplaceAll(strings.TrimSuffix(rest[1:n], `"`), `""`, `"`)
			b.WriteString("`" + strings.ReplaceAll(name, "`", "``") + "`")
			i += n
			continue
		case rest[0] == '\'', rest[0] == '"':
			n = closing(rest, noEscapes)
			if noEscapes {
				b.WriteString(strings.ReplaceAll(rest[:n], `\`, `\\`))
				i += n
				continue
			}
		}
		b.WriteString(rest[:n])
		i += n
	}
	return b.String()
}

// upTo is the length of what ends with the mark.
func upTo(s, mark string, from int) int {
	if i := strings.Index(s[from:], mark); i >= 0 {
		return from + i + len(mark)
	}
	return len(s)
}

// closing is the length of a quoted text; a quote of its own is doubled in it or, with escapes, follows a backslash.
func closing(s string, noEscapes bool) int {
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && !noEscapes:
			i++
		case s[i] != s[0]:
		case i+1 < len(s) && s[i+1] == s[0]:
			i++
		default:
			return i + 1
		}
	}
	return len(s)
}
