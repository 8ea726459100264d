package handlers

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"sluice/engine/task"
	"sluice/views/i18n"
)

// testCA is a certificate that signs itself; its key is gone.
const testCA = `-----BEGIN CERTIFICATE-----
MIIBcjCCARegAwIBAgIUaK7lDKKk6XKWFMVPMq4HvX/tEyswCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI1MDkyMzI3WhgPMjEyNjExMDEwOTIzMjda
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEwqC7lfnj
0N7zYILCB6/+6P4Mq8M/zg7l/Qn424yp6h/EuOyPLYafX9Sf2n3MuFRVS8GOt8x6
M9cD/DN2Nn1m3KNTMFEwHQYDVR0OBBYEFG3jFgJpeyhAvHH8Dq8Q8Z6mhWIhMB8G
A1UdIwQYMBaAFG3jFgJpeyhAvHH8Dq8Q8Z6mhWIhMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSQAwRgIhAOWOuWOhpHYqftGT7q6Owx0B2ko17/Uw2fa0Stqz
i5sCAiEAjSgOrsXyovmsrU4GD5tbIa7tj+AKLM4ibZWr2g3RReQ=
-----END CERTIFICATE-----`

// sides is the form of the first step, rightly filled.
func sides() url.Values {
	return url.Values{"do": {"next"}, "name": {"orders"}, "source_type": {"self"}, "source_region": {""}, "source_host": {"db.example.com"}, "source_port": {"3307"},
		"source_user": {"dts"}, "source_password": {"Source-secret-1"}, "source_tls": {"off"}, "source_verify": {"full"},
		"target_hosts": {"k1.example.com, k2.example.com:9093"}, "target_port": {"9092"}, "target_mechanism": {""}, "target_tls": {"off"}, "target_verify": {"full"},
		"topic": {""}, "topic_new": {"orders"}, "topic_partitions": {"12"}, "topic_replication": {"3"}, "kafka_version": {""}}
}

func connectionErrors() []wrong {
	one := func(field, value string) url.Values { return url.Values{field: {value}} }
	low := []any{"Low", 1, "High", 65535}
	return []wrong{
		{one("name", " "), "name", "name", nil},
		{one("name", strings.Repeat("名", 65)), "name", "name_long", nil},
		{one("name", "a\x07b"), "name", "name_control", nil},
		{one("source_type", "cloud"), "source_type", "choice", nil},
		{url.Values{"source_type": {"rds"}, "source_instance": {"rm-1"}}, "source_region", "region", nil},
		{one("source_region", strings.Repeat("r", 65)), "source_region", "region_long", nil},
		{url.Values{"source_type": {"rds"}, "source_region": {"cn-hangzhou"}}, "source_instance", "instance", nil},
		{url.Values{"source_type": {"rds"}, "source_region": {"cn-hangzhou"}, "source_instance": {"rm 1"}}, "source_instance", "instance_form", nil},
		{one("source_host", ""), "source_host", "source_host", nil},
		{one("source_host", "jdbc:mysql://db"), "source_host", "host_alone", []any{"Value", "jdbc:mysql://db"}},
		{one("source_host", "db:3306"), "source_host", "host_alone", []any{"Value", "db:3306"}},
		{one("source_host", "a b"), "source_host", "host_form", []any{"Value", "a b"}},
		{one("source_port", "0"), "source_port", "port", low},
		{one("source_port", "x"), "source_port", "port", low},
		{one("target_port", "65536"), "target_port", "port", low},
		{one("source_user", ""), "source_user", "source_user", nil},
		{one("source_password", ""), "source_password", "source_password", nil},
		{one("source_tls", "maybe"), "source_tls", "choice", nil},
		{url.Values{"source_tls": {"ssl"}, "source_ca": {"no pem"}}, "source_ca", "ca", nil},
		{url.Values{"target_tls": {"ssl"}, "target_ca": {"no pem"}}, "target_ca", "ca", nil},
		{one("target_hosts", " , "), "target_hosts", "target_hosts", nil},
		{one("target_hosts", "k1, k2:x"), "target_hosts", "broker_form", []any{"Value", "k2:x"}},
		{url.Values{"target_mechanism": {"PLAIN"}}, "target_user", "target_user", nil},
		{url.Values{"target_mechanism": {"PLAIN"}, "target_user": {"bob"}}, "target_password", "target_password", nil},
		{url.Values{"target_user": {"bob"}, "target_password": {"x"}}, "target_mechanism", "mechanism", nil},
		{one("topic_new", ""), "topic_new", "topic", nil},
		{one("topic_new", "a b"), "topic_new", "topic_form", nil},
		{one("topic_partitions", "0"), "topic_partitions", "between", []any{"Low", 1, "High", maxPartitions}},
		{one("topic_replication", ""), "topic_replication", "between", []any{"Low", 1, "High", maxReplicas}},
		{one("kafka_version", "9"), "kafka_version", "choice", nil},
	}
}

func TestConnectionsRefuses(t *testing.T) {
	t.Parallel()
	for _, lang := range i18n.Tags() {
		for _, x := range connectionErrors() {
			t.Run(lang+" "+x.field+" "+x.key, func(t *testing.T) {
				t.Parallel()
				s := newDesk(t, lang)
				s.send("/tasks/new", url.Values{})
				s.refused(t, s.url(stepConnections), sides(), x)
				if len(s.asked) > 0 {
					t.Error("a side was asked all the same")
				}
			})
		}
	}
}

func TestConnectionsKeepsAndGoesOn(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	leads(t, s.send("/tasks/new", url.Values{}), s.url(stepConnections))
	if doc := page(t, s.get(s.url(stepConnections)), http.StatusOK); !strings.HasPrefix(doc.Find("#name").AttrOr("value", ""), "mysql-to-kafka-") {
		t.Error("no name was generated")
	}
	form := sides()
	form.Set("target_user", "bob")
	form.Set("target_password", "Target-secret-1")
	form.Set("target_mechanism", "SCRAM-SHA-512")
	leads(t, s.send(s.url(stepConnections), form), s.url(stepObjects))
	b := s.body(t)
	want := task.Target{Brokers: []string{"k1.example.com:9092", "k2.example.com:9093"}, User: "bob", Mechanism: "SCRAM-SHA-512", TLS: task.TLS{Mode: "off"}, Topic: "orders", Partitions: 12, Replication: 3}
	if !reflect.DeepEqual(b.Spec.Target, want) || b.Reached != stepObjects || s.drafts[deskDraft].Step != stepObjects {
		t.Errorf("kept %+v, reached %s", b.Spec.Target, b.Reached)
	}
	if got := s.secrets[deskDraft]; got["source"] != "Source-secret-1" || got["target"] != "Target-secret-1" {
		t.Errorf("kept secrets %v", got)
	}
	w := s.get(s.url(stepConnections))
	doc := page(t, w, http.StatusOK)
	if strings.Contains(w.Body.String(), "secret-1") {
		t.Error("a password is shown")
	}
	if doc.Find("#source_password").AttrOr("value", "") != "" || !strings.Contains(doc.Find("#source_password-hint").Text(), "Saved") {
		t.Error("the page does not say that a password is kept")
	}
	if got := doc.Find("#target_hosts").AttrOr("value", ""); got != "k1.example.com:9092, k2.example.com:9093" {
		t.Errorf("brokers %q", got)
	}
	if doc.Find("#source-test .stage-passed").Length() != 1 || doc.Find("#access .notice-ok").Length() != 1 {
		t.Error("the tests are not shown")
	}
}

func TestConnectionsEmptyPasswordKeeps(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, nil)
	form := sides()
	form.Set("source_password", "")
	leads(t, s.send(s.url(stepConnections), form), s.url(stepObjects))
	if got := s.asked; len(got) != 2 || !strings.Contains(strings.Join(got, "|"), "source with Kept-secret-1") {
		t.Errorf("asked %q", got)
	}
	form = sides() // a user that goes takes its password along
	form.Set("target_user", "bob")
	form.Set("target_mechanism", "PLAIN")
	form.Set("target_password", "x")
	s.send(s.url(stepConnections), form)
	s.send(s.url(stepConnections), sides())
	if _, kept := s.secrets[deskDraft]["target"]; kept {
		t.Error("the password of no user is kept")
	}
}

func TestConnectionsAreNotLetIn(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.Chinese)
	s.send("/tasks/new", url.Values{})
	s.refuse["source"] = true
	form := sides()
	form.Set("source_user", "d'ts")
	leads(t, s.send(s.url(stepConnections), form), s.url(stepConnections)+"#access")
	if b := s.body(t); b.Reached != stepConnections || b.Spec.Source.Host != "db.example.com" {
		t.Errorf("reached %s with %+v", b.Reached, b.Spec.Source)
	}
	doc := page(t, s.get(s.url(stepConnections)), http.StatusOK)
	bad := doc.Find("#source-test .stage-failed")
	if bad.Length() != 1 || !strings.Contains(bad.Text(), "wrong password of source") || bad.Find("[data-copy]").AttrOr("data-copy", "") != "GRANT ALL; -- source" {
		t.Errorf("the failed stage is %q", bad.Text())
	}
	access := doc.Find("#access")
	for _, want := range []string{"203.0.113.9", "GRANT REPLICATION CLIENT, REPLICATION SLAVE ON *.* TO 'd''ts'@'203.0.113.9';", "授权白名单", "源库或目标库尚未允许"} {
		if !strings.Contains(access.Text(), want) {
			t.Errorf("the panel does not say %q: %s", want, access.Text())
		}
	}
	leads(t, s.get(s.url(stepObjects)), s.url(stepConnections))
	s.refuse["source"] = false
	form.Set("source_password", "")
	leads(t, s.send(s.url(stepConnections), form), s.url(stepObjects))
}

func TestConnectionsTestOneSide(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.send("/tasks/new", url.Values{})
	form := sides()
	form.Set("do", "test_source")
	form.Set("target_hosts", "")
	leads(t, s.send(s.url(stepConnections), form), s.url(stepConnections)+"#source-test")
	doc := page(t, s.get(s.url(stepConnections)), http.StatusOK)
	if doc.Find("#source-test .stages li").Length() != 1 || doc.Find("#target-test .stages").Length() != 0 {
		t.Error("not the source alone was tested")
	}
	form.Set("source_password", "")
	form.Set("source_port", "3308") // what was found counts no longer
	form.Set("do", "save")
	s.send(s.url(stepConnections), form)
	if doc := page(t, s.get(s.url(stepConnections)), http.StatusOK); doc.Find("#source-test .stages").Length() != 0 {
		t.Error("the test of other settings is shown")
	}
	form.Set("do", "test_target")
	if doc := page(t, s.send(s.url(stepConnections), form), http.StatusUnprocessableEntity); doc.Find("#error-summary a").Length() != 1 {
		t.Error("errors of other fields are told")
	}
}

func TestConnectionsTopics(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.send("/tasks/new", url.Values{})
	form := sides()
	form.Set("do", "topics")
	leads(t, s.send(s.url(stepConnections), form), s.url(stepConnections)+"#target-test")
	doc := page(t, s.get(s.url(stepConnections)), http.StatusOK)
	if got := doc.Find("#topic option[selected]").Text(); got != "orders · 12 partitions · replication 3 · kept 7 d 0 h" {
		t.Errorf("chosen %q", got)
	}
	var facts []string
	doc.Find("#topic-facts:not([hidden]) dd").Each(func(_ int, d *goquery.Selection) { facts = append(facts, strings.TrimSpace(d.Text())) })
	if !slices.Equal(facts, []string{"12", "3", "7 d 0 h", "delete"}) {
		t.Errorf("below the list: %q", facts)
	}
	if got := doc.Find("#topic option[value=rest]").AttrOr("data-facts", ""); strings.Count(got, "\n") != 3 {
		t.Errorf("of another topic: %q", got)
	}
	if doc.Find("#topic option").Length() != 3 {
		t.Error("not all topics and “not in the list” are offered")
	}
	form.Set("topic", "rest")
	form.Set("do", "save")
	s.send(s.url(stepConnections), form)
	if got := s.body(t).Spec.Target.Topic; got != "rest" {
		t.Errorf("topic %q", got)
	}
	s.fail = &task.Error{Code: "target.unreachable", Text: "No broker answers.", Hint: "Start one."}
	form.Set("do", "topics")
	s.send(s.url(stepConnections), form)
	if doc := page(t, s.get(s.url(stepConnections)), http.StatusOK); !strings.Contains(doc.Find("#topics .notice-bad").Text(), "target.unreachable") || doc.Find("select#topic").Length() != 0 {
		t.Error("the failure to fetch topics is not shown")
	}
}

func TestConnectionsConflict(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, nil)
	first, second := sides(), sides()
	first.Set("version", "1")
	first.Set("do", "save")
	first.Set("source_host", "first")
	s.send(s.url(stepConnections), first)
	second.Set("version", "1")
	second.Set("source_host", "second")
	second.Set("source_password", "Typed-secret-2")
	w := s.send(s.url(stepConnections), second)
	doc := page(t, w, http.StatusConflict)
	if s.body(t).Spec.Source.Host != "first" || s.secrets[deskDraft]["source"] != "Source-secret-1" {
		t.Error("the later save went through")
	}
	if doc.Find("#source_host").AttrOr("value", "") != "second" || strings.Contains(w.Body.String(), "Typed-secret-2") {
		t.Error("the page does not hold what was typed, or holds the password")
	}
	button := doc.Find("#wizard-conflict button[name=overwrite]")
	if button.AttrOr("value", "") != "2" || doc.Find("#"+button.AttrOr("form", "?")).Length() != 1 {
		t.Fatal("nothing to overwrite with")
	}
	second.Del("do")
	second.Set("overwrite", "2")
	leads(t, s.send(s.url(stepConnections), second), s.url(stepConnections))
	if s.body(t).Spec.Source.Host != "second" {
		t.Error("it was not overwritten")
	}
	second.Set("overwrite", "2")
	page(t, s.send(s.url(stepConnections), second), http.StatusConflict)
}

func TestConnectionsAutosave(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, nil)
	form := sides()
	form.Set("do", "autosave")
	form.Set("source_host", "")
	form.Set("source_user", "typed")
	w := s.send(s.url(stepConnections), form, "Accept", "application/json")
	var got struct {
		Version int64
		Text    string
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got.Version != 2 || got.Text != "Saved 17:03:11" {
		t.Errorf("answered %s", w.Body)
	}
	if b := s.body(t); b.Spec.Source.User != "typed" || b.Spec.Source.Host != "host-a" {
		t.Errorf("kept %+v", b.Spec.Source)
	}
	form.Set("version", "1")
	if w := s.send(s.url(stepConnections), form, "Accept", "application/json"); w.Code != http.StatusConflict {
		t.Errorf("status %d of a late save", w.Code)
	}
	form.Set("version", "2")
	form.Set("do", "leave")
	leads(t, s.send(s.url(stepConnections), form), "/tasks")
}

func TestConnectionsCA(t *testing.T) {
	t.Parallel()
	s := newDesk(t, i18n.English)
	s.at(t, nil)
	var sent bytes.Buffer
	m := multipart.NewWriter(&sent)
	form := sides()
	form.Set("version", "1")
	form.Set("source_tls", "ssl")
	form.Set("source_verify", "ca")
	for k, v := range form {
		if err := m.WriteField(k, v[0]); err != nil {
			t.Fatal(err)
		}
	}
	f, err := m.CreateFormFile("source_ca_file", "ca.pem")
	if err == nil {
		_, err = f.Write([]byte(testCA))
	}
	if err != nil || m.Close() != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, s.url(stepConnections), &sent)
	r.Header.Set("Content-Type", m.FormDataContentType())
	w := httptest.NewRecorder()
	s.echo.ServeHTTP(w, r)
	leads(t, w, s.url(stepObjects))
	if got := s.body(t).Spec.Source.TLS; got != (task.TLS{Mode: "ca", CA: testCA}) {
		t.Errorf("kept %+v", got)
	}
	form = sides() // off: the text stays for another time, out of the specification
	form.Set("source_ca", testCA)
	s.send(s.url(stepConnections), form)
	if b := s.body(t); b.Spec.Source.TLS != (task.TLS{Mode: "off"}) || b.SourceCA != testCA {
		t.Errorf("kept %+v", b.Spec.Source.TLS)
	}
}
