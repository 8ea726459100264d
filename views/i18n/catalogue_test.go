package i18n

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// texts are the raw catalogues: by language, key and form ("one", "other").
func texts(t *testing.T) map[string]map[string]map[string]string {
	t.Helper()
	out := map[string]map[string]map[string]string{}
	for _, tag := range Tags() {
		out[tag] = map[string]map[string]string{}
		names, err := fs.Glob(files, "locales/"+tag+"/*.json")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			data, err := files.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var raw map[string]any
			if err := json.Unmarshal(data, &raw); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for key, v := range raw {
				forms := map[string]string{}
				switch v := v.(type) {
				case string:
					forms["other"] = v
				case map[string]any:
					for form, text := range v {
						forms[form], _ = text.(string)
					}
				}
				out[tag][key] = forms
			}
		}
	}
	return out
}

var placeholder = regexp.MustCompile(`{{\.(\w+)}}`)

func placeholders(forms map[string]string) []string {
	var out []string
	for _, text := range forms {
		for _, m := range placeholder.FindAllStringSubmatch(text, -1) {
			out = append(out, m[1])
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestSameTextsInBothLanguages(t *testing.T) {
	t.Parallel()
	all := texts(t)
	for _, pair := range [][2]string{{English, Chinese}, {Chinese, English}} {
		for key := range all[pair[0]] {
			if all[pair[1]][key] == nil {
				t.Errorf("%s is in %s and not in %s", key, pair[0], pair[1])
			}
		}
	}
	for key, en := range all[English] {
		zh := all[Chinese][key]
		if a, b := placeholders(en), placeholders(zh); zh != nil && !slices.Equal(a, b) {
			t.Errorf("%s has the parameters %v in English and %v in Chinese", key, a, b)
		}
		for form, text := range zh {
			if form != "other" {
				t.Errorf("%s has the form %q in Chinese, which has none", key, form)
			}
			if strings.TrimSpace(text) != text || text == "" {
				t.Errorf("%s begins or ends with a space, or is empty: %q", key, text)
			}
		}
	}
}

var (
	han   = regexp.MustCompile(`\p{Han}`)
	prose = regexp.MustCompile(`\b[a-z]{2,},? [a-z]{2,}\b`)
)

// Statements, names and values are the same in both languages; sentences are not.
func TestChineseIsChinese(t *testing.T) {
	t.Parallel()
	all := texts(t)
	for key, forms := range all[Chinese] {
		text := placeholder.ReplaceAllString(forms["other"], "")
		if !han.MatchString(text) && prose.MatchString(text) {
			t.Errorf("%s has no Chinese in it: %q", key, text)
		}
	}
	for key, forms := range all[English] {
		for _, text := range forms {
			if han.MatchString(text) {
				t.Errorf("%s has Chinese in English: %q", key, text)
			}
		}
	}
}

// The sources are searched for every quoted word that is a key. A key that is put together, p.T("state."+c), makes
// all keys below its literal used.
var (
	literal = regexp.MustCompile(`"([a-z_0-9]+(?:\.[a-zA-Z_0-9-]+)+)"`)
	call    = regexp.MustCompile(`\.(?:T|N|Has)\("([a-z_0-9.A-Z-]+)"\s*([,)+])`)
	prefix  = regexp.MustCompile(`"([a-z_]+(?:\.[a-z_]+)*\.)"\s*\+`)
)

func sources(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	root := filepath.Join("..", "..")
	for _, room := range []string{"handlers", "views", "web", "cmd", "engine/precheck"} {
		err := filepath.WalkDir(filepath.Join(root, room), func(name string, d fs.DirEntry, err error) error {
			ext := filepath.Ext(name)
			if err != nil || d.IsDir() || strings.HasSuffix(name, "_test.go") || strings.HasSuffix(name, "_templ.go") || ext != ".go" && ext != ".templ" {
				return err
			}
			data, err := os.ReadFile(name)
			out[name] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestEveryKeyIsUsedAndThere(t *testing.T) {
	t.Parallel()
	en := texts(t)[English]
	used, prefixes := map[string]bool{}, map[string]bool{}
	for name, text := range sources(t) {
		for _, m := range literal.FindAllStringSubmatch(text, -1) {
			used[m[1]] = true
		}
		for _, m := range prefix.FindAllStringSubmatch(text, -1) {
			prefixes[m[1]] = true
		}
		for _, m := range call.FindAllStringSubmatch(text, -1) {
			if m[2] == "+" {
				continue
			}
			if en[m[1]] == nil {
				t.Errorf("%s uses %s, which has no text", name, m[1])
			}
		}
	}
	for key := range en {
		built := slices.ContainsFunc(slices.Collect(maps.Keys(prefixes)), func(p string) bool { return strings.HasPrefix(key, p) })
		// A failure's text is found by its code; whether each code is one, a test of the codes tells.
		if !used[key] && !built && !strings.HasPrefix(key, "error.") {
			t.Errorf("%s is used nowhere", key)
		}
	}
	for p := range prefixes {
		if area, _, _ := strings.Cut(p, "."); below(en, area+".") && !below(en, p) {
			t.Errorf("keys below %s are asked for, and there is none", p)
		}
	}
}

// below reports whether there is a key with the prefix.
func below(en map[string]map[string]string, prefix string) bool {
	for key := range en {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

func TestMatch(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	for accept, want := range map[string]string{
		"": English, "de": English, "en-GB,en;q=0.9": English, "zh-CN,zh;q=0.9,en;q=0.8": Chinese, "zh": Chinese, "zh-TW": Chinese, "zh-HK": Chinese,
		"zh-Hans-SG": Chinese, "en,zh;q=0.5": English, "de,zh;q=0.7,en;q=0.3": Chinese, "not a language;;": English,
	} {
		if got := c.Match(accept); got != want {
			t.Errorf("%q is answered in %s, want %s", accept, got, want)
		}
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	c, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	en, zh := c.Locale(English), c.Locale(Chinese)
	for _, tt := range []struct{ got, want string }{
		{en.N("show.tables", 1), "1 table"}, {en.N("show.tables", 1234), "1,234 tables"}, {zh.N("show.tables", 1), "1 张表"},
		{en.T("end.not_now", "State", "<b>"), "The task cannot be ended now: its status is <b>."}, // escaped where it is shown
		{en.T("no.such.key"), "no.such.key"},
		{en.Number(-1234567), "-1,234,567"}, {en.Number(999), "999"}, {en.Number(0), "0"},
		{en.Duration(9900 * time.Millisecond), "9.9 s"}, {en.Duration(75 * time.Second), "1 min 15 s"}, {en.Duration(26 * time.Hour), "1 d 2 h"},
		{en.Duration(-time.Second), "0.0 s"}, {en.Bytes(512), "512 B"}, {en.Bytes(1536), "1.5 KiB"}, {en.Bytes(3 << 40), "3.0 TiB"},
		{en.Time(time.Time{}), "–"}, {c.Locale("de").Tag(), English},
	} {
		if tt.got != tt.want {
			t.Errorf("got %q, want %q", tt.got, tt.want)
		}
	}
}
