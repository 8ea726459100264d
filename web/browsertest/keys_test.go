package browsertest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp/kb"

	"sluice/store"
)

// The whole way of the console with the keys alone: from the list to a task that has ended. Wherever the focus comes, it
// is to be seen.
func TestWizardByKeyboard(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "keys", 10)
	w.user, w.secret = "dts_keys", "Typed-in-the-browser-1"
	w.exec("CREATE OR REPLACE USER '"+w.user+"'@'%' IDENTIFIED BY '"+w.secret+"'", "GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO '"+w.user+"'@'%'")
	c := newConsole(t, func(context.Context, *store.Store) {})
	tb := c.open()
	tb.signIn()
	tb.tabTo(`form[action="/tasks/new"] button`)
	tb.keys(kb.Enter)
	tb.loaded("the first step", `location.pathname.endsWith("/connections")`)
	tb.keysConnections(w)
	tb.keysObjects(w)
	tb.keysPrecheck(w)
	id := tb.keysConfirm()
	tb.keysEnd(id)
}

// sight says what is wrong with how the focus is shown; nothing where it is on no element.
const sight = `(() => {
	const e = document.activeElement, ring = (x) => { const s = x && getComputedStyle(x); return x && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) > 0 };
	if (e === document.body) return "";
	if (!ring(e) && !ring(e.closest(".card"))) return "it has no ring";
	const r = e.getClientRects()[0], seen = (x, y) => { const h = document.elementFromPoint(x, y); return h && (e === h || e.contains(h) || h.contains(e)) };
	return [[.5, .5], [.1, .2], [.9, .8]].some(([x, y]) => seen(r.x + r.width * x, r.y + r.height * y)) ? "" : "it is out of sight or covered";
})()`

// press types Tab, with Shift or without, and looks where the focus is.
func (tb *Tab) press(with input.Modifier) {
	tb.t.Helper()
	tb.typed(kb.Tab, with)
	if wrong := eval[string](tb, sight); wrong != "" {
		tb.t.Errorf("the focus on %s of %s: %s", tb.focused(), tb.path(), wrong)
	}
}

func (tb *Tab) focused() string {
	tb.t.Helper()
	return eval[string](tb, `document.activeElement.outerHTML.slice(0, 120)`)
}

// tabTo presses Tab until the focus is on an element.
func (tb *Tab) tabTo(selector string) {
	tb.t.Helper()
	tb.pressTo(selector, 0)
}

// backTo presses Shift and Tab until the focus is on an element.
func (tb *Tab) backTo(selector string) {
	tb.t.Helper()
	tb.pressTo(selector, input.ModifierShift)
}

func (tb *Tab) pressTo(selector string, with input.Modifier) {
	tb.t.Helper()
	for range 120 {
		tb.press(with)
		if eval[bool](tb, `document.activeElement.matches(`+quote(selector)+`)`) {
			return
		}
	}
	tb.t.Fatalf("after 120 keys the focus has not come to %s on %s", selector, tb.path())
}

// trapped fails where Tab leads out of a dialog; outside all elements is the browser itself.
func (tb *Tab) trapped(dialog string) {
	tb.t.Helper()
	inside := `document.activeElement === document.body || document.querySelector(` + quote(dialog) + `).contains(document.activeElement)`
	for _, with := range []input.Modifier{0, input.ModifierShift} {
		for range eval[int](tb, `document.querySelectorAll(`+quote(dialog+" :is(a, button, input, textarea, summary)")+`).length + 2`) {
			tb.press(with)
			if !eval[bool](tb, inside) {
				tb.t.Fatalf("from the dialog %s the focus comes to %s", dialog, tb.focused())
			}
		}
	}
}

// escape closes a dialog; the focus is then where it was opened.
func (tb *Tab) escape(dialog, from string) {
	tb.t.Helper()
	tb.keys(kb.Escape)
	tb.waitJS(dialog+" closed", `!document.querySelector(`+quote(dialog+"[open]")+`)`)
	tb.waitJS("the focus back on "+from, `document.activeElement.matches(`+quote(from)+`)`)
}

// arrowTo presses an arrow key until something is true.
func (tb *Tab) arrowTo(key, what, expression string) {
	tb.t.Helper()
	for range 80 {
		if eval[bool](tb, expression) {
			return
		}
		tb.keys(key)
	}
	tb.t.Fatalf("after 80 keys there is not %s on %s", what, tb.path())
}

func (tb *Tab) keysConnections(w *World) {
	tb.t.Helper()
	write := func(selector, value string) {
		tb.tabTo(selector) // what stands in a field is selected with the focus
		tb.keys(value)
		if got := tb.value(selector); got != value {
			tb.t.Errorf("%s holds %q, want %q", selector, got, value)
		}
	}
	write("#name", w.topic)
	tb.tabTo("input[name=source_type]")
	tb.arrowTo(kb.ArrowRight, "a database of one's own", `document.querySelector("input[name=source_type][value=self]").checked`)
	w.connection(func(selector, value string) {
		if selector == "#target_hosts" { // the test of the source stands before
			tb.tabTo("button[value=test_source]")
			tb.keys(" ")
			tb.wait("#source-test .test-verdict:not(.bad)")
			tb.held("button[value=test_source]")
		}
		write(selector, value)
	})
	tb.tabTo("button[value=test_target]")
	tb.keys(kb.Enter)
	tb.wait("#target-test .test-verdict:not(.bad)")
	tb.held("button[value=test_target]")
	tb.tabTo(".formfoot button.primary")
	tb.keys(kb.Enter)
	tb.waitJS("the objects", `location.pathname.endsWith("/objects") && document.querySelector("#left .vrow")`)
}

// held fails where the focus has left an element.
func (tb *Tab) held(selector string) {
	tb.t.Helper()
	if !eval[bool](tb, `document.activeElement.matches(`+quote(selector)+`)`) {
		tb.t.Errorf("the focus is on %q, want %s", eval[string](tb, `document.activeElement.outerHTML.slice(0, 120)`), selector)
	}
}

// keysObjects opens a database, ticks a table, moves it with another, and takes one back.
func (tb *Tab) keysObjects(w *World) {
	tb.t.Helper()
	tb.tabTo("input[name=policy]")
	tb.arrowTo(kb.ArrowRight, "the policy by key", `document.querySelector("input[name=policy][value=key]").checked`)
	tb.tabTo("#left")
	active := func(box, name string) string {
		return `document.getElementById(document.querySelector("#` + box + `").getAttribute("aria-activedescendant"))?.querySelector(".vname")?.textContent === ` + quote(name)
	}
	tb.arrowTo(kb.ArrowDown, "the database", active("left", w.schema))
	tb.keys(kb.ArrowRight)
	tb.waitJS("the tables", `[...document.querySelectorAll("#left .level-2 .vname")].length === 2`)
	tb.keys(kb.ArrowDown + " ")
	if !eval[bool](tb, active("left", "customers")+` && document.querySelector("#left .vrow.active").ariaChecked === "true"`) {
		tb.t.Error("Space has not ticked the first table")
	}
	tb.keys(kb.ArrowDown + kb.Enter)
	tb.waitText("#right", w.schema+".orders")
	tb.waitText("#right", w.schema+".customers")
	tb.waitText("#object-count", "2")
	tb.held("#left")
	tb.tabTo("#right")
	tb.arrowTo(kb.ArrowDown, "the table", active("right", w.schema+".orders"))
	tb.keys(kb.Delete)
	tb.waitText("#object-count", "1")
	tb.backTo("#left")
	tb.keys(kb.Enter) // the active row is the table that was taken back
	tb.waitText("#object-count", "2")
	tb.tabTo(".formfoot button.primary")
	w.exec("REVOKE REPLICATION SLAVE ON *.* FROM '" + w.user + "'@'%'") // what the precheck finds
	tb.keys(kb.Enter)
	tb.waitJS("the precheck", `location.pathname.endsWith("/precheck")`)
}

// keysPrecheck reads why an item has failed, has it looked at again, and takes the warnings upon the person.
func (tb *Tab) keysPrecheck(w *World) {
	tb.t.Helper()
	const over = `document.querySelector("#check-head .actions button")`
	tb.waitLong(60*time.Second, "a failed precheck", `document.querySelector("#check-verdict .notice-bad") && `+over)
	const details = "#check-list .check-bad a[data-drawer]"
	tb.tabTo(details)
	tb.keys(kb.Enter)
	tb.waitText("#drawer", "REPLICATION SLAVE")
	tb.trapped("#drawer")
	tb.escape("#drawer", details)
	w.exec("GRANT REPLICATION SLAVE ON *.* TO '" + w.user + "'@'%'")
	tb.backTo("#check-list .check-bad button[name=item]")
	tb.keys(" ")
	tb.waitLong(60*time.Second, "a precheck without errors", `!document.querySelector("#check-verdict .notice-bad") && `+over)

	const open = "#check-list a[href$='#reason']"
	for n := tb.count(open); n > 0; n-- {
		tb.tabTo(open)
		tb.keys(kb.Enter)
		tb.waitJS("the focus on the reason", `document.activeElement.id === "reason"`)
		tb.keys("A test server.")
		tb.tabTo("#drawer .check-acknowledge button")
		tb.keys(kb.Enter)
		tb.loaded("one warning less", fmt.Sprintf(`!document.querySelector("#drawer[open]") && document.querySelectorAll(%s).length === %d`, quote(open), n-1))
	}
	tb.tabTo("#check-next button")
	tb.keys(kb.Enter)
	tb.loaded("the last step", `location.pathname.endsWith("/confirm")`)
}

// keysConfirm chooses a link specification and starts; that the rules are not accepted is told, and leads to them.
func (tb *Tab) keysConfirm() (id string) {
	tb.t.Helper()
	id = strings.Split(tb.path(), "/")[3]
	tb.tabTo("input[name=link]")
	tb.arrowTo(kb.ArrowLeft, "the small link", `document.querySelector("input[name=link][value=small]").checked`)
	tb.tabTo(".formfoot button.primary")
	tb.keys(kb.Enter)
	tb.waitJS("the focus on the summary", `document.activeElement.id === "error-summary"`)
	tb.tabTo("#error-summary a[href='#terms']")
	tb.keys(kb.Enter)
	tb.waitJS("the focus on the rules", `document.activeElement.id === "terms"`)
	tb.keys(" ")
	if !eval[bool](tb, `document.querySelector("#terms").checked && document.querySelector("input[name=link][value=small]").checked`) {
		tb.t.Error("Space has not accepted the rules, or the link is lost")
	}
	tb.tabTo(".formfoot button.primary")
	tb.keys(kb.Enter)
	tb.waitPath("/tasks/" + id)
	return id
}

// keysEnd opens the dialog to end the task, leaves it, and ends it at the second time.
func (tb *Tab) keysEnd(id string) {
	tb.t.Helper()
	tb.waitTextLong(60*time.Second, "#show-delay", "No delay")
	tb.wait("#show-next a")
	tb.tabTo("#show-next a")
	tb.keys(kb.Enter)
	tb.waitPath("/tasks/" + id + "/end")
	tb.waitTextLong(30*time.Second, "#end-live .notice-ok", "No delay")
	tb.tabTo("#end-act .danger")
	tb.keys(kb.Enter)
	tb.wait("#end-confirm")
	tb.held("#end-confirm [data-cancel]") // what does no harm
	tb.trapped("#end-confirm")
	tb.escape("#end-confirm", "#end-act .danger")
	tb.waitText("#end-live", "No delay") // nothing has ended
	tb.keys(kb.Enter)
	tb.wait("#end-confirm")
	tb.keys(" ") // keeps it, too
	tb.waitJS("the dialog closed", `!document.querySelector("#end-confirm[open]")`)
	tb.held("#end-act .danger")
	tb.keys(kb.Enter)
	tb.wait("#end-confirm")
	tb.backTo("#end-confirm .danger")
	tb.keys(kb.Enter)
	tb.waitText("#end-live", "The task has ended")
	tb.waitText("#task-status", "Completed")
}
