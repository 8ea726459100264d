package main

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sluice/views/i18n"
)

// catalogue reads one file of texts of a language.
func catalogue(t *testing.T, tag, area string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("../../views/i18n/locales", tag, area+".json"))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	if err := json.Unmarshal(data, &texts); err != nil {
		t.Fatalf("%s/%s.json: %v", tag, area, err)
	}
	return texts
}

// Every error has a sentence in both languages, and there is none for what is no error. Where a hint is left out, it
// is in both, so that the failure's own hint, a statement to run, is shown.
func TestErrorTexts(t *testing.T) {
	t.Parallel()
	codes := allErrorCodes(t)
	codes["internal"] = "web/errors.go"
	texts := map[string]map[string]string{}
	for _, tag := range i18n.Tags() {
		texts[tag] = catalogue(t, tag, "error")
		for code, file := range codes {
			if texts[tag]["error."+code] == "" {
				t.Errorf("%s has no text for %s (%s)", tag, code, file)
			}
		}
		for key, text := range texts[tag] {
			code := strings.TrimSuffix(strings.TrimPrefix(key, "error."), ".hint")
			if codes[code] == "" {
				t.Errorf("%s has a text for %s, which is no error", tag, code)
			}
			if strings.Contains(text, "{{") {
				t.Errorf("%s: %s has a parameter, but gets none", tag, key)
			}
			if !strings.ContainsRune(".。", []rune(text)[len([]rune(text))-1]) {
				t.Errorf("%s: %s is not a sentence: %s", tag, key, text)
			}
		}
	}
	for key, text := range texts[i18n.English] {
		switch chinese := texts[i18n.Chinese][key]; {
		case chinese == "":
			t.Errorf("%s is in English alone", key)
		case !han.MatchString(chinese) || chinese == text:
			t.Errorf("%s is not in Chinese: %s", key, chinese)
		}
	}
	if len(texts[i18n.English]) != len(texts[i18n.Chinese]) {
		t.Errorf("English has %d keys, Chinese %d", len(texts[i18n.English]), len(texts[i18n.Chinese]))
	}
}

var (
	han        = regexp.MustCompile(`\p{Han}`)
	eventParam = regexp.MustCompile(`{{\.(\w+)}}`)
)

// eventsIn finds the codes that are kept in the history of a task, each with the names of its parameters.
func eventsIn(t *testing.T, dir string, events map[string]map[string]bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			for code, params := range eventsOf(n) {
				events[code] = params
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// eventsOf knows the forms in which events are made: r.note(code, params...), a Notice, and t.Event(ctx, level, code, ...).
func eventsOf(n ast.Node) map[string]map[string]bool {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if typeName(n.Type) == "Notice" && codeOf(n) != "" {
			return map[string]map[string]bool{codeOf(n): numbered(noticeParams(n))}
		}
	case *ast.CallExpr:
		name := typeName(n.Fun)
		if name == "note" && len(n.Args) > 0 && literal(n.Args[0]) != "" {
			return map[string]map[string]bool{literal(n.Args[0]): numbered(len(n.Args) - 1)}
		}
		if name != "Event" || len(n.Args) != 4 {
			return nil
		}
		if code := literal(n.Args[2]); code != "" {
			return map[string]map[string]bool{code: {}}
		}
		if sum, ok := n.Args[2].(*ast.BinaryExpr); ok && literal(sum.X) == "task." { // the outcome of a run
			return map[string]map[string]bool{"task.stopped": {"code": true}, "task.failed": {"code": true}, "task.finished": {"code": true}}
		}
	}
	return nil
}

func noticeParams(n *ast.CompositeLit) int {
	for _, e := range n.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && typeName(kv.Key) == "Params" {
			if list, ok := kv.Value.(*ast.CompositeLit); ok {
				return len(list.Elts)
			}
		}
	}
	return 0
}

func numbered(n int) map[string]bool {
	names := map[string]bool{}
	for i := range n {
		names["P"+strconv.Itoa(i+1)] = true
	}
	return names
}

// Every event has a text in both languages that names no parameter the event does not have.
func TestEventTexts(t *testing.T) {
	t.Parallel()
	events := map[string]map[string]bool{}
	for _, dir := range []string{"../../engine", "../../store", "../../handlers", "."} {
		eventsIn(t, dir, events)
	}
	if len(events) < 8 {
		t.Fatalf("only %d events were found: the search is broken", len(events))
	}
	for _, tag := range i18n.Tags() {
		texts := catalogue(t, tag, "event")
		for code, params := range events {
			text := texts["event."+code]
			if text == "" {
				t.Errorf("%s has no text for the event %s", tag, code)
			}
			for _, m := range eventParam.FindAllStringSubmatch(text, -1) {
				if !params[m[1]] {
					t.Errorf("%s: the text of %s names %s, which the event does not have", tag, code, m[1])
				}
			}
			for name := range params {
				quoted := name == "code" || code == "task.retry" && name == "P1" // told beside the text
				if !quoted && !strings.Contains(text, "{{."+name+"}}") {
					t.Errorf("%s: the text of %s does not tell %s", tag, code, name)
				}
			}
		}
		for key := range texts {
			if events[strings.TrimPrefix(key, "event.")] == nil {
				t.Errorf("%s has a text for %s, which is no event", tag, key)
			}
		}
	}
}
