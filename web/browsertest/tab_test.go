package browsertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// patience is how long something may take that a page is waited for.
const patience = 20 * time.Second

// Tab is one tab of the browser. Its methods fail the test.
type Tab struct {
	t   testing.TB
	ctx context.Context
	c   *Console

	profile cdp.BrowserContextID

	plain bool          // scripts are off: nothing changes but by a load
	loads chan struct{} // has something in it after a load

	mu       sync.Mutex
	problems []string
}

// open gives a tab in a profile of its own: no cookies, English, light, 1280 pixels wide.
func (c *Console) open() *Tab {
	c.t.Helper()
	browser := c.browser()
	profile, err := target.CreateBrowserContext().Do(browser)
	must(c.t, err)
	c.t.Cleanup(func() { _ = target.DisposeBrowserContext(profile).Do(browser) }) // the browser may have ended
	tb := c.tab(profile)
	tb.language("en")
	return tb
}

// another gives a further tab of the same profile.
func (tb *Tab) another() *Tab {
	tb.t.Helper()
	return tb.c.tab(tb.profile)
}

// browser is a context for what is asked of the browser and not of a tab.
func (c *Console) browser() context.Context {
	c.t.Helper()
	ctx, err := chromium()
	must(c.t, err)
	return cdp.WithExecutor(ctx, chromedp.FromContext(ctx).Browser)
}

// tab opens one, in a window of its own so that it is never in the background.
func (c *Console) tab(profile cdp.BrowserContextID) *Tab {
	c.t.Helper()
	id, err := target.CreateTarget("about:blank").WithBrowserContextID(profile).WithNewWindow(true).Do(c.browser())
	must(c.t, err)
	parent, err := chromium()
	must(c.t, err)
	ctx, cancel := chromedp.NewContext(parent, chromedp.WithTargetID(id))
	tb := &Tab{t: c.t, ctx: ctx, c: c, profile: profile, loads: make(chan struct{}, 1)}
	c.t.Cleanup(func() {
		cancel()
		tb.mu.Lock()
		defer tb.mu.Unlock()
		for _, p := range tb.problems {
			c.t.Errorf("the browser reports: %s", p)
		}
	})
	chromedp.ListenTarget(ctx, tb.listen)
	tb.run(log.Enable(), network.Enable(), page.Enable(), runtime.Enable())
	tb.size(1280, 900)
	tb.scheme("light")
	return tb
}

// listen keeps what a page must never cause: exceptions of scripts, and what the content policy has blocked.
func (tb *Tab) listen(event any) {
	text := ""
	switch e := event.(type) {
	case *page.EventLoadEventFired:
		select {
		case tb.loads <- struct{}{}:
		default:
		}
	case *runtime.EventExceptionThrown:
		text = e.ExceptionDetails.Error()
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError && e.Entry.Source != log.SourceNetwork {
			text = e.Entry.Text
		}
	}
	if text != "" {
		tb.mu.Lock()
		tb.problems = append(tb.problems, text)
		tb.mu.Unlock()
	}
}

func (tb *Tab) run(actions ...chromedp.Action) {
	tb.t.Helper()
	must(tb.t, tb.try(actions...))
}

func (tb *Tab) try(actions ...chromedp.Action) error {
	// A context derived from one that chromedp has not used yet would become its own, and close the tab with it.
	if chromedp.FromContext(tb.ctx).Target == nil {
		return chromedp.Run(tb.ctx, actions...)
	}
	ctx, cancel := context.WithTimeout(tb.ctx, 2*patience)
	defer cancel()
	return chromedp.Run(ctx, actions...)
}

// visit loads a page of the console.
func (tb *Tab) visit(path string) {
	tb.t.Helper()
	tb.run(chromedp.Navigate(tb.c.url + path))
}

// eval gives the value of an expression; promises are waited for.
func eval[T any](tb *Tab, expression string) T {
	tb.t.Helper()
	var out T
	tb.run(chromedp.Evaluate(expression, &out, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
	return out
}

// waitJS waits until an expression is true in a page that is there to its end, looking again at every change of the page
// and after every load.
func (tb *Tab) waitJS(what, expression string) {
	tb.t.Helper()
	tb.waitLong(patience, what, expression)
}

func (tb *Tab) waitLong(d time.Duration, what, expression string) {
	tb.t.Helper()
	if tb.plain {
		tb.waitLoads(d, what, expression)
		return
	}
	deadline := time.Now().Add(d)
	script := func() string {
		return fmt.Sprintf(`new Promise((done) => {
			let over = 0;
			const good = () => { try { return document.readyState !== "loading" && (%s) } catch { return false } };
			const end = (v) => { watch.disconnect(); clearTimeout(over); done(v) };
			const look = () => { if (good()) end(true) };
			const watch = new MutationObserver(look);
			watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
			document.addEventListener("readystatechange", look);
			over = setTimeout(() => end(good()), %d);
			if (good()) end(true);
		})`, expression, max(1, time.Until(deadline).Milliseconds()))
	}
	for {
		ok := false
		ctx, cancel := context.WithTimeout(tb.ctx, time.Until(deadline)+5*time.Second)
		err := chromedp.Run(ctx, chromedp.Evaluate(script(), &ok, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		cancel()
		switch {
		case ok:
			return
		case time.Now().Before(deadline) && (left(err) || err == nil):
			continue // another page has come in between
		case err != nil:
			tb.t.Fatalf("waiting for %s: %v", what, err)
		}
		tb.t.Fatalf("waited %v for %s; the page %s reads:\n%s\nthe server says: %s", d, what, tb.path(), tb.text("body"), tb.c.errs.String())
	}
}

// waitLoads is waitLong without scripts, where no page can watch itself: it looks again after every load.
func (tb *Tab) waitLoads(d time.Duration, what, expression string) {
	tb.t.Helper()
	over := time.After(d)
	for {
		ok := false
		err := tb.try(chromedp.Evaluate("(() => { try { return Boolean("+expression+") } catch { return false } })()", &ok))
		if err != nil && !left(err) {
			tb.t.Fatalf("waiting for %s: %v", what, err)
		}
		if ok {
			return
		}
		select {
		case <-tb.loads:
		case <-over:
			tb.t.Fatalf("waited %v for %s; the page %s reads:\n%s", d, what, tb.path(), tb.text("body"))
		}
	}
}

// withoutScripts turns them off for the pages to come.
func (tb *Tab) withoutScripts() {
	tb.t.Helper()
	tb.run(emulation.SetScriptExecutionDisabled(true))
	tb.plain = true
}

// left reports whether an expression was cut off by the load of another page.
func left(err error) bool {
	var e *cdproto.Error
	return errors.As(err, &e) && (strings.Contains(e.Message, "context") || strings.Contains(e.Message, "navigated") || strings.Contains(e.Message, "Promise was collected"))
}

// wait waits for an element that is to be seen.
func (tb *Tab) wait(selector string) {
	tb.t.Helper()
	tb.waitJS(selector, fmt.Sprintf(`document.querySelector(%s)?.checkVisibility() ?? false`, quote(selector)))
}

// waitText waits until an element's text holds a text.
func (tb *Tab) waitText(selector, text string) {
	tb.t.Helper()
	tb.waitTextLong(patience, selector, text)
}

func (tb *Tab) waitTextLong(d time.Duration, selector, text string) {
	tb.t.Helper()
	tb.waitLong(d, fmt.Sprintf("%q in %s", text, selector), fmt.Sprintf(`document.querySelector(%s).innerText.includes(%s)`, quote(selector), quote(text)))
}

// waitPath waits until a page is there and ready.
func (tb *Tab) waitPath(path string) {
	tb.t.Helper()
	tb.waitJS("the page "+path, fmt.Sprintf(`location.pathname === %s && document.readyState === "complete"`, quote(path)))
}

// text is what of an element is to be read.
func (tb *Tab) text(selector string) string {
	tb.t.Helper()
	return eval[string](tb, fmt.Sprintf(`document.querySelector(%s)?.innerText ?? ""`, quote(selector)))
}

func (tb *Tab) count(selector string) int {
	tb.t.Helper()
	return eval[int](tb, fmt.Sprintf(`document.querySelectorAll(%s).length`, quote(selector)))
}

func (tb *Tab) path() string {
	tb.t.Helper()
	return eval[string](tb, `location.pathname`)
}

// click presses the mouse in the middle of an element, as soon as that is what would be hit.
func (tb *Tab) click(selector string) {
	tb.t.Helper()
	at := fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.scrollIntoView({ block: "center", behavior: "instant" });
		const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()`, quote(selector))
	hit := fmt.Sprintf(`(() => { const e = document.querySelector(%s), [x, y] = %s; const h = document.elementFromPoint(x, y);
		return e.checkVisibility() && (e === h || e.contains(h) || h.contains(e)) })()`, quote(selector), at)
	tb.waitJS("a free "+selector, hit)
	p := eval[[2]float64](tb, at)
	tb.run(chromedp.MouseClickXY(p[0], p[1]))
}

// fill replaces the value of a field as a person would.
func (tb *Tab) fill(selector, value string) {
	tb.t.Helper()
	tb.wait(selector)
	eval[bool](tb, fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.focus(); e.select?.(); return true })()`, quote(selector)))
	tb.run(chromedp.ActionFunc(func(ctx context.Context) error {
		if value == "" {
			return chromedp.KeyEvent("\b").Do(ctx)
		}
		return input.InsertText(value).Do(ctx)
	}))
}

// choose takes an option of a list.
func (tb *Tab) choose(selector, value string) {
	tb.t.Helper()
	tb.wait(selector)
	if !eval[bool](tb, fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.value = %s; e.dispatchEvent(new Event("change", { bubbles: true })); return e.value === %[2]s })()`, quote(selector), quote(value))) {
		tb.t.Fatalf("%s has no option %q", selector, value)
	}
}

// keys types keys as they are named in chromedp's kb.
func (tb *Tab) keys(keys string) {
	tb.t.Helper()
	tb.typed(keys, 0)
}

// typed sends keys as a keyboard does: what a press has done takes its letter away, so that Enter on a link does not
// also press what the link has moved the focus to.
func (tb *Tab) typed(keys string, with input.Modifier) {
	tb.t.Helper()
	tb.run(chromedp.ActionFunc(func(ctx context.Context) error {
		for _, key := range keys {
			for _, e := range kb.Encode(key) {
				if e.Type == input.KeyDown {
					e.Type = input.KeyRawDown
				}
				e.Modifiers |= with
				if err := e.Do(ctx); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// signIn uses the console's ticket; it works once.
func (tb *Tab) signIn() {
	tb.t.Helper()
	tb.visit("/signin?ticket=" + tb.c.ticket)
	tb.click("main button.primary")
	tb.waitPath("/tasks")
}

// language sets the cookie of the language switch.
func (tb *Tab) language(tag string) {
	tb.t.Helper()
	tb.run(network.SetCookie("sluice_lang", tag).WithURL(tb.c.url))
}

func (tb *Tab) size(width, height int64) {
	tb.t.Helper()
	tb.run(emulation.SetDeviceMetricsOverride(width, height, 1, false))
}

// scheme is what the system prefers: light or dark.
func (tb *Tab) scheme(name string) {
	tb.t.Helper()
	tb.run(emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: name}, {Name: "prefers-reduced-motion", Value: "reduce"}}))
}

func quote(text string) string {
	b, _ := json.Marshal(text) // a string always can be
	return string(b)
}
