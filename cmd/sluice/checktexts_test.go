package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var checkParam = regexp.MustCompile(`{{\.(\w+)}}`)

// parameters gives the names of a text's parameters, each once, in order.
func parameters(text string) []string {
	var out []string
	for _, m := range checkParam.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func readTexts(t *testing.T, path ...string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(append([]string{"..", ".."}, path...)...))
	if err != nil {
		t.Fatal(err)
	}
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for key, value := range raw {
		if text, ok := value.(string); ok {
			texts[key] = text
		}
	}
	return texts
}

// TestConsoleHasTextsOfEveryFinding holds the console's texts of the precheck against those of the engine.
func TestConsoleHasTextsOfEveryFinding(t *testing.T) {
	t.Parallel()
	engine := readTexts(t, "engine", "precheck", "texts.json")
	for _, lang := range []string{"en", "zh-CN"} {
		console := readTexts(t, "views", "i18n", "locales", lang, "precheck.json")
		for key, text := range engine {
			if strings.HasPrefix(key, "finding.error.") { // the error's own texts
				continue
			}
			own, ok := console[key]
			switch {
			case !ok:
				t.Errorf("%s: %s is missing", lang, key)
			case !slices.Equal(parameters(own), parameters(text)):
				t.Errorf("%s: %s has the parameters %v, want %v", lang, key, parameters(own), parameters(text))
			}
			if id, isName := strings.CutSuffix(key, ".name"); isName && (console[id+".what"] == "" || console[id+".why"] == "") {
				t.Errorf("%s: %s lacks what is checked, or why", lang, id)
			}
		}
		for key := range console {
			finding := strings.HasPrefix(key, "finding.")
			check := strings.HasPrefix(key, "check.") && !strings.HasSuffix(key, ".what") && !strings.HasSuffix(key, ".why")
			if _, ok := engine[key]; (finding || check) && !ok {
				t.Errorf("%s: %s is a text of nothing", lang, key)
			}
		}
	}
}
