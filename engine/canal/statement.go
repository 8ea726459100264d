package canal

import "strings"

// types are Canal's words for what a statement begins with; any other is a QUERY.
var types = map[string]string{"ALTER": "ALTER", "RENAME": "RENAME", "TRUNCATE": "TRUNCATE"}

// typeOf is Canal's type of a statement, by its first words.
func typeOf(sql string) string {
	var words [4]string
	for i := range words {
		words[i], sql = nextWord(sql)
	}
	first, second := words[0], words[1]
	for _, w := range words[1:] { // CREATE OR REPLACE TABLE, CREATE UNIQUE INDEX
		if w == "TABLE" || w == "INDEX" {
			second = w
			break
		}
	}
	switch {
	case first == "CREATE" && second == "TABLE":
		return "CREATE"
	case first == "CREATE" && second == "INDEX":
		return "CINDEX"
	case first == "DROP" && second == "TABLE":
		return "ERASE"
	case first == "DROP" && second == "INDEX":
		return "DINDEX"
	}
	if t := types[first]; t != "" && second != "DATABASE" && second != "SCHEMA" {
		return t
	}
	return "QUERY"
}

// nextWord gives the next run of letters in capitals, without what stands in comments; of a comment that servers run
// the text counts.
func nextWord(sql string) (word, rest string) {
	for sql != "" {
		switch {
		case strings.HasPrefix(sql, "/*!"), strings.HasPrefix(sql, "/*M!"):
			sql = strings.TrimLeft(sql[strings.IndexByte(sql, '!')+1:], "0123456789")
		case strings.HasPrefix(sql, "/*"):
			_, sql, _ = strings.Cut(sql, "*/")
		case sql[0] == '#', strings.HasPrefix(sql, "--"):
			_, sql, _ = strings.Cut(sql, "\n")
		case letter(sql[0]):
			n := 1
			for n < len(sql) && letter(sql[n]) {
				n++
			}
			return strings.ToUpper(sql[:n]), sql[n:]
		case sql[0] == '`' || sql[0] == '(' || sql[0] == '\'':
			return "", "" // names and lists begin here
		default:
			sql = sql[1:]
		}
	}
	return "", ""
}

func letter(b byte) bool { return b|0x20 >= 'a' && b|0x20 <= 'z' || b == '_' }
