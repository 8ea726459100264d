package browsertest

import (
	"context"
	"strings"
	"testing"
	"time"
	"unicode"

	"sluice/engine/task"
	"sluice/store"
)

// Wrong input in the forms of the wizard: each field is told, by name and beside it, and nothing is lost or started.
func TestWrongInput(t *testing.T) {
	t.Parallel()
	for lang := range languages {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			short := strings.ToLower(lang[:2])
			w := newWorld(t, "wrong_"+short, 10)
			s := &story{w: w, lang: lang, name: "orders", user: "wrong_" + short, secret: "Typed-in-the-browser-1"}
			w.exec("CREATE OR REPLACE USER '"+s.user+"'@'%' IDENTIFIED BY '"+s.secret+"'",
				"GRANT REPLICATION CLIENT, REPLICATION SLAVE, SHOW VIEW, SELECT ON *.* TO '"+s.user+"'@'%'")
			c := newConsole(t, func(context.Context, *store.Store) {})
			s.Tab = c.open()
			s.language(lang)
			s.signIn()
			s.newDraft()
			s.wrongConnections()
			s.visit("/tasks")
			s.connect()
			s.wrongObjects()
			s.wrongFrom()
			s.wrongMapping()
			s.wrongTopics()
			s.click(`.formfoot button.primary`)
			s.step("precheck")
			s.wrongReason()
			s.wrongConfirm()
		})
	}
}

// Wrong input in the forms of tasks.
func TestWrongInputOfTasks(t *testing.T) {
	t.Parallel()
	for lang := range languages {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			var ids map[string]string
			c := newConsole(t, func(ctx context.Context, st *store.Store) { ids = settled(t, ctx, st) })
			s := &story{Tab: c.open(), lang: lang, secret: "Never-shown-"}
			s.language(lang)
			s.signIn()
			s.visit("/tasks/" + ids["failed"] + "/delete")
			s.fill("#name", "orders")
			s.click("main button.danger")
			s.refused("delete-wrong", "name")
			s.kept("#name", "orders")
			s.visit("/tasks/" + ids["paused"] + "/messages")
			for _, offset := range []string{"-1", "", "two"} {
				s.choose("#from", "offset")
				s.fill("#offset", offset)
				s.sent("#messages .line-form button")
				s.kept("#offset", offset)
			}
			s.refused("messages-wrong", "offset")
			s.kept("#from", "offset")
			s.visit("/tasks/" + ids["paused"] + "/config")
			s.fill("#source_password", "Never-shown-"+lang)
			s.fill("#spool", "7")
			s.fill("#threads", "-2")
			s.sent("form[action$='/config'] button.primary")
			s.refused("config-wrong", "spool", "threads")
			s.kept("#spool", "7")
			s.kept("#threads", "-2")
			s.kept("#source_password", "")
		})
	}
}

// A task that stopped because its topic no longer tells what was sent goes on once a person has accepted repeats.
func TestAcceptRepeats(t *testing.T) {
	t.Parallel()
	for lang := range languages {
		t.Run(lang, func(t *testing.T) {
			t.Parallel()
			var id string
			c := newConsole(t, func(ctx context.Context, st *store.Store) {
				spec := elsewhere("orders")
				spec.Source.Host, spec.Source.Port = "127.0.0.1", 1 // it is started, and nobody answers
				var err error
				id, err = st.AddTask(ctx, "", spec, task.About{})
				must(t, err)
				h, err := st.OpenTask(ctx, id)
				must(t, err)
				_, err = h.Start(ctx)
				must(t, err)
				must(t, h.End(ctx, task.Failed, &task.Error{Code: "target.expired", Text: "Partition 0 of topic orders begins at offset 812.", Hint: "Accept repeats, or make a new task."}))
			})
			s := &story{Tab: c.open(), lang: lang, secret: "Never-shown-"}
			s.language(lang)
			s.signIn()
			at := "/tasks/" + id
			s.visit(at)
			s.click("#task-actions a[href$='/repeat']")
			s.waitPath(at + "/repeat")
			s.look("repeat")
			if n := s.count("main .notice-warn"); n != 1 {
				t.Errorf("what will happen is told %d times", n)
			}
			s.click("main .dialog a.button") // nothing has happened yet
			s.waitPath(at)
			s.wait("#task-actions a[href$='/repeat']")
			s.visit(at + "/repeat")
			s.click("main .dialog button.danger")
			s.waitPath(at)
			s.waitJS("the task under way", `!document.querySelector("#task-actions a[href$='/repeat']") && document.querySelector("#task-actions form[action$='/pause']")`)
			s.visit(at + "/repeat") // it has not stopped like that any more
			s.wait("main .notice-info")
			if n := s.count("main form[action$='/repeat']"); n != 0 {
				t.Error("the form is there for a task that runs")
			}
			s.visit(at)
			s.click("#task-actions form[action$='/pause'] button")
			s.wait("#task-actions a[href$='/repeat']") // it never reached its servers: leave has to be given again
		})
	}
}

// sent presses a button and waits for a form that comes back with a summary of its own.
func (s *story) sent(button string) {
	s.t.Helper()
	eval[bool](s.Tab, `document.querySelector("#error-summary")?.remove(), true`)
	s.click(button)
	s.loaded("a form with errors", `document.querySelector("#error-summary")`)
}

// kept fails where a form that came back has lost what was typed.
func (s *story) kept(selector, value string) {
	s.t.Helper()
	if got := s.value(selector); got != value {
		s.t.Errorf("what was typed into %s has become %q, want %q", selector, got, value)
	}
}

// refused holds a form that came back: the summary has the focus and leads to each field, which says the same.
func (s *story) refused(what string, fields ...string) {
	s.t.Helper()
	s.wait("#error-summary")
	s.waitJS("the focus on the summary of "+what, `document.activeElement.id === "error-summary"`)
	for _, name := range fields {
		if s.count("#error-summary a[href='#"+name+"']") != 1 || s.count("#"+name+"[aria-invalid=true], #"+name+"-group .field-error, #"+name+" .field-error") == 0 {
			s.t.Errorf("%s: the field %s is not told as wrong; the summary says:\n%s", what, name, s.text("#error-summary"))
		}
	}
	for _, line := range eval[[]string](s.Tab, `[...document.querySelectorAll("#error-summary :is(h2, li)")].map((e) => e.innerText)`) {
		if strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Han, r) }) != (s.lang == "zh-CN") {
			s.t.Errorf("%s: in %s the summary says %q", what, s.lang, line)
		}
	}
	for _, f := range s.violations() { // in one scheme: the colours are those of the first form, which looks at both
		s.t.Errorf("%s: %s", what, f)
	}
	s.narrow(what)
	s.noSecret(what)
	s.shot(what + "." + s.lang)
}

func (s *story) wrongConnections() {
	s.t.Helper()
	s.click(`input[name=source_type][value=rds]`)
	for selector, value := range map[string]string{"#name": "", "#source_region": "", "#source_instance": "no spaces please!", "#source_host": "https://db.example:3306",
		"#source_port": "99999", "#source_user": "", "#source_password": "", "#target_hosts": "one two, :9092", "#target_port": "0"} {
		s.fill(selector, value)
	}
	s.click(".formfoot button.primary")
	s.refused("wizard-connections-wrong", "name", "source_region", "source_instance", "source_host", "source_port", "source_user", "source_password", "target_hosts", "target_port")
	s.accessible("wizard-connections-wrong")
	s.kept("#source_host", "https://db.example:3306")
	s.kept("#source_port", "99999")
	s.click(`input[name=source_type][value=self]`)
	s.click(`input[name=source_tls][value=ssl]`)
	for selector, value := range map[string]string{"#name": strings.Repeat("n", 65), "#source_host": "no good host", "#source_port": "port", "#source_ca": "no certificate",
		"#target_hosts": "", "#target_user": "writer", "#topic_new": "no spaces", "#topic_partitions": "0", "#topic_replication": "many"} {
		s.fill(selector, value)
	}
	s.sent(".formfoot button.primary")
	s.refused("wizard-connections-wrong-form", "name", "source_host", "source_port", "source_ca", "target_hosts", "target_mechanism", "topic_new", "topic_partitions", "topic_replication")
	s.kept("#source_ca", "no certificate")
	s.kept("#topic_new", "no spaces")
	s.kept("#topic_replication", "many")
}

func (s *story) wrongObjects() {
	s.t.Helper()
	s.wait("#left .vrow")
	for _, name := range []string{"schema", "full", "incremental"} {
		s.click("input[name=" + name + "]")
	}
	s.click(".formfoot button.primary")
	s.wait("#error-summary")
	if n := s.count("#error-summary a"); n < 2 {
		s.t.Errorf("no table and no type are told by %d lines", n)
	}
	s.look("wizard-objects-wrong")
	s.shot("wizard-objects-wrong." + s.lang)
}

// wrongFrom gives starts of an incremental migration alone that are none.
func (s *story) wrongFrom() {
	s.t.Helper()
	s.click("input[name=incremental]")
	for _, from := range [][2]string{{"gtid", "yesterday"}, {"time", "2099-01-01 00:00:00"}, {"time", "noon"}, {"position", "binlog"}} {
		s.click(`input[name=from_kind][value=` + from[0] + `]`)
		s.fill("#from_"+from[0], from[1])
		s.sent(".formfoot button.primary")
		s.wait("#from_" + from[0] + "[aria-invalid=true]")
		s.kept("#from_"+from[0], from[1])
	}
	s.refused("wizard-from-wrong", "from_position")
	s.click("input[name=schema]")
	s.click("input[name=full]")
}

func (s *story) wrongMapping() {
	s.t.Helper()
	s.fill("#left-search", s.w.schema)
	s.waitText("#left-0", s.w.schema+".customers")
	s.click("#left-0")
	s.click("#move-right")
	s.waitText("#right", s.w.schema+".customers")
	s.click("#right .vedit")
	s.wait("#drawer #to_name")
	s.fill("#to_name", strings.Repeat("n", 65))
	s.fill("#table_topic", "no spaces")
	s.fill("#where", "nosuch = (")
	s.fill("#rename-1", "ID")
	for _, kind := range []string{"insert", "update", "delete"} {
		if eval[bool](s.Tab, `document.querySelector("#dml_`+kind+`").checked`) {
			s.click("#dml_" + kind)
		}
	}
	s.click("#drawer .formfoot button.primary")
	s.refused("wizard-mapping-wrong", "to_name", "table_topic", "dml_insert", "rename-1")
	s.kept("#where", "nosuch = (")
	s.kept("#rename-1", "ID")
	s.sent("#drawer button[value=verify]")
	s.refused("wizard-where-wrong", "where")
	s.kept("#where", "nosuch = (")

	for selector, value := range map[string]string{"#to_name": "clients", "#table_topic": "", "#where": "city IS NOT NULL", "#rename-1": "full_name"} {
		s.fill(selector, value)
	}
	for _, kind := range []string{"insert", "update", "delete"} {
		s.click("#dml_" + kind)
	}
	s.click("#drawer button[value=verify]")
	s.wait("#drawer .where .notice-ok")
	s.look("wizard-mapping")
	s.shot("wizard-mapping." + s.lang)
	s.click("#drawer .formfoot button.primary")
	s.waitJS("the drawer closed", `!document.querySelector("#drawer-dialog[open]")`)
	s.waitText("#right", "clients")
}

// wrongTopics gives topics that are none or are taken, and new tables that fit no pattern; then such as do.
func (s *story) wrongTopics() {
	s.t.Helper()
	fill := func(ddl, dead, patterns string) {
		s.fill("#ddl_topic", ddl)
		s.fill("#dead_letter_topic", dead)
		s.fill("#new_tables", patterns)
	}
	kept := func(ddl, dead, patterns string) {
		s.kept("#ddl_topic", ddl)
		s.kept("#dead_letter_topic", dead)
		s.kept("#new_tables", patterns)
	}
	fill("no spaces", "a/b", "customers")
	s.sent(".formfoot button.primary")
	s.refused("wizard-topics-wrong", "ddl_topic", "dead_letter_topic", "new_tables")
	s.accessible("wizard-topics-wrong")
	kept("no spaces", "a/b", "customers")
	for _, shared := range []string{s.w.topic, "ddl"} { // that of the rows, and that of DDL
		fill("ddl", shared, "")
		s.sent(".formfoot button.primary")
		s.refused("wizard-topics-shared", "dead_letter_topic")
		if s.count("#ddl_topic[aria-invalid]") != 0 {
			s.t.Error("the topic for DDL is told as wrong")
		}
		kept("ddl", shared, "")
	}
	fill("", "", s.w.schema+".new_*")
	s.click("#online_ddl")
}

// wrongReason acknowledges a warning without a reason, and with one that is too long.
func (s *story) wrongReason() {
	s.t.Helper()
	s.waitLong(60*time.Second, "warnings", `document.querySelector("#check-list a[href$='#reason']") && document.querySelector("#check-head .actions button")`)
	s.click("#check-list a[href$='#reason']")
	s.click("#drawer .check-acknowledge button")
	s.refused("wizard-reason-wrong", "reason")
	s.fill("#reason", strings.Repeat("x", 501))
	s.sent("#drawer .check-acknowledge button")
	s.kept("#reason", strings.Repeat("x", 501))
	s.fill("#reason", "A test server.")
	s.click("#drawer .check-acknowledge button")
	s.waitJS("the drawer closed", `document.readyState === "complete" && !document.querySelector("#drawer")`)
	s.acknowledge()
	s.click("#check-next button")
	s.step("confirm")
}

// wrongConfirm starts without having accepted the rules, in the past, at no time, and too far away.
func (s *story) wrongConfirm() {
	s.t.Helper()
	s.waitText("main", s.w.schema+".new_*")
	s.click("input[name=start][value=later]")
	for _, at := range []string{"2020-01-01T02:00", "", "2999-01-01T02:00"} {
		s.choose("#at", at)
		s.sent(".formfoot button.primary")
		s.kept("#at", at)
	}
	for _, threads := range []string{"0", "two"} {
		s.fill("#threads", threads)
		s.sent(".formfoot button.primary")
		s.kept("#threads", threads)
	}
	s.refused("wizard-confirm-wrong", "threads", "terms", "at")
	if s.count("input[name=start][value=later]:checked") == 0 {
		s.t.Error("the choice of the start is lost")
	}
	s.fill("#threads", "12")
	s.choose("#at", time.Now().Add(24*time.Hour).Format("2006-01-02T15:04"))
	s.click("#terms")
	s.click(".formfoot button.primary")
	s.loaded("the task that waits for its time", `/^\/tasks\/\w+$/.test(location.pathname)`)
	s.wait("#task-status .icon-clock, #task-status .tag")
}
