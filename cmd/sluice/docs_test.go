package main

import (
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
)

var codeForm = regexp.MustCompile(`^(task|data|source|target|route|column|value|ddl|auth|web|draft|precheck|wizard|demo)\.[a-z_0-9]+$`)

// errorCodes gives the codes that the sources give to errors: the field Code of an Error, a word of a table of causes
// or settings, the first argument of refuse and denied.
func errorCodes(t *testing.T, dir string, codes map[string]string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "enginetest" || d.Name() == "precheck" || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if code := codeOf(n); codeForm.MatchString(code) || isError(n) && strings.Contains(code, ".") {
				codes[code] = file
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func codeOf(n ast.Node) string {
	switch n := n.(type) {
	case *ast.CompositeLit:
		if name := typeName(n.Type); name != "Error" && name != "Notice" && name != "cause" && name != "" {
			return ""
		}
		for _, e := range n.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if key, ok := kv.Key.(*ast.Ident); ok && strings.EqualFold(key.Name, "code") {
					return literal(kv.Value)
				}
			} else if code := literal(e); codeForm.MatchString(code) {
				return code
			}
		}
	case *ast.CallExpr:
		if name := typeName(n.Fun); (name == "refuse" || name == "denied") && len(n.Args) > 0 {
			return literal(n.Args[0])
		}
	}
	return ""
}

// isError: whatever an Error has is a code, also of a room that codeForm does not know.
func isError(n ast.Node) bool {
	c, ok := n.(*ast.CompositeLit)
	return ok && typeName(c.Type) == "Error"
}

func typeName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	case nil:
		return ""
	}
	return "?"
}

func literal(e ast.Expr) string {
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		text, _ := strconv.Unquote(l.Value)
		return text
	}
	return ""
}

func allErrorCodes(t *testing.T) map[string]string {
	t.Helper()
	codes := map[string]string{}
	for _, dir := range []string{"../../engine", "../../store", "../../web", "../../handlers", "."} {
		errorCodes(t, dir, codes)
	}
	if len(codes) < 140 {
		t.Fatalf("only %d codes were found: the search is broken", len(codes))
	}
	return codes
}

func TestErrorsAreDocumented(t *testing.T) {
	t.Parallel()
	codes := allErrorCodes(t)
	page, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, file := range codes {
		if !strings.Contains(string(page), "`"+code+"`") {
			t.Errorf("docs/errors.md lacks %s (%s)", code, file)
		}
	}
	for _, m := range regexp.MustCompile("`([a-z]+\\.[a-z_0-9]+)`").FindAllStringSubmatch(string(page), -1) {
		if _, ok := codes[m[1]]; !ok && codeForm.MatchString(m[1]) {
			t.Errorf("docs/errors.md has %s, which no error has", m[1])
		}
	}
}

// Every link of the documents leads to a file.
func TestLinks(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	link := regexp.MustCompile(`\]\(([^)#]+)(#[^)]*)?\)`)
	for _, page := range append(pages, "../../README.md", "../../CHANGELOG.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), m[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

var slug = strings.NewReplacer(" ", "-", "`", "", ".", "", ",", "", ":", "", "'", "", "(", "", ")", "", "/", "", "?", "", "…", "")

// Every link into a document leads to a heading of it.
func TestAnchors(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatal(pages, err)
	}
	headings, link, found := regexp.MustCompile(`(?m)^#+ (.+)$`), regexp.MustCompile(`\]\(([^)#]*)#([^)]+)\)`), 0
	for _, page := range append(pages, "../../README.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "https://") {
				continue
			}
			there := text
			if m[1] != "" {
				if there, err = os.ReadFile(filepath.Join(filepath.Dir(page), m[1])); err != nil {
					t.Error(page, err)
				}
			}
			found++
			ok := false
			for _, h := range headings.FindAllStringSubmatch(string(there), -1) {
				ok = ok || slug.Replace(strings.ToLower(h[1])) == m[2]
			}
			if !ok {
				t.Errorf("%s leads to %s#%s, which has no such heading", page, m[1], m[2])
			}
		}
	}
	if found < 10 {
		t.Fatalf("only %d links were found: the search is broken", found)
	}
}
