package browsertest

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"sluice/store"
)

// value is what stands in a field.
func (tb *Tab) value(selector string) string {
	tb.t.Helper()
	return eval[string](tb, `document.querySelector(`+quote(selector)+`).value`)
}

// newDraft goes to the first step of a new task and gives its address.
func (tb *Tab) newDraft() string {
	tb.t.Helper()
	tb.click(`form[action="/tasks/new"] button`)
	tb.loaded("the first step", `location.pathname.endsWith("/connections")`)
	return tb.path()
}

// loaded waits for a page by what is true of it alone, and for its scripts.
func (tb *Tab) loaded(what, expression string) {
	tb.t.Helper()
	tb.waitJS(what, expression+` && document.readyState === "complete"`)
}

// Two tabs on one draft: who saves last is told, keeps what was typed, and chooses.
func TestTwoTabsOnOneDraft(t *testing.T) {
	t.Parallel()
	for lang := range languages {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			c := newConsole(t, func(context.Context, *store.Store) {})
			tb := c.open()
			tb.language(lang)
			tb.signIn()
			tb.twoTabs(lang)
		})
	}
}

func (one *Tab) twoTabs(lang string) {
	t := one.t
	t.Helper()
	at := one.newDraft()
	two := one.another()
	two.visit(at)
	change := func(tb *Tab, name, host string) {
		tb.fill("#name", name)
		tb.fill("#source_host", host)
		tb.fill("#source_user", "dts") // leaves the field before
	}
	reads := func(tb *Tab, what, name, host string) {
		t.Helper()
		if got, gotHost := tb.value("#name"), tb.value("#source_host"); got != name || gotHost != host {
			t.Errorf("%s the form has the name %q and the host %q, want %q and %q", what, got, gotHost, name, host)
		}
	}

	change(one, "first", "one.example")
	version := one.value("[name=version]")
	one.waitJS("a save by itself", `document.querySelector("[name=version]").value !== `+quote(version))

	change(two, "second", "two.example")
	two.click(`button[value=leave]`)
	two.wait("#wizard-conflict")
	two.accessible("wizard-conflict")
	two.shot("wizard-conflict." + lang)
	reads(two, "after the conflict", "second", "two.example")
	one.visit(at)
	reads(one, "before anything is overwritten", "first", "one.example")
	two.click(`#wizard-conflict button[name=overwrite]`)
	two.loaded("the draft without a conflict", `document.querySelector(".formfoot") && !document.querySelector("#wizard-conflict")`)
	reads(two, "after it was overwritten", "second", "two.example")

	change(one, "third", "three.example")
	one.click(`button[value=leave]`)
	one.wait("#wizard-conflict")
	reads(one, "after the second conflict", "third", "three.example")
	one.click(`#wizard-conflict a.button`)
	one.loaded("the newer version", `document.querySelector(".formfoot") && !document.querySelector("#wizard-conflict")`)
	reads(one, "loaded anew", "second", "two.example")
	one.fill("#name", "fourth")
	one.click(`button[value=leave]`)
	one.loaded("the list with the draft", `location.pathname === "/tasks" && document.querySelector("main").innerText.includes("fourth")`)
}

// The whole way of the console without scripts, on real servers: each step is a form, and what runs loads itself anew.
func TestWizardWithoutJavaScript(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "plain", 500)
	c := newConsole(t, func(context.Context, *store.Store) {})
	tb := c.open()
	tb.signIn()
	tb.withoutScripts()
	tb.visit("/tasks")
	id := strings.Split(tb.newDraft(), "/")[3]
	w.topic += "_" + id // the rows are counted: none of an earlier run
	tb.plainConnections(w)
	tb.plainObjects(w)
	tb.plainPrecheck()

	tb.waitText("main", w.topic)
	tb.click(".formfoot button.primary")
	tb.wait("#error-summary") // the rules are not accepted
	tb.click("#terms")
	tb.click(".formfoot button.primary")
	tb.waitPath("/tasks/" + id)
	tb.waitTextLong(60*time.Second, "#task-status", "Incremental migration")
	tb.waitTextLong(60*time.Second, "#show-delay", "No delay")
	tb.waitText("#show-phases", "503")
	got := w.decoded()
	if orders, customers := got["INIT "+w.schema+".orders"], got["INIT "+w.schema+".customers"]; orders != 500 || customers != 3 {
		t.Errorf("the topic has %d rows of orders and %d of customers, want 500 and 3; all: %v", orders, customers, got)
	}
}

// connection fills the first step in by a way to fill a field in.
func (w *World) connection(fill func(selector, value string)) {
	w.t.Helper()
	host, port, err := net.SplitHostPort(w.db.Addr)
	must(w.t, err)
	broker, brokerPort, err := net.SplitHostPort(w.kafka.Plain)
	must(w.t, err)
	for _, f := range [][2]string{{"#source_host", host}, {"#source_port", port}, {"#source_user", w.user}, {"#source_password", w.secret},
		{"#target_hosts", broker}, {"#target_port", brokerPort}, {"#topic_new", w.topic}, {"#topic_partitions", "3"}} {
		fill(f[0], f[1])
	}
}

func (tb *Tab) plainConnections(w *World) {
	tb.t.Helper()
	tb.fill("#name", w.topic)
	tb.click(`input[name=source_type][value=self]`)
	w.connection(tb.fill)
	tb.click(`button[value=test_source]`)
	tb.wait("#source-test .test-verdict:not(.bad)")
	tb.click(`button[value=test_target]`)
	tb.wait("#target-test .test-verdict:not(.bad)")
	if tb.value("#source_password") != "" {
		tb.t.Error("the form shows the password")
	}
	tb.click(".formfoot button.primary")
	tb.loaded("the objects", `location.pathname.endsWith("/objects")`)
}

func (tb *Tab) plainObjects(w *World) {
	tb.t.Helper()
	tb.click(`input[name=policy][value=key]`)
	tb.choose("#db", w.schema)
	tb.click("#source-objects button[value=show]")
	tb.waitText("#source-objects", "customers")
	for _, table := range []string{"customers", "orders"} {
		tb.click(`#source-objects input[name=pick][value="` + w.schema + "/" + table + `"]`)
	}
	tb.click("#source-objects button[value=add]")
	tb.waitText("#chosen", w.schema+".orders")
	tb.waitText("#object-count", "2")
	if tb.count(`input[name=policy][value=key]:checked`) != 1 {
		tb.t.Error("the policy that was chosen is lost")
	}
	tb.click(".formfoot button.primary")
	tb.loaded("the precheck", `location.pathname.endsWith("/precheck")`)
}

// plainPrecheck waits for the verdict, takes the warnings upon the person, one page each, and goes on.
func (tb *Tab) plainPrecheck() {
	tb.t.Helper()
	tb.waitLong(60*time.Second, "a verdict", `document.querySelector("#check-verdict .notice-warn, #check-verdict .notice-ok") && document.querySelector("#check-head .actions button")`)
	const open = "#check-list a[href$='#reason']"
	if tb.count(open) == 0 {
		tb.t.Error("there is no warning to acknowledge")
	}
	for tb.count(open) > 0 {
		tb.click(open)
		tb.loaded("the page of a warning", `location.search.includes("item=")`)
		item := tb.value("#drawer .check-acknowledge [name=item]")
		tb.fill("#reason", "A test server.")
		tb.click("#drawer .check-acknowledge button")
		tb.loaded("the warning acknowledged", `!document.querySelector("#reason") && document.querySelector("#check-verdict") && !document.querySelector('[id="check-`+item+`"] a[href$="#reason"]')`)
	}
	tb.click("#check-next button:not([disabled])")
	tb.loaded("the last step", `location.pathname.endsWith("/confirm")`)
}
