package browsertest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"sluice/store"
)

// words of a page in the language of the story.
type words struct{ noDelay, completed, ended, writing string }

var languages = map[string]words{
	"en":    {"No delay", "Completed", "The task has ended", "Writes still arrive"},
	"zh-CN": {"无延迟", "已完成", "任务已结束", "源库仍有写入"},
}

// story is a person with a new task.
type story struct {
	*Tab
	w      *World
	lang   string
	name   string
	user   string // the account at the source
	secret string
}

// The whole way of the console, as a person goes it: from an empty list to a task that has ended, on real servers.
func TestStory(t *testing.T) {
	t.Parallel()
	for lang, say := range languages {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			short := strings.ToLower(lang[:2])
			w := newWorld(t, "story_"+short, 5000)
			s := &story{w: w, lang: lang, name: "订单 orders " + short, user: "dts_" + short, secret: "Typed-in-the-browser-1"}
			w.exec("CREATE OR REPLACE USER '"+s.user+"'@'%' IDENTIFIED BY '"+s.secret+"'",
				"GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO '"+s.user+"'@'%'")
			c := newConsole(t, func(context.Context, *store.Store) {})
			s.Tab = c.open()
			s.language(lang)
			s.signIn()
			s.connect()
			s.pick()
			s.precheck()
			id := s.confirm()
			s.follow(id, say)
			s.finish(id, say)
			s.arrived()
		})
	}
}

// look takes what every step must keep: rules of WCAG, small screens, and no password.
func (s *story) look(step string) {
	s.t.Helper()
	s.accessible(step)
	s.narrow(step)
	s.noSecret(step)
}

func (s *story) noSecret(step string) {
	s.t.Helper()
	if strings.Contains(eval[string](s.Tab, `document.documentElement.outerHTML`), s.secret) {
		s.t.Errorf("the step %s shows the password", step)
	}
}

func (s *story) step(name string) {
	s.t.Helper()
	s.waitJS("the step "+name, fmt.Sprintf(`location.pathname.startsWith("/tasks/new/") && location.pathname.endsWith("/%s") && document.readyState === "complete"`, name))
}

func (s *story) connect() {
	s.t.Helper()
	s.click(`form[action="/tasks/new"] button`)
	s.step("connections")
	host, port, err := net.SplitHostPort(s.w.db.Addr)
	must(s.t, err)
	broker, brokerPort, err := net.SplitHostPort(s.w.kafka.Plain)
	must(s.t, err)
	s.fill("#name", s.name)
	s.click(`input[name=source_type][value=self]`)
	for _, f := range [][2]string{{"#source_host", host}, {"#source_port", port}, {"#source_user", s.user}, {"#source_password", "not the password"},
		{"#target_hosts", broker}, {"#target_port", brokerPort}} {
		s.fill(f[0], f[1])
	}
	s.click(`button[value=test_source]`)
	s.wait("#source-test .test-verdict.bad")
	s.look("wizard-connections-refused")
	s.shot("wizard-connections-refused." + s.lang)
	s.fill("#source_password", s.secret)
	s.click(`button[value=test_source]`)
	s.wait("#source-test .test-verdict:not(.bad)")
	archive := "archive_" + s.user
	s.w.kafka.CreateTopic(s.t, archive, 6, "cleanup.policy", "compact")
	s.click(`button[value=topics]`)
	s.wait("#topics select")
	s.choose("#topic", archive)
	s.waitText("#topic-facts", "6")
	s.waitText("#topic-facts", "compact")
	s.accessible("wizard-topics")
	s.shotOf("wizard-topics."+s.lang, ".side:has(#topics)")
	s.choose("#topic", "")
	s.waitJS("no topic's figures", `!document.querySelector("#topic-facts").checkVisibility()`)
	s.fill("#topic_new", s.w.topic)
	s.fill("#topic_partitions", "3")
	s.click(`button[value=test_target]`)
	s.wait("#target-test .test-verdict:not(.bad)")
	s.look("wizard-connections")
	s.shot("wizard-connections." + s.lang)
	s.shotOf("wizard-access."+s.lang, "#access")
	s.click(`.formfoot button.primary`)
	s.step("objects")
}

func (s *story) pick() {
	s.t.Helper()
	s.wait("#left .vrow")
	s.fill("#left-search", s.w.schema)
	s.waitText("#left-0", s.w.schema+".customers")
	s.click("#left-0")
	s.click("#left-1")
	s.click("#move-right")
	s.waitText("#right", s.w.schema+".orders")
	s.waitText("#object-count", "2")
	s.click(`input[name=policy][value=key]`)
	s.look("wizard-objects")
	s.shot("wizard-objects." + s.lang)
	s.dark("wizard-objects-dark." + s.lang)
	s.w.exec("REVOKE REPLICATION SLAVE ON *.* FROM '" + s.user + "'@'%'") // what the precheck finds
	s.click(`.formfoot button.primary`)
	s.step("precheck")
	s.running()
}

// precheck finds a privilege missing, reads why, grants it, and looks again; warnings are acknowledged.
func (s *story) precheck() {
	s.t.Helper()
	s.waitLong(60*time.Second, "a failed precheck", `document.querySelector("#check-verdict .notice-bad") && document.querySelector("#check-head .actions button")`)
	if !eval[bool](s.Tab, `document.querySelector("#check-next button").disabled`) {
		s.t.Error("a failed precheck does not keep from going on")
	}
	s.look("wizard-precheck-failed")
	s.shot("wizard-precheck-failed." + s.lang)
	s.click("#check-list .check-bad a[data-drawer]")
	s.waitText("#drawer", "REPLICATION SLAVE")
	s.accessible("a check's details")
	s.shot("wizard-precheck-details." + s.lang)
	s.click("#drawer [data-drawer-close]")
	s.waitJS("the drawer closed", `!document.querySelector("#drawer[open]")`)
	s.w.exec("GRANT REPLICATION SLAVE ON *.* TO '" + s.user + "'@'%'")
	s.click("#check-head .actions button:last-child")
	s.waitLong(60*time.Second, "a precheck without errors", `!document.querySelector("#check-verdict .notice-bad") && document.querySelector("#check-head .actions button")`)
	s.acknowledge()
	s.look("wizard-precheck")
	s.shot("wizard-precheck." + s.lang)
	s.click("#check-runs li:last-child a")
	s.loaded("an earlier precheck", `location.search.includes("run=")`)
	s.shot("wizard-precheck-earlier." + s.lang)
	s.click("#check-head a")
	s.wait("#check-next button:not([disabled])")
	s.click("#check-next button")
	s.step("confirm")
}

// acknowledge takes all warnings upon the person.
func (s *story) acknowledge() {
	s.t.Helper()
	for s.count("#check-list a[href$='#reason']") > 0 {
		n := s.count("#check-list a[href$='#reason']")
		s.click("#check-list a[href$='#reason']")
		s.fill("#reason", "A test server.")
		s.click("#drawer .check-acknowledge button")
		s.waitJS("one warning less", fmt.Sprintf(`document.querySelector("#check-next") && !document.querySelector("#drawer[open]") && document.querySelectorAll("#check-list a[href$='#reason']").length < %d`, n))
	}
	s.wait("#check-next button:not([disabled])")
}

// running is a picture of a precheck that runs, as many times as it takes to be in time.
func (s *story) running() {
	s.t.Helper()
	const busy = `document.querySelector("#check-list .check-busy") && !document.querySelector("#check-head .actions button")`
	for range 5 {
		if *screenshots == "" {
			return
		}
		s.waitLong(60*time.Second, "a precheck", `document.querySelector("#check-list .check-busy") || document.querySelector("#check-head .actions button")`)
		s.shot("wizard-precheck-running." + s.lang)
		if eval[bool](s.Tab, `Boolean(`+busy+`)`) {
			return
		}
		s.click("#check-head .actions button:last-child")
		s.loaded("the precheck anew", `!document.querySelector("#check-head .actions button")`)
	}
	s.t.Error("no precheck was slow enough for a picture")
}

func (s *story) confirm() (id string) {
	s.t.Helper()
	s.waitText("main", s.w.topic)
	s.click(`input[name=link][value=small]`)
	s.look("wizard-confirm")
	s.shot("wizard-confirm." + s.lang)
	s.click(".formfoot button.primary")
	s.wait("#error-summary") // the rules are not accepted
	s.accessible("wizard-confirm with errors")
	s.click(`#terms`)
	id = strings.Split(s.path(), "/")[3]
	s.click(".formfoot button.primary")
	s.waitPath("/tasks/" + id)
	return id
}

// follow sees the task copy, catch up, fall behind under a burst that is more than the chosen specification takes, and
// catch up again.
func (s *story) follow(id string, say words) {
	s.t.Helper()
	s.waitTextLong(60*time.Second, "#show-delay", say.noDelay)
	s.waitText("#show-phases", "5,003")
	for range 4 {
		s.w.write(4000)
	}
	s.waitJS("a delay", `document.querySelector("#show-delay .delay-warn")`)
	s.shot("overview-behind." + s.lang)
	s.waitTextLong(60*time.Second, "#show-phases", "16,000")
	s.waitTextLong(60*time.Second, "#show-delay", say.noDelay)
	s.shot("overview." + s.lang)
	s.dark("overview-dark." + s.lang)
	s.pages(id)
}

// pages are those of a task that runs.
func (s *story) pages(id string) {
	s.t.Helper()
	s.w.exec("UPDATE " + s.w.schema + ".customers SET city = '汉堡 Hamburg' WHERE id = 1")
	s.visit("/tasks/" + id + "/tables")
	s.waitText("main table", "5,000")
	s.look("tables")
	s.shot("tables." + s.lang)
	s.visit("/tasks/" + id + "/precheck")
	s.wait("#check-list")
	s.look("precheck")
	s.shot("precheck." + s.lang)
	s.visit("/tasks/" + id + "/messages")
	s.choose("#max", "20")
	s.click("#messages .line-form button")
	s.waitText("#messages", "UPDATE")
	update := eval[int](s.Tab, `[...document.querySelectorAll("#messages .message")].findIndex((m) => m.innerText.includes("UPDATE"))`)
	message := fmt.Sprintf("#messages .message:nth-of-type(%d)", update+1)
	s.click(message + " summary")
	s.waitText(message+" .diff .changed", "Hamburg")
	s.shot("messages." + s.lang)
	s.dark("messages-dark." + s.lang)
	s.click(message + " details summary")
	s.wait(message + " .hex")
	s.look("messages")
	s.shotOf("messages-raw."+s.lang, message)
	s.visit("/tasks/" + id)
	s.waitTextLong(60*time.Second, "#show-delay", languages[s.lang].noDelay)
}

func (s *story) finish(id string, say words) {
	s.t.Helper()
	s.click("#show-next a")
	s.waitPath("/tasks/" + id + "/end")
	s.waitText("#end-live", say.noDelay)
	s.w.write(10)
	s.waitText("#end-live .notice-warn", say.writing)
	s.shot("end-writing." + s.lang)
	s.waitTextLong(30*time.Second, "#end-live .notice-ok", say.noDelay) // nothing has been written for a while
	s.shot("end." + s.lang)
	s.click("#end-act .danger")
	s.wait("#end-confirm")
	s.accessible("end-confirm")
	s.shot("end-confirm." + s.lang)
	s.click("#end-confirm .danger")
	s.waitText("#end-live", say.ended)
	s.waitText("#task-status", say.completed)
	s.waitJS("no words of an end that is over", `!document.querySelector("#end-act .notice")`)
	s.shot("ended." + s.lang)
}

// arrived holds the topic: every row once, and every change.
func (s *story) arrived() {
	s.t.Helper()
	got := s.w.decoded()
	orders, customers := s.w.schema+".orders", s.w.schema+".customers"
	for what, want := range map[string]int{"INIT " + orders: 5000, "INIT " + customers: 3, "INSERT " + orders: 16010} {
		if got[what] != want {
			s.t.Errorf("the topic has %d of %s, want %d; all: %v", got[what], what, want, got)
		}
	}
}
