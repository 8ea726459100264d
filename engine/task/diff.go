package task

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Diff names the fields in which b differs from a, each as "field: old -> new", but for those that may change while
// a task lives: rate, workers, source_threads, spool, row_lock, the secrets and the certificates that are trusted.
func Diff(a, b Spec) []string {
	for _, s := range []*Spec{&a, &b} {
		s.Format = cmp.Or(s.Format, DTSAvro) // the default need not be written
		s.Rate, s.Workers, s.SourceThreads, s.Spool, s.Source.RowLock = 0, 0, 0, nil, false
		s.Source.TLS.CAFile, s.Target.TLS.CAFile, s.Source.TLS.CA, s.Target.TLS.CA = "", "", "", ""
	}
	out := diffFields("", fields(a), fields(b))
	order := func(s Spec) (names []string) {
		for _, t := range s.Tables {
			names = append(names, t.Schema+"."+t.Name)
		}
		return names
	}
	if len(out) == 0 && !slices.Equal(order(a), order(b)) {
		out = append(out, "tables: "+strings.Join(order(a), ", ")+" -> "+strings.Join(order(b), ", "))
	}
	return out
}

// fields gives the specification as it is saved, the tables by name.
func fields(s Spec) map[string]any {
	tables := map[string]any{}
	for _, t := range s.Tables {
		tables[t.Schema+"."+t.Name] = generic(t)
	}
	s.Tables = nil
	out := generic(s)
	out["tables"] = tables
	return out
}

// generic goes by the saved form, which leaves secrets and empty fields out.
func generic(v any) map[string]any {
	var out map[string]any
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic("a specification that cannot be saved: " + err.Error()) // it holds only strings, numbers and lists of them
	}
	return out
}

func diffFields(path string, a, b map[string]any) []string {
	names := maps.Clone(a)
	maps.Copy(names, b)
	var out []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		va, vb := a[name], b[name]
		ma, isMapA := va.(map[string]any)
		mb, isMapB := vb.(map[string]any)
		switch {
		case isMapA && isMapB:
			out = append(out, diffFields(path+name+".", ma, mb)...)
		case show(va) != show(vb):
			out = append(out, fmt.Sprintf("%s%s: %s -> %s", path, name, show(va), show(vb)))
		}
	}
	return out
}

func show(v any) string {
	if v == nil {
		return "(none)"
	}
	if s, ok := v.(string); ok {
		return fmt.Sprintf("%q", s)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}
