package views

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var icon = regexp.MustCompile(`@Icon\("([a-z-]+)"([ +)])`)

// Every icon that a template names is in the sprite; of names that are put together, at least one.
func TestIconsAreThere(t *testing.T) {
	t.Parallel()
	sprite, err := os.ReadFile("../static/icons.svg")
	if err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("*.templ")
	if err != nil || len(names) < 10 {
		t.Fatalf("found %d templates: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range icon.FindAllStringSubmatch(string(text), -1) {
			want := `id="` + m[1]
			if m[2] == ")" {
				want += `"`
			}
			if !strings.Contains(string(sprite), want) {
				t.Errorf("%s names the icon %s, which the sprite lacks", name, m[1])
			}
		}
	}
}
