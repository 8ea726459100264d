package handlers

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"sluice/engine/task"
	"sluice/views"
)

// The condition says what a person may do; everything else is not offered.
func TestActionsOfConditions(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	h := New(Deps{Statuses: s.hub})
	for id, want := range map[string]struct {
		condition string
		actions   []string
	}{
		"new": {"new", []string{"start", "clone", "delete"}}, "scheduled": {"scheduled", []string{"start", "clone", "delete"}},
		"starting": {"starting", []string{"pause", "clone"}}, "full": {"migrating", []string{"end", "pause", "clone"}}, "caught-up": {"migrating", []string{"end", "pause", "clone"}},
		"behind": {"migrating", []string{"end", "pause", "clone"}}, "unknown": {"migrating", []string{"end", "pause", "clone"}}, "retrying": {"retrying", []string{"pause", "clone"}},
		"ending": {"ending", nil}, "pausing": {"pausing", nil}, "self": {"migrating", []string{"pause", "clone"}}, "paused": {"paused", []string{"resume", "clone", "delete"}},
		"failed": {"failed", []string{"retry", "clone", "delete"}}, "expired": {"failed", []string{"repeat", "clone", "delete"}},
		"finished": {"finished", []string{"clone", "delete"}},
	} {
		at := slices.IndexFunc(s.tasks, func(t task.Summary) bool { return t.ID == id })
		stand := h.look(s.tasks[at])
		if got := stand.condition(); got != want.condition {
			t.Errorf("%s is %s, want %s", id, got, want.condition)
		}
		if got := stand.allowed(); !slices.Equal(got, want.actions) {
			t.Errorf("%s allows %v, want %v", id, got, want.actions)
		}
	}
}

func TestActs(t *testing.T) {
	t.Parallel()
	list := "http://example.com/tasks?status=running"
	for name, tt := range map[string]struct {
		path, referer, to string
		form              url.Values
		acts              []string
	}{
		"start on its page":       {path: "/tasks/new/start", referer: "http://example.com/tasks/new", to: "/tasks/new", acts: []string{"start new", "ann: task.start new"}},
		"pause in the list":       {path: "/tasks/behind/pause", referer: list, to: "/tasks?status=running", acts: []string{"pause behind", "ann: task.pause behind"}},
		"pause without referer":   {path: "/tasks/behind/pause", to: "/tasks/behind", acts: []string{"pause behind", "ann: task.pause behind"}},
		"pause from elsewhere":    {path: "/tasks/behind/pause", referer: "http://evil.example/tasks", to: "/tasks/behind", acts: []string{"pause behind", "ann: task.pause behind"}},
		"end":                     {path: "/tasks/caught-up/end", to: "/tasks/caught-up/end", acts: []string{"end caught-up", "ann: task.end caught-up"}},
		"repeat":                  {path: "/tasks/expired/repeat", referer: "http://example.com/tasks/expired/repeat", to: "/tasks/expired", acts: []string{"repeat expired", "ann: task.repeat expired"}},
		"clone":                   {path: "/tasks/paused/clone", to: "/tasks/new/draft/connections", acts: []string{"clone paused", "ann: task.clone paused"}},
		"delete":                  {path: "/tasks/paused/delete", form: url.Values{"name": {" task paused "}}, to: "/tasks", acts: []string{"delete paused", "ann: task.delete paused"}},
		"delete a draft":          {path: "/tasks/draft/delete", to: "/tasks", acts: []string{"delete draft", "ann: task.delete draft"}},
		"delete by another name":  {path: "/tasks/paused/delete", form: url.Values{"name": {"task"}}},
		"start what is not there": {path: "/tasks/gone/start"},
	} {
		s := newShelf(t)
		w := s.post(tt.path, tt.referer, tt.form)
		if got := w.Header().Get("Location"); got != tt.to {
			t.Errorf("%s: answered %d to %q, want %q", name, w.Code, got, tt.to)
		}
		if !slices.Equal(s.acts, tt.acts) {
			t.Errorf("%s: did %q, want %q", name, s.acts, tt.acts)
		}
	}
}

// What an action announces of a task is said while it is true, and names the states for the page to look at; what tells
// no state is said once.
func TestFlash(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key, task string
		said      bool
	}{
		{"start", "starting", true}, {"start", "caught-up", false}, {"start", "retrying", false}, {"start", "failed", false},
		{"pause", "paused", true}, {"pause", "pausing", true}, {"pause", "starting", false},
		{"end", "caught-up", true}, {"end", "ending", true}, {"end", "finished", false}, {"scheduled", "failed", true},
	} {
		for _, path := range []string{"/tasks", "/tasks/" + tt.task, "/tasks/" + tt.task + "/end"} {
			s := newShelf(t)
			s.flash = &views.Flash{Key: "flash.task." + tt.key, Name: "the one", Task: tt.task}
			if tt.key == "scheduled" {
				s.flash.Task = ""
			}
			doc := page(t, s.get(path), http.StatusOK)
			note := doc.Find("main > .notice-ok[role=status]")
			if (note.Length() == 1) != tt.said {
				t.Errorf("%s: %s of %s is said: %v", path, tt.key, tt.task, !tt.said)
			}
			if states, ok := note.Attr("data-while"); ok != (tt.said && tt.key != "scheduled") || ok && (states == "" || note.AttrOr("data-task", "") != tt.task) {
				t.Errorf("%s: %s of %s is said while %q", path, tt.key, tt.task, states)
			}
		}
	}
	s := newShelf(t)
	s.flash = &views.Flash{Key: "flash.task.start", Name: "the one", Task: "starting"}
	if page(t, s.get("/tasks/failed"), http.StatusOK).Find("main > .notice-ok[role=status]").Length() != 1 {
		t.Error("another task's state takes the words away")
	}
}

// What the runner refuses is said, and leaves no line of who did it.
func TestRefusedActs(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/tasks/finished/start", "/tasks/paused/pause", "/tasks/self/end", "/tasks/paused/clone", "/tasks/failed/repeat"} {
		s := newShelf(t)
		s.fails = &task.Error{Code: "task.wrong_state", Text: "The task is not running."}
		if w := s.post(path, "", nil); w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), "task.wrong_state") {
			t.Errorf("%s is answered %d %s", path, w.Code, w.Body)
		}
		if len(s.acts) > 0 {
			t.Errorf("%s left %q", path, s.acts)
		}
	}
}

func TestMessageQuery(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]MessageQuery{
		"from=latest": {Topic: "orders", Partition: -1, From: "latest", Max: 50},
		"from=x&max=9999&partition=two&offset=-4":                {Topic: "orders", Partition: -1, From: "latest", Max: 500},
		"from=offset&offset=+42&partition=2&max=20&topic=orders": {Topic: "orders", Partition: 2, From: "offset", Offset: 42, Max: 20},
		"from=earliest&topic=another.topic":                      {Topic: "orders", Partition: -1, From: "earliest", Max: 50}, // only the task's own can be read
	} {
		s := newShelf(t)
		s.page = &MessagePage{Partitions: 3}
		if w := s.get("/tasks/caught-up/messages?" + query); w.Code != http.StatusOK || s.asked != want {
			t.Errorf("%s asks for %+v, want %+v", query, s.asked, want)
		}
	}
	s := newShelf(t)
	if w := s.get("/tasks/caught-up/messages"); w.Code != http.StatusOK || s.asked != (MessageQuery{}) {
		t.Errorf("the page by itself asks for %+v", s.asked)
	}
	for _, offset := range []string{"", "-4", "two", "99999999999999999999"} {
		w := s.get("/tasks/caught-up/messages?from=offset&offset=" + offset)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), `href="#offset"`) || s.asked != (MessageQuery{}) {
			t.Errorf("the offset %q is answered %d and asks for %+v", offset, w.Code, s.asked)
		}
	}
	s.fails = &task.Error{Code: "target.unreachable", Text: "no answer"}
	if w := s.get("/tasks/caught-up/messages?from=latest"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "target.unreachable") {
		t.Errorf("a topic that cannot be read is answered %d", w.Code)
	}
}

// A long list comes in pages; what needs a person is on the first, and the filters count all.
func TestLongList(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	failed := s.tasks[slices.IndexFunc(s.tasks, func(t task.Summary) bool { return t.ID == "failed" })]
	s.tasks = nil
	for i := range 250 {
		s.tasks = append(s.tasks, task.Summary{Outline: task.Outline{ID: "idle" + strconv.Itoa(i), Name: "idle", State: task.New}})
	}
	s.tasks = append(s.tasks, failed)
	drafts := 0
	var seen []string
	for path := "/tasks?q=&status="; path != ""; {
		doc := page(t, s.get(path), http.StatusOK)
		rows := doc.Find("tbody tr")
		if rows.Length() > pageLong {
			t.Fatalf("%s has %d rows", path, rows.Length())
		}
		rows.Each(func(i int, row *goquery.Selection) {
			id, _ := row.Find("td[id^=status-]").Attr("id")
			seen = append(seen, id)
		})
		if n := doc.Find(".pills .count").First().Text(); drafts == 0 {
			drafts, _ = strconv.Atoi(n)
		} else if n != strconv.Itoa(drafts) {
			t.Errorf("%s counts %s tasks, not %d", path, n, drafts)
		}
		path, _ = doc.Find(".pages a[rel=next]").Attr("href")
	}
	slices.Sort(seen[1:])
	if len(seen) != drafts || len(slices.Compact(seen)) != drafts || drafts < 251 || seen[0] != "status-failed" {
		t.Errorf("%d rows of %d, the first is %s", len(seen), drafts, seen[0])
	}
}

// A page of the list holds what its filter and search leave, up to the last; where there is no such page the first is shown.
func TestListPages(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.tasks = nil
	for i := range 205 {
		id := fmt.Sprintf("idle%03d", i)
		o := task.Outline{ID: id, Name: fmt.Sprintf("Ñame %03d", i), State: task.New, About: task.About{Group: fmt.Sprint("g", i%2)}}
		if i%10 == 3 {
			o.State = task.Failed
		}
		s.tasks = append(s.tasks, task.Summary{Outline: o})
	}
	for query, want := range map[string]struct {
		first, last string
		rows        int
		pages       string // which of them, where there are more
		counts      string // all, attention, running, waiting, ended
	}{
		"":                               {"idle003", "idle086", 100, "1–100 of 206", "206 21 0 185 0"},
		"page=2":                         {"idle087", "idle197", 100, "101–200 of 206", "206 21 0 185 0"},
		"page=3":                         {"idle198", "idle204", 6, "201–206 of 206", "206 21 0 185 0"},
		"page=4":                         {"idle003", "idle086", 100, "1–100 of 206", "206 21 0 185 0"},
		"page=-1":                        {"idle003", "idle086", 100, "1–100 of 206", "206 21 0 185 0"},
		"status=attention":               {"idle003", "idle203", 21, "", "206 21 0 185 0"},
		"status=attention&page=2":        {"idle003", "idle203", 21, "", "206 21 0 185 0"},
		"status=ended":                   {"", "", 0, "", "206 21 0 185 0"},
		"group=g0":                       {"idle000", "idle198", 100, "1–100 of 103", "103 0 0 103 0"},
		"group=g0&page=2":                {"idle200", "idle204", 3, "101–103 of 103", "103 0 0 103 0"},
		"group=g1&status=waiting":        {"idle001", "idle201", 81, "", "102 21 0 81 0"},
		"q=ñAME+20":                      {"idle203", "idle204", 5, "", "5 1 0 4 0"},
		"q=idle01&group=g1&status=ended": {"", "", 0, "", "5 1 0 4 0"},
		"q=nothing+like+it&page=2":       {"", "", 0, "", "0 0 0 0 0"},
	} {
		doc := page(t, s.get("/tasks?"+query), http.StatusOK)
		var ids []string
		doc.Find("tbody td[id^=status-]").Each(func(_ int, cell *goquery.Selection) {
			if id := strings.TrimPrefix(cell.AttrOr("id", ""), "status-"); id != "draft" {
				ids = append(ids, id)
			}
		})
		var counts []string
		doc.Find(".pills .count").Each(func(_ int, n *goquery.Selection) { counts = append(counts, n.Text()) })
		if got := strings.Join(counts, " "); got != want.counts {
			t.Errorf("%q counts %s, not %s", query, got, want.counts)
		}
		if followed := doc.Find("meta[name=live]").AttrOr("content", ""); followed != "/events?t=list:"+strings.Join(ids, ".") && want.rows > 0 {
			t.Errorf("%q follows %s", query, followed)
		}
		if n := doc.Find("tbody tr").Length(); len(ids) == 0 || want.rows == 0 {
			if n != want.rows {
				t.Errorf("%q has %d rows", query, n)
			}
			continue
		}
		if ids[0] != want.first || ids[len(ids)-1] != want.last || len(ids) < want.rows-1 {
			t.Errorf("%q shows %s to %s, %d in all", query, ids[0], ids[len(ids)-1], len(ids))
		}
		if text := doc.Find(".pages").Text(); !strings.Contains(text, want.pages) || (text == "") != (want.pages == "") {
			t.Errorf("%q says %q", query, text)
		}
	}
}

// versions are drafts that count how often a body is read.
type versions struct {
	drafts
	of   map[string]task.Draft
	read int
}

func (v *versions) Draft(_ context.Context, id string) (task.Draft, error) {
	v.read++
	d, ok := v.of[id]
	if !ok {
		return d, &task.Error{Code: "task.absent", Text: "There is no such task."}
	}
	return d, nil
}

// The group of a draft is that of its newest version, of which the body is read once.
func TestGroupsOfDrafts(t *testing.T) {
	t.Parallel()
	v := &versions{of: map[string]task.Draft{}}
	h := New(Deps{Drafts: v, Now: time.Now})
	list := []task.Draft{{ID: "a", Version: 1}, {ID: "b", Version: 1}, {ID: "gone", Version: 1}, {ID: "older", Version: 1}}
	put := func(id string, version int64, body string) {
		v.of[id] = task.Draft{ID: id, Version: version, Body: []byte(body)}
	}
	put("a", 1, `{"v":1,"about":{"group":"g1"}}`)
	put("b", 1, `{"v":1}`)
	put("older", 1, `[]`)
	look := func(step, want string, read int) {
		t.Helper()
		v.read = 0
		got := h.groupsOf(t.Context(), list)
		if text := got["a"].group + " " + got["b"].group; text != want || v.read != read || got["gone"].group+got["older"].group != "" {
			t.Errorf("%s: %q, %d bodies read", step, text, v.read)
		}
	}
	look("at first", "g1 ", 4)
	list = append(list[:2:2], list[3]) // the page that comes next knows that one is gone
	look("again", "g1 ", 0)
	put("a", 2, `{"v":1,"about":{"group":"g2"}}`)
	look("saved since the list was read", "g1 ", 0)
	list[0].Version = 2
	look("saved", "g2 ", 1)
	list = list[:1]
	look("the others are deleted", "g2 ", 0)
	if len(h.groups) != 1 {
		t.Errorf("%d groups are kept", len(h.groups))
	}
}
