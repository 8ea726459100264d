package mysql

import "strings"

// holdsSubquery reports whether a condition has a word that begins a subquery. All are reserved, so that a column of
// such a name is quoted. The plan alone does not tell: where the other table is empty, it does not name it.
func holdsSubquery(where string) bool {
	for i := 0; i < len(where); {
		switch c := where[i]; {
		case c == '\'' || c == '"' || c == '`':
			i = endOfQuoted(where, i)
		case c == '#' || strings.HasPrefix(where[i:], "-- "):
			i = after(where, i, "\n")
		case strings.HasPrefix(where[i:], "/*!") || strings.HasPrefix(where[i:], "/*M!"): // which the server runs
			i += 3
		case strings.HasPrefix(where[i:], "/*"):
			i = after(where, i+2, "*/")
		case partOfWord(c):
			end := i
			for end < len(where) && partOfWord(where[end]) {
				end++
			}
			switch strings.ToUpper(where[i:end]) {
			case "SELECT", "TABLE", "VALUES", "WITH":
				return true
			}
			i = end
		default:
			i++
		}
	}
	return false
}

func partOfWord(c byte) bool {
	return c == '_' || c == '$' || c >= 0x80 || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// endOfQuoted is behind the quoted text that begins at i. A doubled quote begins another one at once.
func endOfQuoted(s string, i int) int {
	for j := i + 1; j < len(s); j++ {
		switch {
		case s[j] == '\\' && s[i] != '`':
			j++
		case s[j] == s[i]:
			return j + 1
		}
	}
	return len(s)
}

// after is behind the next end at or after i.
func after(s string, i int, end string) int {
	if n := strings.Index(s[i:], end); n >= 0 {
		return i + n + len(end)
	}
	return len(s)
}
