package browsertest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"sluice/store"
)

func (tb *Tab) names() []string {
	tb.t.Helper()
	return eval[[]string](tb, `[...document.querySelectorAll("tbody td:first-child a")].map((a) => a.innerText)`)
}

func (tb *Tab) actions(row string) []string {
	tb.t.Helper()
	return eval[[]string](tb, fmt.Sprintf(`[...document.querySelectorAll("#actions-%s .actions :is(button, a)")].map((a) => a.innerText)`, row))
}

func TestTaskList(t *testing.T) {
	t.Parallel()
	var ids map[string]string
	c := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
	tb := c.open()
	tb.signIn()
	if got := tb.names(); len(got) != 6 || got[0] != "payments" {
		t.Errorf("the list is %v: want 6 tasks, the failed one first", got)
	}
	for state, want := range map[string]struct {
		word    string
		actions []string
	}{
		"new":       {"Not started", []string{"Start", "Clone", "Delete…"}},
		"scheduled": {"Starts at", []string{"Start", "Clone", "Delete…"}},
		"paused":    {"Paused", []string{"Resume", "Clone", "Delete…"}},
		"failed":    {"Failed", []string{"Retry", "Clone", "Delete…"}},
		"finished":  {"Completed", []string{"Clone", "Delete…"}},
		"draft":     {"Being configured", []string{"Continue", "Delete…"}},
	} {
		tb.waitText("#status-"+ids[state], want.word)
		if got := tb.actions(ids[state]); !slices.Equal(got, want.actions) {
			t.Errorf("a task that is %s has the actions %v, want %v", state, got, want.actions)
		}
	}
	for _, step := range []struct {
		act  func()
		want []string
	}{
		{func() { tb.click(".pills a:nth-child(2)") }, []string{"payments"}},
		{func() {
			tb.click(".pills a:nth-child(1)")
			tb.waitJS("all tasks", `document.querySelectorAll("tbody tr").length === 6`)
			tb.choose("select[name=group]", "Beijing")
			tb.click(".filters button")
			tb.waitJS("the group", `location.search.includes("group=Beijing")`)
		}, []string{"nightly-copy", "crm-to-kafka"}},
		{func() {
			tb.fill("input[name=q]", "night")
			tb.keys(kb.Enter)
			tb.waitJS("the search", `location.search.includes("q=night")`)
		}, []string{"nightly-copy"}},
	} {
		step.act()
		tb.waitJS(fmt.Sprint(step.want), fmt.Sprintf(`JSON.stringify([...document.querySelectorAll("tbody td:first-child a")].map((a) => a.innerText).sort()) === %s`, quote(sorted(step.want))))
	}
	tb.visit("/tasks?q=none-of-them")
	tb.click("main .blank a")
	tb.waitJS("all tasks", `document.querySelectorAll("tbody tr").length === 6`)
}

func sorted(names []string) string {
	names = slices.Sorted(slices.Values(names))
	out := "["
	for i, n := range names {
		if i > 0 {
			out += ","
		}
		out += quote(n)
	}
	return out + "]"
}

// A task goes only when its name was typed; a draft is asked for once.
func TestDelete(t *testing.T) {
	t.Parallel()
	var ids map[string]string
	c := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
	tb := c.open()
	tb.signIn()
	tb.click("#actions-" + ids["failed"] + " a.danger")
	tb.waitPath("/tasks/" + ids["failed"] + "/delete")
	tb.fill("#name", "orders")
	tb.click("main button.danger")
	tb.waitText("#error-summary", "payments")
	tb.fill("#name", "payments")
	tb.click("main button.danger")
	tb.waitText("main .notice-ok", "payments")
	tb.click("#actions-" + ids["draft"] + " a.danger")
	tb.waitPath("/tasks/" + ids["draft"] + "/delete")
	tb.click("main button.danger")
	tb.waitText("main .notice-ok", "half-configured")
	if got := tb.names(); len(got) != 4 {
		t.Errorf("after two deletions the list is %v", got)
	}
	tb.visit("/tasks/" + ids["failed"])
	tb.waitText("main", "task.absent")
}

// Everything in the list can be reached and pressed without a mouse, and one sees where one is.
func TestKeyboard(t *testing.T) {
	t.Parallel()
	var ids map[string]string
	c := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
	tb := c.open()
	tb.signIn()
	tb.visit("/tasks")
	tb.keys(kb.Tab)
	if got := eval[string](tb, `document.activeElement.className`); got != "skip" {
		t.Errorf("the first key reaches %q, want the link to the content", got)
	}
	tb.keys(kb.Enter)
	if got := eval[string](tb, `document.activeElement.id`); got != "main" {
		t.Errorf("the link to the content leads to %q", got)
	}
	seen := 0
	for range 60 {
		tb.keys(kb.Tab)
		at := eval[struct {
			Text    string
			Visible bool
			Delete  bool
		}](tb, `(() => { const e = document.activeElement, s = getComputedStyle(e), r = e.getBoundingClientRect();
			return { Text: e.innerText || e.name || "", Visible: e === document.body || (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 && r.bottom > 0 && r.top < innerHeight),
				Delete: e.getAttribute("href") === "/tasks/`+ids["new"]+`/delete" } })()`)
		if !at.Visible {
			t.Errorf("the focus on %q is not to be seen", at.Text)
		}
		seen++
		if at.Delete {
			tb.keys(kb.Enter)
			tb.waitPath("/tasks/" + ids["new"] + "/delete")
			return
		}
	}
	t.Errorf("after %d keys the focus has not come to the deletion of a task", seen)
}

// Without scripts every page works; live parts load themselves anew.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	var ids map[string]string
	c := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
	tb := c.open()
	tb.signIn()
	tb.withoutScripts()
	tb.visit("/tasks")
	if tb.count(`noscript meta[http-equiv=refresh]`) != 1 {
		t.Error("the list does not load itself anew")
	}
	tb.click(`button[name=lang][value="zh-CN"]`)
	tb.waitText("h1", "迁移任务列表")
	tb.fill("input[name=q]", "crm")
	tb.click(".filters button")
	tb.waitJS("one task", `document.querySelectorAll("tbody tr").length === 1`)
	tb.click("tbody a")
	tb.waitPath("/tasks/" + ids["new"])
	tb.click(".tabs a:nth-child(2)")
	tb.waitPath("/tasks/" + ids["new"] + "/tables")
	tb.click("#task-actions a.danger")
	tb.fill("#name", "crm-to-kafka")
	tb.click("main button.danger")
	tb.waitText("main .notice-ok", "crm-to-kafka")
}
