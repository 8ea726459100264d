package mysql

import "strings"

// QuoteName quotes an identifier.
func QuoteName(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }

// quoteString quotes a string literal for a session without NO_BACKSLASH_ESCAPES.
func quoteString(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`, "\x00", `\0`).Replace(s) + "'"
}
