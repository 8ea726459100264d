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
	for lang := range languages {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			own := newConsole(t, nil)
			c, g := own.gated()
			s := &story{Tab: c.open(), lang: lang, secret: password}
			s.language(lang)
			s.visit("/tasks")
			s.waitPath("/signin")
			s.look("signin")
			s.shot("signin." + lang)
			s.blind()
			s.setup(own.setup)
			s.signOutAndIn()
			s.over(g)
		})
	}
}

// blind holds that axe sees what is wrong.
func (s *story) blind() {
	s.t.Helper()
	eval[bool](s.Tab, `document.documentElement.removeAttribute("lang"); document.querySelector("label").style.color = "#bbb"; true`)
	if got := s.violations(); len(got) != 2 {
		s.t.Errorf("of a missing language and a pale label axe finds %q", got)
	}
}

func (s *story) setup(link string) {
	s.t.Helper()
	s.visit(link)
	s.look("setup")
	s.shot("setup." + s.lang)
	s.click("main button.primary")
	s.refused("setup-empty", "name", "password")
	s.fill("#name", "ann")
	s.fill("#password", "short")
	s.sent("main button.primary")
	s.refused("setup-short", "password")
	s.fill("#password", password)
	s.fill("#again", "another horse battery")
	s.sent("main button.primary")
	s.refused("setup-wrong", "again")
	s.kept("#name", "ann")
	s.fill("#password", password)
	s.fill("#again", password)
	s.click("main button.primary")
	s.waitPath("/tasks")
	s.wait("main .blank h2")
	s.look("empty")
	s.shot("empty." + s.lang)
	s.visit(link)
	s.waitText("main", "auth.ticket")
	s.look("setup-used")
	s.shot("setup-used." + s.lang)
}

func (s *story) signOutAndIn() {
	s.t.Helper()
	s.click("header .account button")
	s.waitPath("/signin")
	s.visit("/tasks?status=running")
	s.waitPath("/signin")
	s.click("main button.primary")
	s.refused("signin-empty", "name", "password")
	s.fill("#name", "ann")
	s.fill("#password", "wrong horse battery")
	s.click("main button.primary")
	s.waitText("main", "auth.wrong")
	s.look("signin-wrong")
	s.shot("signin-wrong." + s.lang)
	s.kept("#name", "ann")
	s.fill("#password", password)
	s.click("main button.primary")
	s.waitPath("/tasks")
	if got := eval[string](s.Tab, `location.search`); got != "?status=running" {
		s.t.Errorf("after the sign-in the query is %q", got)
	}
}

// over is a session that ends in another tab.
func (s *story) over(g *gate) {
	s.t.Helper()
	s.visit("/tasks")
	s.waitJS("a live page", live)
	other := s.another()
	other.visit("/tasks")
	other.click("header .account button")
	other.waitPath("/signin")
	g.cut(false)
	s.wait("html[data-live=gone]")
	s.look("session-over")
	s.shot("session-over." + s.lang)
	s.click("form[action='/tasks/new'] button")
	s.waitPath("/signin")
	s.wait("main .notice-warn[role=alert]")
	s.look("signin-over")
	s.shot("signin-over." + s.lang)
	s.fill("#name", "ann")
	s.fill("#password", password)
	s.click("main button.primary")
	s.waitPath("/tasks")
	s.wait("main .blank h2") // nothing was made
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
