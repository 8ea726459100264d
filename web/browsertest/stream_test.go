package browsertest

import (
	"context"
	"fmt"
	"testing"

	"sluice/store"
)

const live = `document.documentElement.dataset.live === "open"`

// Eight tabs share one stream, so that the browser's six connections a server stay free; each still hears of what it shows.
func TestEightTabsOneStream(t *testing.T) {
	t.Parallel()
	var ids map[string]string
	own := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
	c, g := own.gated()
	tb := c.open()
	tb.signIn()
	tabs := []*Tab{tb}
	for i := range 7 {
		next := tb.another()
		path := "/tasks"
		if i%2 == 0 {
			path = "/tasks/" + ids["new"]
		}
		next.visit(path)
		tabs = append(tabs, next)
	}
	for _, each := range tabs {
		each.waitJS("a live page", live)
	}
	g.wait(t, 1)
	if g.most > 2 { // the old one may still be closing when the new one is opened
		t.Errorf("there were up to %d streams at once", g.most)
	}
	const notice = `<p data-task="%[1]s" data-while="new starting">is starting</p>`
	for _, each := range tabs[5:7] { // of the list and of the task
		eval[bool](each, `document.querySelector("main").insertAdjacentHTML("afterbegin", `+quote(fmt.Sprintf(notice, ids["new"]))+`), true`)
	}
	tabs[7].visit("/tasks/" + ids["new"])
	tabs[7].click("#task-actions .primary") // its server does not exist
	for i, each := range tabs {
		status := "#task-status"
		if i%2 == 0 && i < 7 {
			status = "#status-" + ids["new"]
		}
		each.waitText(status, "Trying again")
		each.waitJS("no words of a start that is over", `!document.querySelector("[data-while]")`)
	}
	g.wait(t, 1)
}

// A server that answers 503 for a while, and a session that ends: the page says what it knows.
func TestStreamComesBack(t *testing.T) {
	t.Parallel()
	own := newConsole(t, func(ctx context.Context, st *store.Store) { settled(t, ctx, st) })
	c, g := own.gated()
	tb := c.open()
	tb.signIn()
	tb.waitJS("a live page", live)
	g.cut(true)
	tb.waitText("#live-state", "Reconnecting")
	g.cut(false)
	tb.waitText("#live-state", "Live")

	other := tb.another()
	other.visit("/tasks")
	other.click("header .account button")
	other.waitPath("/signin")
	g.cut(false)
	tb.waitText("#live-state", "Sign in again")
}
