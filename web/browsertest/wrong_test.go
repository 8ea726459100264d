package browsertest

import (
	"context"
	"strings"
	"testing"

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
			s.wrongMapping()
		})
	}
}

// refused holds a form that came back: the summary has the focus and leads to each field, which says the same.
func (s *story) refused(what string, fields ...string) {
	s.t.Helper()
	s.wait("#error-summary")
	s.waitJS("the focus on the summary of "+what, `document.activeElement.id === "error-summary"`)
	for _, name := range fields {
		if s.count("#error-summary a[href='#"+name+"']") != 1 || s.count("#"+name+"[aria-invalid=true], #"+name+"-group .field-error") == 0 {
			s.t.Errorf("%s: the field %s is not told as wrong; the summary says:\n%s", what, name, s.text("#error-summary"))
		}
	}
	s.look(what)
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
	if got := s.value("#source_host"); got != "https://db.example:3306" {
		s.t.Errorf("what was typed has become %q", got)
	}
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

func (s *story) wrongMapping() {
	s.t.Helper()
	for _, name := range []string{"schema", "full", "incremental"} {
		s.click("input[name=" + name + "]")
	}
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
	for _, kind := range []string{"insert", "update", "delete"} {
		if eval[bool](s.Tab, `document.querySelector("#dml_`+kind+`").checked`) {
			s.click("#dml_" + kind)
		}
	}
	s.click("#drawer .formfoot button.primary")
	s.refused("wizard-mapping-wrong", "to_name", "table_topic", "dml_insert")
}
