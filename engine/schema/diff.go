package schema

import (
	"fmt"
	"slices"
	"strings"

	"sluice/engine/cdc"
)

// Diff names the differences between two definitions, in words for a message; it is empty if rows of both mean the
// same. Versions and the spelling of types are not compared, but of unsupported types the spelling is all there is;
// a charset or collation that only one of the two knows is no difference.
func Diff(a, b *cdc.Table) string { return diff(a, b, false) }

// diff compares what is not known too, if it is strict.
func diff(a, b *cdc.Table, strict bool) string {
	switch {
	case a == nil && b == nil:
		return ""
	case a == nil || b == nil:
		return "one of the two tables does not exist"
	}
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if a.TableID != b.TableID {
		say("table %s, not %s", a.TableID, b.TableID)
	}
	if len(a.Columns) != len(b.Columns) {
		say("%d columns, not %d", len(a.Columns), len(b.Columns))
	}
	for i := range min(len(a.Columns), len(b.Columns)) {
		if d := diffColumn(&a.Columns[i], &b.Columns[i], strict); d != "" {
			say("column %d (%s): %s", i+1, a.Columns[i].Name, d)
		}
	}
	if !slices.Equal(a.Primary, b.Primary) {
		say("primary key (%s), not (%s)", names(a, a.Primary), names(b, b.Primary))
	}
	if !slices.EqualFunc(a.Uniques, b.Uniques, sameIndex) {
		say("unique indexes %s, not %s", indexes(a), indexes(b))
	}
	if differ(a.Charset, b.Charset, strict) || differ(a.Collation, b.Collation, strict) {
		say("default charset %q %q, not %q %q", a.Charset, a.Collation, b.Charset, b.Collation)
	}
	return strings.Join(out, "; ")
}

func differ(a, b string, strict bool) bool { return a != b && (strict || a != "" && b != "") }

// diffColumn compares what is not known too, if it is strict.
func diffColumn(a, b *cdc.Column, strict bool) string {
	var out []string
	add := func(what string, x, y any) {
		if x != y {
			out = append(out, fmt.Sprintf("%s %v, not %v", what, x, y))
		}
	}
	add("name", a.Name, b.Name)
	if a.Type != b.Type || a.Type == cdc.Unsupported && a.Declared != b.Declared {
		out = append(out, fmt.Sprintf("type %s, not %s", a.Declared, b.Declared))
	}
	add("unsigned", a.Unsigned, b.Unsigned)
	add("nullable", a.Nullable, b.Nullable)
	add("length", a.Length, b.Length)
	add("precision", a.Precision, b.Precision)
	add("scale", a.Scale, b.Scale)
	add("fraction digits", a.Fsp, b.Fsp)
	if differ(a.Charset, b.Charset, strict) {
		add("charset", a.Charset, b.Charset)
	}
	if differ(a.Collation, b.Collation, strict) {
		add("collation", a.Collation, b.Collation)
	}
	add("generated", a.Generated, b.Generated)
	add("invisible", a.Invisible, b.Invisible)
	if !slices.Equal(a.Labels, b.Labels) {
		out = append(out, fmt.Sprintf("labels %q, not %q", a.Labels, b.Labels))
	}
	return strings.Join(out, ", ")
}

func sameIndex(a, b cdc.Index) bool {
	return a.Name == b.Name && a.Prefix == b.Prefix && slices.Equal(a.Columns, b.Columns)
}

func names(t *cdc.Table, ordinals []int) string {
	var out []string
	for _, i := range ordinals {
		out = append(out, t.Columns[i].Name)
	}
	return strings.Join(out, ", ")
}

func indexes(t *cdc.Table) string {
	var out []string
	for _, u := range t.Uniques {
		out = append(out, u.Name+"("+names(t, u.Columns)+")")
	}
	return "[" + strings.Join(out, " ") + "]"
}
