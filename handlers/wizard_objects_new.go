package handlers

import (
	"slices"
	"strings"

	"sluice/engine/task"
	"sluice/views"
)

// patternLines are the patterns of new tables, one a line.
func patternLines(patterns []task.Table) string {
	var lines []string
	for i := range patterns {
		lines = append(lines, patternLine(&patterns[i]))
	}
	return strings.Join(lines, "\n")
}

func patternLine(t *task.Table) string { return t.Schema + "." + t.Name }

// readNew takes the patterns of new tables as they were typed, one a line. A pattern that was there keeps what else the
// task says of its tables. If a line is wrong, all stay as they were.
func (f *wizardForm) readNew(s *task.Spec) {
	var patterns []task.Table
	seen := map[string]bool{}
	wrong := len(f.Errors)
	for line := range strings.Lines(f.text("new_tables")) {
		line = strings.TrimSpace(line)
		if line == "" || seen[line] {
			continue
		}
		seen[line] = true
		t, ok := f.pattern(line, s.New)
		if ok {
			patterns = append(patterns, t)
		}
	}
	if len(patterns) > 0 && !s.Incremental {
		f.bad("new_tables", "new_tables_incremental")
	}
	if len(f.Errors) == wrong {
		s.New = patterns
	}
}

func (f *wizardForm) pattern(line string, known []task.Table) (t task.Table, ok bool) {
	if i := slices.IndexFunc(known, func(t task.Table) bool { return patternLine(&t) == line }); i >= 0 {
		return known[i], true
	}
	t.Schema, t.Name, _ = strings.Cut(line, ".")
	t.Schema, t.Name = strings.TrimSpace(t.Schema), strings.TrimSpace(t.Name)
	switch {
	case t.Schema == "" || t.Name == "" || strings.ContainsAny(t.Schema, "*?"):
		f.bad("new_tables", "new_tables_form", "Value", line)
	case task.SystemSchema(t.Schema):
		f.bad("new_tables", "new_tables_system", "Value", t.Schema)
	default:
		return t, true
	}
	return t, false
}

// newTablesFact shows the patterns of new tables with what else is said of their tables.
func newTablesFact(p *views.Page, spec *task.Spec) []views.Fact {
	var all []string
	for i := range spec.New {
		text := patternLine(&spec.New[i])
		if note := tableNote(p, &spec.New[i]); note != "" {
			text += " (" + note + ")"
		}
		all = append(all, text)
	}
	if len(all) == 0 {
		return nil
	}
	return []views.Fact{{Name: p.T("config.new_tables"), Value: strings.Join(all, ", ")}}
}
