package browsertest

import (
	"context"
	"testing"

	"sluice/store"
)

const password = "correct horse battery"

// The printed link makes the first user, once; after that there is a name and a password.
func TestSetupAndSignIn(t *testing.T) {
	t.Parallel()
	c := newConsole(t, nil)
	tb := c.open()
	tb.visit("/tasks")
	tb.waitPath("/signin")
	tb.accessible("sign-in")
	tb.narrow("sign-in")
	eval[bool](tb, `document.documentElement.removeAttribute("lang"); document.querySelector("label").style.color = "#bbb"; true`)
	if got := tb.violations(); len(got) != 2 {
		t.Errorf("of a missing language and a pale label axe finds %q", got)
	}

	tb.visit(c.setup)
	tb.accessible("setup")
	tb.narrow("setup")
	tb.shot("setup")
	tb.fill("#name", "ann")
	tb.fill("#password", "short")
	tb.click("main button.primary")
	tb.wait("#error-summary")
	if got := eval[string](tb, `document.activeElement.id`); got != "error-summary" {
		t.Errorf("after a form with errors the focus is on %q", got)
	}
	tb.accessible("setup with errors")
	tb.fill("#password", password)
	tb.fill("#again", password)
	tb.click("main button.primary")
	tb.waitPath("/tasks")
	tb.wait("main .blank h2")
	tb.accessible("empty list")
	tb.narrow("empty list")
	tb.shot("empty")

	tb.visit(c.setup)
	tb.waitText("main", "auth.ticket")

	tb.click("header .account button")
	tb.waitPath("/signin")
	tb.visit("/tasks?status=running")
	tb.waitPath("/signin")
	tb.fill("#name", "ann")
	tb.fill("#password", "wrong horse battery")
	tb.click("main button.primary")
	tb.waitText("main", "auth.wrong")
	tb.accessible("sign-in refused")
	tb.fill("#password", password)
	tb.click("main button.primary")
	tb.waitPath("/tasks")
	if got := eval[string](tb, `location.search`); got != "?status=running" {
		t.Errorf("after the sign-in the query is %q", got)
	}
}

// The switches need no script, keep the page, and are kept.
func TestLanguageAndTheme(t *testing.T) {
	t.Parallel()
	c := newConsole(t, func(ctx context.Context, st *store.Store) { settled(t, ctx, st) })
	tb := c.open()
	tb.signIn()
	tb.visit("/tasks?status=attention")
	tb.click(`button[name=lang][value="zh-CN"]`)
	tb.wait(`html[lang="zh-CN"]`)
	tb.waitText("h1", "迁移任务列表")
	if got := eval[string](tb, `location.search`); got != "?status=attention" {
		t.Errorf("after the language switch the query is %q", got)
	}
	ground := func() string { return eval[string](tb, `getComputedStyle(document.body).backgroundColor`) }
	light := ground()
	tb.click(`button[name=theme][value=dark]`)
	tb.wait(`html[data-theme=dark]`)
	dark := ground()
	tb.visit("/tasks")
	if light == dark || ground() != dark {
		t.Errorf("the ground is %s in light, %s in dark and %s on the next page", light, dark, ground())
	}
	tb.click(`button[name=theme][value=auto]`)
	tb.wait(`html[data-theme=""]`)
	if ground() != light {
		t.Errorf("with the colours of a light system the ground is %s, want %s", ground(), light)
	}
	tb.scheme("dark")
	if ground() != dark {
		t.Errorf("with the colours of a dark system the ground is %s, want %s", ground(), dark)
	}
}
