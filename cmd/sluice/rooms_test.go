package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "sluice/"

// rooms says which rooms of ours each room may import. cmd may import all. Tests may import what they need of
// enginetest, and nothing else beyond this.
var rooms = map[string][]string{
	"engine/cdc":        {},
	"engine/task":       {"engine/cdc"},
	"engine/schema":     {"engine/cdc", "engine/task"},
	"engine/filter":     {"engine/cdc"},
	"engine/route":      {"engine/cdc", "engine/task", "engine/filter"},
	"engine/snapshot":   {"engine/cdc", "engine/task"},
	"engine/checkpoint": {"engine/cdc", "engine/task"},
	"engine/retention":  {"engine/cdc"},
	"engine/progress":   {"engine/cdc", "engine/task", "engine/retention"},
	"engine/spool":      {"engine/cdc", "engine/task"},
	"engine/charset":    {},
	"engine/message":    {},
	"engine/dts":        {"engine/cdc", "engine/task", "engine/charset", "engine/message"},
	"engine/canal":      {"engine/cdc", "engine/task", "engine/charset", "engine/message"},
	"engine/precheck":   {"engine/cdc", "engine/task", "engine/schema", "engine/retention"},
	"engine":            {"engine/cdc", "engine/task", "engine/schema", "engine/route", "engine/snapshot", "engine/checkpoint", "engine/progress"},
	"engine/mysql":      {"engine", "engine/cdc", "engine/charset", "engine/task", "engine/snapshot", "engine/schema", "engine/spool"},
	"engine/kafka":      {"engine", "engine/cdc", "engine/task", "engine/route"},
	"store":             {"engine", "engine/cdc", "engine/task", "engine/schema", "engine/snapshot", "migrations"},
	"migrations":        {},
	"handlers":          {"engine/task", "engine/progress", "views", "views/i18n"},
	"views":             {"views/i18n"},
	"views/i18n":        {},
	"static":            {},
	"web":               {"engine/task", "handlers", "views", "views/i18n", "static"},
	"web/browsertest":   {"engine/task", "store"}, // tests alone: what a running console has stored before
}

// libraries says which rooms may import a library; with the room come the rooms below it.
var libraries = map[string][]string{
	"github.com/go-mysql-org/go-mysql": {"engine/mysql", "engine/enginetest", "cmd/sluice/demo"},
	"github.com/segmentio/kafka-go":    {"engine/kafka", "engine/enginetest", "docs/examples"},
	"github.com/linkedin/goavro":       {"engine/dts", "engine/enginetest/oracle", "docs/examples"},
	"github.com/jmoiron/sqlx":          {"store"},
	"modernc.org/sqlite":               {"store", "engine/enginetest/faults"}, // which locks the database from outside
	"github.com/Shopify/toxiproxy":     {"engine/enginetest/faults"},
	"github.com/labstack/echo":         {"web", "handlers"},
	"github.com/a-h/templ":             {"views", "handlers", "web"},
	"github.com/nicksnyder/go-i18n":    {"views/i18n"},
	"golang.org/x/crypto":              {"store"},
}

// testRooms are those that the tests of a room may import besides.
var testRooms = map[string][]string{"engine/mysql": {"engine/dts"}} // what was read is sent and read back

// forbidden says why a file of the room must not import the path, or nothing.
func forbidden(room, imported string, test bool) string {
	for library, allowed := range libraries {
		if imported == library || strings.HasPrefix(imported, library+"/") {
			if !within(room, allowed...) && !(test && within(room, "cmd")) {
				return "only " + strings.Join(allowed, " and ") + " may import " + library
			}
		}
	}
	if !strings.HasPrefix(imported, module) || within(room, "cmd", "engine/enginetest") {
		return ""
	}
	other := strings.TrimPrefix(imported, module)
	if within(other, "engine/enginetest") {
		if test {
			return ""
		}
		return "enginetest is for tests"
	}
	if test && (other == room || slices.Contains(testRooms[room], other)) || slices.Contains(rooms[room], other) {
		return ""
	}
	if _, known := rooms[room]; !known {
		return "the room " + room + " has no line in the table of rooms"
	}
	return room + " may not import " + other
}

// within reports whether a room is one of the others or below one.
func within(room string, others ...string) bool {
	return slices.ContainsFunc(others, func(o string) bool { return room == o || strings.HasPrefix(room, o+"/") })
}

func TestImports(t *testing.T) {
	t.Parallel()
	root := filepath.Join("..", "..")
	files := 0
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && file != root && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata"):
			return fs.SkipDir
		case d.IsDir() || !strings.HasSuffix(file, ".go"):
			return nil
		}
		files++
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		room := path.Dir(filepath.ToSlash(rel))
		for _, i := range parsed.Imports {
			imported, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(room, imported, strings.HasSuffix(file, "_test.go")); why != "" {
				t.Errorf("%s imports %s: %s", rel, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("only %d files were looked at", files)
	}
}

// The rules themselves, so that a rule that lets everything through is noticed.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		room, imported string
		test, ok       bool
	}{
		{"engine", "sluice/engine/mysql", false, false},
		{"engine", "sluice/engine/kafka", true, false},
		{"engine", "sluice/engine/dts", false, false},
		{"engine", "sluice/store", true, false},
		{"engine", "sluice/engine/route", false, true},
		{"engine", "sluice/engine/enginetest/servers", true, true},
		{"engine", "sluice/engine/enginetest/servers", false, false},
		{"engine/cdc", "sluice/engine/task", false, false},
		{"engine/dts", "github.com/linkedin/goavro/v2", false, true},
		{"engine/kafka", "github.com/linkedin/goavro/v2", false, false},
		{"engine/mysql", "github.com/go-mysql-org/go-mysql/replication", false, true},
		{"store", "github.com/go-mysql-org/go-mysql/mysql", false, false},
		{"cmd/sluice", "github.com/segmentio/kafka-go", false, false},
		{"engine/enginetest/servers", "github.com/go-mysql-org/go-mysql/client", false, true},
		{"store", "github.com/jmoiron/sqlx", false, true},
		{"web", "github.com/jmoiron/sqlx", false, false},
		{"engine/precheck", "sluice/engine/mysql", false, false},
		{"elsewhere", "sluice/engine", false, false},
		{"cmd/sluice", "sluice/store", false, true},
	} {
		if why := forbidden(tt.room, tt.imported, tt.test); (why == "") != tt.ok {
			t.Errorf("%s imports %s (test %v): %q, want allowed %v", tt.room, tt.imported, tt.test, why, tt.ok)
		}
	}
}
