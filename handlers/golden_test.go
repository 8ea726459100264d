package handlers

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sluice/views/i18n"
)

var update = flag.Bool("update", false, "write the golden pages anew")

// golden compares a page with the one that is kept; one element a line, so that a difference is read as one.
func golden(t *testing.T, name, page string) {
	t.Helper()
	got := strings.ReplaceAll(page, "><", ">\n<") + "\n"
	file := filepath.Join("testdata", "golden", name+".html")
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v: run the test with -update and look at what it writes", err)
	}
	if bytes.Equal(want, []byte(got)) {
		return
	}
	a, b := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			t.Errorf("%s differs in line %d:\n  kept: %s\n  now:  %s\nIf that is wanted: go test ./handlers -run TestGoldenPages -update", file, i+1, a[i], b[i])
			return
		}
	}
	t.Errorf("%s has %d lines, now there are %d", file, len(a), len(b))
}

func TestGoldenPages(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"list": "/tasks", "list-filtered": "/tasks?status=attention&group=Hangzhou&q=task", "list-none": "/tasks?q=nothing",
		"tables": "/tasks/paused/tables", "tables-none": "/tasks/paused/tables?q=nothing", "messages": "/tasks/caught-up/messages?from=latest&max=20",
		"events": "/tasks/failed/events", "events-last": "/tasks/failed/events?before=20", "config": "/tasks/failed/config", "config-from": "/tasks/behind/config",
		"end": "/tasks/caught-up/end", "end-behind": "/tasks/behind/end", "end-ending": "/tasks/ending/end", "end-paused": "/tasks/paused/end", "end-self": "/tasks/self/end",
		"end-finished": "/tasks/finished/end", "delete": "/tasks/failed/delete", "delete-draft": "/tasks/draft/delete",
		"repeat": "/tasks/expired/repeat", "repeat-failed": "/tasks/failed/repeat",
	}
	for _, s := range newShelf(t).tasks {
		pages["overview-"+s.ID] = "/tasks/" + s.ID
	}
	for _, lang := range i18n.Tags() {
		s := newShelf(t)
		s.lang, s.page = lang, somePage()
		for name, path := range pages {
			w := s.get(path)
			if w.Code != http.StatusOK {
				t.Errorf("%s is answered %d: %s", path, w.Code, w.Body)
				continue
			}
			page := w.Body.String()
			if strings.Contains(page, "Never-shown") {
				t.Errorf("%s shows a password", path)
			}
			golden(t, name+"."+lang, page)
		}
	}
}

func somePage() *MessagePage {
	return &MessagePage{Partitions: 3, Messages: []Message{
		{Partition: 2, Offset: 17, Time: shelfNow.UnixMilli(), Key: "shop.orders:1", Hex: "00000000  0a", Size: 1, Operation: "UPDATE", Object: "shop.orders", Position: "4711@231", Tx: "0-1-2",
			SourceTime: shelfNow.Unix(), Tags: map[string]string{"server_id": "1", "pk_uk_info": `{"PRIMARY":["id"]}`},
			Cells: []Cell{{Name: "id", Type: "Integer", Before: "1", After: "1", HasBefore: true, HasAfter: true}, {Name: "city", Type: "Character", Before: "<Bremen>", HasBefore: true, HasAfter: true, NullAfter: true},
				{Name: "added", Type: "Character", After: "", HasAfter: true}}},
		{Partition: 0, Offset: 3, Time: shelfNow.UnixMilli(), Size: 1, Operation: "DDL", Object: "shop", SQL: "ALTER TABLE orders ADD added TEXT"},
		{Partition: 1, Offset: 4, Time: -1, Size: 3, Hex: "00000000  66 6f 6f", Error: "it is too short"},
	}}
}
