package precheck

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// written gives the codes of findings in the sources: the first argument of passed, failed and skipped, those of the
// grounds, and those that among and judge are given.
func written(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]bool{"error": true}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(parsed, func(n ast.Node) bool {
			if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
				text, _ := strconv.Unquote(l.Value)
				if _, known := texts["finding."+text+".observed"]; known {
					codes[text] = true
				}
			}
			if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
				if name, ok := call.Fun.(*ast.Ident); ok && (name.Name == "passed" || name.Name == "failed" || name.Name == "skipped") {
					if l, ok := call.Args[0].(*ast.BasicLit); ok {
						text, _ := strconv.Unquote(l.Value)
						if text != "" && !strings.HasSuffix(text, ".") {
							codes[text] = true
						}
					}
				}
			}
			return true
		})
	}
	// Those that are put together.
	for _, name := range []string{"log_bin", "binlog_format", "binlog_row_image", "binlog_row_metadata", "gtid_strict_mode"} {
		codes["variable."+name] = true
	}
	for _, name := range []string{"dns", "tcp", "tls", "auth", "version", "privileges", "binlog", "metadata"} {
		codes["stage."+name] = true
	}
	return codes
}

// The catalogue has the sentences of all checks and findings, and no others.
func TestTextsAreComplete(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, c := range checks() {
		for _, part := range []string{".name", ".expected"} {
			key := "check." + c.id + part
			if known[key] = true; texts[key] == "" {
				t.Errorf("%s has no text", key)
			}
		}
	}
	codes := written(t)
	if len(codes) < 80 {
		t.Fatalf("only %d codes were found: the search is broken", len(codes))
	}
	for code := range codes {
		at := "finding." + code
		known[at+".observed"], known[at+".cause"], known[at+".fix"] = true, true, true
		if texts[at+".observed"] == "" {
			t.Errorf("%s has no text", code)
		}
		if (texts[at+".cause"] == "") != (texts[at+".fix"] == "") {
			t.Errorf("%s has a cause or a fix, and not both", code)
		}
	}
	for key := range texts {
		if !known[key] {
			t.Errorf("nothing uses the text %s", key)
		}
	}
}

// Every check has its line in the document, below the heading of its group, and no other has one.
func TestChecksAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/precheck.md")
	if err != nil {
		t.Fatal(err)
	}
	groups := map[string]string{"The source": "source", "The binlog": "binlog", "The tables": "objects", "The target": "target", "The task": "task"}
	documented, group := map[string]string{}, ""
	for line := range strings.Lines(string(page)) {
		line = strings.TrimSpace(line)
		if title, ok := strings.CutPrefix(line, "## "); ok {
			group = groups[title]
		}
		if cells := strings.Split(line, "|"); len(cells) > 2 && strings.HasPrefix(cells[1], " `") {
			id := strings.Trim(cells[1], " `")
			if documented[id] != "" {
				t.Errorf("docs/precheck.md has %s twice", id)
			}
			if documented[id] = group; len(cells) != 6 || slices.ContainsFunc(cells[1:5], func(c string) bool { return strings.TrimSpace(c) == "" }) {
				t.Errorf("docs/precheck.md says too little of %s", id)
			}
		}
	}
	for _, c := range checks() {
		if documented[c.id] != c.group {
			t.Errorf("docs/precheck.md has %s in the group %q, want %q", c.id, documented[c.id], c.group)
		}
		delete(documented, c.id)
	}
	for id := range documented {
		t.Errorf("docs/precheck.md has %s, which is no check", id)
	}
}
