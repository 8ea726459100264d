package schema

import (
	"regexp"
	"strings"

	"sluice/engine/cdc"
)

// Names that online schema tools give to the table that they fill beside another one, and to what they leave.
var (
	shadow = regexp.MustCompile(`^_+(.+)_(?:gho|new)$`)
	trash  = regexp.MustCompile(`^_+(.+)_(?:ghc|del|old)$`)
)

// Shadows gives the table that a table of an online schema tool is named after, or "".
func Shadows(name string) string {
	for _, pattern := range []*regexp.Regexp{shadow, trash} {
		if m := pattern.FindStringSubmatch(name); m != nil {
			return m[1]
		}
	}
	return ""
}

// altered keeps what was done to a table of an online schema tool since it was made, for the statement that gives it its
// final name.
func (h *History) altered(d ddl) {
	if d.touch.Temporary || !shadow.MatchString(d.touch.Table.Name) {
		return
	}
	e, sql := h.entry(d.touch.Table), ""
	switch d.touch.Kind {
	case Create:
		e.alters = nil
	case Alter:
		sql = d.sql
		e.alters = append(e.alters, sql)
	default:
		return
	}
	h.dirty = append(h.dirty, Version{Table: &cdc.Table{TableID: d.touch.Table, Version: e.version}, At: d.at, How: HowAltered, Create: sql})
}

// Effective gives the ALTER TABLE of a table that says at once what statements on another one said.
func Effective(flavor cdc.Flavor, id cdc.TableID, alters []string) string {
	var clauses []string
	for _, sql := range alters {
		d := &rewriter{sql: sql, tokens: tokenize(flavor, sql)}
		if at := d.head(); at >= 0 && at < len(d.tokens) {
			clauses = append(clauses, strings.TrimRight(sql[d.tokens[at].start:], "; \n\r\t"))
		}
	}
	if len(clauses) == 0 {
		return ""
	}
	quote := func(name string) string { return "`" + strings.ReplaceAll(name, "`", "``") + "`" }
	return "ALTER TABLE " + quote(id.Schema) + "." + quote(id.Name) + " " + strings.Join(clauses, ", ")
}
