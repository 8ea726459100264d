package browsertest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

//go:embed testdata/axe/axe.min.js
var axe string

// accessible fails for every rule of WCAG 2.2 AA that axe finds broken on the page, in both schemes.
func (tb *Tab) accessible(what string) {
	tb.t.Helper()
	schemes := []string{"dark", "light"}
	if eval[string](tb, `document.documentElement.lang`) != "en" {
		schemes = schemes[1:] // the colours are the same as in English
	}
	for _, scheme := range schemes {
		tb.scheme(scheme)
		for _, f := range tb.violations() {
			tb.t.Errorf("%s, %s: %s", what, scheme, f)
		}
	}
}

// violations are what axe finds on the page as it is.
func (tb *Tab) violations() []string {
	tb.t.Helper()
	if !eval[bool](tb, `"axe" in window`) {
		eval[bool](tb, axe+";true")
	}
	return eval[[]string](tb, `(async () => {
		const r = await axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"] });
		return r.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.target.join(" ") + ": " + n.failureSummary.replace(/\s+/g, " ")));
	})()`)
}

// narrow fails where the page is wider than a small telephone.
func (tb *Tab) narrow(what string) {
	tb.t.Helper()
	tb.size(320, 640)
	wide := eval[[]string](tb, `document.documentElement.scrollWidth <= 320 ? [] :
		[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 321).slice(0, 5)
			.map((e) => e.tagName + "." + e.className + " to " + Math.round(e.getBoundingClientRect().right))`)
	if len(wide) > 0 {
		tb.t.Errorf("%s is wider than 320 pixels: %s", what, strings.Join(wide, ", "))
	}
	tb.size(1280, 900)
}

func TestAxeIsAsPublished(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("testdata/axe/SHA256SUMS")
	must(t, err)
	n := 0
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); n++ {
		want, name, _ := strings.Cut(lines.Text(), "  ")
		data, err := os.ReadFile(filepath.Join("testdata/axe", name))
		must(t, err)
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not the file of the package", name)
		}
	}
	if n != 2 {
		t.Errorf("%d files are listed, want 2", n)
	}
}
